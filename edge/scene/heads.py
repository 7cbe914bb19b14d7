"""Heads cut out of two public-domain portraits, that turn and change their expression.

The portraits are NASA's of Eileen Collins (in scikit-image) and the US Navy's of Grace Hopper (in matplotlib);
``python -m models.fetch --portraits`` takes them from those packages. Both are read when a `Head` is made and
nothing is opened later.

A head is kept at `CANON_PX` wide (the face box, as BlazeFace gives it), warped there, and resized last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.errors import CameraError
from edge.values import Point

CANON_PX: Final = 80
PORTRAITS: Final = Path(__file__).parents[2] / "models" / "faces" / "portraits"

# The canvas of a head: face centre and size, in canonical pixels.
_CENTRE: Final = (68, 92)
_SIZE: Final = (136, 148)
TURN_MAX_RAD: Final = 0.65
_HALF_FACES: Final = 0.55
_NOSE_AHEAD_PX: Final = 13.0
_NOSE_PX: Final = 13.0
_NOSE_DOWN: Final = 0.62

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Portrait:
    """Where things are in one photograph, in its own pixels.

    ``brows`` are the inner ends, ``mouth`` the corners; ``cap_y`` is where a cap's edge sits, ``cap_faces`` half
    the cap's width in faces, and ``capped`` how often one is worn (Hopper's uniform cap is always covered).
    """

    file: str
    centre: Point
    face_px: float
    outline: tuple[tuple[int, int], ...]
    mouth: tuple[Point, Point]
    brows: tuple[Point, Point]
    cap_y: float
    cap_faces: float
    capped: float


_COLLINS: Final = _Portrait(
    "astronaut.png",
    (226.5, 120.5),
    107.0,
    (
        (248, 18), (227, 16), (214, 21), (205, 21), (193, 29), (185, 38), (163, 51), (156, 58), (154, 64), (155, 98),
        (157, 104), (170, 116), (174, 128), (182, 132), (183, 143), (187, 156), (193, 170), (203, 182), (216, 188),
        (231, 188), (245, 182), (255, 168), (262, 152), (268, 137), (277, 132), (296, 107), (300, 92), (300, 78),
        (293, 52), (286, 40), (276, 31),
    ),
    ((205, 142), (244, 142)),
    ((212, 92), (234, 95)),
    78.0,
    0.66,
    0.35,
)  # fmt: skip
_HOPPER: Final = _Portrait(
    "grace_hopper.jpg",
    (268.5, 226.5),
    197.0,
    (
        (225, 28), (218, 42), (196, 52), (180, 67), (175, 85), (167, 100), (156, 112), (153, 140), (160, 160),
        (158, 180), (156, 196), (165, 228), (165, 255), (172, 284), (190, 295), (202, 305), (211, 320), (238, 331),
        (270, 334), (303, 330), (324, 315), (337, 299), (354, 290), (362, 270), (369, 230), (374, 196), (370, 170),
        (370, 100), (364, 87), (352, 80), (344, 65), (325, 48), (304, 39), (285, 30), (260, 24), (242, 24),
    ),
    ((235, 277), (305, 275)),
    ((247, 163), (276, 163)),
    144.0,
    0.58,
    1.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """One look: luma and coverage at canonical size, and the places that an expression moves.

    Shapes: ``luma``, ``alpha`` (148, 136) float32, 0–255 and 0–1.
    """

    luma: Plane
    alpha: Plane
    mouth: tuple[Point, Point]
    brows: tuple[Point, Point]

    @property
    def nose(self) -> Point:
        """Its tip: some way from between the brows to between the corners of the mouth."""
        (bx, by), (mx, my) = (((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in (self.brows, self.mouth))
        return bx + _NOSE_DOWN * (mx - bx), by + _NOSE_DOWN * (my - by)

    def drawn(self, yaw: float, impatience: float, face_px: int) -> tuple[Plane, Plane, Point]:
        """This head turned and in this mood: luma, coverage, and where the face's centre is, at that size."""
        map_x, map_y = _warp(self, yaw, impatience)
        scale = face_px / CANON_PX
        size = (round(_SIZE[0] * scale), round(_SIZE[1] * scale))
        turned = cv2.remap(self.luma, map_x, map_y, cv2.INTER_LINEAR)
        luma, alpha = (cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (turned, self.alpha))
        return luma, alpha, (_CENTRE[0] * scale, _CENTRE[1] * scale)


class Wardrobe:
    """Reads the portraits once, and dresses heads out of them.

    Raises: CameraError when a portrait is missing or unreadable.
    """

    def __init__(self, folder: Path = PORTRAITS) -> None:
        self._portraits = tuple((p, _read(folder / p.file)) for p in (_COLLINS, _HOPPER))

    def head(self, look: int) -> Head:
        """The head of this look; the same look gives the same head."""
        chance = Random(look)
        portrait, picture = self._portraits[look % 2]
        head = _cut(portrait, picture, slimmer=chance.uniform(0.94, 1.06))
        head = replace(head, luma=_lit(head.luma, chance))
        if chance.random() < portrait.capped:
            head = _capped(head, _place(portrait, (0.0, portrait.cap_y))[1], portrait.cap_faces, chance)
        return _flipped(head) if chance.random() < 0.5 else head


def _read(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise CameraError(
            f"The scene's portrait {path} is missing or unreadable: run python -m models.fetch --portraits."
        )
    return np.asarray(picture, np.uint8)


def _place(portrait: _Portrait, point: Point) -> Point:
    """From the photograph's pixels to canonical ones."""
    scale = CANON_PX / portrait.face_px
    return (point[0] - portrait.centre[0]) * scale + _CENTRE[0], (point[1] - portrait.centre[1]) * scale + _CENTRE[1]


def _cut(portrait: _Portrait, picture: NDArray[np.uint8], slimmer: float) -> Head:
    """The head alone at canonical size, its edge soft."""
    mask = np.zeros(picture.shape, np.uint8)
    cv2.fillPoly(mask, [np.array(portrait.outline, np.int32)], (255,))
    scale = CANON_PX / portrait.face_px
    soft = 1.6 / scale
    mask = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)), (0, 0), soft)
    smooth = cv2.GaussianBlur(picture, (0, 0), max(0.3, 0.4 / scale))
    move = np.array(
        [
            [scale * slimmer, 0.0, _CENTRE[0] - portrait.centre[0] * scale * slimmer],
            [0.0, scale, _CENTRE[1] - portrait.centre[1] * scale],
        ]
    )
    luma = cv2.warpAffine(smooth, move, _SIZE, flags=cv2.INTER_LINEAR).astype(np.float32)
    alpha = cv2.warpAffine(mask, move, _SIZE, flags=cv2.INTER_LINEAR).astype(np.float32) / 255
    luma = luma * alpha + _spread(luma, alpha) * (1 - alpha)

    def at(point: Point) -> Point:
        x, y = _place(portrait, point)
        return (x - _CENTRE[0]) * slimmer + _CENTRE[0], y

    return Head(
        luma, alpha, (at(portrait.mouth[0]), at(portrait.mouth[1])), (at(portrait.brows[0]), at(portrait.brows[1]))
    )


def _spread(luma: Plane, alpha: Plane) -> Plane:
    """The head's own tones carried beyond its outline, for what a turn brings into sight."""
    tones, weight = (cv2.GaussianBlur(plane, (0, 0), 6) for plane in (luma * alpha**2, alpha**2))
    return np.asarray(tones / np.maximum(weight, 1e-4), np.float32)


def _lit(luma: Plane, chance: Random) -> Plane:
    """Another light: gain, gamma, and a fall-off from one side."""
    gain, gamma, slope = chance.uniform(0.78, 1.08), chance.uniform(0.85, 1.25), chance.uniform(-0.16, 0.16)
    side = 1 + slope * (np.arange(_SIZE[0], dtype=np.float32) / _SIZE[0] - 0.5)
    return np.clip(255 * (luma / 255) ** gamma * gain * side, 0, 255).astype(np.float32)


def _capped(head: Head, edge_y: float, wide: float, chance: Random) -> Head:
    """A knitted cap above ``edge_y``, shaded like a ball; ``wide`` is half its width in faces."""
    tone = chance.uniform(45, 190)
    xs = (np.arange(_SIZE[0], dtype=np.float32) - _CENTRE[0]) / (wide * CANON_PX)
    rows = np.arange(_SIZE[1], dtype=np.float32)[:, None]
    edge = (edge_y + 5 * xs * xs)[None, :]
    band = rows > edge - 12
    ribs = np.where(band, 0.86 * (1 + 0.08 * np.sin(xs * 40)[None, :]), 1 + 0.03 * np.sin(rows * 1.9))
    cap = tone * (1.08 - 0.4 * xs * xs)[None, :] * ribs
    above = np.clip((edge - rows) / 1.5 + 0.5, 0, 1)
    dome = 1 - np.sqrt((xs * xs)[None, :] + ((edge - rows) / (0.56 * CANON_PX)) ** 2)
    alpha = head.alpha * (1 - above) + np.clip(dome * 12, 0, 1) * above
    luma = np.clip(head.luma * (1 - above) + cap * above, 0, 255)
    return replace(head, luma=luma.astype(np.float32), alpha=alpha.astype(np.float32))


def _flipped(head: Head) -> Head:
    width = 2 * _CENTRE[0]

    def turn(pair: tuple[Point, Point]) -> tuple[Point, Point]:
        (x0, y0), (x1, y1) = pair
        return (width - x1, y1), (width - x0, y0)

    def mirror(plane: Plane) -> Plane:
        return np.ascontiguousarray(plane[:, ::-1])

    return Head(mirror(head.luma), mirror(head.alpha), turn(head.mouth), turn(head.brows))


def _warp(head: Head, yaw: float, impatience: float) -> tuple[Plane, Plane]:
    """Where each canonical pixel comes from."""
    ys, xs = np.mgrid[0 : _SIZE[1], 0 : _SIZE[0]].astype(np.float32)
    half = _HALF_FACES * CANON_PX
    turned = TURN_MAX_RAD * yaw
    across = np.arcsin(np.clip((xs - _CENTRE[0]) / half, -1, 1))
    # A cylinder that turns inside an outline which stays: the far cheek goes out of sight, the near one widens.
    map_x = np.where(
        abs(xs - _CENTRE[0]) < half, _CENTRE[0] + half * np.sin(np.clip(across - turned, -np.pi / 2, np.pi / 2)), xs
    )
    map_y = ys.copy()
    # A nose stands out from the cylinder, and so runs ahead of the eyes: by this a detector tells a turn.
    nose_x, nose_y = head.nose
    map_x -= _NOSE_AHEAD_PX * np.sin(turned) * _near(map_x, map_y, nose_x, nose_y, _NOSE_PX)
    if impatience > 0:
        px = CANON_PX * impatience
        for (x, y), inward in zip(head.mouth, (1, -1), strict=True):
            near = _near(map_x, map_y, x, y, 0.09 * CANON_PX)
            map_y -= 0.055 * px * near
            map_x -= inward * 0.03 * px * near
        for (x, y), inward in zip(head.brows, (1, -1), strict=True):
            near = _near(map_x, map_y, x, y, 0.08 * CANON_PX)
            map_y -= 0.05 * px * near
            map_x -= inward * 0.025 * px * near
    return map_x.astype(np.float32), map_y.astype(np.float32)


def _near(xs: Plane, ys: Plane, x: float, y: float, sigma: float) -> Plane:
    return np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma * sigma)).astype(np.float32)
