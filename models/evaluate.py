"""Measures the int8 file on FER+ valid and publishes what it found: ``python -m models.evaluate --data DIR``.

Rules:
- It is the int8 file that is measured, one crop a face, on one thread, by the runtime that nodes use.
- `manifest.json` takes the figures, `card.md` takes tables drawn from those figures alone, so that a test can tell
  when the two disagree.

Left out: any choice. Nothing measured here flows back into the model.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from edge.crop import BOX_PX, SIDE_PX
from edge.manifest import load as load_model
from models import groups, metrics
from models.card import DETECTED, fill
from models.command import finish
from models.data import DEFAULT_DATA, DEFAULT_RUN, Faces, load
from models.degrade import CONDITIONS, Luma, degrade_all, shrink
from models.detected import CROP_PX, detected
from models.h264 import QP, h264

AFFECT = Path(__file__).parent / "affect"
DEGRADE_SEED = 0
SIZES_PX = (48, 32, 24, 20)
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
TIMED_ROUNDS = 40
INVOKES_PER_ROUND = 25


def measure(reader: metrics.Reader, faces: Faces, labels: tuple[str, ...], abstain_below: float) -> dict[str, Any]:
    """Every figure of the card that needs nothing but the file and the faces."""
    probabilities = reader.read_all(faces.images)
    counts = metrics.confusion(probabilities, faces.labels)
    clean = metrics.accuracy(probabilities, faces.labels)
    sure = probabilities.max(axis=1) >= abstain_below
    found = as_detected(reader, faces, probabilities)
    return {
        "images": len(faces),
        "accuracy": _rounded(clean),
        "macro_f1": _rounded(metrics.macro_f1(counts)),
        "ece": _rounded(metrics.calibration_error(probabilities, faces.labels)),
        "recall": {name: _rounded(value) for name, value in zip(labels, metrics.recalls(counts), strict=True)},
        "confusion": counts.tolist(),
        "risk_coverage": {
            f"{share:.2f}": _rounded(metrics.accuracy_at(probabilities, faces.labels, share)) for share in COVERAGES
        },
        "at_threshold": {
            "coverage": _rounded(float(sure.mean())),
            "accuracy": _rounded(metrics.accuracy(probabilities[sure], faces.labels[sure])),
        },
        "robustness": {**robustness(reader, faces), DETECTED: found["accuracy"]},
        "detected": found,
        "by_picture": {**by_picture(probabilities, faces), **by_size(reader, faces)},
    }


def robustness(reader: metrics.Reader, faces: Faces) -> dict[str, float]:
    """Accuracy under each degradation of `models.degrade` and as a coded video shows the faces."""
    rows: dict[str, Callable[[Luma], Luma]] = {
        name: partial(degrade_all, degrade=how, seed=DEGRADE_SEED) for name, how in CONDITIONS.items()
    }
    rows[f"H.264, quantiser {QP}"] = partial(h264, seed=DEGRADE_SEED)
    return {
        name: _rounded(metrics.accuracy(reader.read_all(worse(faces.images)), faces.labels))
        for name, worse in tqdm(rows.items(), "as a shop's camera sees it", leave=False)
    }


def as_detected(reader: metrics.Reader, faces: Faces, clean: metrics.Probabilities) -> dict[str, Any]:
    """Accuracy on the crops that the node's own detector gives, and how far those are from the faces' own framing.

    ``clean`` are the probabilities of the faces as they are. Faces that are not found are left out of everything but
    ``found``.
    """
    seen = detected(faces.images)
    labels = faces.labels[seen.index]
    right, down, scale, turned = (_rounded(spread) for spread in seen.off.std(axis=0))
    return {
        "face_px": round(CROP_PX * BOX_PX / SIDE_PX),
        "found": _rounded(len(labels) / len(faces)),
        "accuracy": _rounded(metrics.accuracy(reader.read_all(seen.crops), labels)),
        "accuracy_undisturbed": _rounded(metrics.accuracy(clean[seen.index], labels)),
        "spread": {"right_px": right, "down_px": down, "scale": scale, "turned_deg": turned},
    }


def by_picture(probabilities: metrics.Probabilities, faces: Faces) -> dict[str, dict[str, float]]:
    """Accuracy and balanced recall by thirds of the crop's mean luma and of its contrast."""
    flat = faces.images.reshape(len(faces), -1)
    found = {}
    for name, value in {"luma": flat.mean(axis=1), "contrast": flat.std(axis=1)}.items():
        low, high = np.quantile(value, (1 / 3, 2 / 3))
        thirds = {"low": value < low, "middle": (low <= value) & (value < high), "high": value >= high}
        for third, here in thirds.items():
            found[f"{third} {name}"] = _part(probabilities[here], faces.labels[here])
    return found


def by_size(reader: metrics.Reader, faces: Faces) -> dict[str, dict[str, float]]:
    """Accuracy and balanced recall of the same faces had they been smaller."""
    shrunk = {px: degrade_all(faces.images, partial(shrink, size_px=px), DEGRADE_SEED) for px in SIZES_PX}
    return {f"face {px} px": _part(reader.read_all(images), faces.labels) for px, images in shrunk.items()}


def _part(probabilities: metrics.Probabilities, labels: metrics.Labels) -> dict[str, float]:
    return {
        "images": len(labels),
        "accuracy": _rounded(metrics.accuracy(probabilities, labels)),
        "balanced_recall": _rounded(metrics.balanced_recall(probabilities, labels)),
    }


def invoke_times(paths: list[Path]) -> dict[str, float]:
    """The median time of one bare invocation of each file, in turns so that they share the machine's moods.

    Units: milliseconds.
    """
    readers = {path.name: metrics.Reader(path) for path in paths}
    spans: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(TIMED_ROUNDS):
        for name, reader in readers.items():
            spans[name] += reader.invoke_ms(INVOKES_PER_ROUND)
    return {name: _rounded(float(np.median(taken))) for name, taken in spans.items()}


def float_accuracy(run: Path, faces: Faces) -> float | None:
    """What the network scored before it was quantised; None where its checkpoint is not at hand."""
    if not (run / "last.pt").exists():
        return None
    import torch

    from models.train import finished, score

    return _rounded(score(finished(run)[0], faces, torch.device("cpu"))["accuracy"])


def _rounded(value: float) -> float:
    return round(float(value), 4)


def main(arguments: list[str] | None = None) -> None:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m models.evaluate", description=__doc__, formatter_class=as_written)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder with ferplus_valid.npz")
    parser.add_argument(
        "--model",
        type=Path,
        default=AFFECT / "affect.tflite",
        help="the int8 file; manifest.json and card.md beside it are rewritten",
    )
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN, help="the run it was made from, for the float figure")
    parser.add_argument("--rival", type=Path, help="another .tflite, to time in the same run")
    parser.add_argument("--groups", type=Path, help="compare groups on this annotated CSV (image, label, …) instead")
    options = parser.parse_args(arguments)
    manifest = load_model(options.model)
    reader = metrics.Reader(options.model, manifest.content)
    if options.groups:
        annotated = groups.load(options.groups, manifest.labels)
        answers = reader.read_all(annotated.images).argmax(axis=1)
        print(groups.report(groups.compare(answers, annotated)))
        return
    faces = load(options.data, "valid")
    figures = measure(reader, faces, manifest.labels, manifest.abstain_below)
    figures["float_accuracy"] = float_accuracy(options.run, faces)
    figures["invoke_ms"] = invoke_times([options.model, *([options.rival] if options.rival else [])])
    path = options.model.with_name("manifest.json")
    stated = {**json.loads(path.read_text()), "measured": figures}
    path.write_text(json.dumps(stated, indent=1) + "\n")
    fill(options.model.with_name("card.md"), stated)
    print(
        f"FER+ valid, int8: accuracy {figures['accuracy']:.4f}, macro-F1 {figures['macro_f1']:.4f}, "
        f"ECE {figures['ece']:.4f}, {figures['invoke_ms']['affect.tflite']:.3f} ms."
    )


if __name__ == "__main__":
    finish(main)
