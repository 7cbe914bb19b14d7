"""Learning from answers: from which level a zone raises nudges, so that as many help as the owner asks for. Pure.

Rules:
- What is learnt follows from the answers alone, in their order: a restart learns the same again, a reset forgets.
- Each zone and level at which nudges were raised has a Beta posterior of "this nudge helped".
- A zone starts at the owner's level. It goes up one level when its nudges help less often than asked, down when they
  would help often enough one level lower, and stays for at least `PATIENCE` answers in between.
- One need in `EXPLORE_EVERY` under the level is raised all the same, so that what was unlearnt can be learnt again.
- Where even the highest level does not attain the precision, it says so and stays there: it never stops asking.
- *Helped* is a hit; *just browsing* and *nobody there* are misses; no answer says nothing.

Left out: who answered, which is not kept, and when a nudge is raised (`hub.nudge`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Final

from hub.nudge_types import Rules, ZoneKey

LEVELS: Final = (1, 2, 3)
EXPLORE_EVERY: Final = 10
EXPLORE_BLOCK_S: Final = 600.0
PATIENCE: Final = 5
PRIOR_ANSWERS: Final = 2.0
SURE_UP: Final = 0.75
SURE_DOWN: Final = 0.80
INTERVAL: Final = 0.9


@dataclass(frozen=True, slots=True)
class Answer:
    """How one nudge went; ``level`` is the one at which it was raised."""

    zone: ZoneKey
    level: int
    helped: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """Answers at one level. ``needs`` counts each that was only explored as the `EXPLORE_EVERY` it stands for."""

    helped: int = 0
    missed: int = 0
    needs: int = 0


@dataclass(frozen=True, slots=True)
class Precision:
    """How often nudges help, and the bounds between which that is with a chance of `INTERVAL`."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Learnt:
    """What one zone's answers say. ``attained`` is false where even the highest level helps less often than asked."""

    level_from: int
    tallies: Mapping[int, Tally] = field(default_factory=dict)
    since_move: int = 0
    attained: bool = True

    @property
    def answers(self) -> int:
        return sum(tally.helped + tally.missed for tally in self.tallies.values())


def learn(answers: Iterable[Answer], asked: float, level_from: Mapping[ZoneKey, int]) -> dict[ZoneKey, Learnt]:
    """What every zone in ``level_from``, the owner's own levels, has learnt from its answers.

    Units: ``asked`` is the share of nudges that should help.
    """
    zones = {zone: Learnt(level) for zone, level in level_from.items()}
    for answer in answers:
        if answer.zone in zones:
            zones[answer.zone] = after(zones[answer.zone], answer, asked, level_from[answer.zone])
    return zones


def after(zone: Learnt, answer: Answer, asked: float, lowest: int) -> Learnt:
    """What a zone has learnt one answer later."""
    old = zone.tallies.get(answer.level, Tally())
    stands_for = EXPLORE_EVERY if answer.level < zone.level_from else 1
    tally = Tally(old.helped + answer.helped, old.missed + (not answer.helped), old.needs + stands_for)
    zone = replace(zone, tallies={**zone.tallies, answer.level: tally}, since_move=zone.since_move + 1)
    too_low = _short(zone, zone.level_from, asked) >= SURE_UP
    zone = replace(zone, attained=not (too_low and zone.level_from >= LEVELS[-1]))
    if zone.since_move < PATIENCE:
        return zone
    if too_low and zone.level_from < LEVELS[-1]:
        return replace(zone, level_from=zone.level_from + 1, since_move=0)
    lower = zone.level_from - 1
    if lower >= max(lowest, LEVELS[0]) and lower in zone.tallies and _short(zone, lower, asked) <= 1 - SURE_DOWN:
        return replace(zone, level_from=lower, since_move=0)
    return zone


def taught(rules: Rules, answers: Sequence[Answer]) -> tuple[Rules, dict[ZoneKey, Learnt]]:
    """The owner's rules with the levels that the answers taught, and what was learnt by zone."""
    if not rules.learns:
        return rules, {}
    own = {zone: rules.zone_level_from.get(zone, rules.level_from) for zone in {answer.zone for answer in answers}}
    zones = learn(answers, rules.precision, {zone: level for zone, level in own.items() if level <= LEVELS[-1]})
    learnt = {zone: one.level_from for zone, one in zones.items()}
    return replace(rules, zone_level_from={**rules.zone_level_from, **learnt}), zones


def precision(zone: Learnt, asked: float, level_from: int | None = None) -> Precision:
    """How often nudges from a level on help (the zone's own, unless another is given)."""
    mean, spread = _posterior(zone, zone.level_from if level_from is None else level_from, asked)
    half = spread * NormalDist().inv_cdf((1 + INTERVAL) / 2)
    return Precision(mean, max(mean - half, 0.0), min(mean + half, 1.0))


def explores(zone: ZoneKey, now_s: float) -> bool:
    """Whether a need under the zone's level is raised all the same: the same for a whole block of time, for a need is
    told again and again while it lasts."""
    block = f"{zone[0]}/{zone[1]}/{int(now_s // EXPLORE_BLOCK_S)}"
    return hashlib.blake2b(block.encode(), digest_size=4).digest()[0] % EXPLORE_EVERY == 0


def _short(zone: Learnt, level_from: int, asked: float) -> float:
    """The probability that nudges from this level on help less often than asked."""
    mean, spread = _posterior(zone, level_from, asked)
    return NormalDist(mean, spread).cdf(asked)


def _posterior(zone: Learnt, level_from: int, asked: float) -> tuple[float, float]:
    """Mean and standard deviation of the precision: each level's Beta posterior, weighted by how common its needs are.

    The prior is worth `PRIOR_ANSWERS` and expects what is asked for.
    """
    levels = [zone.tallies[level] for level in LEVELS if level >= level_from and level in zone.tallies] or [Tally()]
    needs = sum(tally.needs for tally in levels) or 1
    mean = variance = 0.0
    for tally in levels:
        share = tally.needs / needs if needs > 1 or tally.needs else 1.0
        count = PRIOR_ANSWERS + tally.helped + tally.missed
        helped = (PRIOR_ANSWERS * asked + tally.helped) / count
        mean += share * helped
        variance += share**2 * helped * (1 - helped) / (count + 1)
    return mean, max(math.sqrt(variance), 1e-6)
