"""A program that keeps ending unasked rests longer each time, and one that was asked to end does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.restarts import FREE, MOST_S, STARTS, WINDOW_S, Restarts, rest_s

NOW_S = 1_800_000_000.0


def test_the_first_two_go_on_at_once_and_then_each_rest_is_twice_the_last_up_to_a_bound(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path / STARTS)
    assert [restarts.begin(NOW_S + second) for second in range(9)] == [0, 0, 0, 2, 4, 8, 16, 32, 32]
    assert rest_s(FREE) == 0


def test_who_was_asked_to_end_begins_as_if_nothing_had_been(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path / STARTS)
    for second in range(6):
        restarts.begin(NOW_S + second)
    restarts.ended()
    assert restarts.begin(NOW_S + 7) == 0


def test_what_was_long_ago_or_is_yet_to_come_does_not_count(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path / STARTS)
    for second in range(6):
        restarts.begin(NOW_S + second)
    assert restarts.begin(NOW_S + WINDOW_S + 60) == 0
    assert restarts.begin(NOW_S - 10_000) == 0


@pytest.mark.parametrize("noted", [b"", b"{}", b"[null]", b"[[[", b'["x"]', b"\xff"])
def test_a_note_that_cannot_be_read_and_a_folder_that_is_not_there_keep_nothing_from_starting(
    tmp_path: Path, noted: bytes
) -> None:
    (tmp_path / STARTS).write_bytes(noted)
    assert Restarts(tmp_path / STARTS).begin(NOW_S) == 0
    assert Restarts(tmp_path / "none" / STARTS).begin(NOW_S) == 0


@given(st.integers(0, 10_000))
def test_a_rest_never_grows_beyond_its_bound(unasked: int) -> None:
    assert 0 <= rest_s(unasked) <= MOST_S
