"""How the eye's cost grows with people, with the size of the picture, and with the camera's rate.

Rules: one thread; three seconds of a drawn shop in which people stand and sway; cost is the processor's time for one
second of it, so that what else the machine does counts little; the least of the passes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edge.clock import ClipClock
from edge.config import NodeConfig
from edge.eye.affect import TfliteAffect
from edge.eye.faces import BlazeFace
from edge.eye.gate import Budget, Gate, Spent
from edge.eye.meter import Meter
from edge.eye.pipeline import Senses, look
from edge.eye.tags import TagReader
from edge.fakes import FakeCamera
from edge.scene.render import Painter
from edge.scene.script import Pose, Shopper
from edge.values import Face, Frame, Luma

PEOPLE: Final = (0, 1, 2, 5, 10, 20)
WIDTHS_PX: Final = (320, 640, 960, 1280, 1920)
RATES_FPS: Final = (5.0, 10.0, 15.0, 30.0, 60.0)
USUAL: Final = (5, 640, 15.0)  # people, width and rate of what the others are varied from
SECONDS: Final = 3.0
PASSES: Final = 3
_FACE_PX, _ROW = 44.0, 5
_AT_PX: Final = ((66.0, 70.0), (128.0, 202.0))  # of the first face in each of two rows; further ones stand between


@dataclass(frozen=True, slots=True)
class Cost:
    """Units: ``ms_per_s`` milliseconds of one core for a second of the shop; ``found`` and ``read`` faces a look."""

    people: int
    width_px: int
    fps: float
    looks_per_s: float
    found: float
    read: float
    ms_per_s: float


@dataclass(slots=True)
class _Counted:
    """A detector whose looks and faces are counted."""

    detector: BlazeFace
    looks: int = 0
    faces: int = 0

    def detect(self, frame: Frame) -> tuple[Face, ...]:
        found = self.detector.detect(frame)
        self.looks, self.faces = self.looks + 1, self.faces + len(found)
        return found


def measure(passes: int = PASSES) -> list[Cost]:
    """Every row. Raises: CameraError when a portrait is missing; ModelError when a model is."""
    cv2.setNumThreads(1)
    people, width_px, fps = USUAL
    rows = [(count, width_px, fps) for count in PEOPLE]
    rows += [(people, width, fps) for width in WIDTHS_PX if width != width_px]
    rows += [(people, width_px, rate) for rate in RATES_FPS if rate != fps]
    painter = Painter()
    return [cost(painter, *row, passes) for row in rows]


def cost(painter: Painter, people: int, width_px: int, fps: float, passes: int) -> Cost:
    """One row."""
    pictures = list(_pictures(painter, people, width_px, fps))
    return min((_pass(pictures, people, fps) for _ in range(passes)), key=lambda one: one.ms_per_s)


def _pictures(painter: Painter, people: int, width_px: int, fps: float) -> Iterator[Luma]:
    for tick in range(int(SECONDS * fps)):
        picture = painter.paint([_pose(number, tick / fps) for number in range(people)], tick)
        yield np.asarray(cv2.resize(picture, (width_px, width_px * 9 // 16)), np.uint8)


def _pose(number: int, t_s: float) -> Pose:
    row, between = number // _ROW % 2, number // (2 * _ROW)
    x, y = _AT_PX[row]
    x += 124.0 * (number % _ROW) + 62.0 * between + 2 * math.sin(2 * t_s + number)
    return Pose(Shopper(str(number), number, 0.0, ()), (x, y), _FACE_PX, 0.0, 0.0, False)


def _pass(pictures: list[Luma], people: int, fps: float) -> Cost:
    config, meter = NodeConfig(node="bench"), Meter()
    counted = _Counted(BlazeFace(config.models.faces))
    counted.detector.detect(Frame(0, -60.0, pictures[0]))  # the first look also plans the model's memory
    senses = Senses(FakeCamera(pictures, fps), counted, TagReader(), TfliteAffect(config.models.affect), ClipClock())
    gate = Gate(config.privacy, config.need.usual_dwell_s, {}, config.version, Budget(), Spent())
    began_s = time.process_time()
    for _ in look(senses, config, gate, meter, flush=True):
        pass
    ms = 1000 * (time.process_time() - began_s) / SECONDS
    looks = max(counted.looks, 1)
    read = (meter.faces["read"] + meter.faces["not sure"]) / looks
    return Cost(people, pictures[0].shape[1], fps, counted.looks / SECONDS, counted.faces / looks, read, ms)


def table(rows: list[Cost]) -> str:
    """As Markdown."""
    head = "| people | picture | frames/s | looks/s | faces found a look | read a look | ms of one core a second |"
    lines = [
        f"| {one.people} | {one.width_px}×{one.width_px * 9 // 16} | {one.fps:.0f} | {one.looks_per_s:.1f} |"
        f" {one.found:.1f} | {one.read:.1f} | {one.ms_per_s:.0f} |"
        for one in rows
    ]
    return "\n".join([head, "| --- " * 7 + "|", *lines])
