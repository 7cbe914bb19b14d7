"""Turns are even: nobody who is free is asked more often than another."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hub.shift import HOUR_S, Fairness, Shift, ask, say_busy, sign_off, sign_on

FAIR = Fairness(per_hour=12, rest_s=60.0, busy_s=600.0)
NOON_S = 1_800_000_000.0
SEATS = ("attic", "cellar", "door", "lift", "till", "window")
gaps = st.floats(FAIR.rest_s, 900.0)


@given(st.integers(2, 6), st.lists(gaps, min_size=10, max_size=60))
def test_of_people_who_are_free_all_along_nobody_is_asked_twice_more_than_another(
    people: int, waits_s: list[float]
) -> None:
    shift: Shift = {}
    for seat in SEATS[:people]:
        shift = sign_on(shift, seat, NOON_S)
    turns, now_s = Counter(dict.fromkeys(SEATS[:people], 0)), NOON_S
    for wait_s in waits_s:
        now_s += wait_s
        asked, shift = ask(FAIR, shift, (), (), now_s)
        if asked.alone:
            turns.update(asked.seats)
        assert max(turns.values()) - min(turns.values()) <= 1


moves = st.lists(st.tuples(gaps, st.sampled_from(("busy", "free", "off", "on", "none")), st.sampled_from(SEATS[2:])))


@given(moves)
def test_whoever_else_is_busy_comes_or_goes_two_who_stay_free_are_asked_alike_and_nobody_over_the_cap(
    told: list[tuple[float, str, str]],
) -> None:
    shift: Shift = {}
    for seat in SEATS:
        shift = sign_on(shift, seat, NOON_S)
    turns, now_s = Counter(dict.fromkeys(SEATS, 0)), NOON_S
    hour: dict[str, list[float]] = {seat: [] for seat in SEATS}
    for wait_s, word, seat in told:
        now_s += wait_s
        match word:
            case "busy" | "free":
                shift = say_busy(shift, seat, now_s + FAIR.busy_s if word == "busy" else 0.0)
            case "off":
                shift, hour[seat] = sign_off(shift, seat), []
            case "on":
                shift = sign_on(shift, seat, now_s)
        asked, shift = ask(FAIR, shift, (), (), now_s)
        turns.update(asked.seats if asked.alone else ())
        for one in asked.seats:
            hour[one] = [at_s for at_s in hour[one] if now_s - at_s < HOUR_S] + [now_s]
            assert len(hour[one]) <= FAIR.per_hour
        assert abs(turns[SEATS[0]] - turns[SEATS[1]]) <= 1
