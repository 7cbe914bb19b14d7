"""Turns a trained checkpoint into the int8 file that nodes run: ``python -m models.quantise --data DIR``.

Rules:
- Batch norm is folded, the temperature goes into the dense layer, and one luma step is one input step, so that a
  node feeds ``pixel − 128`` and nothing else.
- Ranges, temperature and abstain threshold come from the hold-out of train; the valid split is not opened.

Left out: the measured figures, which `models.evaluate` adds to the manifest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from edge.manifest import INPUT, LABELS, OUTPUT
from models.augment import batch as variants
from models.command import finish
from models.data import DEFAULT_DATA, DEFAULT_RUN, SIZE_PX, Faces, hold_out, load
from models.flatfile import FlatFile, Grid
from models.metrics import Reader, accuracy
from models.net import AffectNet, Conv, Residual, pixels
from models.recipe import HOLD_OUT_SEED
from models.train import finished, trained

AFFECT = Path(__file__).parent / "affect"
RANGE_QUANTILE = 0.9999
COVERAGE = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operator with its weights as floats, named after the tensor it makes."""

    kind: Literal["conv", "add", "mean", "dense"]
    name: str
    sources: tuple[str, ...]
    weight: Tensor | None = None
    bias: Tensor | None = None
    stride: int = 1
    relu: bool = False


def fold(net: AffectNet, temperature: float = 1.0) -> list[Node]:
    """The network as plain operators on raw luma, ending in calibrated logits."""
    nodes: list[Node] = []
    for number, part in enumerate(part for part in net.body if isinstance(part, Conv | Residual)):
        source = nodes[-1].name if nodes else "luma"
        if isinstance(part, Conv):
            nodes.append(_folded(part, f"conv{number}", source, relu=True, gain=1.0 if nodes else 1 / 255))
            continue
        inner = _folded(part.first, f"block{number}a", source, relu=True)
        outer = _folded(part.second, f"block{number}b", inner.name, relu=False)
        nodes += [inner, outer, Node("add", f"block{number}", (source, outer.name), relu=True)]
    weight, bias = net.head.weight.detach() / temperature, net.head.bias.detach() / temperature
    mean = Node("mean", "features", (nodes[-1].name,))
    return [*nodes, mean, Node("dense", "logits", (mean.name,), weight, bias)]


def _folded(part: Conv, name: str, source: str, relu: bool, gain: float = 1.0) -> Node:
    norm = part.norm
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = (part.conv.weight * factor[:, None, None, None] * gain).detach()
    bias = (norm.bias - norm.running_mean * factor).detach()
    return Node("conv", name, (source,), weight, bias, part.stride, relu)


#: What happens to a tensor on its way, told its name.
Through = Callable[[str, Tensor], Tensor]


def _untouched(_name: str, value: Tensor) -> Tensor:
    return value


def run(nodes: list[Node], luma: Tensor, through: Through = _untouched) -> dict[str, Tensor]:
    """Every tensor of the folded network, in floats; ``through`` sees each, and each weight, before it is used."""
    values = {"luma": luma}
    for node in nodes:
        first = values[node.sources[0]]
        weight = None if node.weight is None else through(f"{node.name}/weight", node.weight)
        match node.kind:
            case "conv":
                padded = functional.pad(first, (0, 1, 0, 1) if node.stride == 2 else (1, 1, 1, 1))
                out = functional.conv2d(padded, weight, node.bias, node.stride)
            case "add":
                out = first + values[node.sources[1]]
            case "mean":
                out = first.mean(dim=(2, 3))
            case "dense":
                out = functional.linear(first, weight, node.bias)
        values[node.name] = through(node.name, functional.relu(out) if node.relu else out)
    return values


def grids(nodes: list[Node], images: NDArray[np.uint8]) -> dict[str, Grid]:
    """The integer grid of every tensor, from what passes through it on these images."""
    lows: dict[str, list[float]] = {}
    highs: dict[str, list[float]] = {}
    for part in np.array_split(images, max(len(images) // 250, 1)):
        for name, value in run(nodes, pixels(part)).items():
            flat = value.flatten().numpy()
            lows.setdefault(name, []).append(float(np.quantile(flat, 1 - RANGE_QUANTILE)))
            highs.setdefault(name, []).append(float(np.quantile(flat, RANGE_QUANTILE)))
    ranged = {name: _grid(min(*lows[name], 0.0), max(highs[name])) for name in lows}
    return {**ranged, "luma": Grid((INPUT.scale,), INPUT.zero_point)}


def _grid(low: float, high: float) -> Grid:
    scale = (high - low) / 255
    return Grid((scale,), round(-128 - low / scale))


def write(nodes: list[Node], grid: dict[str, Grid], shapes: dict[str, tuple[int, ...]], description: str) -> bytes:
    """The TFLite file of the folded network with softmax appended."""
    file = FlatFile()
    index = {"luma": file.tensor("luma", shapes["luma"], grid["luma"])}
    for node in nodes:
        inputs = [index[source] for source in node.sources]
        if node.weight is not None and node.bias is not None:
            inputs += _constants(file, node, grid[node.sources[0]])
        index[node.name] = file.tensor(node.name, shapes[node.name], grid[node.name])
        match node.kind:
            case "conv":
                file.conv(inputs, index[node.name], node.stride, node.relu)
            case "add":
                file.add(inputs, index[node.name], node.relu)
            case "mean":
                axes = file.constant("picture_axes", np.array([1, 2], np.int32))
                file.mean([*inputs, axes], index[node.name])
            case "dense":
                file.dense(inputs, index[node.name])
    probabilities = file.tensor("probabilities", shapes["logits"], Grid((OUTPUT.scale,), OUTPUT.zero_point))
    file.softmax(index["logits"], probabilities)
    return file.finish(index["luma"], probabilities, description)


def _constants(file: FlatFile, node: Node, source: Grid) -> list[int]:
    """Weights as int8 (by output channel for a convolution) and the bias as int32 on the product's grid."""
    assert node.weight is not None
    assert node.bias is not None
    scale = weight_scale(node.weight).double().numpy()
    weight = node.weight.permute(0, 2, 3, 1).numpy() if node.kind == "conv" else node.weight.numpy()
    steps = np.round(weight / scale.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.int8)
    bias_scale = scale * source.scale[0]
    bias = np.round(node.bias.numpy() / bias_scale).astype(np.int32)
    return [
        file.constant(f"{node.name}/weight", steps, Grid(tuple(scale.tolist()))),
        file.constant(f"{node.name}/bias", bias, Grid(tuple(bias_scale.tolist()))),
    ]


def weight_scale(weight: Tensor) -> Tensor:
    """The size of a step of int8 weights: one for each output channel of a convolution, one for a dense layer."""
    largest = weight.abs().flatten(1).amax(1) if weight.ndim == 4 else weight.abs().amax()[None]
    return largest.clamp_min(1e-8) / 127


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature that makes the hold-out's majority labels likeliest.

    Source: Guo et al. (2017), arXiv:1706.04599.
    """
    candidates = torch.logspace(-1, 1, 801, base=4)
    losses = [float(functional.cross_entropy(logits / t, labels)) for t in candidates]
    return float(candidates[int(np.argmin(losses))])


def tensor_shapes(nodes: list[Node]) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor for one face, channels last."""
    values = run(nodes, torch.zeros(1, 1, SIZE_PX, SIZE_PX))
    return {name: tuple(v.permute(0, 2, 3, 1).shape if v.ndim == 4 else v.shape) for name, v in values.items()}


def abstain_threshold(probabilities: NDArray[np.float32]) -> float:
    """The confidence under which the least certain fifth of the hold-out falls."""
    return round(float(np.quantile(probabilities.max(axis=1), 1 - COVERAGE)), 4)


Tune = Callable[[list[Node], dict[str, Grid]], list[Node]]


def quantise(net: AffectNet, held: Faces, seed: int, tune: Tune | None = None) -> tuple[bytes, float]:
    """The int8 file and the temperature inside it, both from the hold-out alone.

    ``tune`` may teach the operators to bear their rounding (`models.qat`) before they are written.
    """
    raw = fold(net)
    logits = torch.cat([run(raw, pixels(part))["logits"] for part in np.array_split(held.images, 8)])
    temperature = fit_temperature(logits, torch.from_numpy(held.labels))
    nodes = fold(net, temperature)
    seen = np.concatenate([held.images, variants(held.images, held.rows, seed, epoch=0)])
    grid = grids(nodes, seen)
    nodes = nodes if tune is None else tune(nodes, grid)
    return write(nodes, grid, tensor_shapes(nodes), "Attune affect"), temperature


def stages(run: Path) -> dict[str, dict[str, int]]:
    """Every stage that a run rests on, the first first, with its epochs and seconds."""
    _, state = trained(run)
    found: dict[str, dict[str, int]] = {}
    for name in filter(None, (state["recipe"].get("start"), *state["recipe"].get("teachers", ()))):
        found |= stages(run.with_name(name))
    history = state["history"]
    return {**found, run.name: {"epochs": len(history), "seconds": round(sum(row["seconds"] for row in history))}}


def provenance(run: Path, state: dict[str, Any], held: Faces, temperature: float) -> dict[str, Any]:
    """Where the file comes from."""
    return {
        "data": "FER+ train split, images with votes for emotions, less the hold-out",
        "hold_out_images": len(held),
        "recipe": state["recipe"],
        "stages": stages(run),
        "device": state["device"],
        "temperature": round(temperature, 4),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "opencv-python-headless", "ai-edge-litert")},
    }


def _tuning(fit: Faces, epochs: int) -> Tune | None:
    from models.qat import tune

    return (lambda nodes, grid: tune(nodes, grid, fit, HOLD_OUT_SEED, epochs)) if epochs else None


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m models.quantise", description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder with ferplus_train.npz")
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN, help="folder that models.train filled")
    parser.add_argument("--out", type=Path, default=AFFECT, help="folder for affect.tflite and manifest.json")
    parser.add_argument(
        "--tune-epochs", type=int, default=0, metavar="N", help="epochs of quantisation-aware fine-tuning (%(default)s)"
    )
    options = parser.parse_args(arguments)
    net, state = finished(options.run)
    fit, held = hold_out(load(options.data, "train"), HOLD_OUT_SEED)
    content, temperature = quantise(net, held, HOLD_OUT_SEED, _tuning(fit, options.tune_epochs))
    probabilities = Reader(options.out / "affect.tflite", content).read_all(held.images)
    manifest = {
        "labels": LABELS,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "input": asdict(INPUT),
        "output": asdict(OUTPUT),
        "abstain_below": abstain_threshold(probabilities),
        "provenance": provenance(options.run, state, held, temperature),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "affect.tflite").write_bytes(content)
    (options.out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    held_accuracy = accuracy(probabilities, held.labels)
    print(f"Wrote affect.tflite to {options.out}: {len(content)} bytes, hold-out accuracy {held_accuracy:.4f} in int8.")


if __name__ == "__main__":
    finish(main)
