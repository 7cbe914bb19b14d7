"""Who walks where and when: pure functions of the script and the time, no pixels.

Rules:
- Everything about a shopper at time t follows from the two alone, so
  that any moment can be asked for, in any order, and a seed always gives the same day.
- Sizes follow one simple camera, 2 m above the floor: the nearer a shopper, the wider and the lower the face.

Left out: what it looks like (`edge.scene.render`) and what it proves (`edge.scene.truth`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Final, Literal

from contract.events import ZoneSpec
from edge.values import Box, Point

WIDTH_PX: Final = 640
HEIGHT_PX: Final = 360

Role = Literal["visitor", "staff", "opted_out"]

CERAMICS, TEXTILES, TILL = 0, 1, 2
ZONES: Final[tuple[ZoneSpec, ...]] = (
    ZoneSpec(id=CERAMICS, name="Ceramics", polygon=((0.0, 0.0), (0.28, 0.0), (0.28, 1.0), (0.0, 1.0))),
    ZoneSpec(id=TEXTILES, name="Textiles", polygon=((0.28, 0.0), (0.8, 0.0), (0.8, 1.0), (0.28, 1.0))),
    ZoneSpec(id=TILL, name="Till", polygon=((0.8, 0.0), (1.0, 0.0), (1.0, 1.0), (0.8, 1.0))),
)

_STEP_FACES_PER_S: Final = 2.2
_IMPATIENCE_RISE_S: Final = 10.0
_OUTSIDE: Final = 0.16


@dataclass(frozen=True, slots=True)
class Stop:
    """One place where a shopper stands.

    Units: ``x`` fraction of the picture's width; ``face_px`` width of the face there; ``patience_s`` after how
    long here help is needed, None when it is not.
    """

    x: float
    face_px: float
    stay_s: float
    searching: bool = False
    patience_s: float | None = None


@dataclass(frozen=True, slots=True)
class Shopper:
    """One person of the cast; ``look`` chooses the head, the light on it and the clothes."""

    who: str
    look: int
    enter_s: float
    stops: tuple[Stop, ...]
    role: Role = "visitor"
    from_left: bool = True
    leaves_left: bool = True


@dataclass(frozen=True, slots=True)
class Pose:
    """One person at one moment.

    Units: ``centre_px`` of the face; ``face_px`` its width; ``yaw`` −1 (to the picture's left) to 1;
    ``impatience`` 0 to 1.
    """

    shopper: Shopper
    centre_px: Point
    face_px: float
    yaw: float
    impatience: float
    needs_help: bool

    @property
    def box_px(self) -> Box:
        x, y = self.centre_px
        return x - self.face_px / 2, y - self.face_px / 2, self.face_px, self.face_px


@dataclass(frozen=True, slots=True)
class Script:
    """Chapters of equal length without end, each beginning and ending with an empty shop.

    ``cast`` gives the shoppers of the n-th chapter, their times counted from its start; it must be pure.
    """

    chapter_s: float
    cast: Callable[[int], tuple[Shopper, ...]]

    def poses(self, t_s: float) -> tuple[Pose, ...]:
        """Everyone in the picture at this moment, the farthest first."""
        chapter = int(t_s // self.chapter_s)
        here_s = t_s - chapter * self.chapter_s
        found = (pose(shopper, here_s) for shopper in self.cast(chapter))
        return tuple(sorted((p for p in found if p is not None), key=lambda p: p.face_px))


def script_of(cast: Sequence[Shopper]) -> Script:
    """A script for a hand-made cast, played again and again."""
    shoppers = tuple(cast)
    return Script(max((leaves_s(s) for s in shoppers), default=60.0) + 2.0, lambda _: shoppers)


def face_y_px(face_px: float) -> float:
    """Where a face of this width stands in the picture."""
    return 3.0 * face_px - 10.0


def leaves_s(shopper: Shopper) -> float:
    """When the shopper has left the picture."""
    return _legs(shopper)[-1].end_s


@dataclass(frozen=True, slots=True)
class _Leg:
    """From one place to another (``stop`` None), or standing at a stop."""

    start_s: float
    end_s: float
    x0: float
    x1: float
    face0_px: float
    face1_px: float
    stop: Stop | None


@lru_cache(maxsize=1024)
def _legs(shopper: Shopper) -> tuple[_Leg, ...]:
    first, last = shopper.stops[0], shopper.stops[-1]
    t_s, legs = shopper.enter_s, []
    x, face_px = (-_OUTSIDE if shopper.from_left else 1 + _OUTSIDE), first.face_px
    out = Stop(-_OUTSIDE if shopper.leaves_left else 1 + _OUTSIDE, last.face_px, 0.0)
    for stop in (*shopper.stops, out):
        walk_s = abs(stop.x - x) * WIDTH_PX / (_STEP_FACES_PER_S * (face_px + stop.face_px) / 2)
        walk_s = max(walk_s, abs(stop.face_px - face_px) / 8.0, 0.1)
        legs.append(_Leg(t_s, t_s + walk_s, x, stop.x, face_px, stop.face_px, None))
        t_s += walk_s
        if stop.stay_s > 0:
            legs.append(_Leg(t_s, t_s + stop.stay_s, stop.x, stop.x, stop.face_px, stop.face_px, stop))
            t_s += stop.stay_s
        x, face_px = stop.x, stop.face_px
    return tuple(legs)


def pose(shopper: Shopper, t_s: float) -> Pose | None:
    """Where and how this person is at this moment, or None when not in the shop."""
    for leg in _legs(shopper):
        if leg.start_s <= t_s < leg.end_s:
            return _walking(shopper, leg, t_s) if leg.stop is None else _standing(shopper, leg, leg.stop, t_s)
    return None


def _walking(shopper: Shopper, leg: _Leg, t_s: float) -> Pose:
    part = (t_s - leg.start_s) / (leg.end_s - leg.start_s)
    along = part * part * (3 - 2 * part)
    face_px = leg.face0_px + (leg.face1_px - leg.face0_px) * along
    x = leg.x0 + (leg.x1 - leg.x0) * along
    heading = (leg.x1 > leg.x0) - (leg.x1 < leg.x0)
    bob_px = 0.05 * face_px * abs(math.sin(5.0 * (t_s - leg.start_s)))
    turned = 0.5 * heading * math.sin(math.pi * part)
    return Pose(shopper, (x * WIDTH_PX, face_y_px(face_px) - bob_px), face_px, turned, 0.0, False)


def _standing(shopper: Shopper, leg: _Leg, stop: Stop, t_s: float) -> Pose:
    here_s = t_s - leg.start_s
    habit = Random(shopper.look)
    phase, slow = habit.uniform(0, 2 * math.pi), habit.uniform(0.45, 0.75)
    calm = 0.34 * math.sin(slow * here_s + phase) + 0.14 * math.sin(2.3 * slow * here_s + 2 * phase)
    swing = 0.85 * math.sin(2.0 * here_s + phase) + 0.1 * math.sin(0.7 * here_s)
    settle = min(1.0, here_s / 1.5, (leg.end_s - t_s) / 1.5)
    sway_px = 0.10 * stop.face_px * math.sin(0.37 * here_s + phase) * settle
    late_s = -1.0 if stop.patience_s is None else here_s - stop.patience_s
    centre_px = (stop.x * WIDTH_PX + sway_px, face_y_px(stop.face_px) + 0.15 * sway_px)
    yaw = max(-1.0, min(1.0, (swing if stop.searching else calm))) * settle
    rise = max(0.0, min(1.0, late_s / _IMPATIENCE_RISE_S))
    return Pose(shopper, centre_px, stop.face_px, yaw, rise * rise * (3 - 2 * rise), late_s >= 0)
