"""Does nudging help? A randomised hold-out, and a difference that may be looked at on any day. Pure.

Rules:
- Whether a zone is held out in an hour is drawn by a keyed hash of (node, zone, hour): nobody without the key can tell
  it beforehand, and with the key it is the same every time. The share, the smallest effect that the owner cares about
  and the outcome are fixed when an experiment begins.
- The unit is a zone in an hour. Its outcome is that of the first need in it that was or would have been a nudge: what
  comes later in the hour may itself be due to the nudge.
- Both arms are measured by one clock, from what cameras say: seconds from that need until the zone's level is 0, at
  most `LIMIT_S`. How a nudge ended says nothing here.
- The confidence sequence holds at every moment at once, from the draw and the bounds of the outcome alone: no normal
  distribution, no equal days, no fixed length. What it covers is the effect averaged over the hours so far.
- No outcome is of a person, on either side.

Left out: rows and measuring (`hub.experiment_rows`), the engine's held needs (`hub.nudge`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

HOUR_S: Final = 3_600
DAY_S: Final = 86_400
LIMIT_S: Final = 300.0
ALPHA: Final = 0.05
SHARES: Final = (0.1, 0.2, 0.3)
SMALLEST_S: Final = (10, 20, 30, 60)
FEWEST: Final = 10
DAYS_MAX: Final = 3_650
UNITS_MAX: Final = 50_000
_LAMBDA_MAX: Final = 0.75
_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Which zones are left without nudges in which hour. Units: ``began_s`` since the epoch, ``share`` 0 to 1."""

    key: bytes
    share: float
    began_s: float = 0.0

    def holds(self, zone: tuple[str, int], at_s: float) -> bool:
        """Whether a need of this zone at this moment is held."""
        if at_s < self.began_s:
            return False
        hour = f"{zone[0]}/{zone[1]}/{hour_of(at_s)}".encode()
        drawn = hashlib.blake2b(hour, key=self.key, digest_size=_BITS // 8).digest()
        return int.from_bytes(drawn) < int(self.share * 2.0**_BITS)


@dataclass(frozen=True, slots=True)
class Unit:
    """One zone in one hour: its arm, and its outcome as a part of the span that it may have (0 to 1). Or the shop in
    one hour: the part of its zones that was held."""

    hour_s: int
    held: float
    outcome: float


@dataclass(frozen=True, slots=True)
class Sure:
    """Nudged minus held, and the bounds of it, as parts of the outcome's span; ``spread`` is of one unit's score."""

    effect: float
    low: float
    high: float
    nudged: int
    held: int
    spread: float

    @property
    def units(self) -> int:
        return self.nudged + self.held


def hour_of(at_s: float) -> int:
    """The start of the hour in which a moment lies."""
    return int(at_s // HOUR_S) * HOUR_S


class Sequence:
    """The effect of nudging with a confidence sequence: an inverse-probability score a unit, centred by the mean of
    the outcomes before it, and the predictable plug-in empirical-Bernstein bound on their weighted mean.

    A score lies in a span of 1 / smaller share, wherever its centre is between the shares; all sums are of the score
    times the smaller share, so that they lie in 0 to 1. Where a unit has several zones, its score is the mean of
    theirs: it lies in the same span, and its mean over the lot is the effect of nudging one of them.

    Source: Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024),
    theorem 2 and equation 15; Howard, Ramdas, McAuliffe and Sekhon, Time-uniform, nonparametric, nonasymptotic
    confidence sequences, Annals of Statistics 49 (2021), section 4.2, for scores of randomised units.
    """

    def __init__(self, share: float, alpha: float = ALPHA) -> None:
        self._share, self._small, self._log = share, min(share, 1 - share), math.log(2 / alpha)
        self._units, self._held = 0, 0.0
        self._outcomes = self._scores = 0.0
        self._squares = 0.25
        self._weights = self._weighted = self._width = 0.0
        self.weight = 0.0

    def take(self, held: float, outcome: float) -> None:
        """One unit more, in order of time. ``weight`` is then its weight in the mean that is covered."""
        count = self._units
        centre = (0.5 + self._outcomes) / (count + 1)
        centre = min(max(centre, self._small), 1 - self._small)
        score = self._small * (outcome - centre) * ((1 - held) / (1 - self._share) - held / self._share)
        expected = min(max(self._scores / (count + 1), -self._small), self._small)
        self.weight = min(_LAMBDA_MAX, _weight(self._log, self._squares / (count + 1), count + 1))
        self._weights += self.weight
        self._weighted += self.weight * score
        self._width += (score - expected) ** 2 * (-math.log1p(-self.weight) - self.weight)
        self._scores += score
        self._outcomes += outcome
        self._squares += (score - self._scores / (count + 2)) ** 2
        self._units += 1
        self._held += held

    def sure(self) -> Sure:
        """What is known now."""
        spread = math.sqrt(self._squares / (self._units + 1))
        if not self._weights:
            return Sure(0.0, -1.0, 1.0, 0, 0, spread)
        effect = self._weighted / self._weights / self._small
        half = (self._log + self._width) / self._weights / self._small
        return Sure(
            min(max(effect, -1.0), 1.0), min(max(effect - half, -1.0), 1.0), max(min(effect + half, 1.0), -1.0),
            self._units - round(self._held), round(self._held), spread,
        )  # fmt: skip

    def units_until(self, half: float) -> int | None:
        """How many units more until the bounds are this near to the effect, if they vary as they did; None where that
        is further than can be said."""
        count, weights, width = self._units, self._weights, self._width
        variance = self._squares / (count + 1)
        for more in range(UNITS_MAX):
            if weights and (self._log + width) / weights / self._small <= half:
                return more
            weight = min(_LAMBDA_MAX, _weight(self._log, variance, count + more + 1))
            weights += weight
            width += variance * (-math.log1p(-weight) - weight)
        return None


def _weight(log: float, variance: float, count: int) -> float:
    return math.sqrt(2 * log / (variance * count * math.log(count + 1)))


def by_day(units: Iterable[Unit], share: float) -> list[tuple[int, Sure]]:
    """What was known at the end of each day (its number since the epoch) that had a unit; units in order of time."""
    told: list[tuple[int, Sure]] = []
    sequence = Sequence(share)
    for day, of_day in groupby(units, lambda unit: unit.hour_s // DAY_S):
        for unit in of_day:
            sequence.take(unit.held, unit.outcome)
        told.append((day, sequence.sure()))
    return told


def sequence_of(units: Iterable[Unit], share: float) -> Sequence:
    """All that is known of these units, in order of time."""
    sequence = Sequence(share)
    for unit in units:
        sequence.take(unit.held, unit.outcome)
    return sequence


def verdict(sure: Sure, span: float) -> str:
    """One plain sentence. ``span`` is the outcome's span in seconds; an effect below 0 is a need that ends sooner."""
    if min(sure.nudged, sure.held) < FEWEST:
        return f"Not enough data yet: each side needs at least {FEWEST} hours with a need."
    least, most = -sure.high * span, -sure.low * span
    if sure.high < 0:
        return f"It makes a difference: with nudges a need ends between {least:.0f} and {most:.0f} seconds sooner."
    if sure.low > 0:
        return f"It does not help here: with nudges a need ends between {-most:.0f} and {-least:.0f} seconds later."
    return f"Not known yet: with nudges a need may end up to {most:.0f} seconds sooner, or up to {-least:.0f} later."


def power(sequence: Sequence, smallest: float, days: float, span: float = LIMIT_S) -> str:
    """How much longer until an effect this small could be told. Units: ``smallest`` a part of the span."""
    sure = sequence.sure()
    if days < 1 or min(sure.nudged, sure.held) < FEWEST:
        return "How many more days it takes can be said after a day and a few hours of each side."
    small = f"a difference of {smallest * span:.0f} seconds"
    more = sequence.units_until(smallest)
    if more == 0:
        return f"There is enough data now to tell {small}: you may stop."
    left = None if more is None else math.ceil(more * days / sure.units)
    if left is None or left > DAYS_MAX:
        return f"At this rate it would take more than ten years to tell {small}: hold out more, or look for a larger."
    return f"About {left} more day{'s' if left > 1 else ''} at this rate until {small} could be told."
