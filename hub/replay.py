"""The last day once more through the nudge engine, under any rules. Pure.

Rules:
- The day is the engine's own (`hub.nudge.step`), fed with what the cameras said, what staff tapped, and a tick a second
  as `hub.writer` gives it: under the rules that were in force it raises what was raised.
- Staff do as they did: what they tapped in a zone goes to the nudge that is open there at that moment, if there is
  one. A nudge that never was is taken by nobody.
- The levels that answers taught move as they moved, towards the precision of the rules that are asked about.

Left out: what was going on when the day began, how long a message took to come, which the engine knew (a second or
so), and who was on shift, of which nothing is kept: the day is played as if nobody had said so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from hub.learn import LEVELS, Answer, Learnt, after
from hub.need_hours import NeedHour
from hub.neighbours import shared_by
from hub.nudge import step
from hub.nudge_types import (
    Action,
    Answered,
    Assisted,
    Event,
    OnTheWay,
    Open,
    Raise,
    Rules,
    Silent,
    State,
    TakenBy,
    Tick,
    ZoneKey,
)
from hub.views import Outcome

TICK_S: Final = 1.0  # as often as the writer lets time pass


@dataclass(frozen=True, slots=True)
class Went:
    """Somebody was on the way to a zone."""

    zone: ZoneKey


@dataclass(frozen=True, slots=True)
class Said:
    """Staff said how it went in a zone."""

    zone: ZoneKey
    outcome: Outcome


Happened = Assisted | Silent | Went | Said | Answer


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the hub kept of the last day and week.

    Units: ``day`` from ``since_s`` to ``until_s``, each with its moment, in order; ``answers`` are those before it.
    ``sensed_hours`` are the hours of that day in which any camera sensed.
    """

    since_s: float
    until_s: float
    day: tuple[tuple[float, Happened], ...] = ()
    answers: tuple[Answer, ...] = ()
    sensed_hours: int = 0
    week: tuple[NeedHour, ...] = ()
    zones: Mapping[ZoneKey, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Raised:
    """A nudge that would have been raised."""

    at_s: float
    zone: ZoneKey
    level: int


def replay(rules: Rules, recorded: Recorded) -> tuple[Raised, ...]:
    """The nudges that the recorded day raises under these rules."""
    return relive(Teacher(rules, recorded.answers), recorded)


def relive(teacher: Teacher, recorded: Recorded) -> tuple[Raised, ...]:
    """The same, by the rules of a teacher who has heard the answers before the day, and hears those of the day."""
    state, now_s, raised = State(), recorded.since_s, list[Raised]()
    for at_s, happened in recorded.day:
        state, ticked = _let_pass(teacher.rules, state, now_s, at_s)
        raised += ticked
        now_s = max(now_s, at_s)
        if isinstance(happened, Answer):
            teacher.hear(happened)
        else:
            state, actions = step(teacher.rules, state, _to_engine(state, happened), at_s)
            raised += _raised(actions, at_s)
    return tuple(raised + _let_pass(teacher.rules, state, now_s, recorded.until_s)[1])


def _raised(actions: Iterable[Action], at_s: float) -> list[Raised]:
    return [Raised(at_s, one.zone, one.nudge.level) for one in actions if isinstance(one, Raise)]


def _to_engine(state: State, happened: Assisted | Silent | Went | Said) -> Event:
    """What staff did in a zone, to the nudge that is there."""
    if isinstance(happened, Assisted | Silent):
        return happened
    zone = state.zones.get(shared_by(state.zones, happened.zone))
    if not isinstance(zone, Open | OnTheWay):
        return Tick()
    return TakenBy(zone.id, "") if isinstance(happened, Went) else Answered(zone.id, happened.outcome)


def _let_pass(rules: Rules, state: State, since_s: float, until_s: float) -> tuple[State, list[Raised]]:
    """The ticks between two moments, those that do anything: found by halving, since what is due stays due until it is
    done."""

    def due(number: int) -> bool:
        then, actions = step(rules, state, Tick(), since_s + number * TICK_S)
        return bool(actions) or replace(then, raised_s=state.raised_s) != state

    raised: list[Raised] = []
    first, last = 1, math.ceil((until_s - since_s) / TICK_S) - 1
    while first <= last and due(last):
        low, high = first, last
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if due(middle) else (middle + 1, high)
        at_s, first = since_s + low * TICK_S, low + 1
        state, actions = step(rules, state, Tick(), at_s)
        raised += _raised(actions, at_s)
    return state, raised


@dataclass(slots=True)
class Teacher:
    """The owner's rules with what answers taught so far: `hub.learn.taught`, one answer at a time."""

    own: Rules
    heard: Iterable[Answer] = ()
    rules: Rules = field(init=False)
    _learnt: dict[ZoneKey, Learnt] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.rules = self.own
        for answer in self.heard:
            self._learn(answer)
        self._teach()

    def hear(self, answer: Answer) -> None:
        """One answer more."""
        self._learn(answer)
        self._teach()

    def level_from(self, zone: ZoneKey) -> int:
        """From which level a zone raises nudges by now."""
        return max(LEVELS[0], self.rules.zone_level_from.get(zone, self.rules.level_from))

    def _learn(self, answer: Answer) -> None:
        own = self.own.zone_level_from.get(answer.zone, self.own.level_from)
        if self.own.learns and own <= LEVELS[-1]:
            before = self._learnt.get(answer.zone, Learnt(own))
            self._learnt[answer.zone] = after(before, answer, self.own.precision, own)

    def _teach(self) -> None:
        if self._learnt:
            levels = {zone: one.level_from for zone, one in self._learnt.items()}
            self.rules = replace(self.own, zone_level_from={**self.own.zone_level_from, **levels})
