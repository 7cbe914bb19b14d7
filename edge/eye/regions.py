"""Where in a picture the face detector looks, and how that lies in its input.

Rules:
- The first look sees the whole picture: at the scale at which its longer side fills the model's square, or, where the
  picture is large, its shorter one. 640×360 in a square leaves a 44-pixel face only 13 of the model's pixels, which is
  where it begins to miss.
- A model that can take another input than its square gets one of the picture's form, so that it computes no black
  (`fitted`). One that cannot sees a large picture in several squares.
- A closer look sees a piece of the picture at a finer scale; pieces overlap.

Left out: which piece comes next, and what is made of it (`edge.eye.faces`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

import cv2
import numpy as np

from edge.values import Face, Luma

SIDE_PX: Final = 192
STEP_PX: Final = 32  # the coarsest of the model's grids: an input's sides are multiples of it
LOW_PX: Final = 128  # a whole 16:9 picture with a margin; with less of one, or more, faces are missed
LONG_MAX_PX: Final = 4 * SIDE_PX
WHOLE_MAX_PX: Final = 512
CLOSE_SCALE: Final = 224 / SIDE_PX  # source pixels in one of the model's: a 20-pixel face is then 17 wide
COARSE_PX: Final = 14.0  # a face this wide in the model's pixels is surely found by the first look
LAP_PX: Final = 16  # source pixels: what is smaller is no face to the closer look either

Region = tuple[int, int, int, int]  # left, top, width, height in source pixels
Size = tuple[int, int]  # width, height
SQUARE: Final[Size] = (SIDE_PX, SIDE_PX)


@dataclass(frozen=True, slots=True)
class View:
    """A region, as large as it fits in the middle of the model's input.

    Units: ``region`` source pixels; ``input_px`` the model's.
    """

    region: Region
    input_px: Size = SQUARE

    @property
    def scale(self) -> float:
        """Source pixels in one of the model's."""
        return max(self.region[2] / self.input_px[0], self.region[3] / self.input_px[1])

    @property
    def inner_px(self) -> Region:
        """Where the region lies in the input."""
        width, height = (
            min(round(side / self.scale), most) for side, most in zip(self.region[2:], self.input_px, strict=True)
        )
        return (self.input_px[0] - width) // 2, (self.input_px[1] - height) // 2, width, height

    def draw(self, luma: Luma) -> Luma:
        """What the model is shown, black where the region does not reach. Shapes: ``input_px`` uint8."""
        left, top, width, height = self.region
        x, y, w, h = self.inner_px
        shown = np.zeros(self.input_px[::-1], np.uint8)
        cv2.resize(luma[top : top + height, left : left + width], (w, h), dst=shown[y : y + h, x : x + w])
        return shown

    def placed(self, face: Face) -> Face:
        """A face in the model's pixels, in source pixels."""
        scale = self.scale
        left, top = (corner - at * scale for corner, at in zip(self.region[:2], self.inner_px[:2], strict=True))
        x, y, w, h = face.box_px
        return replace(
            face,
            box_px=(left + x * scale, top + y * scale, w * scale, h * scale),
            keypoints_px=tuple((left + px * scale, top + py * scale) for px, py in face.keypoints_px),
        )


def fitted(picture_px: Size) -> Size:
    """The input in which a picture of this size is seen whole."""
    short, long = sorted(picture_px)
    if long <= WHOLE_MAX_PX:
        sides = (LOW_PX if short * SIDE_PX <= long * LOW_PX else SIDE_PX), SIDE_PX
    else:
        sides = SIDE_PX, min(STEP_PX * ceil(long * SIDE_PX / short / STEP_PX), LONG_MAX_PX)
    return sides if picture_px[0] <= picture_px[1] else sides[::-1]


def first_looks(width_px: int, height_px: int) -> list[Region]:
    """The whole picture, or the squares that cover it where it is wider or higher than `WHOLE_MAX_PX`."""
    short, long = sorted((width_px, height_px))
    if long <= WHOLE_MAX_PX:
        return [(0, 0, width_px, height_px)]
    squares = -(-long // short)
    starts = [round(i * (long - short) / max(squares - 1, 1)) for i in range(squares)]
    return [(at, 0, short, short) if width_px >= height_px else (0, at, short, short) for at in starts]


def piece(input_px: Size, picture_px: Size, centre_px: Sequence[float]) -> View:
    """A closer look about a place, within the picture."""
    wide, high = close(input_px, picture_px)
    left, top = (
        min(max(round(middle - side / 2), 0), whole - side)
        for middle, side, whole in zip(centre_px, (wide, high), picture_px, strict=True)
    )
    return View((left, top, wide, high), input_px)


def centres(input_px: Size, picture_px: Size) -> list[tuple[float, float]]:
    """The middles of closer looks that cover the picture, row by row."""
    across, down = (
        np.linspace(side / 2, whole - side / 2, max(ceil((whole - LAP_PX) / max(side - LAP_PX, 1)), 1)).tolist()
        for side, whole in zip(close(input_px, picture_px), picture_px, strict=True)
    )
    return [(x, y) for y in down for x in across]


def close(input_px: Size, picture_px: Size) -> Size:
    """What a closer look sees at once. Units: source pixels."""
    wide, high = (min(round(side * CLOSE_SCALE), whole) for side, whole in zip(input_px, picture_px, strict=True))
    return wide, high
