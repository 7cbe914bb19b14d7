"""The second count: no restart and no clock gives the eye a fresh budget."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.events import HourReleased, HourSuppressed, Kind
from contract.wire import decode
from edge.config import NodeConfig, Privacy
from edge.courier import debit
from edge.courier.debit import EYE_GAP_S, SLACK_S, ZONE_GAP_S, Cell, Rate, Refusals
from edge.courier.outbox import Outbox
from edge.eye import gate as g
from edge.eye.life import Eye
from edge.order import SpentHours
from edge.record import Head, HourRecord, HourSuppressedRecord
from edge.values import Tally
from tests.edge.hubside import topic
from tests.edge.test_courier import Desk

NOW_HOUR = int(time.time()) // 3600


def memory() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.executescript(debit.TABLE)
    return db


def take(db: sqlite3.Connection, cell: Cell, per_day: float) -> str | None:
    why = debit.overdrawn(db, cell, per_day)
    if why is None:
        debit.debit(db, cell)
    return why


cells = st.builds(Cell, st.integers(0, 2), st.integers(96, 150), st.sampled_from((0, 250, 500, 1000)))


@given(st.lists(cells, max_size=200), st.sampled_from((0.5, 2.0, 12.0)))
def test_no_cell_is_taken_twice_and_no_day_costs_more_than_it_may(asked: list[Cell], per_day: float) -> None:
    db = memory()
    taken = [cell for cell in asked if take(db, cell, per_day) is None]
    assert max(Counter((cell.zone, cell.hour) for cell in taken).values(), default=0) <= 1
    days: Counter[tuple[int, int]] = Counter()
    for cell in taken:
        days[cell.zone, cell.hour // 24] += cell.epsilon_milli
    assert all(spent <= 1000 * per_day for spent in days.values())


@given(st.lists(cells, max_size=60, unique_by=lambda cell: (cell.zone, cell.hour)))
def test_what_the_eye_is_told_is_what_was_written_down_around_today(taken: list[Cell]) -> None:
    db = memory()
    for cell in taken:
        debit.debit(db, cell)
    told = debit.spent(db, 5 * 86_400.0)
    spent = g.Spent()
    for line in told:
        spent.remember(line)
    assert spent.told == {(cell.zone, cell.hour) for cell in taken if 96 <= cell.hour < 168}
    assert sum(spent.epsilon_milli.values()) == sum(cell.epsilon_milli for cell in taken)


def test_the_oldest_cells_go_by_number_and_not_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debit, "CELLS_MAX", 10)
    db = memory()
    for hour in (5_000_000, *range(100, 112)):
        debit.debit(db, Cell(0, hour, 500))
    assert [hour for (hour,) in db.execute("SELECT hour FROM hour_cells ORDER BY id")] == list(range(102, 112))


def test_a_minute_is_as_much_as_may_come_at_once_and_then_the_eyes_own_rate() -> None:
    rate = Rate()
    at_once = sum(rate.take("mood", 0, 0.0) for _ in range(100))
    later = sum(rate.take("mood", 0, float(t)) for t in range(1, 1001))
    assert at_once == SLACK_S / ZONE_GAP_S
    assert later == 1000 / ZONE_GAP_S


@given(
    st.lists(st.tuples(st.sampled_from(("mood", "hour", "assist")), st.integers(0, 11), st.floats(0, 3)), max_size=300)
)
def test_the_eye_as_a_whole_says_no_more_than_its_bits(said: list[tuple[Kind, int, float]]) -> None:
    rate, t_s, taken = Rate(), 0.0, 0
    for kind, zone, gap_s in said:
        t_s += gap_s
        taken += rate.take(kind, zone, t_s)
    assert taken <= (SLACK_S + t_s) / EYE_GAP_S


def test_the_refused_are_counted_without_bound_and_noted_within_one() -> None:
    refusals = Refusals()
    for i in range(1000):
        refusals.add("mood", i, "too many at once")
    assert refusals.total == 1000
    assert len(refusals.note(0.0)) == 100
    refusals.add("mood", 0, "too many at once")
    assert refusals.note(59.0) == []
    assert len(refusals.note(60.0)) == 1


def hour(number: int, zone: int = 0, epsilon_milli: int = 500) -> HourRecord:
    return HourRecord(Head(zone, 0, 1000), number, 5, 5, 5, 5, epsilon_milli)


def test_an_hour_said_again_by_a_later_life_is_refused_noted_and_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, NodeConfig(node="n1"))
    for again in ((hour(NOW_HOUR),), (hour(NOW_HOUR), HourSuppressedRecord(Head(0, 0, 1000), NOW_HOUR, 500))):
        eye = desk.eye()
        for record in again:
            eye.send(record)
        desk.courier.step()
    assert len(desk.outbox) == 1
    desk.courier.joined = True
    desk.courier.step()
    desk.courier.step()
    (note,) = desk.outbox._db.execute("SELECT payload FROM ledger_entries WHERE kind = 'refusal'").fetchone()
    assert json.loads(note) == {"refused": [{"kind": "hour", "zone": 0, "why": "said before", "count": 2}]}
    health = next(payload for kind, payload in desk.hub.said if kind == "health")
    assert json.loads(health)["refused"] == 2
    desk.courier.intake.listener.close()
    desk.outbox.close()


def test_a_new_courier_and_a_new_eye_know_what_was_spent(tmp_path: Path) -> None:
    """The whole way: two lives of everything but the disk, in the same hour."""
    config = NodeConfig(node="n1", privacy=Privacy(epsilon=1.0, epsilon_per_day=1.0))
    said = []
    for _ in range(2):
        life = tmp_path / str(len(list(tmp_path.iterdir())))
        life.mkdir()
        desk = Desk(life, config, Outbox(tmp_path / "outbox", 1000, "shop", "n1"))
        link = desk.eye()
        eye = Eye(config, link, lambda _: pytest.fail("no camera"), lambda: None, lambda: False, print)
        eye._obey(link.orders(30))
        for number in (NOW_HOUR, NOW_HOUR + 1 if NOW_HOUR % 24 < 23 else NOW_HOUR - 1):
            record = g.hour(Tally(0, number, 36, 9, 9, 9, 9), eye._gate(), 0)
            said.append(type(record))
            if record is not None:
                link.send(record)
        desk.courier.step()
        desk.courier.intake.listener.close()
        if _ == 0:
            desk.outbox.close()
    assert said == [HourRecord, HourSuppressedRecord, type(None), type(None)]
    assert len(desk.outbox) == 2
    assert desk.courier.keep.refusals.total == 0
    events = [decode(topic("hour"), kept.payload) for kept in desk.outbox.after(0, 10)]
    assert sum(event.epsilon for event in events if isinstance(event, HourReleased | HourSuppressed)) == 1.0
    desk.outbox.close()


def test_a_damaged_outbox_hands_its_cells_to_the_new_one(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, 100, "shop", "n1")
    outbox.append("hour", lambda seq: b"{}", Cell(3, NOW_HOUR, 500))
    outbox.close()
    (tmp_path / "outbox.condemned").touch()
    again = Outbox(tmp_path, 100, "shop", "n1")
    assert again.overdrawn(Cell(3, NOW_HOUR, 500), 12.0) == "said before"
    assert again.spent(time.time()) == [SpentHours(3, NOW_HOUR // 24, 1 << NOW_HOUR % 24, 500)]
    again.close()


def test_a_courier_that_begins_anew_counts_the_last_minute(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, 100, "shop", "n1")
    for _ in range(4):
        outbox.append("mood", lambda seq: b'{"zone":2}')
    rate = Rate()
    rate.seen(outbox.said_since(time.time() - SLACK_S), 0.0)
    assert sum(rate.take("mood", 2, 0.0) for _ in range(10)) == SLACK_S / ZONE_GAP_S - 4
    outbox.close()
