"""Bodies drawn under the heads: clothes by look, a badge on the chest by role. Made once, at canonical size."""

from __future__ import annotations

import math
from functools import cache
from random import Random
from typing import Final

import cv2
import numpy as np

from contract.badges import OPT_OUT_IDS, SIDE_MM, STAFF_IDS
from edge.scene.heads import CANON_PX, Plane
from edge.scene.script import Role
from edge.values import Luma, Point

FACE_MM: Final = 160.0
# Twice canonical size, so that a badge keeps its modules until the last resize.
FINE: Final = 2
_UNIT: Final = CANON_PX * FINE
_SIZE: Final = (int(3.0 * _UNIT), int(7.2 * _UNIT))
# Where the face's centre is above this canvas' top, and the badge below the face's centre; in faces.
_TOP_FACES: Final = 0.28
_CHEST_FACES: Final = 1.6
_SHIRTS: Final = (46, 70, 96, 128, 158, 190, 214)


def body(look: int, role: Role) -> tuple[Plane, Plane]:
    """Luma and coverage of a body; its face's centre is `anchor` on it.

    Shapes: (1152, 480) float32 each, 0–255 and 0–1.
    """
    chance = Random(look * 7 + 1)
    shirt = 62 if role == "staff" else chance.choice(_SHIRTS)
    luma = np.full((_SIZE[1], _SIZE[0]), shirt, np.uint8)
    alpha = np.zeros((_SIZE[1], _SIZE[0]), np.uint8)
    _neck(luma, alpha, chance)
    _legs(luma, alpha, 30 if shirt > 60 else 84)
    _trunk(luma, alpha, shirt)
    _clothes(luma, shirt, chance)
    shaded = _shaded(luma)
    if role != "visitor":
        _badge(shaded, (STAFF_IDS if role == "staff" else OPT_OUT_IDS).start, chance)
    soft = cv2.GaussianBlur(alpha, (0, 0), 1.2).astype(np.float32) / 255
    return shaded, soft


def anchor(face_px: float) -> Point:
    """Where the face's centre is on a body drawn for a face this wide."""
    return 1.5 * face_px, -_TOP_FACES * face_px


def _at(x_faces: float, y_faces: float) -> tuple[int, int]:
    """From faces, counted from the face's centre, to pixels of the canvas."""
    return round((1.5 + x_faces) * _UNIT), round((y_faces - _TOP_FACES) * _UNIT)


def _shape(luma: Luma, alpha: Luma | None, corners: list[Point], tone: int) -> None:
    points = np.array([_at(x, y) for x, y in corners], np.int32)
    cv2.fillPoly(luma, [points], (tone,), cv2.LINE_AA)
    if alpha is not None:
        cv2.fillPoly(alpha, [points], (255,), cv2.LINE_AA)


def _neck(luma: Luma, alpha: Luma, chance: Random) -> None:
    _shape(luma, alpha, [(-0.25, 0.3), (0.25, 0.3), (0.31, 1.0), (-0.31, 1.0)], chance.randint(120, 160))


def _legs(luma: Luma, alpha: Luma, tone: int) -> None:
    _shape(luma, alpha, [(-0.85, 4.0), (-0.03, 4.0), (-0.10, 7.5), (-0.75, 7.5)], tone)
    _shape(luma, alpha, [(0.85, 4.0), (0.03, 4.0), (0.10, 7.5), (0.75, 7.5)], tone)


def _trunk(luma: Luma, alpha: Luma, shirt: int) -> None:
    """Shoulders, chest and arms in one outline, its corners rounded."""
    half = [(0.22, 0.56), (0.48, 0.68), (0.86, 0.80), (1.08, 1.02), (1.16, 1.5), (1.22, 2.4), (1.26, 3.5)]
    half += [(1.02, 3.56), (0.88, 2.6), (0.84, 3.3), (0.88, 4.2)]
    _shape(luma, alpha, _rounded([*half, *((-x, y) for x, y in reversed(half))]), shirt)


def _rounded(corners: list[Point]) -> list[Point]:
    """Chaikin's corner cutting, twice."""
    for _ in range(2):
        following = (*corners[1:], corners[0])
        corners = [
            (a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part)
            for a, b in zip(corners, following, strict=True)
            for part in (0.25, 0.75)
        ]
    return corners


def _clothes(luma: Luma, shirt: int, chance: Random) -> None:
    """A collar, seams, and a pattern: what keeps a chest from being a flat patch."""
    dark, light = max(0, shirt - 26), min(255, shirt + 30)
    _shape(luma, None, [(-0.24, 0.56), (0.0, 0.98), (0.24, 0.56), (0.14, 0.46), (-0.14, 0.46)], 138)
    for side in (-1, 1):
        _shape(luma, None, [(side * 0.23, 0.54), (side * 0.38, 0.80), (side * 0.03, 1.10), (0.0, 0.96)], light)
        cv2.line(luma, _at(side * 0.84, 1.3), _at(side * 0.87, 2.9), (dark,), 3, cv2.LINE_AA)
    match chance.randrange(4):
        case 0:
            for i in range(14):
                y = 1.3 + 0.2 * i
                cv2.line(luma, _at(-0.84, y), _at(0.84, y), (dark,), 5, cv2.LINE_AA)
        case 1:
            _shape(luma, None, [(-0.12, 1.2), (0.12, 1.2), (0.16, 4.2), (-0.16, 4.2)], light)
        case 2:
            cv2.line(luma, _at(0, 1.2), _at(0, 4.2), (dark,), 4, cv2.LINE_AA)
            for i in range(6):
                cv2.circle(luma, _at(0.05, 1.5 + 0.45 * i), 4, (light,), -1, cv2.LINE_AA)
        case _:
            _shape(luma, None, [(0.25, 2.0), (0.62, 2.0), (0.6, 2.36), (0.27, 2.36)], dark)


def _shaded(luma: Luma) -> Plane:
    """Round towards the sides, a shadow under the chin, a little cloth."""
    xs = (np.arange(_SIZE[0], dtype=np.float32) / _SIZE[0] - 0.5) * 3.0
    ys = np.arange(_SIZE[1], dtype=np.float32)[:, None] / _UNIT + _TOP_FACES
    round_ = 1.06 - 0.22 * xs * xs
    chin = 1 - 0.38 * np.exp(-((ys - 0.66) ** 2) / 0.03) * np.exp(-(xs**2) / 0.12)
    return np.asarray(np.clip(luma * (round_ * chin * _cloth()), 0, 255), np.float32)


@cache
def _cloth() -> Plane:
    grain = np.random.default_rng(3).normal(1.0, 0.02, (_SIZE[1], _SIZE[0])).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grain, (0, 0), 1.5), np.float32)


def _badge(luma: Plane, tag_id: int, chance: Random) -> None:
    """A white card with the printed tag, pinned a little askew, the chest turned a little aside."""
    side = round(SIDE_MM / FACE_MM * _UNIT)
    margin = side // 6
    family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    card = np.full((side + 2 * margin, side + 2 * margin), 238.0, np.float32)
    tag = cv2.aruco.generateImageMarker(family, tag_id, side).astype(np.float32)
    card[margin : margin + side, margin : margin + side] = 20 + tag * (238 - 20) / 255
    tilt, aside = math.radians(chance.uniform(-10, 10)), math.cos(math.radians(chance.uniform(-30, 30)))
    x, y = _at(chance.uniform(-0.35, 0.35), _CHEST_FACES + chance.uniform(-0.15, 0.15))
    turn = np.array([[math.cos(tilt) * aside, -math.sin(tilt)], [math.sin(tilt) * aside, math.cos(tilt)]])
    move = np.column_stack([turn, np.array([x, y]) - turn @ np.full(2, card.shape[0] / 2)])
    where = (luma.shape[1], luma.shape[0])
    cover = cv2.warpAffine(np.ones_like(card), move, where, flags=cv2.INTER_LINEAR)
    luma += (cv2.warpAffine(card, move, where, flags=cv2.INTER_LINEAR) - luma * cover).astype(np.float32)
