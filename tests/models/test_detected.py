"""Faces set into heads and found again by the node's own detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contract.errors import ConfigError
from models.detected import CROP_PX, detected
from models.fetch import FACES, PORTRAITS
from tests.models.portraits import own_faces


@pytest.fixture(scope="module")
def portraits() -> np.ndarray:
    """Each is set into the head it came from."""
    return own_faces([FACES / source.name for source in PORTRAITS])


def test_a_face_in_its_own_head_is_found_where_it_was(portraits: np.ndarray) -> None:
    found = detected(np.concatenate([portraits, portraits]))
    assert found.index.tolist() == list(range(2 * len(portraits)))
    assert np.abs(found.off[:, :2]).max() < 4
    assert found.off[:, 2] == pytest.approx(np.ones(len(found.off)), abs=0.2)
    assert np.abs(found.off[:, 3]).max() < 8
    for image, cut in zip(np.concatenate([portraits, portraits]), found.crops, strict=True):
        assert np.corrcoef(image.ravel(), cut.ravel())[0, 1] > 0.6


def test_what_was_moved_is_told_as_moved(portraits: np.ndarray) -> None:
    """Rolled down inside its square, the face lies lower than the framing says, and the crop follows it."""
    down = np.roll(portraits, 6, axis=1)
    down[:, :6] = portraits[:, :1]
    moved = detected(down).off[:, 1].mean() - detected(portraits).off[:, 1].mean()
    assert moved < -2


def test_what_is_no_face_is_counted_as_missed() -> None:
    """A flat square in the middle of a head leaves no face to find."""
    found = detected(np.full((4, 48, 48), 120, np.uint8), CROP_PX)
    assert len(found.index) < 4
    assert len(found.index) == len(found.crops) == len(found.off) == len(found.faces)


def test_missing_portraits_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models\.fetch --portraits"):
        detected(np.zeros((1, 48, 48), np.uint8), folder=tmp_path)
