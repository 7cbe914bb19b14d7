"""Small clips for tests, written when they are asked for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.scene.heads import PORTRAITS


def with_a_face(path: Path, frames: int) -> Path:
    """A photograph of a face drifting over a wall; the first five frames show the wall alone."""
    portrait = PORTRAITS / "grace_hopper.jpg"
    if not portrait.exists():
        pytest.skip("the portraits are not there: python -m models.fetch --portraits")
    face = cv2.resize(cv2.imread(str(portrait)), (160, 200))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for index in range(frames):
        picture = np.full((240, 320, 3), 90, np.uint8)
        if index >= 5:
            left = 40 + index % 100
            picture[30:230, left : left + 160] = face
        writer.write(picture)
    writer.release()
    return path
