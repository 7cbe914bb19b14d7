"""What other rules would have done, in sentences and as rules that hold for any day."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.learn import Answer, explores
from hub.need_hours import HOUR_S, NeedHour
from hub.nudge import step
from hub.nudge_types import Assisted, Quiet, Raise, Rules, State, Tick, ZoneKey
from hub.replay import Raised, Recorded, Said, Went, replay
from hub.whatif import FEW, outlook, together, week

CERAMICS: ZoneKey = ("aisle", 0)
LAMPS: ZoneKey = ("aisle", 1)
MORNING_S = float(int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()))
NAMES = {CERAMICS: "Ceramics", LAMPS: "Lamps"}
DAY_S = 4 * 3_600


def need(at_s: float, level: int = 2, zone: ZoneKey = CERAMICS, good_for_s: float = 60) -> tuple[float, Assisted]:
    return MORNING_S + at_s, Assisted(zone, level, (), MORNING_S + at_s + good_for_s)


def day(*told: tuple[float, Assisted | Went | Said | Answer], **more: object) -> Recorded:
    return replace(Recorded(MORNING_S, MORNING_S + DAY_S, tuple(told), (), 4, (), NAMES), **more)  # type: ignore[arg-type]


def raised(rules: Rules, recorded: Recorded) -> list[tuple[float, ZoneKey]]:
    return [(one.at_s - MORNING_S, one.zone) for one in replay(rules, recorded)]


@st.composite
def days(draw: st.DrawFn, zones: tuple[ZoneKey, ...] = (CERAMICS, LAMPS)) -> Recorded:
    told, at_s = [], 0.0
    for _ in range(draw(st.integers(0, 40))):
        at_s += draw(st.sampled_from((1.0, 7.5, 20.0, 45.0, 130.0, 700.0)))
        told.append(need(at_s, draw(st.integers(0, 3)), draw(st.sampled_from(zones)), draw(st.sampled_from((20, 60)))))
    return day(*told)


RULES = st.builds(
    Rules,
    level_from=st.integers(1, 3),
    learns=st.booleans(),
    rest_s=st.sampled_from((0.0, 30.0, 120.0, 900.0)),
    expires_s=st.sampled_from((30.0, 120.0)),
    hand_over_s=st.sampled_from((10.0, 45.0)),
    per_hour=st.integers(1, 30),
)


@settings(max_examples=40, deadline=None)
@given(days(), RULES)
def test_the_same_day_under_the_same_rules_raises_the_same(recorded: Recorded, rules: Rules) -> None:
    assert outlook(rules, recorded, 0.7) == outlook(rules, recorded, 0.7)


TACT = st.sampled_from(
    ((0.0, ()), (15.0, ()), (0.0, (frozenset((CERAMICS, LAMPS)),)), (8.0, (frozenset((CERAMICS, LAMPS)),)))
)


@settings(max_examples=10, deadline=None)
@given(days(), st.builds(lambda own, tact: replace(own, first_approach_s=tact[0], neighbours=tact[1]), RULES, TACT))
def test_ticks_that_are_left_out_would_have_done_nothing(recorded: Recorded, rules: Rules) -> None:
    state, told, plain = State(), list(recorded.day), []
    now_s = recorded.since_s
    for at_s, event in [*told, (recorded.until_s, Tick())]:
        times = [(now_s + second, Tick()) for second in range(1, math.ceil(at_s - now_s))]
        for then_s, one in [*times, (at_s, event)] if at_s < recorded.until_s else times:
            assert isinstance(one, Assisted | Tick)
            state, actions = step(rules, state, one, then_s)
            plain += [Raised(then_s, did.zone, did.nudge.level) for did in actions if isinstance(did, Raise)]
        now_s = at_s
    assert replay(rules, recorded) == tuple(plain)


@settings(max_examples=80, deadline=None)
@given(days(zones=(CERAMICS,)), RULES)
def test_a_higher_level_from_never_raises_more(recorded: Recorded, rules: Rules) -> None:
    counts = [len(replay(replace(rules, level_from=level), recorded)) for level in (1, 2, 3)]
    assert counts == sorted(counts, reverse=True)


@settings(max_examples=40, deadline=None)
@given(days(), RULES, st.integers(0, 23 * 60), st.integers(1, 300))
def test_quiet_hours_raise_none_in_them(recorded: Recorded, rules: Rules, from_min: int, long_min: int) -> None:
    quiet = Quiet(from_min, (from_min + long_min) % 1440)
    for one in replay(replace(rules, quiet=(quiet,)), recorded):
        local = datetime.fromtimestamp(one.at_s, UTC)
        assert not quiet.holds(local.hour * 60 + local.minute)


@settings(max_examples=40, deadline=None)
@given(days(), RULES)
def test_no_hour_has_more_than_the_cap(recorded: Recorded, rules: Rules) -> None:
    times = [one.at_s for one in replay(rules, recorded)]
    for at_s in times:
        assert sum(at_s - HOUR_S < other <= at_s for other in times) <= rules.per_hour


def test_staff_do_as_they_did_to_whatever_is_open() -> None:
    recorded = day(
        need(0), (MORNING_S + 5, Went(CERAMICS)), (MORNING_S + 30, Said(CERAMICS, "browsing")), need(400), need(700)
    )
    assert raised(Rules(), recorded) == [(0, CERAMICS), (700, CERAMICS)]
    assert raised(Rules(rest_browsing_s=60), recorded) == [(0, CERAMICS), (400, CERAMICS), (700, CERAMICS)]


def test_a_day_under_other_tact_is_played_as_the_engine_plays_it() -> None:
    recorded = day(need(0), need(5, 2, LAMPS), need(300, good_for_s=10))
    assert raised(Rules(), recorded) == [(0, CERAMICS), (5, LAMPS), (300, CERAMICS)]
    assert raised(Rules(first_approach_s=20.0), recorded) == [(20, CERAMICS), (25, LAMPS)]
    assert raised(Rules(neighbours=(frozenset((CERAMICS, LAMPS)),)), recorded) == [(0, CERAMICS), (300, CERAMICS)]


def test_what_was_tapped_for_a_neighbour_goes_to_the_nudge_they_share() -> None:
    recorded = day(need(0), need(5, 2, LAMPS), (MORNING_S + 30, Said(LAMPS, "browsing")), need(300), need(700))
    assert raised(Rules(neighbours=(frozenset((CERAMICS, LAMPS)),)), recorded) == [(0, CERAMICS), (700, CERAMICS)]


def test_what_staff_did_to_a_nudge_that_never_was_does_nothing() -> None:
    recorded = day(need(0, 1), (MORNING_S + 5, Went(CERAMICS)), (MORNING_S + 30, Said(CERAMICS, "helped")), need(40, 2))
    assert raised(Rules(level_from=2), recorded) == [(40, CERAMICS)]


def test_answers_of_the_day_move_the_level_from_then_on() -> None:
    misses = tuple(Answer(CERAMICS, 1, helped=False) for _ in range(6))
    late = [(MORNING_S + 50 + number, answer) for number, answer in enumerate(misses)]
    then_s = next(at_s for at_s in range(400, 9_000, 600) if not explores(CERAMICS, MORNING_S + at_s))
    recorded = day(need(10, 1), *late, need(then_s, 1), need(then_s + 300, 2))
    learning = Rules(learns=True)
    assert raised(learning, recorded) == [(10, CERAMICS), (then_s + 300, CERAMICS)]
    assert raised(Rules(), recorded) == [(10, CERAMICS), (then_s, CERAMICS), (then_s + 300, CERAMICS)]
    assert outlook(learning, recorded, 0.7).zones[0].level_from == 2


def test_how_often_nudges_help_is_said_once_there_are_answers_enough() -> None:
    hits = tuple(Answer(CERAMICS, 2, helped=True) for _ in range(FEW - 1))
    told = (need(0), need(600), need(900, zone=LAMPS))
    before = outlook(Rules(), day(*told, answers=hits), 0.7)
    assert (before.zones[0].helps, before.zones[0].answers, before.helps, before.unsure) == (None, 4, None, 3)
    after = outlook(Rules(), day(*told, answers=(*hits, hits[0])), 0.7)
    helps = after.zones[0].helps
    assert helps is not None
    assert after.helps is not None
    assert helps.low < helps.mean < helps.high <= 1
    assert after.helps.mean == pytest.approx(helps.mean)
    assert after.unsure == 1


def test_asking_for_another_precision_does_not_change_how_often_they_helped() -> None:
    answers = tuple(Answer(CERAMICS, 2, helped=number % 2 == 0) for number in range(10))
    recorded = day(need(0), answers=answers)
    asked = [outlook(Rules(precision=share), recorded, 0.7).zones[0].helps for share in (0.4, 0.9)]
    assert asked[0] == asked[1] is not None


def test_a_day_without_sensing_has_no_rate() -> None:
    found = outlook(Rules(), day(sensed_hours=0), 0.7)
    assert (found.a_day_hour, found.a_week_hour, found.helps) == (None, None, None)


# --- the week -------------------------------------------------------------------------------------------------------

LEVELS = {CERAMICS: 1, LAMPS: 1}


def hours(*reached: tuple[int, int, int], zone: ZoneKey = CERAMICS) -> tuple[NeedHour, ...]:
    return tuple(NeedHour(zone, int(MORNING_S) + HOUR_S * number, one) for number, one in enumerate(reached))


ROWS = st.lists(
    st.tuples(*[st.integers(0, 4)] * 3).map(lambda one: tuple(sorted((5 * part for part in one), reverse=True))),
    min_size=1, max_size=30,
).map(lambda rows: hours(*rows))  # fmt: skip


def test_the_week_counts_each_need_that_reached_the_level() -> None:
    rows = hours((10, 5, 0), (5, 5, 5), (0, 0, 0))
    means = [week(Rules(), rows, {CERAMICS: level})[CERAMICS].mean for level in (1, 2, 3, 4)]
    assert means == [5, pytest.approx(10 / 3), pytest.approx(5 / 3), 0]


def test_one_need_in_ten_under_the_level_is_explored_while_the_shop_learns() -> None:
    assert week(Rules(learns=True), hours((10, 0, 0)), {CERAMICS: 2})[CERAMICS].mean == 1
    assert week(Rules(learns=True), hours((10, 0, 0)), {CERAMICS: 4})[CERAMICS].mean == 0


def test_a_long_rest_leaves_room_for_few() -> None:
    assert week(Rules(rest_s=1_800), hours((20, 20, 20)), LEVELS)[CERAMICS].mean == 2


def test_neighbours_share_the_room_of_one_zone_in_an_hour() -> None:
    rows = (*hours((20, 20, 20)), *hours((20, 20, 20), zone=LAMPS))
    both = {CERAMICS: 1, LAMPS: 1}
    beside = Rules(rest_s=1_800, neighbours=(frozenset(both),))
    assert [span.mean for span in week(Rules(rest_s=1_800), rows, both).values()] == [2, 2]
    assert [span.mean for span in week(beside, rows, both).values()] == [1, 1]


def test_quiet_hours_count_by_their_share_of_the_hour() -> None:
    half = Rules(quiet=(Quiet(9 * 60 + 30, 11 * 60),))
    assert week(half, hours((20, 0, 0), (20, 0, 0)), LEVELS)[CERAMICS].mean == pytest.approx(5)


def test_a_span_grows_narrow_with_the_hours_counted() -> None:
    few, many = (week(Rules(), hours(*[(5, 0, 0)] * count), LEVELS)[CERAMICS] for count in (2, 60))
    assert few.high - few.low > many.high - many.low > 0
    assert few.mean == many.mean == 5


@given(ROWS, RULES)
def test_in_the_week_too_a_higher_level_never_raises_more(rows: tuple[NeedHour, ...], rules: Rules) -> None:
    means = [week(rules, rows, {CERAMICS: level})[CERAMICS].mean for level in (1, 2, 3, 4)]
    assert means == sorted(means, reverse=True)


@given(ROWS, RULES)
def test_the_week_s_sum_never_passes_the_cap(rows: tuple[NeedHour, ...], rules: Rules) -> None:
    other = tuple(replace(row, zone=LAMPS) for row in rows)
    total = together(rules, week(rules, rows + other, LEVELS).values())
    assert 0 <= total.low <= total.mean <= total.high <= rules.per_hour
