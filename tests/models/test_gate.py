"""The quality gate against real faces: what it skips, why, and whether that helps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.crop import quality
from edge.eye.affect import unfit
from edge.eye.tracks import yaw
from models.data import Faces, load
from models.detected import detected
from models.evaluate import AFFECT
from models.fetch import FACES, PORTRAITS
from models.gate import AHEAD, SIZES_PX, SWEEPS, rows, seen, smaller, table, turned
from models.metrics import Reader
from tests.models.portraits import own_faces

WORST = {
    "darker": "too dark",
    "brighter": "too bright",
    "hazier": "flat",
    "out of focus": "blurred",
    "moving": "blurred",
}


@pytest.fixture(scope="module")
def portraits() -> np.ndarray:
    """Equally well lit."""
    faces = own_faces([FACES / source.name for source in PORTRAITS]).astype(float)
    return np.clip(faces - faces.mean(axis=(1, 2), keepdims=True) + 130, 0, 255).astype(np.uint8)


def reasons(shown: list) -> list[str | None]:
    return [unfit(quality(picture, face), yaw(face)) for picture, face in shown]


def test_a_good_face_is_not_skipped(portraits: np.ndarray) -> None:
    assert reasons(list(seen(portraits, lambda image, rng: image))) == [None] * len(portraits)


@pytest.mark.parametrize("name", SWEEPS)
def test_what_has_become_hopeless_is_skipped_for_its_own_reason(name: str, portraits: np.ndarray) -> None:
    assert reasons(list(seen(portraits, SWEEPS[name][-1]))) == [WORST[name]] * len(portraits)


def test_a_small_face_is_skipped_for_its_size(portraits: np.ndarray) -> None:
    assert set(reasons(list(smaller(portraits, SIZES_PX[0])))) == {"too small"}


def test_the_gate_skips_what_would_be_misread(ferplus_dir: Path) -> None:
    """In every respect, what is read is right more often than what is skipped would have been."""
    faces = load(ferplus_dir, "valid")
    sample = faces.take(np.random.default_rng(1).choice(len(faces), 120, replace=False))
    reader = Reader(AFFECT / "affect.tflite")

    def answers(images: np.ndarray) -> np.ndarray:
        return reader.read_all(images).argmax(axis=1)

    whole, *sweeps = measured = list(rows(sample, answers))
    assert whole.skipped < 0.05
    assert [one.name for one in sweeps] == ["smaller", *SWEEPS]
    for one in sweeps:
        assert 0.2 < one.skipped < 0.8
        assert one.right_read > one.right_skipped
    assert table(measured).count("\n") == 2 + len(measured)


def test_a_turned_head_is_told_by_the_detector_s_own_keypoints(portraits: np.ndarray) -> None:
    faces = Faces(
        portraits, np.zeros((len(portraits), 8), np.float32), np.zeros(len(portraits), np.int64), np.arange(2)
    )
    one = turned(faces, lambda images: np.zeros(len(images), np.int64))
    assert (one.faces, one.skipped, one.right_read) == (len(portraits), 0.0, 1.0)
    assert all(abs(yaw(face)) < 0.4 for face in detected(portraits).faces)
    assert yaw(AHEAD) == 0.0
