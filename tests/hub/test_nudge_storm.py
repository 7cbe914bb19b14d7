"""Whatever happens, in whatever order, over restarts and jumps of the clock: the engine's promises hold."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub import nudge_rows, schema
from hub.experiment import HoldOut
from hub.nudge import step
from hub.nudge_types import (
    HOUR_S,
    Action,
    Answered,
    Assisted,
    Busy,
    Close,
    Event,
    Expire,
    HandOver,
    Held,
    OnShift,
    OnTheWay,
    Open,
    Quiet,
    Raise,
    Renew,
    Resting,
    Rules,
    Silent,
    State,
    Take,
    TakenBy,
    Tick,
    Waiting,
    Withdraw,
    Zone,
    ZoneKey,
)
from hub.shift import SHIFT_MAX_S, Fairness

EVENTS = 10_000
NOON_S = datetime(2026, 6, 1, 12, 0, tzinfo=UTC).timestamp()
ZONES: list[ZoneKey] = [(node, zone) for node in ("aisle", "window") for zone in range(3)]
SEATS = ("door", "lift", "till")
RULES = Rules(
    level_from=2,
    hand_over_s=45.0,
    expires_s=120.0,
    taken_max_s=300.0,
    rest_s=30.0,
    rest_browsing_s=90.0,
    per_hour=14,
    quiet=(Quiet(3 * 60, 4 * 60),),
    first_approach_s=8.0,
    neighbours=(frozenset((("aisle", 0), ("aisle", 1), ("window", 0))), frozenset((("aisle", 1), ("window", 2)))),
    fair=Fairness(per_hour=5, rest_s=40.0, busy_s=120.0),
)


HELD_OUT = replace(
    RULES,
    hold_out=HoldOut(bytes(32), 0.3, NOON_S - HOUR_S),
    zone_level_from={ZONES[0]: 1, ZONES[3]: 3, ZONES[5]: 4},
)


class Watch:
    """Holds the engine to its promises by what it says it does."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.open: dict[int, tuple[ZoneKey, ...]] = {}
        self.since_s: dict[int, float] = {}
        self.raised_s: list[float] = []
        self.asked_s: dict[str, list[float]] = {}
        self.seen: set[str] = set()

    def lets_pass(self, now_s: float) -> None:
        """A clock that was set back by more than an hour knows nothing of the last one."""
        self.raised_s = [at_s for at_s in self.raised_s if abs(now_s - at_s) < HOUR_S]
        self.asked_s = {
            seat: [at_s for at_s in times if abs(now_s - at_s) < HOUR_S] for seat, times in self.asked_s.items()
        }

    def sees(self, action: Action, now_s: float) -> None:
        self.seen.add(type(action).__name__)
        match action:
            case Raise(zone, nudge):
                assert not any(zone in zones for zones in self.open.values()), "two nudges for a zone"
                assert not (self.rules.hold_out and self.rules.hold_out.holds(zone, now_s)), "a held zone was asked for"
                assert nudge.level >= self.rules.zone_level_from.get(zone, self.rules.level_from)
                group = self.rules.beside(zone)
                assert not any(group & set(zones) for zones in self.open.values()), "neighbours side by side"
                self.open[nudge.id], self.since_s[nudge.id] = (zone,), now_s
                self.raised_s.append(now_s)
                assert len(self.raised_s) <= self.rules.per_hour
                self._asks(nudge, now_s)
            case Renew(nudge) if nudge.needs:
                zones = tuple(need.zone for need in nudge.needs)
                others = [one for number, known in self.open.items() if number != nudge.id for one in known]
                assert not set(zones) & set(others), "two nudges for a zone"
                assert set(self.open[nudge.id]) <= set(zones)
                self.open[nudge.id] = zones
            case HandOver(nudge):
                assert nudge.id in self.open
                self._asks(nudge, now_s)
            case Take(taken):
                self.since_s[taken.id] = now_s
            case Withdraw(number) | Expire(number) | Close(number):
                del self.open[number]

    def _asks(self, nudge: Open, now_s: float) -> None:
        for seat in nudge.asked.seats:
            times = self.asked_s.setdefault(seat, [])
            times.append(now_s)
            assert len(times) <= self.rules.fair.per_hour, f"{seat} was asked too often"

    def leaves(self, seat: str) -> None:
        self.asked_s.pop(seat, None)


def story(rng: random.Random) -> Iterator[tuple[float, Event | str]]:
    """Seconds that pass (or go back), and what happens then."""
    kinds: dict[str, Callable[[], Event | str]] = {
        "assist": lambda: Assisted(rng.choice(ZONES), rng.randrange(4), (), rng.uniform(-20, 90), rng.random() < 0.1),
        "silent": lambda: Silent(rng.choice(("aisle", "window"))),
        "taken": lambda: TakenBy(-rng.randrange(3), rng.choice(SEATS)),
        "answer": lambda: Answered(-rng.randrange(3), rng.choice(("helped", "browsing", "nobody"))),
        "shift": lambda: OnShift(rng.choice(SEATS), rng.random() < 0.7),
        "busy": lambda: Busy(rng.choice(SEATS), rng.random() < 0.7),
        "tick": Tick,
        "restart": lambda: "restart",
    }
    weights = (60, 1, 6, 6, 4, 4, 15, 4)
    for _ in range(EVENTS):
        jump_s = rng.choice((-7_300.0, -40.0, 5_000.0, 90_000.0)) if rng.random() < 0.004 else 0.0
        yield rng.expovariate(1 / 6) + jump_s, kinds[rng.choices(list(kinds), weights)[0]]()


def at_home(event: Event, state: State, now_s: float) -> Event:
    """The event as it is meant: good for so long from now, and of one of the newest nudges."""
    match event:
        case Assisted(zone, level, reasons, until_s, late):
            return Assisted(zone, level, reasons, now_s + until_s, late)
        case TakenBy(number, who):
            return TakenBy(state.next_id - 1 + number, who)
        case Answered(number, outcome):
            return Answered(state.next_id - 1 + number, outcome)
        case _:
            return event


@pytest.mark.parametrize(("seed", "rules"), [(0, RULES), (1, RULES), (2, HELD_OUT)], ids=["one", "another", "held out"])
def test_ten_thousand_events_break_no_promise(tmp_path: Path, seed: int, rules: Rules) -> None:
    db = schema.open_for_writing(tmp_path / "hub.db")
    db.execute("BEGIN")
    watch, state, now_s = Watch(rules), State(), NOON_S
    for passed_s, event in story(random.Random(seed)):
        now_s += passed_s
        watch.lets_pass(now_s)
        if isinstance(event, str):
            state = restarted(db, rules, state, now_s)
            continue
        before = {seat: one.since_s for seat, one in state.shift.items()}
        state, actions = step(rules, state, at_home(event, state, now_s), now_s)
        for action in actions:
            nudge_rows.act(db, action, now_s)
            watch.sees(action, now_s)
        for seat, since_s in before.items():
            if seat not in state.shift or state.shift[seat].since_s != since_s:
                watch.leaves(seat)
        keeps_to_its_times(watch, state, now_s)
    state, _ = step(rules, state, Tick(), now_s + SHIFT_MAX_S)
    assert not [zone for zone in state.zones.values() if isinstance(zone, Open | OnTheWay | Held | Waiting)]
    assert not state.shift
    assert {"Raise", "Renew", "HandOver", "Take", "Withdraw", "Expire", "Close", "Wait", "Staffed"} <= watch.seen
    assert ("Hold" in watch.seen) == (rules.hold_out is not None)
    db.close()


def keeps_to_its_times(watch: Watch, state: State, now_s: float) -> None:
    """What stands is what was said, and none of it stands for ever."""
    standing = {zone.id: zone for zone in state.zones.values() if isinstance(zone, Open | OnTheWay)}
    assert set(standing) == set(watch.open)
    for number, zone in standing.items():
        longest_s = watch.rules.expires_s if isinstance(zone, Open) else watch.rules.taken_max_s
        assert now_s - watch.since_s[number] < longest_s, "open for ever"
    for seat in state.shift.values():
        assert now_s - seat.since_s < SHIFT_MAX_S


def restarted(db: sqlite3.Connection, rules: Rules, state: State, now_s: float) -> State:
    """The state from disk, which forgets and repeats nothing. What a jump of the
    clock ended early, a rest or one of the raised, may count again."""
    known = nudge_rows.engine_state(db, rules, now_s)

    def busy_in(zones: Mapping[ZoneKey, Zone]) -> dict[ZoneKey, Zone]:
        return {key: zone for key, zone in zones.items() if not isinstance(zone, Resting)}

    assert busy_in(known.zones) == busy_in(state.zones)
    for key, zone in state.zones.items():
        if isinstance(zone, Resting) and zone.since_s <= now_s < zone.until_s:
            rest = known.zones[key]
            assert isinstance(rest, Resting)
            assert rest.until_s >= zone.until_s
    assert set(known.raised_s) >= {at_s for at_s in state.raised_s if abs(now_s - at_s) < HOUR_S}
    assert (known.next_id, dict(known.shift)) == (state.next_id, dict(state.shift))
    return known


def test_what_is_kept_of_people_is_gone_with_the_shift_and_with_the_nudge(tmp_path: Path) -> None:
    db = schema.open_for_writing(tmp_path / "hub.db")
    state = State()
    rules = Rules()
    need = Assisted(ZONES[0], 2, (), NOON_S + 60)
    for event in (OnShift("till"), OnShift("door"), need, Busy("door"), TakenBy(1, "till"), Answered(1, "helped")):
        state, actions = step(rules, state, event, NOON_S)
        for action in actions:
            nudge_rows.act(db, action, NOON_S)
    for seat in ("till", "door"):
        state, actions = step(rules, state, OnShift(seat, False), NOON_S + 1)
        for action in actions:
            nudge_rows.act(db, action, NOON_S + 1)
    left = "\n".join(db.iterdump())
    assert "helped" in left
    assert "till" not in left
    assert "door" not in left
    db.close()
