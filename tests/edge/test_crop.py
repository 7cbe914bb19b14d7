"""One face, upright and framed as the model learned it."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from edge.crop import BOX_PX, EYES_AT_PX, crop, quality
from edge.values import Face, Luma

LEVEL = Face((100.0, 80.0, 84.0, 84.0), 0.9, ((124.0, 118.0), (160.0, 118.0), (142.0, 130.0), (142.0, 150.0)))


def dots(face: Face) -> Luma:
    """A grey picture with a bright dot at each eye."""
    picture = np.full((300, 400), 60, np.uint8)
    for x, y in face.keypoints_px[:2]:
        cv2.circle(picture, (round(x), round(y)), 4, 255, -1)
    return picture


def turned(face: Face, degrees: float) -> Face:
    x, y = face.centre_px
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    points = tuple(
        (x + cos * (px - x) - sin * (py - y), y + sin * (px - x) + cos * (py - y)) for px, py in face.keypoints_px
    )
    return Face(face.box_px, face.score, points)


@pytest.mark.parametrize("degrees", [-30, -10, 0, 10, 30])
def test_the_eyes_are_level_and_in_their_place_however_the_head_is_tilted(degrees: float) -> None:
    face = turned(LEVEL, degrees)
    bright = np.argwhere(crop(dots(face), face) > 180)
    apart = 36.0 * BOX_PX / 84.0
    for side in (-1, 1):
        x = EYES_AT_PX[0] + side * apart / 2
        assert np.min(np.hypot(bright[:, 1] - x, bright[:, 0] - EYES_AT_PX[1])) < 1.5


def test_a_face_at_the_border_is_still_48_by_48() -> None:
    face = Face((-20.0, -20.0, 60.0, 60.0), 0.9, ((0.0, 5.0), (20.0, 5.0), (10.0, 12.0), (10.0, 22.0)))
    assert crop(dots(LEVEL), face).shape == (48, 48)


def test_blur_lowers_sharpness_and_darkness_brightness() -> None:
    noise = np.random.default_rng(0).integers(40, 220, (48, 48), dtype=np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 3)
    dark = (noise // 4).astype(np.uint8)
    assert quality(blurred, LEVEL).sharpness < quality(noise, LEVEL).sharpness / 2
    assert quality(dark, LEVEL).brightness < quality(noise, LEVEL).brightness / 3
    assert quality(noise, LEVEL).size_px == 84.0


@pytest.mark.parametrize("way", [(1, 15), (15, 1)], ids=["down", "across"])
def test_what_moved_one_way_is_not_sharp_however_sharp_it_stays_the_other_way(way: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(40, 220, (48, 48), dtype=np.uint8)
    assert quality(cv2.blur(noise, way), LEVEL).sharpness < quality(noise, LEVEL).sharpness / 2
