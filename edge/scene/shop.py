"""The empty shop, drawn once: a wall of shelves, a floor of planks, a sign over each zone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from random import Random
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.scene.script import HEIGHT_PX, WIDTH_PX, ZONES
from edge.values import Luma, Point

_FINE: Final = 2
_WALL_FOOT: Final = 262
_BOARDS: Final = (118, 164, 210)

Canvas = NDArray[np.uint8]


def empty_shop() -> Luma:
    """The picture with nobody in it.

    Shapes: (360, 640) uint8.
    """
    canvas = np.full((HEIGHT_PX * _FINE, WIDTH_PX * _FINE), 178, np.uint8)
    chance = Random(20)
    _wall(canvas)
    _floor(canvas, chance)
    _ceramics(canvas, chance)
    _textiles(canvas, chance)
    _till(canvas)
    for zone in ZONES:
        xs = [x for x, _ in zone.polygon]
        _sign(canvas, zone.name.upper(), (min(xs) + max(xs)) / 2 * WIDTH_PX)
    picture = cv2.resize(canvas, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    return _lit(np.asarray(picture, np.uint8))


def _xy(x: float, y: float) -> tuple[int, int]:
    return round(x * _FINE), round(y * _FINE)


def _block(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, tone: int) -> None:
    cv2.rectangle(canvas, _xy(x0, y0), _xy(x1, y1), (tone,), -1, cv2.LINE_AA)


def _patch(canvas: Canvas, corners: Sequence[Point], tone: int) -> None:
    points = np.array([_xy(x, y) for x, y in corners], np.int32)
    cv2.fillPoly(canvas, [points], (tone,), cv2.LINE_AA)


def _wall(canvas: Canvas) -> None:
    for y in range(_WALL_FOOT):
        _block(canvas, 0, y, WIDTH_PX, y + 1, int(198 - 34 * y / _WALL_FOOT))
    _block(canvas, 0, _WALL_FOOT - 8, WIDTH_PX, _WALL_FOOT, 120)


def _floor(canvas: Canvas, chance: Random) -> None:
    """Planks that run towards a point above the wall's foot."""
    apex = (WIDTH_PX / 2, -60.0)
    edges = [-420 + 44 * i for i in range(36)]

    def up(x: float) -> float:
        return apex[0] + (x - apex[0]) * (_WALL_FOOT - apex[1]) / (HEIGHT_PX - apex[1])

    for x0, x1 in itertools.pairwise(edges):
        corners = [(up(x0), _WALL_FOOT), (up(x1), _WALL_FOOT), (x1, HEIGHT_PX), (x0, HEIGHT_PX)]
        _patch(canvas, corners, chance.randint(112, 136))
        cv2.line(canvas, _xy(up(x0), _WALL_FOOT), _xy(x0, HEIGHT_PX), (96,), 1, cv2.LINE_AA)


def _bookcase(canvas: Canvas, x0: float, x1: float) -> None:
    _block(canvas, x0, 66, x1, _WALL_FOOT - 4, 92)
    _block(canvas, x0 + 4, 70, x1 - 4, _WALL_FOOT - 4, 116)
    for y in (*_BOARDS, _WALL_FOOT - 8):
        _block(canvas, x0 + 4, y, x1 - 4, y + 4, 168)
        _block(canvas, x0 + 4, y + 4, x1 - 4, y + 7, 84)


def _vase(canvas: Canvas, x: float, foot: float, high: float, wide: float, kind: int, tone: int) -> None:
    """One pot by its outline, a highlight along one side."""
    profiles = (
        (0.45, 0.8, 1.0, 0.9, 0.55, 0.35, 0.5),
        (0.7, 0.9, 1.0, 1.0, 1.0, 0.95, 1.0),
        (0.5, 0.6, 0.7, 0.8, 0.9, 0.98, 1.0),
        (0.6, 1.0, 0.9, 0.5, 0.3, 0.28, 0.4),
    )
    profile = profiles[kind]
    right = [(x + wide / 2 * r, foot - high * i / 6) for i, r in enumerate(profile)]
    left = [(x - wide / 2 * r, foot - high * i / 6) for i, r in reversed(list(enumerate(profile)))]
    _patch(canvas, [*right, *left], tone)
    shine = [(x - wide / 2 * r * 0.55, foot - high * i / 6) for i, r in enumerate(profile)]
    back = [(x - wide / 2 * r * 0.25, foot - high * i / 6) for i, r in reversed(list(enumerate(profile)))]
    _patch(canvas, [*shine, *back], min(255, tone + 34))
    cv2.line(
        canvas, _xy(x - wide * 0.4, foot - high * 0.4), _xy(x + wide * 0.4, foot - high * 0.4), (max(0, tone - 40),), 2
    )


def _ceramics(canvas: Canvas, chance: Random) -> None:
    _bookcase(canvas, 10, 168)
    for foot in (*_BOARDS, _WALL_FOOT - 8):
        x = 28.0
        while x < 154:
            wide = chance.uniform(14, 24)
            _vase(canvas, x, foot, chance.uniform(18, 34), wide, chance.randrange(4), chance.randint(70, 226))
            x += wide + chance.uniform(4, 9)


def _textiles(canvas: Canvas, chance: Random) -> None:
    """Folded stacks on boards, and lengths of cloth that hang from a rail."""
    _bookcase(canvas, 196, 352)
    for foot in (*_BOARDS, _WALL_FOOT - 8):
        x = 204.0
        while x < 326:
            wide = chance.uniform(22, 30)
            layers = chance.randint(3, 5)
            for i in range(layers):
                tone = chance.randint(80, 230)
                y = foot - 6.5 * (i + 1)
                _block(canvas, x, y, x + wide, y + 5.5, tone)
                cv2.ellipse(canvas, _xy(x + wide, y + 2.7), (5, 6), 0, 0, 360, (max(0, tone - 18),), -1, cv2.LINE_AA)
            x += wide + chance.uniform(5, 9)
    cv2.line(canvas, _xy(366, 74), _xy(502, 74), (70,), 5, cv2.LINE_AA)
    for i in range(5):
        _hanging(canvas, 372 + 26 * i, 75, 22, chance.uniform(110, 168), chance.randint(90, 220), i % 3)


def _hanging(canvas: Canvas, x: float, y: float, wide: float, high: float, tone: int, kind: int) -> None:
    for i in range(int(wide)):
        fold = int(tone * (1 + 0.14 * math.sin(i * 0.9)))
        _block(canvas, x + i, y, x + i + 1, y + high, min(255, fold))
    if kind == 0:
        for band in range(6):
            _block(canvas, x, y + high * band / 6 + 6, x + wide, y + high * band / 6 + 10, max(0, tone - 50))
    elif kind == 1:
        for dot in range(8):
            centre = _xy(x + wide * (0.3 + 0.4 * (dot % 2)), y + high * (dot + 0.5) / 8)
            cv2.circle(canvas, centre, 6, (min(255, tone + 40),), -1, cv2.LINE_AA)


def _till(canvas: Canvas) -> None:
    """A counter with a screen on it, and a board with the day's offers behind."""
    _block(canvas, 534, 66, 626, 126, 66)
    _block(canvas, 538, 70, 622, 122, 48)
    for i, text in enumerate(("linen   24", "bowl     9", "throw   38")):
        cv2.putText(canvas, text, _xy(546, 86 + 15 * i), cv2.FONT_HERSHEY_SIMPLEX, 0.62, (206,), 1, cv2.LINE_AA)
    _block(canvas, 516, 206, 640, 214, 196)
    _block(canvas, 522, 214, 640, _WALL_FOOT, 104)
    for x in range(530, 640, 18):
        cv2.line(canvas, _xy(x, 216), _xy(x, _WALL_FOOT - 2), (88,), 2, cv2.LINE_AA)
    _block(canvas, 584, 166, 618, 192, 40)
    _block(canvas, 587, 169, 615, 189, 150)
    _patch(canvas, [(598, 192), (604, 192), (608, 206), (594, 206)], 56)
    _vase(canvas, 540, 206, 22, 16, 2, 190)
    for lean in (-9, -4, 1, 6, 10):
        cv2.line(canvas, _xy(540, 186), _xy(540 + lean, 166 + abs(lean)), (78,), 5, cv2.LINE_AA)


def _sign(canvas: Canvas, text: str, x: float) -> None:
    scale, thick = 0.8, 2
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, scale, thick)
    half = wide / 2 / _FINE + 12
    for side in (-0.7, 0.7):
        cv2.line(canvas, _xy(x + side * half, 0), _xy(x + side * half, 18), (110,), 2, cv2.LINE_AA)
    _block(canvas, x - half, 16, x + half, 40, 44)
    _block(canvas, x - half + 1.5, 17.5, x + half - 1.5, 38.5, 236)
    place = (round(x * _FINE - wide / 2), round(28 * _FINE + high / 2))
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_DUPLEX, scale, (40,), thick, cv2.LINE_AA)


def _lit(picture: NDArray[np.uint8]) -> Luma:
    """Lamps above each zone, darker corners."""
    ys, xs = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float32)
    light = 0.86 + sum(0.16 * np.exp(-(((xs - x) / 120) ** 2) - ((ys - 60) / 150) ** 2) for x in (90, 346, 576))
    corner = 1 - 0.16 * (((xs - WIDTH_PX / 2) / WIDTH_PX * 2) ** 2) * ((ys - HEIGHT_PX / 2) / HEIGHT_PX * 2) ** 2
    soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.float32)
    return np.asarray(np.clip(soft * light * corner, 0, 255), np.uint8)
