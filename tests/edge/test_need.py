"""The need score: what raises it, what may never lower it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from contract.fields import LEVEL_FLOOR
from edge.eye import need
from edge.values import Mood, ZoneNow

LONE = ZoneNow(zone=0, people=1, dwell_s=30.0, turns_per_min=0.0, returning=False, attended=False, mood=None)
USUAL_S = 45.0

seconds = st.floats(0, 3600)
valences = st.floats(-1, 1)
zones = st.builds(
    ZoneNow,
    zone=st.just(0),
    people=st.integers(0, 9),
    dwell_s=seconds,
    turns_per_min=st.floats(0, 60),
    returning=st.booleans(),
    attended=st.booleans(),
    mood=st.none() | st.builds(Mood, st.just(0.3), st.just(0.4), st.just(0.3), valences, valences),
)


@given(zones, seconds)
def test_more_dwell_never_lowers_the_need(zone: ZoneNow, more_s: float) -> None:
    longer = replace(zone, dwell_s=zone.dwell_s + more_s)
    assert need.score(longer, USUAL_S).score >= need.score(zone, USUAL_S).score


@given(zones)
def test_an_attended_zone_has_no_need(zone: ZoneNow) -> None:
    assert need.score(replace(zone, attended=True), USUAL_S) == need.Need(0.0, ())


@given(zones)
def test_the_score_is_between_0_and_1_and_has_reasons_when_it_is_not_0(zone: ZoneNow) -> None:
    found = need.score(zone, USUAL_S)
    assert 0 <= found.score <= 1 + 1e-9
    assert bool(found.reasons) == (found.score > 0)


@given(zones, valences)
def test_mood_alone_never_reaches_the_first_level(zone: ZoneNow, valence: float) -> None:
    low = Mood(0.8, 0.1, 0.1, valence, 0.0)
    calm = replace(zone, dwell_s=0.0, turns_per_min=0.0, returning=False, mood=low)
    assert need.level(need.score(calm, USUAL_S).score) == 0


def test_a_short_stay_is_no_need() -> None:
    assert need.score(LONE, USUAL_S).score == 0


def test_twice_the_usual_stay_is_the_first_level_and_searching_makes_it_the_third() -> None:
    long = replace(LONE, dwell_s=2 * USUAL_S)
    assert need.level(need.score(long, USUAL_S).score) == 1
    assert need.level(need.score(replace(long, turns_per_min=12.0), USUAL_S).score) == 3
    assert need.level(need.score(replace(long, turns_per_min=12.0), USUAL_S).score) == 3


def test_reasons_are_named_as_they_come() -> None:
    zone = replace(LONE, dwell_s=100.0, turns_per_min=10.0, returning=True, mood=Mood(0.9, 0.1, 0.0, -0.5, 0.0))
    assert need.score(zone, USUAL_S).reasons == ("long_dwell", "searching", "returning", "mood_low", "unattended")


@given(st.floats(-1, 1))
def test_no_threshold_that_a_hub_may_set_is_reached_by_mood_alone_or_by_nobody(valence: float) -> None:
    low = Mood(1.0, 0.0, 0.0, valence, 0.0)
    crowd = replace(LONE, people=9, dwell_s=0.0, mood=low)
    lowest = (LEVEL_FLOOR,) * 3
    assert need.level(need.score(crowd, USUAL_S).score, lowest) == 0
    assert need.level(need.score(replace(crowd, people=0), USUAL_S).score, lowest) == 0
