"""The gate: what it lets through, and what it makes of the rest."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Privacy
from edge.eye import gate as g
from edge.order import SpentHours
from edge.record import (
    AssistRecord,
    HourRecord,
    HourSuppressedRecord,
    MoodRecord,
    Record,
    encode,
)
from edge.values import Mood, Tally, Tumbled, Window, ZoneNow

MOOD = Mood(0.2, 0.5, 0.3, 0.12, -0.34)
unit = st.floats(0, 1)
moods = st.tuples(unit, unit, unit).filter(lambda p: sum(p) > 0).map(
    lambda p: Mood(p[0] / sum(p), p[1] / sum(p), p[2] / sum(p), 0.0, 0.0)
)  # fmt: skip


def gate(privacy: Privacy | None = None, noise: g.Noise = lambda _: 0) -> g.Gate:
    return g.Gate(privacy or Privacy(), 45.0, {}, 1, g.Budget(), g.Spent(), noise)


def window(people: int, zone: int = 0, mood: Mood | None = MOOD) -> Window:
    return Window(zone, 300.0, 300.0, people, mood, "30-60", 0.25)


def now(dwell_s: float, zone: int = 0, attended: bool = False, people: int = 1) -> ZoneNow:
    return ZoneNow(zone, people, dwell_s, 0.0, False, attended, None)


def play(steps: list[Tumbled], settings: g.Gate | None = None, flush: bool = False) -> list[Record]:
    return [record for record in g.release(steps, settings or gate(), flush=flush) if record is not None]


@given(st.integers(0, 4), st.none() | moods)
def test_fewer_than_k_is_suppressed_and_looks_like_nobody(people: int, mood: Mood | None) -> None:
    assert encode(g.mood(window(people, mood=mood), gate(), 300)) == encode(g.mood(window(0, mood=None), gate(), 300))


@pytest.mark.parametrize(("people", "bucket"), [(5, "5-9"), (9, "5-9"), (10, "10-19"), (19, "10-19"), (20, "20+")])
def test_k_or_more_are_released_in_a_bucket(people: int, bucket: str) -> None:
    record = g.mood(window(people), gate(), 300)
    assert isinstance(record, MoodRecord)
    assert (record.people, record.dwell, record.valence, record.arousal) == (bucket, "30-60", 1, -3)


@given(moods)
def test_shares_are_ten_tenths_and_nobodys_mood_is_certain(mood: Mood) -> None:
    tenths = g.shares(mood)
    assert sum(tenths) == 10
    assert all(1 <= part <= 9 for part in tenths)


@given(moods)
def test_shares_stray_from_the_truth_by_no_more_than_the_cap_makes_them(mood: Mood) -> None:
    for told, true in zip(g.shares(mood), (mood.negative, mood.neutral, mood.positive), strict=True):
        assert abs(told - 10 * true) <= 2 + 1e-9


def test_k_cannot_be_set_below_its_floor() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 5"):
        Privacy(k=4)


def test_a_need_is_said_at_once_and_again_while_it_lasts() -> None:
    said = play([Tumbled(float(t), (), (), (now(200.0),)) for t in range(100)])
    assert [record.head.t_mono_s for record in said] == [0, 30, 60, 90]
    assert all(isinstance(record, AssistRecord) and record.level == 1 for record in said)


def test_a_need_that_is_over_is_taken_back_after_a_while_not_at_a_glance_away() -> None:
    gone = now(0.0, people=0)
    steps = [Tumbled(float(t), (), (), (now(200.0) if t < 20 or t == 23 else gone,)) for t in range(60)]
    said = [(record.head.t_mono_s, record.level) for record in play(steps) if isinstance(record, AssistRecord)]
    assert said == [(0, 1), (30, 0)]


def test_a_badge_takes_the_need_back_at_once() -> None:
    steps = [Tumbled(float(t), (), (), (now(200.0, attended=t >= 15),)) for t in range(30)]
    said = [(record.head.t_mono_s, record.level) for record in play(steps) if isinstance(record, AssistRecord)]
    assert said == [(0, 1), (15, 0)]


def test_no_zone_says_two_of_a_kind_within_ten_seconds() -> None:
    steps = [Tumbled(float(t), (window(5),), (), (now(200.0, attended=t % 2 == 0),)) for t in range(300)]
    said = list(g.release(steps, gate()))
    for kind in (AssistRecord, MoodRecord):
        times = [t for t, record in enumerate(said) if isinstance(record, kind)]
        assert len(times) > 10
        assert all(later - earlier >= 10 for earlier, later in pairwise(times))


@given(st.lists(st.floats(0.01, 0.5), min_size=50, max_size=200))
def test_the_eye_says_at_most_256_bits_a_second_whatever_its_zones(gaps: list[float]) -> None:
    t_s, steps = 0.0, []
    for gap in gaps:
        t_s += gap
        steps.append(
            Tumbled(t_s, tuple(window(9, zone) for zone in range(12)), (), tuple(now(500.0, z) for z in range(12)))
        )
    assert len(play(steps)) <= t_s + 1


def test_what_waits_is_said_later_and_not_lost() -> None:
    steps = [Tumbled(0.0, tuple(window(5, zone) for zone in range(12)), (), ())]
    steps += [Tumbled(float(t), (), (), ()) for t in range(1, 20)]
    assert sorted(record.head.zone for record in play(steps)) == list(range(12))


def test_a_need_goes_before_what_waits() -> None:
    steps = [Tumbled(float(t), (window(5, zone=1),), (), (now(0.0 if t < 2 else 200.0),)) for t in range(4)]
    assert isinstance(play(steps)[1], AssistRecord)


def tally(*counts: int, hour: int = 100, people: int = 99) -> Tally:
    return Tally(0, hour, people, *counts)


def test_an_hour_needs_eleven_visits_true_and_noisy() -> None:
    assert isinstance(g.hour(tally(3, 3, 3, 2), gate(), 0), HourRecord)
    assert isinstance(g.hour(tally(3, 3, 3, 1), gate(), 0), HourSuppressedRecord)
    assert isinstance(g.hour(tally(3, 3, 3, 2), gate(noise=lambda _: -1), 0), HourSuppressedRecord)
    assert isinstance(g.hour(tally(3, 3, 3, 1), gate(noise=lambda _: 5), 0), HourSuppressedRecord)
    assert isinstance(g.hour(tally(9, 9, 9, 9, people=10), gate(), 0), HourSuppressedRecord)


def test_a_suppressed_hour_looks_the_same_for_ten_visits_and_for_none() -> None:
    ten, none = g.hour(tally(3, 3, 3, 1), gate(), 0), g.hour(tally(0, 0, 0, 0), gate(), 0)
    assert ten == none
    assert ten is not None


def test_an_hour_is_said_once_though_the_wall_clock_goes_back() -> None:
    settings = gate()
    assert g.hour(tally(9, 9, 9, 9, hour=100), settings, 0) is not None
    assert g.hour(tally(9, 9, 9, 9, hour=101), settings, 0) is not None
    assert g.hour(tally(9, 9, 9, 9, hour=100), settings, 0) is None


def test_an_hour_that_an_earlier_life_told_is_not_told_again_and_its_epsilon_counts() -> None:
    settings = gate(Privacy(epsilon=1.0, epsilon_per_day=2.0))
    settings.spent.remember(SpentHours(zone=0, day=4, told=1 << 4, epsilon_milli=1000))
    said = [g.hour(tally(9, 9, 9, 9, hour=hour), settings, 0) for hour in (100, 101, 102)]
    assert [type(record) for record in said] == [type(None), HourRecord, HourSuppressedRecord]
    settings.spent.remember(SpentHours(zone=0, day=4, told=0, epsilon_milli=0))
    assert settings.spent.epsilon_milli[0, 4] == 2000


def test_a_spent_budget_suppresses_and_spends_no_more() -> None:
    settings = gate(Privacy(epsilon=1.0, epsilon_per_day=2.0))
    said = [g.hour(tally(9, 9, 9, 9, hour=24 + i), settings, 0) for i in range(3)]
    assert [type(record) for record in said] == [HourRecord, HourRecord, HourSuppressedRecord]
    assert isinstance(said[2], HourSuppressedRecord)
    assert said[2].epsilon_milli == 0


def test_the_noise_is_drawn_with_the_stated_epsilon() -> None:
    asked: list[Fraction] = []

    def noise(epsilon: Fraction) -> int:
        asked.append(epsilon)
        return 0

    g.hour(tally(9, 9, 9, 9), gate(Privacy(epsilon=0.5), noise), 0)
    assert asked == [Fraction(1, 2)] * 4
