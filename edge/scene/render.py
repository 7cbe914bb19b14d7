"""Pictures of a script: heads and bodies pasted on the empty shop, the farthest first.

Made to be cheap, as it shares the machine with the eye: bodies and turned heads are drawn once and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.scene.figures import anchor, body
from edge.scene.heads import PORTRAITS, Head, Plane, Wardrobe
from edge.scene.script import HEIGHT_PX, WIDTH_PX, Pose, Role
from edge.scene.shop import empty_shop
from edge.values import Luma, Point

_YAW_STEPS: Final = 10
_IMPATIENCE_STEPS: Final = 8
_GRAIN_SD: Final = 2.0


class Painter:
    """Paints poses; everything it needs from disk is read here.

    Raises: CameraError when a portrait is missing or unreadable.
    """

    def __init__(self, portraits: Path = PORTRAITS) -> None:
        wardrobe = Wardrobe(portraits)
        self._shop = empty_shop()
        self._grain = np.random.default_rng(11).normal(0, _GRAIN_SD, (2 * HEIGHT_PX, 2 * WIDTH_PX)).astype(np.int16)
        heads: dict[int, Head] = {}

        @lru_cache(maxsize=1500)
        def head(look: int, yaw: int, impatience: int, face_px: int) -> tuple[Plane, Plane, Point]:
            if look not in heads:
                heads[look] = wardrobe.head(look)
            return heads[look].drawn(yaw / _YAW_STEPS, impatience / _IMPATIENCE_STEPS, face_px)

        @lru_cache(maxsize=64)
        def figure(look: int, role: Role) -> tuple[Plane, Plane]:
            return body(look, role)

        @lru_cache(maxsize=128)
        def clothed(look: int, role: Role, face_px: int) -> tuple[Plane, Plane]:
            luma, alpha = figure(look, role)
            size = (3 * face_px, round(luma.shape[0] * 3 * face_px / luma.shape[1]))
            return _resized(luma, size), _resized(alpha, size)

        self._head, self._body = head, clothed

    def paint(self, poses: Sequence[Pose], tick: int) -> Luma:
        """One picture; ``tick`` moves the camera's grain.

        Shapes: (360, 640) uint8.
        """
        picture = self._shop.copy()
        for pose in poses:
            self._person(picture, pose)
        y, x = (tick * 97) % HEIGHT_PX, (tick * 61) % WIDTH_PX
        grain = self._grain[y : y + HEIGHT_PX, x : x + WIDTH_PX]
        return np.asarray(cv2.add(picture, grain, dtype=cv2.CV_8U), np.uint8)

    def _person(self, picture: Luma, pose: Pose) -> None:
        look, face_px = pose.shopper.look, 2 * round(pose.face_px / 2)
        x, y = pose.centre_px
        luma, alpha = self._body(look, pose.shopper.role, face_px)
        ax, ay = anchor(face_px)
        _paste(picture, luma, alpha, round(x - ax), round(y - ay))
        yaw, impatience = round(pose.yaw * _YAW_STEPS), round(pose.impatience * _IMPATIENCE_STEPS)
        luma, alpha, (hx, hy) = self._head(look, yaw, impatience, face_px)
        _paste(picture, luma, alpha, round(x - hx), round(y - hy))


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _paste(picture: Luma, luma: Plane, alpha: Plane, left: int, top: int) -> None:
    """Blends a sprite in, clipped to the picture."""
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + luma.shape[1], WIDTH_PX), min(top + luma.shape[0], HEIGHT_PX)
    if x0 >= x1 or y0 >= y1:
        return
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    under = picture[y0:y1, x0:x1]
    picture[y0:y1, x0:x1] = (under + (luma[part] - under) * alpha[part]).astype(np.uint8)
