"""An eye that keeps ending soon is let wait longer each time; one that works is not."""

from __future__ import annotations

from contract.restarts import FREE, MOST_S
from edge.courier.lives import SOON_S, Lives
from edge.eye.life import GREETING_S


def waits_s(lives: Lives, now_s: float) -> float:
    """How long the life that greets now waits; it is answered then."""
    lives.greeted(now_s)
    due_s = lives.due_s or now_s
    assert lives.waits == (due_s > now_s)
    assert not lives.waits or not lives.answer(due_s - 0.01)
    assert not lives.waits or lives.answer(due_s)
    return due_s - now_s


def test_an_eye_that_ends_again_and_again_waits_longer_each_time_up_to_a_bound() -> None:
    lives, now_s, waited = Lives(rests=True), 1000.0, []
    for _ in range(10):
        waited.append(waits_s(lives, now_s))
        now_s += waited[-1] + 1.0
    assert waited == [0.0] * (FREE + 1) + [2.0, 4.0, 8.0, 16.0, 32.0, 32.0, 32.0]
    assert max(waited) == MOST_S < GREETING_S


def test_a_life_that_lasted_ends_the_waiting() -> None:
    lives, now_s = Lives(rests=True), 1000.0
    for _ in range(6):
        now_s += waits_s(lives, now_s) + 1.0
    assert waits_s(lives, now_s + SOON_S + 60.0) == 0.0


def test_an_eye_that_ends_while_it_waits_gains_nothing_by_it() -> None:
    lives, now_s = Lives(rests=True), 1000.0
    for _ in range(6):
        now_s += waits_s(lives, now_s) + 1.0
    lives.greeted(now_s)
    before_s = (lives.due_s or 0) - now_s
    lives.greeted(now_s + 0.5)
    assert (lives.due_s or 0) - now_s - 0.5 >= before_s


def test_nobody_waits_where_the_supervisor_rests_itself() -> None:
    lives, now_s = Lives(), 1000.0
    for _ in range(10):
        assert waits_s(lives, now_s) == 0.0
        now_s += 0.1
