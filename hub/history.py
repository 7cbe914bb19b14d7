"""What stood where over a day, a month or a year: the owner's history as sums by slot of time and by zone.

Rules:
- Days that are over come summed (`hub.roll`); what is not summed yet is added up from the released hours themselves,
  by the same rules (`hub.tally`).
- Hours, days and weeks are the shop's own; a week begins on Monday.
- How long visits lasted is told of days that are over alone: it is no live figure.

Left out: how it is drawn (`hub.charts`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, Literal

from hub.days import DAY, begins_s, day_of, monday_of
from hub.nudge_types import ZoneKey
from hub.tally import WAITS_UPTO_S, Numbers, Tally, by_zone, plus, waits
from hub.views import HourView, NudgeView, Reads
from hub.words import node_title

By = Literal["hour", "day", "week"]
HOUR_S: Final = 3_600
WEEKS: Final = 57  # 13 months
DAYS: Final = 28
HOURS_SHOWN: Final = 10  # of a day, at least
NO_WAITS: Final[Numbers] = (0,) * (len(WAITS_UPTO_S) + 1)


@dataclass(frozen=True, slots=True)
class Span:
    """``days`` days from ``first`` on, in slots of ``each`` days, or of an hour where ``each`` is 0."""

    first: date
    days: int
    each: int

    @property
    def last(self) -> date:
        return self.first + (self.days - 1) * DAY


@dataclass(frozen=True, slots=True)
class Slot:
    """One hour, day or week; ``label`` is short enough for an axis."""

    label: str
    words: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and what people call it; ``address`` names it in a link."""

    key: ZoneKey
    name: str

    @property
    def address(self) -> str:
        return f"{self.key[0]}:{self.key[1]}"


@dataclass(frozen=True, slots=True)
class Past:
    """The sums: one a slot, in order, and one a zone over the whole span."""

    slots: tuple[Slot, ...]
    tallies: tuple[Tally, ...]
    waits: tuple[Numbers, ...]
    zones: dict[ZoneKey, Tally]


def span_of(by: By, until: date) -> Span:
    """The span that ends with a day: that day by the hour, four weeks by the day, 13 months by the week."""
    match by:
        case "hour":
            return Span(until, 1, 0)
        case "day":
            return Span(until - (DAYS - 1) * DAY, DAYS, 1)
        case "week":
            return Span(monday_of(until) - timedelta(weeks=WEEKS - 1), WEEKS * 7, 7)


def slots_of(span: Span, timezone: tzinfo) -> tuple[Slot, ...]:
    """What the slots of a span are called."""
    if span.each:
        days = [span.first + place * DAY for place in range(0, span.days, span.each)]
        week = "the week from " if span.each == 7 else ""
        return tuple(Slot(f"{day.day} {day:%b}", f"{week}{day:%A} {day.day} {day:%B %Y}") for day in days)
    hours = (datetime.fromtimestamp(at_s, UTC).astimezone(timezone) for at_s in _hours_s(span, timezone))
    return tuple(Slot(f"{hour:%H:%M}", f"{hour:%A} {hour.day} {hour:%B}, {hour:%H:%M}") for hour in hours)


def zones_of(reads: Reads, others: Iterable[ZoneKey] = ()) -> tuple[Zone, ...]:
    """Every zone that a node has now, and those that history alone knows; by name."""
    nodes = reads.nodes()
    names = {(node.name, zone.id): zone.name for node in nodes if node.birth for zone in node.birth.zones}
    twice = {name for name in names.values() if list(names.values()).count(name) > 1}
    for node, zone in others:
        names.setdefault((node, zone), f"Zone {zone} of {node_title(node)}, as it was")
    return tuple(
        sorted(
            (Zone(key, f"{name} ({node_title(key[0])})" if name in twice else name) for key, name in names.items()),
            key=lambda zone: (zone.name, zone.key),
        )
    )


def past(reads: Reads, span: Span, timezone: tzinfo, zone: ZoneKey | None = None) -> Past:
    """The sums of a span, of one zone or of all; how soon somebody went is the shop's in either case."""
    slots = slots_of(span, timezone)
    tallies: dict[int, Tally] = {}
    waited: dict[int, Numbers] = {}
    zones: dict[ZoneKey, Tally] = {}
    first, end = span.first.toordinal(), span.first.toordinal() + span.days
    raw_from = first
    if span.each:
        raw_from = min(max(reads.rolled_to(), first), end)
        tallies = reads.tallies(first, raw_from, span.each, zone)
        waited = reads.waits_by(first, raw_from, span.each)
        zones = reads.zone_tallies(first, raw_from)
    starts_s = _starts_s(span, timezone)
    since_s, until_s = begins_s(date.fromordinal(raw_from), timezone), begins_s(span.last + DAY, timezone)
    hours: dict[int, list[HourView]] = defaultdict(list)
    for hour in reads.hours_between(int(since_s), int(until_s)):
        hours[_slot_of(hour.hour_start_s, starts_s)].append(hour)
    nudges: dict[int, list[NudgeView]] = defaultdict(list)
    for nudge in reads.nudges_between(since_s, until_s):
        nudges[_slot_of(nudge.opened_s, starts_s)].append(nudge)
    for place in hours.keys() | nudges.keys():
        for key, tally in by_zone(hours[place], nudges[place]).items():
            zones[key] = zones.get(key, Tally()) + tally
            if zone in (None, key):
                tallies[place] = tallies.get(place, Tally()) + tally
        waited[place] = plus(waited.get(place, NO_WAITS), waits(nudges[place]))
    places = range(len(slots)) if span.each else _open(len(slots), tallies.keys() | hours.keys() | nudges.keys())
    return Past(
        slots[places.start : places.stop],
        tuple(tallies.get(place, Tally()) for place in places),
        tuple(waited.get(place, NO_WAITS) for place in places),
        zones,
    )


def _open(slots: int, told: Set[int]) -> range:
    """From the first hour of which anything was told to the last one, and some around them: the shop's day."""
    first, last = (min(told), max(told)) if told else (0, slots - 1)
    while last - first + 1 < min(HOURS_SHOWN, slots):
        first, last = max(0, first - 1), min(slots - 1, last + 1)
    return range(first, last + 1)


def week_of(day: date) -> Span:
    """The whole week of a day, by the day."""
    return Span(monday_of(day), 7, 1)


def today_of(now_s: float, timezone: tzinfo) -> Span:
    """Today by the hour."""
    return Span(day_of(now_s, timezone), 1, 0)


def _hours_s(span: Span, timezone: tzinfo) -> range:
    """When each hour of a day begins, as released hours do: on the hour of the epoch."""
    since_s, until_s = begins_s(span.first, timezone), begins_s(span.last + DAY, timezone)
    return range(-(-int(since_s) // HOUR_S) * HOUR_S, int(until_s), HOUR_S)


def _starts_s(span: Span, timezone: tzinfo) -> list[float]:
    if not span.each:
        return [float(at_s) for at_s in _hours_s(span, timezone)]
    return [begins_s(span.first + place * DAY, timezone) for place in range(0, span.days, span.each)]


def _slot_of(at_s: float, starts_s: list[float]) -> int:
    return max(0, bisect_right(starts_s, at_s) - 1)
