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
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.augment import batch as variants
from models.data import LABELS, SIZE_PX, Faces, hold_out, load
from models.flatfile import FlatFile, Grid
from models.net import AffectNet, Conv, Residual, pixels
from models.train import DEFAULT_DATA, DEFAULT_RUN

AFFECT = Path(__file__).parent / "affect"
PIXEL_GRID = Grid((1.0,), -128)
SOFTMAX_GRID = Grid((1 / 256,), -128)  # prescribed by the 8-bit specification
RANGE_QUANTILE = 0.9999
SINGLE_VARIANT_EPOCH = 0


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
    assert norm.running_var is not None and norm.running_mean is not None
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = (part.conv.weight * factor[:, None, None, None] * gain).detach()
    bias = (norm.bias - norm.running_mean * factor).detach()
    return Node("conv", name, (source,), weight, bias, part.stride, relu)


@torch.no_grad()
def run(nodes: list[Node], luma: Tensor) -> dict[str, Tensor]:
    """Every tensor of the folded network, in floats."""
    values = {"luma": luma}
    for node in nodes:
        first = values[node.sources[0]]
        match node.kind:
            case "conv":
                padded = functional.pad(first, (0, 1, 0, 1) if node.stride == 2 else (1, 1, 1, 1))
                out = functional.conv2d(padded, node.weight, node.bias, node.stride)
            case "add":
                out = first + values[node.sources[1]]
            case "mean":
                out = first.mean(dim=(2, 3))
            case "dense":
                out = functional.linear(first, node.weight, node.bias)
        values[node.name] = functional.relu(out) if node.relu else out
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
    return {**ranged, "luma": PIXEL_GRID}


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
    probabilities = file.tensor("probabilities", shapes["logits"], SOFTMAX_GRID)
    file.softmax(index["logits"], probabilities)
    return file.finish(index["luma"], probabilities, description)


def _constants(file: FlatFile, node: Node, source: Grid) -> list[int]:
    """Weights as int8 (by output channel for a convolution) and the bias as int32 on the product's grid."""
    assert node.weight is not None and node.bias is not None
    weight = node.weight.numpy()
    if node.kind == "conv":
        weight = weight.transpose(0, 2, 3, 1)
        largest = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    else:
        largest = np.abs(weight).max(keepdims=True)[0]
    scale = np.maximum(largest, 1e-8).astype(np.float64) / 127
    steps = np.round(weight / scale.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.int8)
    bias_scale = scale * source.scale[0]
    bias = np.round(node.bias.numpy() / bias_scale).astype(np.int32)
    return [
        file.constant(f"{node.name}/weight", steps, Grid(tuple(scale.tolist()))),
        file.constant(f"{node.name}/bias", bias, Grid(tuple(bias_scale.tolist()))),
    ]


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
