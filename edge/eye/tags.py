"""Printed tags in a picture, through OpenCV's AprilTag detector.

Rules:
- Chests are searched when asked for, enlarged until a tag that may be read is `FINE_PX` wide; the rest of the picture
  a piece at a time, one each `SWEEP_EVERY_S`, for wearers whose face is turned away.
- A look is legible when the whole chest is in the picture, a badge there would be `SIDE_MIN_PX` wide, it is light
  enough, and the face above is in focus: a face always has detail, a plain shirt may not.

Left out: who wears a tag and what follows from it (`edge.eye.badge`).
"""

from __future__ import annotations

import math
from typing import Any, Final

import cv2
import numpy as np

from contract.errors import BadgeError
from edge.values import Box, Frame, Luma, Person, Tag

SIDE_MIN_PX: Final = 16.0
FINE_PX: Final = 40.0
# The black square is 70 mm; BlazeFace's boxes are 145 to 175 mm wide on an adult.
SIDE_FACES: Final = 0.40
# Where badges hang, in face widths from the face's centre: half the width to search, its top and its foot.
CHEST_FACES: Final = (1.0, 0.75, 2.45)
# The part that must be in the picture for a look to count.
CHEST_SEEN_FACES: Final = (0.7, 0.9, 2.3)
# What tells how light it is: the person down to the waist, and what is beside.
ABOUT_FACES: Final = (2.0, -1.0, 2.3)
LIGHT_MIN: Final = 70.0
SHARPNESS_MIN: Final = 0.21
SWEEP_EVERY_S: Final = 0.25
_SWEEP: Final = (3, 2)
# The smallest tag looked for, as a share of the part's longer side: on a chest, an eighth smaller than what could be
# its wearer's (half of `SIDE_FACES`), for one that hangs askew has a shorter outline in pixels.
CHEST_SIDE_MIN: Final = 0.875 * SIDE_FACES / 2 / (2 * CHEST_FACES[0])
SWEEP_SIDE_MIN: Final = 0.05
_SWEEP_LAP_PX: Final = 32


class TagReader:
    """Implements `edge.ports.BadgeReader`."""

    def __init__(self) -> None:
        self._on_chests, self._anywhere = _detector(CHEST_SIDE_MIN), _detector(SWEEP_SIDE_MIN)
        self._piece, self._swept_s = 0, -math.inf

    def look(self, frame: Frame, people: tuple[Person, ...]) -> tuple[Tag, ...]:
        """Raises: BadgeError when OpenCV refuses."""
        try:
            found = [tag for person in people for tag in self._search(self._on_chests, frame.luma, *_chest(person))]
            if frame.t_s - self._swept_s >= SWEEP_EVERY_S:
                found += self._search(self._anywhere, frame.luma, self._next_piece(frame), 1.0)
        except cv2.error as error:
            raise BadgeError("The badge reader does not work: reinstall opencv-python-headless.") from error
        return _once(found)

    def legible(self, frame: Frame, person: Person) -> bool:
        if side_px(person) < SIDE_MIN_PX:
            return False
        x0, y0, w, h = _below(person, CHEST_SEEN_FACES)
        if x0 < 0 or y0 < 0 or x0 + w > frame.width_px or y0 + h > frame.height_px:
            return False
        sharp = sharpness(_cut(frame.luma, person.face.box_px)) >= SHARPNESS_MIN
        return sharp and light(frame, person) >= LIGHT_MIN

    def _search(self, detector: Any, luma: Luma, box: Box, zoom: float) -> list[Tag]:
        part = _cut(luma, box)
        if min(part.shape) < SIDE_MIN_PX / 2:
            return []
        if zoom != 1.0:
            part = np.asarray(cv2.resize(part, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC), np.uint8)
        corners, numbers, _ = detector.detectMarkers(part)
        left, top = max(round(box[0]), 0), max(round(box[1]), 0)
        return [
            _tag(int(number), quad[0] / zoom, left, top)
            for quad, number in zip(corners, [] if numbers is None else numbers.ravel(), strict=True)
        ]

    def _next_piece(self, frame: Frame) -> Box:
        """The next piece of the picture, overlapping its neighbours by more than a tag."""
        self._swept_s = frame.t_s
        columns, rows = _SWEEP
        self._piece = (self._piece + 1) % (columns * rows)
        w, h = frame.width_px / columns, frame.height_px / rows
        x, y = self._piece % columns * w, self._piece // columns * h
        return x - _SWEEP_LAP_PX, y - _SWEEP_LAP_PX, w + 2 * _SWEEP_LAP_PX, h + 2 * _SWEEP_LAP_PX


def _detector(side_min: float) -> Any:
    family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    chosen = cv2.aruco.DetectorParameters()
    # Half of what the family could correct: a badge that is not there must not be read into a pattern.
    chosen.errorCorrectionRate = 0.5
    # One window about a third of a tag wide, and no candidate far smaller than a tag: many times faster than OpenCV's
    # defaults, and no badge of the simulated scene is lost by it.
    chosen.adaptiveThreshWinSizeMin = chosen.adaptiveThreshWinSizeMax = 15
    chosen.minMarkerPerimeterRate = 4 * side_min
    return cv2.aruco.ArucoDetector(family, chosen)


def side_px(person: Person) -> float:
    """How wide a badge on this person would be in the picture."""
    return SIDE_FACES * person.face.box_px[2]


def light(frame: Frame, person: Person) -> float:
    """How bright the brightest things about this person are, as a badge's white would be.

    Not the face itself: how dark it is says as much of the skin as of the light.
    Units: grey levels, the 98th percentile.
    """
    about = _cut(frame.luma, _below(person, ABOUT_FACES))
    return percentile(about, 98) if about.size else 0.0


def sharpness(face: Luma) -> float:
    """How much of the face's range its steepest edges cross in one fortieth of its width, the worse direction.

    In fortieths of the face a badge's modules are two wide, so that what blurs them blurs this. Measured on the
    simulated scene: badges that were read have 0.20 and more (95 %), unreadable ones 0.16 (median).
    """
    if face.size == 0:
        return 0.0
    plain = np.asarray(cv2.resize(face, (40, 40), interpolation=cv2.INTER_AREA), np.uint8)
    steps = (cv2.absdiff(plain[1:], plain[:-1]), cv2.absdiff(plain[:, 1:], plain[:, :-1]))
    steepest = min(percentile(np.asarray(step, np.uint8), 99) for step in steps)
    return steepest / max(percentile(plain, 98) - percentile(plain, 2), 1.0)


def percentile(grey: Luma, percent: float) -> float:
    """As `numpy.percentile`, several times faster: grey levels are few enough to be counted instead of sorted."""
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256]).cumsum()
    rank = percent / 100 * (grey.size - 1)
    low, high = np.searchsorted(counts, (math.floor(rank), math.ceil(rank)), side="right").tolist()
    return float(low + (rank - math.floor(rank)) * (high - low))


def _below(person: Person, where: tuple[float, float, float]) -> Box:
    half, top, foot = (part * person.face.box_px[2] for part in where)
    x, y = person.face.centre_px
    return x - half, y + top, 2 * half, foot - top


def _chest(person: Person) -> tuple[Box, float]:
    zoom = min(4.0, max(1.0, FINE_PX / side_px(person)))
    return _below(person, CHEST_FACES), zoom


def _cut(luma: Luma, box: Box) -> Luma:
    x, y, w, h = box
    x0, y0 = max(round(x), 0), max(round(y), 0)
    return luma[y0 : max(round(y + h), y0), x0 : max(round(x + w), x0)]


def _tag(number: int, quad: np.ndarray[Any, Any], left: int, top: int) -> Tag:
    sides = np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1)
    x, y = quad.mean(axis=0)
    return Tag(number, (float(x) + left, float(y) + top), float(sides.mean()))


def _once(tags: list[Tag]) -> tuple[Tag, ...]:
    """Each tag once, though it was seen on two chests or in two pieces."""
    kept: list[Tag] = []
    for tag in tags:
        x, y = tag.centre_px
        if all(
            abs(x - other.centre_px[0]) > tag.side_px / 2 or abs(y - other.centre_px[1]) > tag.side_px / 2
            for other in kept
        ):
            kept.append(tag)
    return tuple(kept)
