"""What other rules would have done: the last day by replay, the last week by its counts, and how often it helps. Pure.

Rules:
- The day is `hub.replay`'s: the engine itself, once more.
- The week is coarse: each need that reached the zone's level counts once, at most as often as the zone's rest leaves
  room for (neighbours share that of one) and the shop's cap allows, and not in quiet hours. What is counted was rounded
  (`hub.need_hours`), so a figure is a span.
- How often nudges would help is `hub.learn`'s posterior of the answers; with fewer than `FEW` answers nothing is said.

Left out: in the week, needs so long that they would raise a second nudge, so short that ``first_approach_s`` passes
them over, or beside a neighbour's at the same moment; and levels at which nobody ever answered.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean
from typing import Final

from hub.learn import EXPLORE_EVERY, INTERVAL, LEVELS, Answer, Learnt, Precision, Tally, precision
from hub.need_hours import HOUR_S, ROUNDED_TO, NeedHour
from hub.nudge_types import Rules, ZoneKey
from hub.replay import Raised, Recorded, Teacher, relive

FEW: Final = 5
SAMPLES: Final = 12  # moments of an hour at which quiet hours are looked up


@dataclass(frozen=True, slots=True)
class Span:
    """An estimate and what it lies between."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ZoneOutlook:
    """One zone under some rules. ``a_week_hour`` and ``helps`` are None where too little is known to say."""

    zone: ZoneKey
    name: str
    level_from: int
    day: int
    a_week_hour: Span | None
    answers: int
    helps: Precision | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """All zones under some rules. ``a_day_hour`` and ``a_week_hour`` are nudges an hour in which cameras sensed;
    ``unsure`` counts the nudges of the day in zones with too few answers to say how often they help."""

    zones: tuple[ZoneOutlook, ...]
    raised: tuple[Raised, ...]
    a_day_hour: float | None
    a_week_hour: Span | None
    week_hours: int
    helps: Precision | None
    unsure: int


def outlook(rules: Rules, recorded: Recorded, prior: float) -> Outlook:
    """What the rules would have done. Units: ``prior`` is the share of helpful nudges expected before any answer."""
    teacher = Teacher(rules, recorded.answers)
    raised = relive(teacher, recorded)
    levels = {key: teacher.level_from(key) for key in recorded.zones}
    known = tallied((*recorded.answers, *(one for _, one in recorded.day if isinstance(one, Answer))))
    hours = len({row.hour_start_s for row in recorded.week})
    by_zone = week(rules, recorded.week, levels)
    counted = Counter(one.zone for one in raised)
    zones = tuple(
        ZoneOutlook(
            key, name, levels[key], counted[key], by_zone.get(key), *helps(known.get(key), levels[key], prior)
        )
        for key, name in sorted(recorded.zones.items(), key=lambda item: (item[1], item[0]))
    )  # fmt: skip
    return Outlook(
        zones,
        raised,
        len(raised) / recorded.sensed_hours if recorded.sensed_hours else None,
        together(rules, by_zone.values()) if hours else None,
        hours,
        overall(zones),
        sum(zone.day for zone in zones if zone.helps is None),
    )


# --- the last week --------------------------------------------------------------------------------------------------


def week(rules: Rules, rows: Sequence[NeedHour], levels: Mapping[ZoneKey, int]) -> dict[ZoneKey, Span]:
    """Nudges an hour of each zone in the hours that were counted, within the shop's cap."""
    hours = len({row.hour_start_s for row in rows})
    room = HOUR_S / max(rules.rest_s, 1.0)
    found: dict[ZoneKey, list[float]] = {key: [] for key in levels}
    fitting = [
        (row, min(_reaching(rules, row, levels[row.zone]), room) * (1 - _quiet_share(rules, row.hour_start_s)))
        for row in rows
        if row.zone in found
    ]
    shared: defaultdict[tuple[ZoneKey, int], float] = defaultdict(
        float
    )  # neighbours rest together: they have one zone's room
    for row, count in fitting:
        shared[min(rules.beside(row.zone)), row.hour_start_s] += count
    for row, count in fitting:
        total = shared[min(rules.beside(row.zone)), row.hour_start_s]
        found[row.zone].append(count * min(1.0, room / total) if total else 0.0)
    spans = {zone: _span(counts, hours) for zone, counts in found.items() if counts}
    total = sum(span.mean for span in spans.values())
    fits = min(1.0, rules.per_hour / total) if total else 1.0
    return {  # rounded, so that what is as much is told as as much
        zone: Span(*(round(fits * part, 9) for part in (one.mean, one.low, one.high))) for zone, one in spans.items()
    }


def together(rules: Rules, zones: Iterable[Span]) -> Span:
    """All zones: their sum, as far as the shop's cap an hour allows."""
    spans = list(zones)
    mean = sum(span.mean for span in spans)
    half = math.hypot(*(span.high - span.mean for span in spans))
    cap = float(rules.per_hour)
    return Span(min(mean, cap), min(max(mean - half, 0.0), cap), min(mean + half, cap))


def _reaching(rules: Rules, row: NeedHour, level_from: int) -> float:
    if level_from > LEVELS[-1]:
        return 0.0
    reached = float(row.reached[level_from - 1])
    return reached + (row.reached[0] - reached) / EXPLORE_EVERY if rules.learns else reached


def _quiet_share(rules: Rules, hour_start_s: int) -> float:
    return fmean(rules.is_quiet(hour_start_s + part * HOUR_S / SAMPLES) for part in range(SAMPLES))


def _span(counts: Sequence[float], hours: int) -> Span:
    """Rounding at random to multiples of `ROUNDED_TO` moves no mean, and each count by at most that: its standard
    deviation is half of it at most."""
    mean = sum(counts) / hours
    half = _sure() * ROUNDED_TO / 2 * math.sqrt(len(counts)) / hours
    return Span(mean, max(mean - half, 0.0), mean + half if mean else half)


def _sure() -> float:
    return NormalDist().inv_cdf((1 + INTERVAL) / 2)


# --- how often they would help --------------------------------------------------------------------------------------


def tallied(answers: Iterable[Answer]) -> dict[ZoneKey, Learnt]:
    """How nudges went at each level of every zone that has answers."""
    counts = Counter((answer.zone, answer.level, answer.helped) for answer in answers)
    zones: dict[ZoneKey, Learnt] = {}
    for zone, level in {(zone, level) for zone, level, _ in counts}:
        helped, missed = counts[zone, level, True], counts[zone, level, False]
        known = zones.setdefault(zone, Learnt(LEVELS[0]))
        zones[zone] = replace(known, tallies={**known.tallies, level: Tally(helped, missed, helped + missed)})
    return zones


def helps(known: Learnt | None, level_from: int, prior: float) -> tuple[int, Precision | None]:
    """How many answers there are from a level on, and how often nudges from there help; None for too few."""
    if known is None:
        return 0, None
    count = sum(one.helped + one.missed for level, one in known.tallies.items() if level >= level_from)
    return count, precision(known, prior, level_from) if count >= FEW else None


def overall(zones: Sequence[ZoneOutlook]) -> Precision | None:
    """How often the day's nudges would help, over the zones of which that can be said."""
    sure = [(zone.day, zone.helps) for zone in zones if zone.helps is not None and zone.day]
    total = sum(day for day, _ in sure)
    if not total:
        return None
    mean = sum(day / total * one.mean for day, one in sure)
    below = math.hypot(*(day / total * (one.mean - one.low) for day, one in sure))
    above = math.hypot(*(day / total * (one.high - one.mean) for day, one in sure))
    return Precision(mean, mean - below, mean + above)
