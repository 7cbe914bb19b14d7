"""Measures of probabilities, on cases small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models import metrics


def answers(*rows: tuple[int, float]) -> np.ndarray:
    """Probabilities over three labels: the answer gets its confidence, the others share the rest."""
    out = np.zeros((len(rows), 3), np.float32)
    for row, (answer, confidence) in zip(out, rows, strict=True):
        row[:] = (1 - confidence) / 2
        row[answer] = confidence
    return out


PROBABILITIES = answers((0, 0.9), (0, 0.6), (1, 0.8), (2, 0.5))
LABELS = np.array([0, 1, 1, 2])


def test_confusion_has_a_row_for_each_label_and_a_column_for_each_answer() -> None:
    assert metrics.confusion(PROBABILITIES, LABELS).tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]


def test_macro_f1_weighs_every_label_alike() -> None:
    counts = metrics.confusion(PROBABILITIES, LABELS)
    assert metrics.macro_f1(counts) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_a_label_that_is_never_answered_pulls_macro_f1_down() -> None:
    assert metrics.macro_f1(np.array([[2, 0, 0], [0, 2, 0], [1, 0, 0]])) == pytest.approx((0.8 + 1 + 0) / 3)


def test_leaving_out_the_unsure_raises_accuracy_when_confidence_means_something() -> None:
    assert metrics.accuracy_at(PROBABILITIES, LABELS, 1.0) == 0.75
    assert metrics.accuracy_at(PROBABILITIES, LABELS, 0.5) == 1.0


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    always_sure = answers(*[(0, 1.0)] * 4)
    assert metrics.calibration_error(always_sure, np.array([0, 0, 0, 1])) == pytest.approx(0.25)
    assert metrics.calibration_error(always_sure, np.zeros(4, np.int64)) == pytest.approx(0)


def test_recall_of_a_label_without_faces_is_unknown() -> None:
    assert np.isnan(metrics.recalls(np.array([[1, 0], [0, 0]]))[1])
