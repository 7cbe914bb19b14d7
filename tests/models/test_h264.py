"""The coded video: real frames through a real encoder, and the face that comes back."""

from __future__ import annotations

import numpy as np
import pytest

from models.h264 import CELL_PX, FRAMES, QP, SIZE_PX, decoded, encoded, h264

pytest.importorskip("av", reason="coding video needs the [train] extra")


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """More than one picture holds, each another pattern with edges."""
    y, x = np.mgrid[0:48, 0:48]
    many = SIZE_PX[0] * SIZE_PX[1] // CELL_PX**2 + 3
    return np.stack([np.where((x * (k % 5 + 1) + y * (k % 3)) % 24 < 12, 60, 190) for k in range(many)]).astype(
        np.uint8
    )


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_every_face_comes_back_as_itself_and_worse(faces: np.ndarray) -> None:
    coded = h264(faces, seed=1)
    assert coded.shape == faces.shape
    assert coded.dtype == np.uint8
    for face, back in zip(faces, coded, strict=True):
        assert 0 < distance(face, back) < 12
        assert distance(face, back) < distance(255 - face, back)


def test_the_same_seed_gives_the_same_bytes(faces: np.ndarray) -> None:
    assert np.array_equal(h264(faces[:4], seed=2), h264(faces[:4], seed=2))


def test_a_coarser_quantiser_loses_more_and_sends_less(faces: np.ndarray) -> None:
    assert distance(h264(faces[:9], 0, qp=QP + 8), faces[:9]) > distance(h264(faces[:9], 0, qp=QP - 12), faces[:9])
    noise = [np.random.default_rng(0).integers(0, 256, SIZE_PX[::-1], dtype=np.uint8)] * 3
    assert len(encoded(iter(noise), QP)) < 0.7 * len(encoded(iter(noise), QP - 12))


def test_a_stream_holds_every_frame_and_predicts_all_but_the_first() -> None:
    room = np.random.default_rng(0).integers(0, 256, SIZE_PX[::-1], dtype=np.uint8)
    still = encoded(iter([room] * FRAMES), QP)
    assert len(list(decoded(still))) == FRAMES
    assert len(still) < 2 * len(encoded(iter([room]), QP))
