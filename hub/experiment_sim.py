"""Does the confidence sequence hold what it promises? Made-up shops with a known effect, looked at after every hour.

Run: ``python -m hub.experiment_sim [RUNS] [UNITS]``. A run misses when the true effect, averaged over the hours so far
with the same weights, lies outside the bounds even once.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hub.experiment import HOUR_S, HoldOut, Sequence

Outcomes = Callable[[random.Random, int], tuple[float, float]]  # of one hour: with a nudge, and held


@dataclass(frozen=True, slots=True)
class Found:
    """Of many runs: how many missed at some moment, how many told an effect, and how wide they were at the end."""

    runs: int
    missed: int
    told: int
    half: float

    @property
    def coverage(self) -> float:
        return 1 - self.missed / self.runs


def _waits(mean: float, effect: float) -> Outcomes:
    def draw(chance: random.Random, _: int) -> tuple[float, float]:
        waited = chance.expovariate(1 / mean)
        return min(1.0, waited * (1 + effect / mean)), min(1.0, waited)

    return draw


def _drifts(chance: random.Random, number: int) -> tuple[float, float]:
    """Nudging helps at first, then less and less, then harms; days differ."""
    held = min(1.0, chance.expovariate(1 / (0.2 + 0.1 * (number // 40 % 3))))
    return min(1.0, max(0.0, held - 0.15 + number / 4_000)), held


def _extremes(chance: random.Random, _: int) -> tuple[float, float]:
    same = float(chance.random() < 0.5)
    return same, same


SHOPS: Final[dict[str, Outcomes]] = {
    "no effect": _waits(0.3, 0.0),
    "a tenth of the limit sooner": _waits(0.3, -0.1),
    "an effect that turns": _drifts,
    "no effect, all or nothing": _extremes,
}
SALES: Final = {"sales, no effect": 0.0, "sales, a twentieth more": 0.05}


def simulate(outcomes: Outcomes, share: float, runs: int, units: int, seed: int = 1) -> Found:
    """Look at many shops after every hour."""
    missed = told = 0
    half = 0.0
    for number in range(runs):
        chance = random.Random(f"{seed}/{number}")
        hold_out = HoldOut(chance.randbytes(16), share)
        sequence = Sequence(share)
        weights = truth = 0.0
        miss = tell = False
        for unit in range(units):
            nudged, held = outcomes(chance, unit)
            is_held = hold_out.holds(("floor", unit % 4), unit // 4 * HOUR_S)
            sequence.take(is_held, held if is_held else nudged)
            weights += sequence.weight
            truth += sequence.weight * (nudged - held)
            sure = sequence.sure()
            miss |= not sure.low - 1e-9 <= truth / weights <= sure.high + 1e-9
            tell |= sure.high < 0 or sure.low > 0
        missed += miss
        told += tell
        half += (sure.high - sure.low) / 2
    return Found(runs, missed, told, half / runs)


def simulate_sales(effect: float, share: float, runs: int, units: int, zones: int = 4, seed: int = 1) -> Found:
    """The same of sales: one outcome an hour for all zones together, which nudges in each zone add to, on days that
    differ; the whole effect of one zone is ``effect`` of what an hour takes at most."""
    missed = told = 0
    half = 0.0
    for number in range(runs):
        chance = random.Random(f"sales/{seed}/{number}")
        hold_out = HoldOut(chance.randbytes(16), share)
        sequence = Sequence(share)
        miss = tell = False
        day = 0.3
        for unit in range(units):
            day = chance.uniform(0.2, 0.4) if unit % 10 == 0 else day
            held = sum(hold_out.holds(("floor", zone), unit * HOUR_S) for zone in range(zones))
            busy = min(0.5, day * chance.uniform(0.5, 1.4))
            sequence.take(held / zones, busy + effect * (zones - held))
            sure = sequence.sure()
            miss |= not sure.low - 1e-9 <= effect <= sure.high + 1e-9
            tell |= sure.low > 0 or sure.high < 0
        missed += miss
        told += tell
        half += (sure.high - sure.low) / 2
    return Found(runs, missed, told, half / runs)


def main() -> int:
    """Print a table; 1 when a coverage is under 95 %."""
    given = [int(text) for text in sys.argv[1:3]]
    runs, units = [*given, *(400, 1_000)[len(given) :]]
    print(f"{runs} runs of {units} hours, looked at after each one")
    print(f"{'shop':30} {'held out':>8} {'covered':>8} {'told':>6} {'± at the end':>13}")
    worst = 1.0
    for name, outcomes in SHOPS.items():
        for share in (0.1, 0.2, 0.3):
            found = simulate(outcomes, share, runs, units)
            worst = min(worst, found.coverage)
            print(
                f"{name:30} {share:8.0%} {found.coverage:8.1%} {found.told / runs:6.1%} {found.half:13.3f}", flush=True
            )
    for name, effect in SALES.items():
        for share in (0.1, 0.2, 0.3):
            found = simulate_sales(effect, share, runs, units)
            worst = min(worst, found.coverage)
            print(
                f"{name:30} {share:8.0%} {found.coverage:8.1%} {found.told / runs:6.1%} {found.half:13.3f}", flush=True
            )
    return int(worst < 0.95)


if __name__ == "__main__":
    sys.exit(main())
