"""Frames to faces: BlazeFace full-range on LiteRT, with a second, closer look for faces far away.

Rules:
- Luma only: the model's three channels are filled with it.
- The first look sees the whole picture, in squares where it is wide: letterboxed whole, 640×360 leaves a 44-pixel
  face only 13 of the model's pixels, which is where it begins to miss.
- The second look sees one square at a finer scale: where small faces were found lately, and otherwise the next square
  of a slow round. It comes with a first look, once in `SECOND_LOOK_EVERY_S`, or in
  `SECOND_LOOK_ELSE_S` while no small face is known.
- Only faces that the first look is too coarse for, and at a higher score, are taken from a second look.

Left out: who is who over time (`edge.eye.tracks`), and which frames are looked at (`edge.eye.schedule`).

Source: Bazarevsky et al., "BlazeFace", 2019 (arXiv:1907.05047), for the anchors, the regression and the blending
non-maximum suppression; the full-range variant has one 48×48 grid of one anchor each on 192×192 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import mul
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.errors import ModelError
from edge import manifest
from edge.apart import apart
from edge.eye.schedule import Schedule
from edge.ports import Detector
from edge.tflite import Tflite
from edge.values import Face, Frame, Luma

SIDE_PX: Final = 192
GRID: Final = 48
SCORE_MIN: Final = 0.5
OVERLAP_MAX: Final = 0.3
WHOLE_MAX_PX: Final = 512
SECOND_LOOK_EVERY_S: Final = 0.3
SECOND_LOOK_ELSE_S: Final = 0.6
SECOND_SCORE_MIN: Final = 0.65
SECOND_SIDE_PX: Final = 224  # source pixels across: a 20-pixel face is then 17 of the model's
COARSE_PX: Final = 14.0  # a face this wide in the model's pixels is surely found by the first look
MEMORY_S: Final = 3.0

Floats = NDArray[np.float32]
_ANCHORS: Final = (np.indices((GRID, GRID), np.float32)[::-1].reshape(2, -1).T + np.float32(0.5)) * (SIDE_PX / GRID)
Region = tuple[int, int, int, int]  # left, top, width, height in source pixels


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
        self._grey = _inputs_of_grey(self.model.inputs[0])
        self._second_look = second_look
        self._small: list[tuple[float, Face]] = []  # faces that only a second look found, with their frame's time
        self._round, self._closer_s = 0, -math.inf

    def detect(self, frame: Frame) -> tuple[Face, ...]:
        regions = first_looks(frame.width_px, frame.height_px)
        looks = [self._look(frame.luma, region, SCORE_MIN) for region in regions]
        found = looks[0] if len(looks) == 1 else _merged(looks)
        every_s = SECOND_LOOK_EVERY_S if self._small else SECOND_LOOK_ELSE_S
        if self._second_look and not 0 <= frame.t_s - self._closer_s < every_s:
            found += self._closer(frame, found)
        return tuple(sorted(found, key=lambda face: -face.score))

    def _closer(self, frame: Frame, found: list[Face]) -> list[Face]:
        """Small faces that the first look missed, in one square of the picture."""
        self._closer_s = frame.t_s
        self._small = [(t_s, face) for t_s, face in self._small if frame.t_s - t_s < MEMORY_S]
        square = self._square(frame)
        coarse_px = COARSE_PX * max(first_looks(frame.width_px, frame.height_px)[0][2:]) / SIDE_PX
        more = [
            face
            for face in self._look(frame.luma, square, SECOND_SCORE_MIN)
            if face.box_px[2] < coarse_px and all(overlap(face.box_px, other.box_px) < OVERLAP_MAX for other in found)
        ]
        self._small += [(frame.t_s, face) for face in more]
        return more

    def _square(self, frame: Frame) -> Region:
        """Where to look closer: at the small face not looked at for longest, or, every other time, on the round."""
        side = min(SECOND_SIDE_PX, frame.width_px, frame.height_px)
        columns, rows = -(-frame.width_px // side), -(-frame.height_px // side)
        self._round += 1
        if self._small and self._round % 2:
            x, y = self._small[0][1].centre_px
            left, top = round(x - side / 2), round(y - side / 2)
        else:
            cell = (self._round // 2 if self._small else self._round) % (columns * rows)
            left = (cell % columns) * (frame.width_px - side) // max(columns - 1, 1)
            top = (cell // columns) * (frame.height_px - side) // max(rows - 1, 1)
        left, top = min(max(left, 0), frame.width_px - side), min(max(top, 0), frame.height_px - side)
        return left, top, side, side

    def _look(self, luma: Luma, region: Region, score_min: float) -> list[Face]:
        square, left_px, top_px, scale = letterbox(luma, region)
        grey = cv2.LUT(square, self._grey)
        cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR, dst=self.model.input[0].view(self._grey.dtype))
        raw, logits = map(_reals, self.model.invoke(), self.model.outputs)
        faces = suppress(*decode(raw[0], logits[0, :, 0], score_min))
        return [_placed(face, left_px, top_px, scale) for face in faces]


def letterbox(luma: Luma, region: Region) -> tuple[Luma, float, float, float]:
    """A region as the model sees it, black where it is not square; where its corner lies, and how wide its pixels are.

    Shapes: (192, 192) uint8. Units: source pixels.
    """
    left, top, width, height = region
    scale = SIDE_PX / max(width, height)
    inner_w, inner_h = round(width * scale), round(height * scale)
    pad_x, pad_y = (SIDE_PX - inner_w) // 2, (SIDE_PX - inner_h) // 2
    square = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    inner = square[pad_y : pad_y + inner_h, pad_x : pad_x + inner_w]
    cv2.resize(luma[top : top + height, left : left + width], (inner_w, inner_h), dst=inner)
    return square, left - pad_x / scale, top - pad_y / scale, 1 / scale


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


def first_looks(width_px: int, height_px: int) -> list[Region]:
    """The whole picture, or the squares that cover it where it is wider or higher than `WHOLE_MAX_PX`."""
    short, long = sorted((width_px, height_px))
    if long <= WHOLE_MAX_PX:
        return [(0, 0, width_px, height_px)]
    squares = -(-long // short)
    starts = [round(i * (long - short) / max(squares - 1, 1)) for i in range(squares)]
    return [(at, 0, short, short) if width_px >= height_px else (0, at, short, short) for at in starts]


def _merged(looks: list[list[Face]]) -> list[Face]:
    """The faces of overlapping looks, each once: the better scored of two that are the same."""
    found: list[Face] = []
    for face in sorted((face for look in looks for face in look), key=lambda face: -face.score):
        if all(overlap(face.box_px, other.box_px) < OVERLAP_MAX for other in found):
            found.append(face)
    return found


def decode(raw: Floats, logits: Floats, score_min: float) -> tuple[Floats, Floats]:
    """The anchors that score enough, best first.

    Shapes: raw (2304, 16), logits (2304,) to boxes and keypoints (n, 8, 2) and scores (n,).
    Units: model pixels; row 0 is the top left corner, row 1 width and height, rows 2 to 7 the keypoints.
    """
    keep = (logits >= math.log(score_min / (1 - score_min))).nonzero()[0]
    keep = keep[np.argsort(-logits[keep])]
    points, anchors = raw[keep].reshape(-1, 8, 2), _ANCHORS[keep]
    points[:, 0] += anchors - points[:, 1] / 2
    points[:, 2:] += anchors[:, None]
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


def _placed(face: Face, left_px: float, top_px: float, scale: float) -> Face:
    """The face in source pixels."""
    x, y, w, h = face.box_px
    return replace(
        face,
        box_px=(left_px + x * scale, top_px + y * scale, w * scale, h * scale),
        keypoints_px=tuple((left_px + px * scale, top_px + py * scale) for px, py in face.keypoints_px),
    )
