"""What one zone told over a span, as sums that can be added again: an hour's, a day's, a year's are the same thing.

Rules:
7. Only told hours are in a sum. A withheld hour is counted as withheld and has no number; no sum depends on one.
-  Every sum of visits knows how much noise is in it.
-  How long visits lasted comes from released windows of at least k people, and counts only where the zone's hour was
   told, so that it says nothing of an hour that was withheld.
-  How long it took until somebody went is counted for the whole shop, never by zone or person (`Waits`).

Left out: where the sums are kept (`hub.roll`), and how they are shown (`hub.charts`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import starmap
from operator import add
from typing import Final, get_args

from contract.events import Dwell
from hub.nudge_types import ZoneKey
from hub.views import HourView, NudgeView

SOME, MANY = 20, 50
STAYS: Final[tuple[Dwell, ...]] = get_args(Dwell)
WAITS_UPTO_S: Final = (15, 30, 45, 90)
_TAIL: Final = 2.12  # a single draw's 95 % over its deviation; sums of draws have less (tests/hub/test_tally.py)
Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums of one zone, or of several.

    ``hours``: told hours with fewer than `SOME` visits, fewer than `MANY`, more; and those withheld. ``moods``: visits
    of told hours that read negative, neutral, positive, unknown. ``noise_var``: the variance of the noise in each of
    these. ``stays``: windows by their median dwell. ``nudges``: helped, just browsing, nobody there, gone to without
    an answer, and those to which nobody went.
    """

    hours: Numbers = (0,) * 4
    moods: Numbers = (0,) * 4
    noise_var: float = 0.0
    stays: Numbers = (0,) * len(STAYS)
    nudges: Numbers = (0,) * 5

    @classmethod
    def of_row(cls, row: Sequence[float]) -> Tally:
        """From numbers in the order of `row`."""
        hours, moods, stays, nudges = row[:4], row[4:8], row[9:14], row[14:19]
        return cls(tuple(map(int, hours)), tuple(map(int, moods)), row[8], tuple(map(int, stays)),
                   tuple(map(int, nudges)))  # fmt: skip

    @property
    def row(self) -> tuple[float, ...]:
        return (*self.hours, *self.moods, self.noise_var, *self.stays, *self.nudges)

    @property
    def told(self) -> int:
        """How many hours have numbers."""
        return sum(self.hours[:3])

    @property
    def withheld(self) -> int:
        """How many hours had too few people to say."""
        return self.hours[3]

    @property
    def noise_within(self) -> int:
        """How far each of ``moods`` is from the true sum at most, 19 times in 20."""
        return math.ceil(_TAIL * math.sqrt(self.noise_var))

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            plus(self.hours, other.hours),
            plus(self.moods, other.moods),
            self.noise_var + other.noise_var,
            plus(self.stays, other.stays),
            plus(self.nudges, other.nudges),
        )


@dataclass(frozen=True, slots=True)
class Window:
    """What counts of one released mood window."""

    node: str
    zone: int
    began_s: float
    ended_s: float
    dwell: Dwell


def plus(left: Numbers, right: Numbers) -> Numbers:
    """Column by column."""
    return tuple(starmap(add, zip(left, right, strict=True)))


def noise_var(epsilon: float) -> float:
    """The variance of one released count. Source: discrete Laplace, 2α / (1 − α)² with α = exp(−ε)."""
    alpha = math.exp(-epsilon)
    return 2 * alpha / (1 - alpha) ** 2


def of_hour(hour: HourView) -> Tally:
    """One released or withheld hour."""
    if hour.suppressed:
        return Tally(hours=(0, 0, 0, 1))
    moods = (hour.negative, hour.neutral, hour.positive, hour.unknown)
    visits = sum(moods)
    hours = (int(visits < SOME), int(SOME <= visits < MANY), int(visits >= MANY), 0)
    return Tally(hours, moods, noise_var(hour.epsilon))


def of_nudge(nudge: NudgeView) -> Tally:
    """One nudge that is over, or none of it."""
    if nudge.state in ("open", "taken"):
        return Tally()
    column = {"helped": 0, "browsing": 1, "nobody": 2, None: 4 if nudge.taken_s is None else 3}[nudge.outcome]
    return Tally(nudges=_one(column, 5))


def by_zone(
    hours: Iterable[HourView], nudges: Iterable[NudgeView], windows: Iterable[Window] = ()
) -> dict[ZoneKey, Tally]:
    """The sums of each zone of which anything was told."""
    sums: dict[ZoneKey, Tally] = {}
    told: set[tuple[str, int, int]] = set()
    for hour in hours:
        key = (hour.node, hour.zone)
        sums[key] = sums.get(key, Tally()) + of_hour(hour)
        if not hour.suppressed:
            told.add((*key, hour.hour_start_s // 3600))
    for nudge in nudges:
        key = (nudge.node, nudge.zone)
        sums[key] = sums.get(key, Tally()) + of_nudge(nudge)
    for window in windows:
        touched = (window.began_s, max(window.began_s, window.ended_s - 1))
        if all((window.node, window.zone, int(at_s // 3600)) in told for at_s in touched):
            key = (window.node, window.zone)
            sums[key] += Tally(stays=_one(STAYS.index(window.dwell), len(STAYS)))
    return sums


def waits(nudges: Iterable[NudgeView]) -> Numbers:
    """How many nudges somebody went to within each of `WAITS_UPTO_S`, and later."""
    sums = [0] * (len(WAITS_UPTO_S) + 1)
    for nudge in nudges:
        if nudge.taken_s is not None:
            wait_s = nudge.taken_s - nudge.opened_s
            sums[sum(wait_s > upto_s for upto_s in WAITS_UPTO_S)] += 1
    return tuple(sums)


def _one(column: int, width: int) -> Numbers:
    return tuple(int(place == column) for place in range(width))
