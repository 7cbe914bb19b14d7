"""The site's own neutral on real faces: a slant that makes neutral read worse is partly taken back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.eye.affect import TfliteAffect
from edge.eye.neutral import REFERENCE, Neutral, corrected
from edge.manifest import LABELS
from models.data import load
from models.evaluate import AFFECT

FACES = 400
SLANT = 0.9


def slanted(image: NDArray[np.uint8], slant: float) -> NDArray[np.uint8]:
    turn = np.array([[1, slant, -24 * slant], [0, 1, 0]], np.float32)
    moved = cv2.warpAffine(image, turn, (48, 48), borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(moved, np.uint8)


@pytest.fixture(scope="module")
def model() -> TfliteAffect:
    return TfliteAffect(AFFECT / "affect.tflite")


def recall(answers: list[tuple[float, ...]], labels: NDArray[np.int64]) -> float:
    resting = labels == LABELS.index("neutral")
    return float((np.array(answers)[resting].argmax(axis=1) == LABELS.index("neutral")).mean())


def test_neutral_is_found_again_on_faces_that_the_site_did_not_learn_from(
    ferplus_dir: Path, model: TfliteAffect
) -> None:
    faces = load(ferplus_dir, "valid")
    sample = faces.take(np.random.default_rng(1).choice(len(faces), 2 * FACES, replace=False))
    read = [model.read(slanted(image, SLANT)) for image in sample.images]
    site = Neutral()
    for answer in read[:FACES]:
        site = site.plus(answer)
    before, labels = read[FACES:], sample.labels[FACES:]
    after = [corrected(answer, site) for answer in before]
    assert recall(after, labels) > recall(before, labels) + 0.05


def test_the_reference_is_what_the_shipped_model_answers(ferplus_dir: Path, model: TfliteAffect) -> None:
    faces = load(ferplus_dir, "valid")
    sample = faces.images[np.random.default_rng(2).choice(len(faces), 1000, replace=False)]
    read = np.array([model.read(image) for image in sample])
    mean = (read / read.sum(axis=1, keepdims=True)).mean(axis=0)
    assert mean == pytest.approx(np.array(REFERENCE), abs=0.04)
    assert sum(REFERENCE) == pytest.approx(1.0)
