"""Sums of history: of told hours only, however they are added, and the noise in them is known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.dashboard import noise_within
from hub.tally import Tally, Window, by_zone, noise_var, of_hour, of_nudge, waits
from hub.views import HourView, NudgeView
from tests.hub.conftest import NOW_S

HOUR = int(NOW_S) // 3600 * 3600
ZONE = ("floor-1", 0)
counts = st.integers(0, 200)
hour_views = st.builds(
    HourView, st.just("floor-1"), st.integers(0, 2), st.just("Zone"), st.integers(0, 40).map(lambda h: HOUR + 3600 * h),
    st.booleans(), st.just(0.5), counts, counts, counts, counts,
)  # fmt: skip


def told(at_s: int = HOUR, *visits: int) -> HourView:
    return HourView("floor-1", 0, "Ceramics", at_s, False, 0.5, *(visits or (3, 8, 5, 1)))


def withheld(at_s: int = HOUR) -> HourView:
    return HourView("floor-1", 0, "Ceramics", at_s, True, 0.5)


def nudge(outcome: str | None = None, wait_s: float | None = None, state: str = "answered") -> NudgeView:
    taken_s = None if wait_s is None else NOW_S + wait_s
    return NudgeView(1, "floor-1", 0, "Ceramics", 2, (), state, NOW_S, taken_s, NOW_S + 300, outcome)  # type: ignore[arg-type]


@given(st.lists(hour_views, max_size=40), counts)
def test_no_sum_depends_on_a_withheld_hour(hours: list[HourView], anything: int) -> None:
    others = [
        replace(hour, negative=anything, neutral=anything, positive=anything, unknown=anything)
        if hour.suppressed
        else hour
        for hour in hours
    ]
    assert by_zone(others, ()) == by_zone(hours, ())


@given(st.lists(hour_views, max_size=40), st.integers(0, 40))
def test_a_sum_is_the_same_however_it_is_added(hours: list[HourView], cut: int) -> None:
    whole, first, second = by_zone(hours, ()), by_zone(hours[:cut], ()), by_zone(hours[cut:], ())
    for key, tally in whole.items():
        parts = first.get(key, Tally()) + second.get(key, Tally())
        assert parts.row[:8] == tally.row[:8]
        assert parts.noise_var == pytest.approx(tally.noise_var)


@given(st.lists(hour_views, max_size=40))
def test_every_hour_is_either_told_or_withheld(hours: list[HourView]) -> None:
    sums = by_zone(hours, ())
    assert sum(tally.told for tally in sums.values()) == sum(not hour.suppressed for hour in hours)
    assert sum(tally.withheld for tally in sums.values()) == sum(hour.suppressed for hour in hours)


def test_a_withheld_hour_is_no_zero() -> None:
    tally = of_hour(withheld())
    assert (tally.told, tally.withheld, tally.moods, tally.noise_within) == (0, 1, (0, 0, 0, 0), 0)


@pytest.mark.parametrize(("visits", "column"), [(11, 0), (19, 0), (20, 1), (49, 1), (50, 2), (400, 2)])
def test_hours_fall_into_buckets_by_their_visits(visits: int, column: int) -> None:
    assert of_hour(told(HOUR, visits, 0, 0, 0)).hours.index(1) == column


@pytest.mark.parametrize("hours", [1, 2, 3, 6, 12])
@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1.0])
def test_the_noise_of_a_sum_stays_within_its_bound_19_times_in_20(hours: int, epsilon: float) -> None:
    reach = math.ceil(40 / epsilon)
    alpha = math.exp(-epsilon)
    one = [(1 - alpha) / (1 + alpha) * alpha ** abs(x) for x in range(-reach, reach + 1)]
    total = [1.0]
    for _ in range(hours):
        folded = [0.0] * (len(total) + len(one) - 1)
        for i, p in enumerate(total):
            if p > 1e-12:
                for j, q in enumerate(one):
                    folded[i + j] += p * q
        total = folded
    bound = Tally(noise_var=hours * noise_var(epsilon)).noise_within
    middle = len(total) // 2
    within = sum(total[middle - bound : middle + bound + 1])
    assert within >= 0.95
    assert bound <= 1.5 * math.sqrt(hours) * noise_within(epsilon)


def test_a_nudge_is_counted_once_by_how_it_went() -> None:
    went = [
        nudge("helped", 9), nudge("browsing", 9), nudge("nobody", 9), nudge(None, 9, "expired"),
        nudge(state="expired"), nudge(state="withdrawn"), nudge(state="open"), nudge(None, 9, "taken"),
    ]  # fmt: skip
    total = sum((of_nudge(one) for one in went), Tally())
    assert total.nudges == (1, 1, 1, 1, 2)


def test_a_window_counts_only_where_every_hour_it_touches_was_told() -> None:
    def windows(began_s: int, ended_s: int) -> Window:
        return Window(*ZONE, began_s, ended_s, "60-120")

    told_hours = [told(), withheld(HOUR + 3600)]
    spans_s = ((0, 300), (3300, 3600), (3300, 3900), (3600, 3900))
    stays = [
        by_zone(told_hours, (), [windows(HOUR + began_s, HOUR + ended_s)]).get(ZONE, Tally()).stays[2]
        for began_s, ended_s in spans_s
    ]
    assert stays == [1, 1, 0, 0]
    assert by_zone((), (), [windows(HOUR, HOUR + 300)]) == {}


def test_how_soon_somebody_went_is_counted_in_steps() -> None:
    assert waits([nudge("helped", wait_s) for wait_s in (0, 15, 16, 45, 46, 90, 91)] + [nudge()]) == (2, 1, 1, 2, 1)


def test_a_row_is_read_back_as_it_was_written() -> None:
    tally = of_hour(told()) + of_nudge(nudge("helped", 9)) + Tally(stays=(1, 2, 3, 4, 5))
    assert Tally.of_row(tally.row) == tally
