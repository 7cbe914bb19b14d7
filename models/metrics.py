"""How good a model's probabilities are: pure functions of (probabilities, labels), and the reader that makes them.

Shapes: ``probabilities`` (n, 8) float32, rows sum to about 1; ``labels`` (n,) int.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.tflite import Tflite

Probabilities = NDArray[np.float32]
Labels = NDArray[np.int64]


class Reader:
    """A TFLite file on one thread of the CPU, fed 8-bit luma crops."""

    def __init__(self, path: Path, content: bytes | None = None) -> None:
        self._model = Tflite(path, content=content)

    def read_all(self, images: NDArray[np.uint8]) -> Probabilities:
        """The probabilities of each face.

        Shapes: (n, 48, 48) uint8 to (n, 8).
        """
        rows = []
        for image in images:
            self._model.input[0, :, :, 0] = image.astype(np.int16) - 128
            rows.append(self._model.invoke()[0][0])
        scale, zero_point = self._model.outputs[0]["quantization"]
        return np.asarray((np.array(rows, np.float32) - zero_point) * scale, np.float32)

    def invoke_ms(self, times: int) -> list[float]:
        """How long each of so many invocations on a blank input took."""
        self._model.input[:] = 0
        spans = []
        for _ in range(times):
            begun = time.perf_counter()
            self._model.invoke()
            spans.append((time.perf_counter() - begun) * 1000)
        return spans


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a reliability diagram."""

    share: float
    confidence: float
    accuracy: float


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    return float((probabilities.argmax(axis=1) == labels).mean())


def confusion(probabilities: Probabilities, labels: Labels) -> NDArray[np.int64]:
    """Counts, a row for each label and a column for each answer."""
    classes = probabilities.shape[1]
    pairs = labels * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def recalls(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The recall of each label; NaN where the label does not occur."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.diag(counts) / counts.sum(axis=1))


def macro_f1(counts: NDArray[np.int64]) -> float:
    """The plain mean of the labels' F1; a label that neither occurs nor is answered counts as 0."""
    hits = np.diag(counts)
    return float(np.mean(2 * hits / np.maximum(counts.sum(axis=0) + counts.sum(axis=1), 1)))


def reliability(probabilities: Probabilities, labels: Labels, bins: int = 15) -> list[Bin]:
    """Confidence against accuracy in bins of equal width; empty bins are left out."""
    confidence = probabilities.max(axis=1)
    hits = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        Bin(float(here.mean()), float(confidence[here].mean()), float(hits[here].mean()))
        for here in (place == number for number in range(bins))
        if here.any()
    ]


def calibration_error(probabilities: Probabilities, labels: Labels) -> float:
    """Expected calibration error over 15 bins.

    Source: Guo et al. (2017), arXiv:1706.04599, equation 3.
    """
    return sum(b.share * abs(b.confidence - b.accuracy) for b in reliability(probabilities, labels))


def accuracy_at(probabilities: Probabilities, labels: Labels, coverage: float) -> float:
    """Accuracy on the most confident share of the faces: one point of the risk–coverage curve."""
    surest = np.argsort(-probabilities.max(axis=1), kind="stable")[: max(round(len(labels) * coverage), 1)]
    return accuracy(probabilities[surest], labels[surest])


def balanced_recall(probabilities: Probabilities, labels: Labels) -> float:
    """The mean recall of the labels that occur."""
    return float(np.nanmean(recalls(confusion(probabilities, labels))))
