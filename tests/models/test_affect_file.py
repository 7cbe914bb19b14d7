"""The affect model as it is shipped: its form, its manifest, its card, and what it scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.manifest import INPUT, LABELS, OUTPUT, load
from models import metrics
from models.card import DETECTED, split, tables
from models.data import load as load_faces
from models.evaluate import AFFECT

MODEL = AFFECT / "affect.tflite"


@pytest.fixture(scope="module")
def stated() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((AFFECT / "manifest.json").read_text())
    return found


def test_the_file_is_what_its_manifest_states() -> None:
    manifest = load(MODEL)
    assert (manifest.labels, manifest.input, manifest.output) == (LABELS, INPUT, OUTPUT)


def test_the_file_is_at_most_600_kilobytes(stated: dict[str, Any]) -> None:
    assert stated["bytes"] == MODEL.stat().st_size <= 600_000


def test_the_card_shows_the_manifest_s_figures(stated: dict[str, Any]) -> None:
    assert split((AFFECT / "card.md").read_text())[1] == tables(stated)


def test_the_detector_s_row_is_held_against_the_faces_that_it_found(stated: dict[str, Any]) -> None:
    spread = {"right_px": 3.4, "down_px": 2.8, "scale": 0.13, "turned_deg": 7.0}
    found = {"face_px": 56, "found": 0.9, "accuracy": 0.86, "accuracy_undisturbed": 0.87, "spread": spread}
    measured = {**stated["measured"], "accuracy": 0.85, "robustness": {"mask": 0.80, DETECTED: 0.86}, "detected": found}
    told = tables({**stated, "measured": measured})
    assert f"| {DETECTED} | 86.0 % | 1.0 |\n| **mean** | 83.0 % | 3.0 |" in told
    assert "of which it found 90.0 %; the row is about those, which score 87.0 % as they are." in told


def test_the_threshold_leaves_readings_and_refuses_guesses(stated: dict[str, Any]) -> None:
    assert 1 / len(LABELS) < stated["abstain_below"] < 1


def test_probabilities_sum_to_one_on_any_picture() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 48, 48)).astype(np.uint8)
    flat = np.stack([np.full((48, 48), tone, np.uint8) for tone in (0, 128, 255)])
    sums = metrics.Reader(MODEL).read_all(np.concatenate([noise, flat])).sum(axis=1)
    assert sums == pytest.approx(np.ones(23), abs=8 / 256)


def test_every_face_of_a_sample_scores_as_the_manifest_says(ferplus_dir: Path, stated: dict[str, Any]) -> None:
    """600 faces give the accuracy to within four standard errors."""
    faces = load_faces(ferplus_dir, "valid")
    sample = faces.take(np.random.default_rng(0).choice(len(faces), 600, replace=False))
    probabilities = metrics.Reader(MODEL).read_all(sample.images)
    promised = stated["measured"]["accuracy"]
    margin = 4 * (promised * (1 - promised) / 600) ** 0.5
    assert metrics.accuracy(probabilities, sample.labels) == pytest.approx(promised, abs=margin)
