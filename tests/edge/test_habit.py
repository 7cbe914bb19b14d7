"""The courier's hold on the site's neutral: over restarts, at its pace, and only of the model in force."""

from __future__ import annotations

import pytest

from edge.courier.habit import TAKEN_EVERY_S, Habit
from edge.order import SiteNeutral
from edge.record import Head, NeutralRecord, PulseRecord, encode

MODEL = "a" * 64
SAID = NeutralRecord(Head(0, 1, 2), (90, 70, 30, 40, 20, 1, 4, 0), 200, True)


def test_what_was_said_outlives_the_courier_and_is_told_and_given_back() -> None:
    kept = Habit(MODEL).takes(SAID, 0.0)
    again = Habit.recalled(kept, MODEL)
    assert again.orders() == (SiteNeutral(200, SAID.shares),)
    assert again.told() == {"drift": True}


def test_an_eye_that_says_more_than_one_an_hour_is_refused() -> None:
    habit = Habit(MODEL)
    assert habit.takes(SAID, 0.0) is not None
    assert habit.takes(SAID, TAKEN_EVERY_S - 1) is None
    assert habit.takes(SAID, TAKEN_EVERY_S) is not None


@pytest.mark.parametrize(
    "memo",
    [None, "", "x", f"{MODEL} zz", f"{MODEL} 00", f"{'b' * 64} {encode(SAID).hex()}",
     f"{MODEL} {encode(PulseRecord(Head(0, 1, 2), 1, 1, 1, 1, 1, 1, 1)).hex()}"],
)  # fmt: skip
def test_another_model_s_or_a_broken_neutral_is_none(memo: str | None) -> None:
    habit = Habit.recalled(memo, MODEL)
    assert habit.orders() == ()
    assert habit.told() == {}
