"""Printed mask markers to the polygons of `masks`: the installer shows the camera what it must never read.

Rules:
- Markers 200 to 209 bound the first area, 210 to 219 the second, and so on. An area is the convex hull of all its
  markers with their whole black squares, so that their order does not matter and what is between them is covered.
- A marker counts when it was seen in `SEEN_MIN` frames; where it moved meanwhile, all its places are covered.
- Three markers or more bound an area: two would bound a line.

Left out: faces (none is looked for here), and masking itself (`edge.eye.badge`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.badges import MASK_IDS
from edge.values import Frame, Luma

AREA_IDS: Final = 10
MARKERS_MIN: Final = 3
SEEN_MIN: Final = 3
_GRID: Final = 1000  # corners are told in thousandths of the picture
_BORDER_PX: Final = 32

Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Area:
    """What the markers of one area gave.

    Units: ``polygon`` in fractions of the picture, None where fewer than `MARKERS_MIN` markers were seen.
    """

    number: int
    markers: tuple[int, ...]
    polygon: Polygon | None


def areas(frames: Iterable[Frame]) -> tuple[Area, ...]:
    """Every area of which a marker was seen, in the order of their numbers."""
    seen: dict[int, list[NDArray[np.float64]]] = {}
    for frame in frames:
        for marker, corners in outlines(frame.luma).items():
            seen.setdefault(marker, []).append(corners / (frame.width_px, frame.height_px))
    steady = {marker: np.concatenate(places) for marker, places in seen.items() if len(places) >= SEEN_MIN}
    numbers = sorted({_number(marker) for marker in steady})
    return tuple(_area(number, {m: p for m, p in steady.items() if _number(m) == number}) for number in numbers)


def outlines(luma: Luma) -> dict[int, NDArray[np.float64]]:
    """The mask markers in a picture.

    Shapes: each (4, 2), the corners of the black square in pixels.
    """
    family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    chosen = cv2.aruco.DetectorParameters()
    chosen.errorCorrectionRate = 0.5
    wider = np.pad(luma, _BORDER_PX, mode="edge")  # else those at the edge are lost
    corners, numbers, _ = cv2.aruco.ArucoDetector(family, chosen).detectMarkers(wider)
    found = zip([] if numbers is None else numbers.ravel().tolist(), corners, strict=True)
    return {number: quad[0].astype(np.float64) - _BORDER_PX for number, quad in found if number in MASK_IDS}


def _number(marker: int) -> int:
    return (marker - MASK_IDS.start) // AREA_IDS + 1


def _area(number: int, places: dict[int, NDArray[np.float64]]) -> Area:
    markers = tuple(sorted(places))
    if len(markers) < MARKERS_MIN:
        return Area(number, markers, None)
    hull = cv2.convexHull(np.concatenate(list(places.values())).astype(np.float32))[:, 0]
    return Area(number, markers, _outward(hull))


def _outward(hull: NDArray[np.float32]) -> Polygon:
    """Rounded away from the middle, so that rounding never bares an edge, and kept in the picture."""
    middle = hull.mean(axis=0)
    rounded = [
        tuple(
            min(max((math.floor if value < centre else math.ceil)(value * _GRID), 0), _GRID) / _GRID
            for value, centre in zip(corner.tolist(), middle.tolist(), strict=True)
        )
        for corner in hull
    ]
    return tuple((x, y) for x, y in dict.fromkeys(rounded))


def told(found: tuple[Area, ...]) -> str:
    """What the installer copies into the node's config, and what is still missing."""
    lines = []
    for area in found:
        markers = ", ".join(str(marker) for marker in area.markers)
        verdict = "covered" if area.polygon else f"needs {MARKERS_MIN} markers or more: hang up what is missing"
        lines.append(f"# area {area.number}: markers {markers} seen, {verdict}")
    polygons = [area.polygon for area in found if area.polygon]
    body = ",\n".join("  [" + ", ".join(f"[{x}, {y}]" for x, y in polygon) + "]" for polygon in polygons)
    return "\n".join([*lines, f"masks = [\n{body},\n]" if polygons else "masks = []"])
