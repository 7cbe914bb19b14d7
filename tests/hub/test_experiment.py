"""The hold-out's draw, the confidence sequence's bounds, and the owner's sentences."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.experiment import (
    DAY_S,
    HOUR_S,
    SHARES,
    HoldOut,
    Sequence,
    Sure,
    Unit,
    by_day,
    power,
    sequence_of,
    verdict,
)
from hub.experiment_sim import SHOPS, simulate
from hub.nudge import step
from hub.nudge_types import (
    Action,
    Assisted,
    Event,
    Held,
    Hold,
    LetGo,
    Raise,
    Resting,
    Rules,
    Silent,
    State,
    Tick,
)

CERAMICS, LAMPS = ("aisle", 0), ("aisle", 1)
NOON_S = datetime(2026, 6, 1, 12, 0, tzinfo=UTC).timestamp()
KEY = b"k" * 32
ALWAYS = Rules(hold_out=HoldOut(KEY, 1.0))
UNITS = st.lists(st.builds(Unit, st.just(0), st.booleans(), st.floats(0, 1)), max_size=60)


def need(level: int = 2, at_s: float = 0.0, zone: tuple[str, int] = CERAMICS) -> Assisted:
    return Assisted(zone, level, (), NOON_S + at_s + 60)


def played(rules: Rules, *story: tuple[float, Event], state: State | None = None) -> tuple[State, list[Action]]:
    state, did = state or State(), []
    for at_s, event in story:
        state, actions = step(rules, state, event, NOON_S + at_s)
        did += actions
    return state, did


# --- the draw -------------------------------------------------------------------------------------------------------


@given(st.binary(min_size=16, max_size=64), st.integers(0, 11), st.integers(0, 10**6), st.floats(0, HOUR_S - 1))
def test_a_zone_is_held_for_a_whole_hour_or_not_at_all(key: bytes, zone: int, hour: int, into_s: float) -> None:
    drawn = HoldOut(key, 0.3)
    assert drawn.holds(("a", zone), hour * HOUR_S) == drawn.holds(("a", zone), hour * HOUR_S + into_s)


@pytest.mark.parametrize("share", SHARES)
def test_the_share_is_as_set_and_another_key_draws_other_hours(share: float) -> None:
    hours = [(("a", zone), hour * HOUR_S) for zone in range(4) for hour in range(5_000)]
    first, second = ([HoldOut(key, share).holds(*one) for one in hours] for key in (KEY, b"x" * 32))
    near = 4 * math.sqrt(share * (1 - share) / len(hours))
    assert abs(sum(first) / len(hours) - share) < near
    both = sum(a and b for a, b in zip(first, second, strict=True)) / len(hours)
    assert abs(both - share**2) < near


def test_nothing_is_held_before_it_began() -> None:
    drawn = HoldOut(KEY, 1.0, NOON_S + 60)
    assert not drawn.holds(CERAMICS, NOON_S + 59)
    assert drawn.holds(CERAMICS, NOON_S + 60)


# --- held needs in the engine ---------------------------------------------------------------------------------------


def test_a_need_in_a_held_hour_asks_nobody_and_is_none_of_the_cap() -> None:
    state, did = played(replace(ALWAYS, per_hour=1), (0, need()), (1, need(zone=LAMPS)))
    assert [type(one) for one in did] == [Hold, Hold]
    assert state.raised_s == ()
    assert state.next_id == 1


def test_a_held_need_ends_when_the_need_is_gone_and_the_zone_rests_as_after_a_nudge() -> None:
    state, did = played(ALWAYS, (0, need()), (10, need(3, 10)), (20, need(0, 20)))
    assert [type(one) for one in did] == [Hold, Hold, LetGo]
    nudged, _ = played(Rules(), (0, need()), (10, need(3, 10)), (20, need(0, 20)))
    assert state.zones == nudged.zones == {CERAMICS: Resting(NOON_S + 20, NOON_S + 140)}


@pytest.mark.parametrize("story", [((61, Tick()),), ((10, Silent("aisle")),), ((40, need(2, 40)), (121, Tick()))])
def test_a_held_need_ends_unsaid_silent_or_over_age(story: tuple[tuple[float, Event], ...]) -> None:
    _, did = played(ALWAYS, (0, need()), *story)
    assert did[-1] == LetGo(CERAMICS)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 3), st.integers(0, 3)), max_size=60))
def test_whatever_comes_a_held_hour_raises_nothing_and_the_other_arm_holds_nothing(
    story: list[tuple[int, int, int]],
) -> None:
    at_s, state, plain = 0.0, State(), State()
    for wait_s, zone, level in story:
        at_s += wait_s
        event = need(level, at_s, ("aisle", zone))
        state, did = step(ALWAYS, state, event, NOON_S + at_s)
        plain, nudged = step(replace(ALWAYS, hold_out=HoldOut(KEY, 0.0)), plain, event, NOON_S + at_s)
        assert not any(isinstance(one, Raise) for one in did)
        assert not any(isinstance(one, Hold | LetGo) for one in nudged)
        held = [one for one in state.zones.values() if isinstance(one, Held)]
        assert all(NOON_S + at_s - one.opened_s < ALWAYS.expires_s for one in held)


# --- the confidence sequence ----------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(UNITS, st.sampled_from(SHARES))
def test_the_bounds_hold_the_estimate_and_never_leave_the_span(units: list[Unit], share: float) -> None:
    sure = sequence_of(units, share).sure()
    assert -1 <= sure.low <= sure.effect <= sure.high <= 1
    assert sure.units == len(units)


@settings(max_examples=60, deadline=None)
@given(UNITS, st.sampled_from(SHARES))
def test_outcomes_turned_round_turn_the_effect_round(units: list[Unit], share: float) -> None:
    one = sequence_of(units, share).sure()
    other = sequence_of([replace(unit, outcome=1 - unit.outcome) for unit in units], share).sure()
    assert one.effect == pytest.approx(-other.effect, abs=1e-9)
    assert one.low == pytest.approx(-other.high, abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=40), st.sampled_from(SHARES))
def test_the_next_weight_is_set_before_its_hour_is_seen(past: list[tuple[bool, float]], share: float) -> None:
    weights = set()
    for held, outcome in ((True, 0.0), (False, 1.0)):
        sequence = Sequence(share)
        for unit in past:
            sequence.take(*unit)
        sequence.take(held, outcome)
        weights.add(sequence.weight)
    assert len(weights) == 1


@pytest.mark.parametrize("shop", SHOPS)
def test_the_bounds_hold_the_truth_at_every_look_in_19_runs_of_20(shop: str) -> None:
    assert simulate(SHOPS[shop], 0.2, runs=30, units=400).coverage >= 0.95


def test_a_large_effect_is_told() -> None:
    found = simulate(SHOPS["a tenth of the limit sooner"], 0.3, runs=10, units=1_500)
    assert found.told >= 8


def test_each_day_is_told_once_with_all_that_was_known_then() -> None:
    units = [Unit(day * DAY_S + hour * HOUR_S, hour % 3 == 0, 0.4) for day in (1, 2, 5) for hour in range(9, 18)]
    told = by_day(units, 0.3)
    assert [(day, sure.units) for day, sure in told] == [(1, 9), (2, 18), (5, 27)]
    assert told[-1][1] == sequence_of(units, 0.3).sure()


# --- sentences ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sure", "said"),
    [
        (Sure(0, -1, 1, 100, 9, 0.1), "Not enough data yet"),
        (Sure(-0.2, -0.3, -0.1, 100, 30, 0.1), "with nudges a need ends between 30 and 90 seconds sooner"),
        (Sure(0.2, 0.1, 0.3, 100, 30, 0.1), "does not help here: with nudges a need ends between 30 and 90"),
        (Sure(0, -0.1, 0.2, 100, 30, 0.1), "Not known yet: with nudges a need may end up to 30 seconds sooner"),
    ],
)  # fmt: skip
def test_the_verdict_is_one_sentence_that_a_shopkeeper_understands(sure: Sure, said: str) -> None:
    assert said in verdict(sure, 300)


def test_how_much_longer_is_reckoned_from_the_rate_so_far() -> None:
    units = [(number % 4 == 0, 0.3 + 0.1 * (number % 5)) for number in range(100)]
    sequence = Sequence(0.2)
    assert "can be said after a day" in power(sequence, 0.1, 5)
    for unit in units:
        sequence.take(*unit)
    more = sequence.units_until(0.1)
    assert more is not None
    assert power(sequence, 0.1, 10) == (
        f"About {math.ceil(more / 10)} more days at this rate until a difference of 30 seconds could be told."
    )
    assert "more than ten years" in power(sequence, 0.0001, 10)
    assert "enough data" in power(sequence, 1.0, 10)
