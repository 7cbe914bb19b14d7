"""The gate: the only maker of zone records. What it does not let through never leaves the eye.

Rules (numbers as in docs/privacy.md):
4. A mood is released only when at least k contributed at once; anything thinner is suppressed, and "fewer than k"
   is the same bytes as "nobody". Shares are tenths, each 1 to 9.
5. An assist is about a zone. Its level rises at once and falls only after `HOLD_S`, so that a glance away or a
   missed frame does not make it flap.
7. An hour is released only when its people, its visits and its noisy total are all at least the threshold; its noise
   is drawn once and its ε is spent whether released or not. A budget that is spent suppresses.
-  A record waits for its budget: one of each kind per zone per 10 s, one of any kind per second (256 bit/s). A need
   that becomes true is said before anything that waits.

Left out: what a need is (`edge.eye.need`) and where records go (the courier).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from contract.events import People, Reason
from edge.config import Privacy
from edge.eye import need
from edge.eye.noise import discrete_laplace
from edge.order import SpentHours
from edge.record import (
    PEOPLE,
    AssistRecord,
    Head,
    HourRecord,
    HourSuppressedRecord,
    MoodRecord,
    MoodSuppressedRecord,
    Record,
)
from edge.values import Mood, Tally, Tumbled, Window, ZoneNow

ASSIST_TTL_S: Final = 60
HOLD_S: Final = 6.0
ZONE_GAP_S: Final = 10.0
EYE_GAP_S: Final = 1.0
_FALL: Final = 0.05  # a level is kept until the score is this far below what raised it

Noise = Callable[[Fraction], int]
Levels = tuple[float, float, float]


@dataclass(slots=True)
class Budget:
    """Token buckets of one: per kind and zone, and for the eye as a whole.

    All count as just spent at ``opened_s``, the start of this life of the eye, so that a restart says nothing extra.
    """

    opened_s: float = float("-inf")
    last_s: dict[tuple[str, int], float] = field(default_factory=dict)
    last_any_s: float = float("-inf")

    def take(self, kind: str, zone: int, t_s: float) -> bool:
        """Whether a record of this kind and zone may be said now; if so it is spent."""
        if t_s - self.last_any_s < EYE_GAP_S or t_s - self.last_s.get((kind, zone), self.opened_s) < ZONE_GAP_S:
            return False
        self.last_any_s = self.last_s[kind, zone] = t_s
        return True


@dataclass(slots=True)
class Spent:
    """ε spent per zone and day, and the hours that were told, of earlier lives too as far as the courier knows them.

    Units: ``epsilon_milli`` thousandths, by zone and day since the epoch; ``told`` zone and hour since the epoch.
    """

    epsilon_milli: dict[tuple[int, int], int] = field(default_factory=dict)
    told: set[tuple[int, int]] = field(default_factory=set)

    def remember(self, before: SpentHours) -> None:
        """What an earlier life spent; it only ever adds up."""
        day = (before.zone, before.day)
        self.epsilon_milli[day] = max(self.epsilon_milli.get(day, 0), before.epsilon_milli)
        self.told |= {(before.zone, 24 * before.day + hour) for hour in range(24) if before.told >> hour & 1}


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate's settings, and what it has said and spent."""

    privacy: Privacy
    usual_dwell_s: float
    thresholds: Mapping[int, Levels]
    config: int
    budget: Budget
    spent: Spent
    noise: Noise = discrete_laplace


def release(windows: Iterable[Tumbled], gate: Gate, *, flush: bool = False) -> Iterator[Record | None]:
    """At most one record per moment, None when nothing may be said.

    With ``flush``, what still waits when the moments end is given without waiting.
    """
    waiting: deque[Record] = deque()
    live: dict[int, _Live] = {}
    for tumbled in windows:
        head_s = int(tumbled.t_s)
        waiting.extend(mood(window, gate, head_s) for window in tumbled.closed)
        waiting.extend(said for tally in tumbled.hours if (said := hour(tally, gate, head_s)) is not None)
        yield _next_assist(tumbled, live, gate) or _next_waiting(waiting, gate, tumbled.t_s)
    if flush:
        yield from waiting


def mood(window: Window, gate: Gate, t_mono_s: int) -> Record:
    """Rule 4 for one closed window."""
    head = Head(window.zone, gate.config, t_mono_s)
    if window.people < gate.privacy.k or window.mood is None:
        return MoodSuppressedRecord(head)
    negative, neutral, positive = shares(window.mood)
    return MoodRecord(
        head,
        window_s=min(round(window.length_s), 0xFFFF),
        people=people_bucket(window.people),
        negative=negative,
        neutral=neutral,
        positive=positive,
        valence=_tenths(window.mood.valence),
        arousal=_tenths(window.mood.arousal),
        dwell=window.dwell,
        abstained=round(10 * window.abstained),
    )


def shares(mood: Mood) -> tuple[int, int, int]:
    """Tenths that add up to ten by largest remainder, each at least one so that nobody's mood is certain."""
    exact = [10 * part for part in (mood.negative, mood.neutral, mood.positive)]
    tenths = [max(int(part), 1) for part in exact]
    while sum(tenths) != 10:
        step = 1 if sum(tenths) < 10 else -1
        owed = [step * (exact[i] - tenths[i]) if tenths[i] + step >= 1 else float("-inf") for i in range(3)]
        tenths[owed.index(max(owed))] += step
    return tenths[0], tenths[1], tenths[2]


def people_bucket(people: int) -> People:
    """The coarse bucket of a count of at least five."""
    return PEOPLE[(people >= 10) + (people >= 20)]


def hour(tally: Tally, gate: Gate, t_mono_s: int) -> Record | None:
    """Rule 7 for one closed hour; None for an hour that was told before (the clock went back, the eye began anew)."""
    if (tally.zone, tally.hour_index) in gate.spent.told:
        return None
    gate.spent.told.add((tally.zone, tally.hour_index))
    head = Head(tally.zone, gate.config, t_mono_s)
    day = (tally.zone, tally.hour_index // 24)
    spent, epsilon_milli = gate.spent.epsilon_milli.get(day, 0), round(gate.privacy.epsilon * 1000)
    if spent + epsilon_milli > round(gate.privacy.epsilon_per_day * 1000):
        return HourSuppressedRecord(head, tally.hour_index, 0)
    gate.spent.epsilon_milli[day] = spent + epsilon_milli
    true = (tally.negative, tally.neutral, tally.positive, tally.unknown)
    noisy = [min(max(count + gate.noise(Fraction(epsilon_milli, 1000)), 0), 0xFFFF) for count in true]
    if min(tally.people, sum(true), sum(noisy)) < gate.privacy.hour_min:
        return HourSuppressedRecord(head, tally.hour_index, epsilon_milli)
    negative, neutral, positive, unknown = noisy
    return HourRecord(head, tally.hour_index, negative, neutral, positive, unknown, epsilon_milli)


@dataclass(slots=True)
class _Live:
    """What was last said of one zone's need, and since when it has been less."""

    level: int = 0
    said_s: float = float("-inf")
    reasons: tuple[Reason, ...] = ()
    lower_since_s: float | None = None


def _next_assist(tumbled: Tumbled, live: dict[int, _Live], gate: Gate) -> Record | None:
    """The most pressing assist that has something new to say and may be said."""
    wanted = [(zone, *_want(zone, tumbled.t_s, live.setdefault(zone.zone, _Live()), gate)) for zone in tumbled.now]
    for zone, level, reasons in sorted(wanted, key=lambda row: -row[1]):
        state = live[zone.zone]
        renew = level > 0 and tumbled.t_s - state.said_s >= ASSIST_TTL_S / 2
        if (level != state.level or renew) and gate.budget.take("assist", zone.zone, tumbled.t_s):
            live[zone.zone] = _Live(level, tumbled.t_s, reasons)
            return AssistRecord(Head(zone.zone, gate.config, int(tumbled.t_s)), level, reasons, ASSIST_TTL_S)
    return None


def _want(zone: ZoneNow, t_s: float, state: _Live, gate: Gate) -> tuple[int, tuple[Reason, ...]]:
    """The level and reasons this zone should be at: up at once, down after `HOLD_S`, none when attended."""
    found = need.score(zone, gate.usual_dwell_s)
    thresholds = gate.thresholds.get(zone.zone, need.LEVELS)
    level = need.level(found.score, thresholds)
    if level < state.level and need.level(found.score + _FALL, thresholds) >= state.level:
        level = state.level
    if level >= state.level:
        state.lower_since_s = None
        return level, found.reasons or state.reasons
    if state.lower_since_s is None:
        state.lower_since_s = t_s
    if zone.attended or t_s - state.lower_since_s >= HOLD_S:
        return level, found.reasons if level else ()
    return state.level, state.reasons


def _next_waiting(waiting: deque[Record], gate: Gate, t_s: float) -> Record | None:
    for i, record in enumerate(waiting):
        kind = "mood" if isinstance(record, MoodRecord | MoodSuppressedRecord) else "hour"
        if gate.budget.take(kind, record.head.zone, t_s):
            del waiting[i]
            return record
    return None


def _tenths(value: float) -> int:
    return round(10 * min(max(value, -1.0), 1.0))
