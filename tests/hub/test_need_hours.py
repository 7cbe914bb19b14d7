"""Counts of needs by zone and hour: what they count, how they are rounded, and when they are written down and go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.config import KeepPart
from hub.need_hours import HOUR_S, KEPT_DAYS, ROUNDED_TO, Told, count, rounded, write_down
from hub.retention import sweep
from hub.store import FILE, Store
from tests.hub.node import WALL_S, Node, message

ZONE = ("aisle", 0)
NODE = Node()
HOUR = WALL_S // HOUR_S * HOUR_S


def told(at_s: float, level: int, ttl_s: float = 60) -> Told:
    return Told(HOUR + at_s, ZONE, level, ttl_s)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / FILE)
    yield opened
    opened.close()


def hear(store: Store, at_s: float, level: int, seq: int, zone: int = 0, late: bool = False) -> None:
    event = NODE.assist(seq, level, zone=zone)
    store.add(message(event, mono_s=HOUR + at_s - WALL_S), event, late=late)


def rows(store: Store) -> list[tuple[int, int, int, int, int]]:
    sql = "SELECT zone, hour_start_s, reached_1, reached_2, reached_3 FROM need_hours ORDER BY hour_start_s, zone"
    return [(zone, (at_s - HOUR) // HOUR_S, *reached) for zone, at_s, *reached in store.run(sql)]


def test_a_need_counts_once_at_every_level_that_it_reached() -> None:
    needs = (told(0, 1), told(30, 2), told(50, 1), told(60, 0), told(100, 3), told(130, 3))
    assert count(needs) == {(ZONE, HOUR): (2, 2, 1)}


def test_a_need_that_nobody_renewed_is_over() -> None:
    assert count((told(0, 1, 20), told(30, 1, 20))) == {(ZONE, HOUR): (2, 0, 0)}


def test_a_need_counts_in_the_hour_in_which_it_reached_the_level() -> None:
    needs = (told(3_580, 1), told(3_620, 2))
    assert count(needs) == {(ZONE, HOUR): (1, 0, 0), (ZONE, HOUR + HOUR_S): (0, 1, 0)}


def test_nothing_needed_counts_nothing() -> None:
    assert count((told(0, 0),)) == {}


@given(st.tuples(*[st.integers(0, 60)] * 3), st.integers(0, ROUNDED_TO - 1))
def test_what_stands_is_a_multiple_of_five_that_is_less_than_five_away(reached: tuple[int, int, int], by: int) -> None:
    for true, stands in zip(reached, rounded(reached, by), strict=True):
        assert stands % ROUNDED_TO == 0
        assert abs(stands - true) < ROUNDED_TO


@given(st.tuples(*[st.integers(0, 60)] * 3))
def test_rounding_keeps_the_mean_and_the_order_of_levels(reached: tuple[int, int, int]) -> None:
    ways = [rounded(reached, by) for by in range(ROUNDED_TO)]
    assert [fmean(column) for column in zip(*ways, strict=True)] == list(map(float, reached))
    ordered = rounded(tuple(sorted(reached)), 3)  # type: ignore[arg-type]
    assert list(ordered) == sorted(ordered)


def test_an_hour_is_written_down_once_it_has_ended_for_every_zone_of_a_node_that_sensed(store: Store) -> None:
    with store.batch():
        store.add(message(NODE.birth()), NODE.birth(), late=False)
        for number in range(6):
            hear(store, number * 100, 2, number + 1)
        hear(store, 700, 3, 7, late=True)
        write_down(store.run, HOUR + HOUR_S - 1)
        assert rows(store) == []
        write_down(store.run, HOUR + HOUR_S, lambda _: 4)
        assert rows(store) == [(0, 0, 10, 10, 0), (1, 0, 0, 0, 0)]


def test_what_stands_is_never_drawn_again(store: Store) -> None:
    with store.batch():
        store.add(message(NODE.birth()), NODE.birth(), late=False)
        hear(store, 10, 1, 1)
        write_down(store.run, HOUR + HOUR_S, lambda _: 0)
        for draw in range(ROUNDED_TO):
            write_down(store.run, HOUR + HOUR_S + 60, lambda _, draw=draw: draw)  # type: ignore[misc]
        assert rows(store) == [(0, 0, 0, 0, 0), (1, 0, 0, 0, 0)]


def test_the_sweep_counts_needs_before_it_forgets_them_and_forgets_the_counts_after_eight_days(store: Store) -> None:
    with store.batch():
        store.add(message(NODE.birth()), NODE.birth(), late=False)
        for number in range(20):
            hear(store, number * 100, 3, number + 1)
    sweep(store, KeepPart(), HOUR + 24 * HOUR_S + 3_000)
    assert store.run("SELECT count(*) FROM events WHERE kind = 'assist'").fetchone() == (0,)
    assert rows(store) == [(0, 0, 20, 20, 20), (1, 0, 0, 0, 0)]
    sweep(store, KeepPart(), HOUR + KEPT_DAYS * 24 * HOUR_S)
    assert len(rows(store)) == 2
    sweep(store, KeepPart(), HOUR + KEPT_DAYS * 24 * HOUR_S + 1)
    assert rows(store) == []
