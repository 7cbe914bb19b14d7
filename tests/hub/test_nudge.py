from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.nudge import step
from hub.nudge_types import (
    Action,
    Answered,
    Assisted,
    Busy,
    Close,
    Event,
    Expire,
    HandOver,
    OnShift,
    OnTheWay,
    Open,
    Quiet,
    Raise,
    Renew,
    Resting,
    Rules,
    Silent,
    Staffed,
    State,
    Take,
    TakenBy,
    Tick,
    Wait,
    WaitNoMore,
    Withdraw,
)
from hub.shift import Fairness

CERAMICS, LAMPS = ("aisle", 0), ("aisle", 1)
WINDOW = ("window", 0)
NOON_S = datetime(2026, 6, 1, 12, 0, tzinfo=UTC).timestamp()


def need(zone: tuple[str, int] = CERAMICS, level: int = 2, good_for_s: float = 60, *, late: bool = False) -> Assisted:
    """What a node says now; `good_for_s` counts from the moment it is said, see `tell`."""
    return Assisted(zone, level, ("long_dwell",) if level else (), good_for_s, late)


def tell(
    *story: tuple[float, Event], rules: Rules | None = None, state: State | None = None
) -> tuple[State, list[str]]:
    """Plays events at seconds after noon; what the engine did, one line each."""
    state, said = state or State(), []
    for at_s, event in story:
        if isinstance(event, Assisted):
            event = replace(event, until_s=NOON_S + at_s + event.until_s)
        state, actions = step(rules or Rules(), state, event, NOON_S + at_s)
        said += [f"{at_s:g} {words(action)}" for action in actions if not isinstance(action, Staffed)]
    return state, said


def words(action: Action) -> str:
    match action:
        case Raise(zone, asked):
            return f"raise {asked.id} {zone[0]}/{zone[1]} level {asked.level}{of_whom(asked)}"
        case Renew(asked, seen):
            zones = [f" {need.zone[0]}/{need.zone[1]}" for need in asked.needs if need.level]
            return f"renew {asked.id}" + (f" level {asked.level}" if seen else "") + ",".join(zones)
        case HandOver(asked):
            return f"hand over {asked.id}{of_whom(asked)}"
        case Take(taken):
            return f"take {taken.id} {taken.who}"
        case Withdraw(number, why):
            return f"withdraw {number}: {why}"
        case Expire(number):
            return f"expire {number}"
        case Close(number, outcome):
            return f"close {number} {outcome}"
        case Wait(zone):
            return f"wait {zone[0]}/{zone[1]}"
        case WaitNoMore(zone):
            return f"wait no more {zone[0]}/{zone[1]}"
    raise AssertionError(action)


def of_whom(asked: Open) -> str:
    return f", asks {'' if asked.asked.alone else 'all: '}{' '.join(asked.asked.seats)}" if asked.asked.seats else ""


@dataclass(frozen=True)
class Sentence:
    says: str
    story: tuple[tuple[float, Event], ...]
    so: list[str]
    rules: Rules = field(default_factory=Rules)


TACTFUL = Rules(first_approach_s=15.0)
BESIDE = Rules(neighbours=(frozenset((CERAMICS, LAMPS)),))
TILL_ON, DOOR_ON = OnShift("till"), OnShift("door")
SENTENCES = (
    Sentence("a need raises a nudge", ((0, need()),), ["0 raise 1 aisle/0 level 2"]),
    Sentence("no need raises nothing", ((0, need(level=0)),), []),
    Sentence("a level below the shop's raises nothing", ((0, need(level=1)),), [], Rules(level_from=2)),
    Sentence(
        "a zone may ask for more than the shop",
        ((0, need(level=2)), (1, need(LAMPS, level=2))),
        ["1 raise 1 aisle/1 level 2"],
        Rules(zone_level_from={CERAMICS: 3}),
    ),
    Sentence(
        "a need under the learnt level is raised only in the blocks of time that are explored",
        ((2990, need(level=1)), (3000, need(level=1)), (4000, need(level=1))),
        ["3000 raise 1 aisle/0 level 1", "4000 expire 1"],
        Rules(level_from=2, learns=True),
    ),
    Sentence("nothing is explored while nothing is learnt", ((3000, need(level=1)),), [], Rules(level_from=2)),
    Sentence(
        "a zone that is never to nudge is not explored either",
        ((3000, need(level=3)),),
        [],
        Rules(zone_level_from={CERAMICS: 4}, learns=True),
    ),
    Sentence("exploring needs a need", ((3000, need(level=0)),), [], Rules(level_from=2, learns=True)),
    Sentence("a late event never raises a nudge", ((0, need(late=True)),), []),
    Sentence(
        "a late event neither renews nor withdraws one",
        ((0, need()), (5, need(level=0, late=True)), (50, need(late=True)), (60, Tick())),
        ["0 raise 1 aisle/0 level 2", "50 hand over 1", "60 withdraw 1: moved on"],
    ),
    Sentence("a need that was over before it came raises nothing", ((0, need(good_for_s=0)),), []),
    Sentence(
        "one open nudge a zone, renewed while the need goes on",
        ((0, need()), (30, need()), (40, need(level=3))),
        ["0 raise 1 aisle/0 level 2", "30 renew 1", "40 renew 1 level 3"],
    ),
    Sentence(
        "zones do not wait for each other",
        ((0, need()), (1, need(LAMPS)), (2, need(WINDOW))),
        ["0 raise 1 aisle/0 level 2", "1 raise 2 aisle/1 level 2", "2 raise 3 window/0 level 2"],
    ),
    Sentence(
        "the customer moved on",
        ((0, need()), (20, need(level=0))),
        ["0 raise 1 aisle/0 level 2", "20 withdraw 1: moved on"],
    ),
    Sentence(
        "what the node said is no longer good",
        ((0, need(good_for_s=30)), (29, Tick()), (30, Tick())),
        ["0 raise 1 aisle/0 level 2", "30 withdraw 1: moved on"],
    ),
    Sentence(
        "nobody takes it: it is handed over, and again",
        ((0, need(good_for_s=300)), (44, Tick()), (45, Tick()), (60, Tick()), (90, Tick())),
        ["0 raise 1 aisle/0 level 2", "45 hand over 1", "90 hand over 1"],
    ),
    Sentence(
        "it expires after two minutes though the need goes on",
        ((0, need()), (30, need()), (60, need()), (90, need()), (119, need()), (120, Tick())),
        [
            "0 raise 1 aisle/0 level 2",
            "30 renew 1",
            "60 hand over 1",
            "60 renew 1",
            "90 renew 1",
            "119 hand over 1",
            "119 renew 1",
            "120 expire 1",
        ],
    ),
    Sentence(
        "the node goes silent in the middle of a nudge",
        ((0, need()), (1, need(LAMPS)), (2, need(WINDOW)), (9, Silent("aisle"))),
        [
            "0 raise 1 aisle/0 level 2",
            "1 raise 2 aisle/1 level 2",
            "2 raise 3 window/0 level 2",
            "9 withdraw 1: node silent",
            "9 withdraw 2: node silent",
        ],
    ),
    Sentence(
        "somebody is on the way and says how it went",
        ((0, need()), (8, TakenBy(1, "tablet")), (70, Answered(1, "helped"))),
        ["0 raise 1 aisle/0 level 2", "8 take 1 tablet", "70 close 1 helped"],
    ),
    Sentence(
        "whoever is first has it",
        ((0, need()), (8, TakenBy(1, "till")), (8, TakenBy(1, "door"))),
        ["0 raise 1 aisle/0 level 2", "8 take 1 till"],
    ),
    Sentence(
        "somebody on the way keeps it whatever zone and node say",
        ((0, need()), (8, TakenBy(1, "till")), (9, need(level=0)), (60, Tick()), (61, Silent("aisle")), (130, Tick())),
        ["0 raise 1 aisle/0 level 2", "8 take 1 till"],
    ),
    Sentence(
        "somebody who never says how it went does not block the zone",
        ((0, need()), (8, TakenBy(1, "till")), (607, Tick()), (608, Tick())),
        ["0 raise 1 aisle/0 level 2", "8 take 1 till", "608 expire 1"],
    ),
    Sentence(
        "one who was there anyway may answer without taking it",
        ((0, need()), (8, Answered(1, "nobody"))),
        ["0 raise 1 aisle/0 level 2", "8 close 1 nobody"],
    ),
    Sentence(
        "an answer to what is over changes nothing",
        ((0, need()), (8, Answered(1, "helped")), (9, Answered(1, "nobody")), (9, TakenBy(1, "till"))),
        ["0 raise 1 aisle/0 level 2", "8 close 1 helped"],
    ),
    Sentence("an answer to what never was changes nothing", ((0, Answered(7, "helped")), (1, TakenBy(7, "till"))), []),
    Sentence(
        "a zone rests after a nudge",
        ((0, need()), (20, need(level=0)), (139, need()), (140, need())),
        ["0 raise 1 aisle/0 level 2", "20 withdraw 1: moved on", "140 raise 2 aisle/0 level 2"],
    ),
    Sentence(
        "a zone rests longer after *just browsing*",
        ((0, need()), (20, Answered(1, "browsing")), (619, need()), (620, need())),
        ["0 raise 1 aisle/0 level 2", "20 close 1 browsing", "620 raise 2 aisle/0 level 2"],
    ),
    Sentence(
        "the shop's cap holds for an hour, whatever the zones",
        ((0, need()), (10, need(LAMPS)), (20, need(WINDOW)), (3599, need(WINDOW)), (3600, need(WINDOW))),
        [
            "0 raise 1 aisle/0 level 2",
            "10 raise 2 aisle/1 level 2",
            "3599 expire 1",
            "3599 expire 2",
            "3600 raise 3 window/0 level 2",
        ],
        Rules(per_hour=2),
    ),
    Sentence(
        "quiet hours raise nothing",
        ((-60, need()), (0, need(LAMPS)), (3599, need()), (3600, need(LAMPS))),
        ["-60 raise 1 aisle/0 level 2", "0 withdraw 1: moved on", "3600 raise 2 aisle/1 level 2"],
        Rules(quiet=(Quiet(12 * 60, 13 * 60),)),
    ),
    Sentence(
        "quiet hours may pass midnight",
        ((0, need()), (12 * 3600, need(LAMPS)), (18 * 3600, need(LAMPS)), (18.5 * 3600, need(LAMPS))),
        ["0 raise 1 aisle/0 level 2", "43200 expire 1", "66600 raise 2 aisle/1 level 2"],
        Rules(quiet=(Quiet(22 * 60, 6 * 60 + 30),)),
    ),
    Sentence(
        "a clock that jumps back leaves nothing open for ever",
        ((0, need()), (1, TakenBy(1, "till")), (2, need(LAMPS)), (-3600, Tick()), (-3599, need())),
        ["0 raise 1 aisle/0 level 2", "1 take 1 till", "2 raise 2 aisle/1 level 2", "-3600 expire 1", "-3600 expire 2"],
    ),
    Sentence(
        "a need must have stood for a while before anybody is asked",
        ((0, need()), (5, need(level=3)), (14, Tick()), (15, Tick())),
        ["0 wait aisle/0", "5 wait aisle/0", "15 wait no more aisle/0", "15 raise 1 aisle/0 level 3"],
        TACTFUL,
    ),
    Sentence(
        "a need that is over before that asks nobody, and the zone need not rest",
        ((0, need()), (9, need(level=0)), (10, need()), (25, Tick())),
        [
            "0 wait aisle/0",
            "9 wait no more aisle/0",
            "10 wait aisle/0",
            "25 wait no more aisle/0",
            "25 raise 1 aisle/0 level 2",
        ],
        TACTFUL,
    ),
    Sentence(
        "so does one whose camera goes silent, or says nothing more",
        ((0, need()), (1, need(WINDOW, good_for_s=10)), (9, Silent("aisle")), (11, Tick()), (20, Tick())),
        ["0 wait aisle/0", "1 wait window/0", "9 wait no more aisle/0", "11 wait no more window/0"],
        TACTFUL,
    ),
    Sentence(
        "a need that has stood long enough waits for the end of quiet hours",
        ((3590, need()), (3599, need()), (3605, Tick())),
        ["3590 wait aisle/0", "3599 wait aisle/0", "3605 wait no more aisle/0", "3605 raise 1 aisle/0 level 2"],
        replace(TACTFUL, quiet=(Quiet(12 * 60, 13 * 60),)),
    ),
    Sentence(
        "neighbours raise one nudge together, and rest together",
        ((0, need()), (5, need(LAMPS, level=3)), (6, need(WINDOW)), (20, Answered(1, "browsing")), (600, need(LAMPS))),
        [
            "0 raise 1 aisle/0 level 2",
            "5 renew 1 level 3 aisle/0, aisle/1",
            "6 raise 2 window/0 level 2",
            "20 close 1 browsing",
            "600 expire 2",
        ],
        BESIDE,
    ),
    Sentence(
        "a shared nudge stands while any of its zones needs it",
        ((0, need()), (5, need(LAMPS)), (9, need(level=0)), (12, need(LAMPS, level=0))),
        [
            "0 raise 1 aisle/0 level 2",
            "5 renew 1 level 2 aisle/0, aisle/1",
            "9 renew 1 level 2 aisle/1",
            "12 withdraw 1: moved on",
        ],
        BESIDE,
    ),
    Sentence(
        "a zone of a shared nudge of which nothing more is known drops out of it",
        ((0, need(good_for_s=30)), (5, need(LAMPS)), (30, Tick()), (31, Tick())),
        ["0 raise 1 aisle/0 level 2", "5 renew 1 level 2 aisle/0, aisle/1", "30 renew 1 level 2 aisle/1"],
        BESIDE,
    ),
    Sentence(
        "a shared nudge outlives one silent camera",
        ((0, need(WINDOW)), (5, need(CERAMICS)), (9, Silent("window")), (10, Silent("aisle"))),
        [
            "0 raise 1 window/0 level 2",
            "5 renew 1 level 2 window/0, aisle/0",
            "9 renew 1 level 2 aisle/0",
            "10 withdraw 1: node silent",
        ],
        Rules(neighbours=(frozenset((WINDOW, CERAMICS)),)),
    ),
    Sentence(
        "a need beside somebody on the way waits until they have answered",
        ((0, need()), (5, TakenBy(1, "till")), (6, need(LAMPS)), (20, Answered(1, "helped")), (21, need(LAMPS))),
        ["0 raise 1 aisle/0 level 2", "5 take 1 till", "20 close 1 helped", "21 raise 2 aisle/1 level 2"],
        BESIDE,
    ),
    Sentence(
        "one who is on shift is asked, and then the next",
        ((0, TILL_ON), (1, DOOR_ON), (2, need()), (47, need()), (92, Tick())),
        [
            "2 raise 1 aisle/0 level 2, asks door",
            "47 hand over 1, asks till",
            "47 renew 1",
            "92 hand over 1, asks all: door till",
        ],
    ),
    Sentence(
        "turns go round, and taking one is a turn",
        (
            (0, TILL_ON),
            (1, DOOR_ON),
            (2, need()),
            (3, TakenBy(1, "till")),
            (4, Answered(1, "helped")),
            (70, need(LAMPS)),
            (71, need(WINDOW)),
        ),
        [
            "2 raise 1 aisle/0 level 2, asks door",
            "3 take 1 till",
            "4 close 1 helped",
            "70 raise 2 aisle/1 level 2, asks door",
            "71 raise 3 window/0 level 2, asks till",
        ],
    ),
    Sentence(
        "who is busy hands over at once, and to all where nobody else is on shift",
        ((0, TILL_ON), (1, DOOR_ON), (2, need()), (5, Busy("door")), (6, Busy("till")), (7, Tick())),
        ["2 raise 1 aisle/0 level 2, asks door", "5 hand over 1, asks till", "6 hand over 1"],
    ),
    Sentence(
        "busy ends by itself, or when it is undone, and nothing has to be caught up with",
        (
            (0, TILL_ON),
            (1, Busy("till")),
            (2, need()),
            (3, Answered(1, "helped")),
            (60, Busy("till", False)),
            (200, need()),
            (201, Answered(2, "helped")),
            (202, Busy("till")),
            (802, need()),
        ),
        [
            "2 raise 1 aisle/0 level 2, asks all: till",
            "3 close 1 helped",
            "200 raise 2 aisle/0 level 2, asks till",
            "201 close 2 helped",
            "802 raise 3 aisle/0 level 2, asks till",
        ],
    ),
    Sentence(
        "who goes hands over at once; where nobody is on shift, all are asked",
        ((0, TILL_ON), (2, need()), (5, OnShift("till", False)), (50, Tick())),
        ["2 raise 1 aisle/0 level 2, asks till", "5 hand over 1", "50 hand over 1"],
    ),
    Sentence(
        "a shift that nobody ends ends by itself",
        ((0, TILL_ON), (12 * 3600 - 10, need()), (12 * 3600, Tick())),
        ["43190 raise 1 aisle/0 level 2, asks till", "43200 hand over 1"],
    ),
    Sentence(
        "who is on the way is not asked of another nudge while somebody is free",
        ((0, TILL_ON), (1, need()), (2, TakenBy(1, "till")), (3, DOOR_ON), (4, need(LAMPS)), (5, need(WINDOW))),
        [
            "1 raise 1 aisle/0 level 2, asks till",
            "2 take 1 till",
            "4 raise 2 aisle/1 level 2, asks door",
            "5 raise 3 window/0 level 2, asks all: door till",
        ],
        Rules(fair=Fairness(rest_s=0.0)),
    ),
    Sentence(
        "nobody is asked more often in an hour than the cap for one person, and then nothing is raised",
        ((0, TILL_ON), (1, need()), (2, need(LAMPS)), (3, need(WINDOW)), (3602, need(WINDOW))),
        [
            "1 raise 1 aisle/0 level 2, asks till",
            "2 raise 2 aisle/1 level 2, asks all: till",
            "3602 expire 1",
            "3602 expire 2",
            "3602 raise 3 window/0 level 2, asks till",
        ],
        Rules(fair=Fairness(per_hour=2)),
    ),
    Sentence(
        "a clock that is set back a little changes nothing",
        ((0, need()), (-1, Tick()), (1, TakenBy(1, "till")), (0, Tick())),
        ["0 raise 1 aisle/0 level 2", "1 take 1 till"],
    ),
)


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence.says.replace(" ", "_"))
def test_the_engine(sentence: Sentence) -> None:
    _, said = tell(*sentence.story, rules=sentence.rules)
    assert said == sentence.so


def test_an_event_that_changes_nothing_leaves_the_state_equal() -> None:
    state, _ = tell((0, need()))
    again, _ = tell((1, Tick()), state=state)
    assert again == state


ZONES = [(node, zone) for node in ("a", "b") for zone in range(3)]
EVENTS = st.one_of(
    st.builds(
        Assisted,
        zone=st.sampled_from(ZONES),
        level=st.integers(0, 3),
        reasons=st.just(()),
        until_s=st.floats(0, 600),
        late=st.booleans(),
    ),
    st.builds(Silent, node=st.sampled_from(("a", "b"))),
    st.builds(TakenBy, nudge=st.integers(1, 40), who=st.sampled_from(("till", "door"))),
    st.builds(Answered, nudge=st.integers(1, 40), outcome=st.sampled_from(("helped", "browsing", "nobody"))),
    st.just(Tick()),
)
RULES = st.builds(
    Rules,
    level_from=st.integers(1, 3),
    hand_over_s=st.floats(10, 60),
    expires_s=st.floats(30, 200),
    taken_max_s=st.floats(60, 600),
    rest_s=st.floats(0, 300),
    rest_browsing_s=st.floats(0, 600),
    per_hour=st.integers(1, 6),
)


class Watch:
    """Holds the engine to its rules by its actions alone."""

    def __init__(self, rules: Rules) -> None:
        self.rules, self.open, self.raised_s = rules, dict[int, tuple[tuple[str, int], float]](), list[float]()

    def see(self, action: Action, now_s: float) -> None:
        match action:
            case Raise(zone, asked):
                assert zone not in [where for where, _ in self.open.values()], "two nudges for a zone"
                assert asked.level >= self.rules.level_from
                self.open[asked.id] = (zone, now_s)
                self.raised_s.append(now_s)
                assert len([at_s for at_s in self.raised_s if now_s - at_s < 3600]) <= self.rules.per_hour
            case Withdraw(number) | Expire(number) | Close(number):
                del self.open[number]
            case Renew(asked) | HandOver(asked):
                assert asked.id in self.open
            case Take(taken):
                assert taken.id in self.open

    def nothing_is_open_for_ever(self, now_s: float) -> None:
        longest_s = self.rules.expires_s + self.rules.taken_max_s
        assert all(now_s - opened_s < longest_s for _, opened_s in self.open.values())


@settings(max_examples=50, deadline=None)
@given(rules=RULES, story=st.lists(st.tuples(st.floats(0, 90), EVENTS), min_size=90, max_size=110))
def test_whatever_happens_no_zone_has_two_nudges_no_cap_is_exceeded_and_none_stays_open(
    rules: Rules, story: list[tuple[float, Event]]
) -> None:
    watch, state, now_s = Watch(rules), State(), NOON_S
    for after_s, event in story:
        now_s += after_s
        if isinstance(event, Assisted):
            event = replace(event, until_s=now_s + event.until_s)
        state, actions = step(rules, state, event, now_s)
        for action in actions:
            watch.see(action, now_s)
        watch.nothing_is_open_for_ever(now_s)
        standing = {zone.id for zone in state.zones.values() if isinstance(zone, Open | OnTheWay)}
        assert standing == set(watch.open)
    state, actions = step(rules, state, Tick(), now_s + rules.expires_s + rules.taken_max_s)
    assert not [zone for zone in state.zones.values() if not isinstance(zone, Resting)]
