"""Frames to faces: BlazeFace full-range on LiteRT, with a second, closer look for faces far away.

Rules:
- Luma only: the model's three channels are filled with it.
- The first look sees the whole picture, the second a piece of it at a finer scale (`edge.eye.regions`): where small
  faces were found lately, and otherwise the next piece of a slow round. It comes with a first look, once in
  `SECOND_LOOK_EVERY_S`, or in `SECOND_LOOK_ELSE_S` while no small face is known, per square's worth of the picture.
- Only faces that the first look is too coarse for, and at a higher score, are taken from a second look.

Left out: who is who over time (`edge.eye.tracks`), and which frames are looked at (`edge.eye.schedule`).

Source: Bazarevsky et al., "BlazeFace", 2019 (arXiv:1907.05047), for the anchors, the regression and the blending
non-maximum suppression; the full-range variant has one 48×48 grid of one anchor each on 192×192 pixels.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from operator import mul
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.errors import ModelError
from edge import manifest
from edge.apart import apart
from edge.eye.regions import (
    COARSE_PX,
    SIDE_PX,
    SQUARE,
    Size,
    View,
    centres,
    first_looks,
    fitted,
    piece,
)
from edge.eye.schedule import Schedule
from edge.ports import Detector
from edge.tflite import Tflite
from edge.values import Face, Frame, Luma

GRID: Final = 48
_CELL_PX: Final = SIDE_PX // GRID
SCORE_MIN: Final = 0.5
OVERLAP_MAX: Final = 0.3
SECOND_LOOK_EVERY_S: Final = 0.3
SECOND_LOOK_ELSE_S: Final = 0.6
SECOND_SCORE_MIN: Final = 0.65
MEMORY_S: Final = 3.0

Floats = NDArray[np.float32]
_ENLARGED: Final = (4, 8, 16)  # the model's pixels in one of the grids that its coarser ones are enlarged to


def anchors(input_px: Size) -> Floats:
    """The middles of the finest grid's cells, row by row. Shapes: (anchors, 2). Units: the model's pixels."""
    wide, high = (side // _CELL_PX for side in input_px)
    middles: Floats = (np.indices((high, wide), np.float32)[::-1].reshape(2, -1).T + np.float32(0.5)) * _CELL_PX
    return middles


_ANCHORS: Final = anchors(SQUARE)


def detect(
    frames: Iterable[Frame], detector: Detector, schedule: Schedule | None = None
) -> Iterator[tuple[Frame, tuple[Face, ...]]]:
    """Each frame with its faces, best score first; those that the schedule does not want looked at are left out."""
    for frame in frames:
        if schedule is not None and not schedule.due(frame):
            continue
        faces = detector.detect(frame)
        if schedule is not None:
            schedule.looked(frame, len(faces))
        yield frame, faces


class BlazeFace:
    """The `Detector` on a BlazeFace full-range file, in floats or in 8-bit integers (`models.facedetector`).

    Shapes: input (1, 192, 192, 3); outputs (1, 2304, 16) and (1, 2304, 1); float32 or int8.
    Raises: ModelError when the file is not known (`edge.manifest`) or not of that form.
    """

    def __init__(self, path: Path, threads: int = 1, *, second_look: bool = True) -> None:
        content = manifest.detector(path)
        apart(lambda: Tflite(path, content=content).invoke(), str(path))
        self.model = Tflite(path, threads, content=content)
        shapes = [tuple(detail["shape"]) for detail in (*self.model.inputs, *self.model.outputs)]
        if shapes != [(1, SIDE_PX, SIDE_PX, 3), (1, GRID * GRID, 16), (1, GRID * GRID, 1)]:
            raise ModelError(f"{path} is no BlazeFace full-range model: run 'python -m models.fetch' again.")
        self._content, self._picture_px = content, (0, 0)
        self._input_px, self._anchors = SQUARE, _ANCHORS
        self._grey = _inputs_of_grey(self.model.inputs[0])
        self._second_look = second_look
        self._small: list[tuple[float, Face]] = []  # faces that only a second look found, with their frame's time
        self._round, self._closer_s = 0, -math.inf

    def detect(self, frame: Frame) -> tuple[Face, ...]:
        if self._picture_px != (frame.width_px, frame.height_px):
            self._fit(frame.width_px, frame.height_px)
        views = self._views()
        found = _merged([self._look(frame.luma, view, SCORE_MIN) for view in views])
        if self._second_look and not 0 <= frame.t_s - self._closer_s < self._closer_every_s():
            found += self._closer(frame, found, views[0].scale)
        return tuple(sorted(found, key=lambda face: -face.score))

    def _fit(self, *picture_px: int) -> None:
        """Gives the model an input of the picture's form, if it is one that can take it."""
        self._picture_px = picture_px[0], picture_px[1]
        wanted = fitted(self._picture_px)
        resized = of_size(self._content, wanted)
        if wanted == self._input_px or resized is None or self.model.inputs[0]["dtype"] != np.float32:
            return
        if self.model.fit(resized, (1, wanted[1], wanted[0], 3)):
            self._input_px, self._anchors = wanted, anchors(wanted)

    def _views(self) -> list[View]:
        if self._input_px == fitted(self._picture_px):
            return [View((0, 0, *self._picture_px), self._input_px)]
        return [View(region, self._input_px) for region in first_looks(*self._picture_px)]

    def _closer_every_s(self) -> float:
        """Looks that see more at once come less often, so that they cost no more."""
        wide, high = self._input_px
        every_s = SECOND_LOOK_EVERY_S if self._small else SECOND_LOOK_ELSE_S
        return every_s * max(wide * high / SIDE_PX**2, 1.0)

    def _closer(self, frame: Frame, found: list[Face], scale: float) -> list[Face]:
        """Small faces that the first look, at this scale, missed, in one piece of the picture."""
        self._closer_s = frame.t_s
        self._small = [(t_s, face) for t_s, face in self._small if frame.t_s - t_s < MEMORY_S]
        more = [
            face
            for face in self._look(frame.luma, self._next(), SECOND_SCORE_MIN)
            if face.box_px[2] < COARSE_PX * scale
            and all(overlap(face.box_px, other.box_px) < OVERLAP_MAX for other in found)
        ]
        self._small += [(frame.t_s, face) for face in more]
        return more

    def _next(self) -> View:
        """Where to look closer: at the small face not looked at for longest, or, every other time, on the round."""
        self._round += 1
        if self._small and self._round % 2:
            return piece(self._input_px, self._picture_px, self._small[0][1].centre_px)
        round_ = centres(self._input_px, self._picture_px)
        at = self._round // 2 if self._small else self._round
        return piece(self._input_px, self._picture_px, round_[at % len(round_)])

    def _look(self, luma: Luma, view: View, score_min: float) -> list[Face]:
        grey = cv2.LUT(view.draw(luma), self._grey)
        cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR, dst=self.model.input[0].view(self._grey.dtype))
        raw, logits = map(_reals, self.model.invoke(), self.model.outputs)
        return [view.placed(face) for face in suppress(*decode(raw[0], logits[0, :, 0], score_min, self._anchors))]


def _inputs_of_grey(detail: dict[str, Any]) -> NDArray[Any]:
    """What the model's input holds for each of the 256 grey levels; 8-bit integers as the bytes they are."""
    reals = np.arange(256, dtype=np.float32) / np.float32(127.5) - 1
    if detail["dtype"] == np.float32:
        return reals
    scale, zero = detail["quantization"]
    held: NDArray[Any] = np.clip(np.round(reals / scale) + zero, -128, 127).astype(np.int8).view(np.uint8)
    return held


def _reals(value: NDArray[Any], detail: dict[str, Any]) -> Floats:
    """An output in floats, whatever the file keeps it in."""
    if value.dtype == np.float32:
        return value
    scale, zero = detail["quantization"]
    reals: Floats = (value.astype(np.float32) - zero) * np.float32(scale)
    return reals


def of_size(content: bytes, input_px: Size) -> bytes | None:
    """The file with its grids made to fit this input, or None when it does not tell their sizes where it is known to.

    All of the model but three numbers goes by its input: those to which it enlarges its coarser grids.
    """
    for step in _ENLARGED:
        told, wanted = (struct.pack("<3i", 8, high // step, wide // step) for wide, high in (SQUARE, input_px))
        if content.count(told) != 1:
            return None
        content = content.replace(told, wanted)
    return content


def _merged(looks: list[list[Face]]) -> list[Face]:
    """The faces of overlapping looks, each once: the better scored of two that are the same."""
    if len(looks) == 1:
        return looks[0]
    found: list[Face] = []
    for face in sorted((face for look in looks for face in look), key=lambda face: -face.score):
        if all(overlap(face.box_px, other.box_px) < OVERLAP_MAX for other in found):
            found.append(face)
    return found


def decode(raw: Floats, logits: Floats, score_min: float, at: Floats = _ANCHORS) -> tuple[Floats, Floats]:
    """The anchors that score enough, best first.

    Shapes: raw (anchors, 16), logits (anchors,) to boxes and keypoints (n, 8, 2) and scores (n,).
    Units: model pixels; row 0 is the top left corner, row 1 width and height, rows 2 to 7 the keypoints.
    """
    keep = (logits >= math.log(score_min / (1 - score_min))).nonzero()[0]
    keep = keep[np.argsort(-logits[keep])]
    points, places = raw[keep].reshape(-1, 8, 2), at[keep]
    points[:, 0] += places - points[:, 1] / 2
    points[:, 2:] += places[:, None]
    return points, (1 / (1 + np.exp(-logits[keep]))).astype(np.float32)


def suppress(points: Floats, scores: Floats) -> list[Face]:
    """Blending non-maximum suppression: what overlaps the best is averaged into it by score.

    Shapes: as `decode` gives them. Units: model pixels.
    """
    left = list(zip(scores.tolist(), points.reshape(-1, 16).tolist(), strict=True))
    faces = []
    while left:
        score, best = left[0]
        same = [one for one in left if one[1] is best or overlap(best, one[1]) > OVERLAP_MAX]
        left = [one for one in left if one not in same]
        weights, rows = zip(*same, strict=True)
        x, y, w, h, *rest = (sum(map(mul, weights, column)) / sum(weights) for column in zip(*rows, strict=True))
        faces.append(Face((x, y, w, h), score, tuple(zip(rest[::2], rest[1::2], strict=True))))
    return faces


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes; what stands behind a box's four numbers is not looked at."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (one[2] * one[3] + other[2] * other[3] - both)
