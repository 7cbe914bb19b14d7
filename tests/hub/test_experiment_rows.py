"""An experiment in the store: what is held survives a restart, what hours came to is measured from cameras' words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contract.events import Event
from hub import experiment_rows as kept
from hub import retention
from hub.config import KeepPart
from hub.experiment import LIMIT_S, HoldOut
from hub.experiment_desk import ExperimentBook
from hub.nudge_types import Held, Hold, LetGo, Open, Raise, Resting, Rules
from hub.store import FILE, Store
from tests.hub.node import WALL_S, Node, message
from tests.hub.test_writer import Hub

NODE = Node()
ZONE = ("aisle", 0)
HOUR_S = float(WALL_S // 3600 * 3600)
LATER_S = HOUR_S + 7_200


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / FILE)
    yield opened
    opened.close()


def hear(store: Store, at_s: float, event: Event, *, late: bool = False) -> None:
    with store.batch():
        store.add(replace(message(event), received_s=at_s), event, late=late)  # type: ignore[arg-type]


def nudge(store: Store, at_s: float, number: int = 1) -> None:
    with store.batch():
        store.act(Raise(ZONE, Open(number, 2, (), at_s, at_s + 60, at_s)), at_s)


def units(store: Store) -> list[tuple[object, ...]]:
    with store.batch():
        kept.measure(store.run, LATER_S)
        return store.run("SELECT held, waited_s, mood FROM experiment_hours ORDER BY id").fetchall()


@pytest.fixture(params=[False, True], ids=["nudged", "held"])
def begun(request: pytest.FixtureRequest, store: Store) -> tuple[Store, bool]:
    """A store whose experiment nudges always, or holds always; with a need 100 s into the hour."""
    held, at_s = request.param, HOUR_S + 100
    with store.batch():
        kept.begin(store.run, float(held), 30, HOUR_S)
    hear(store, at_s, NODE.assist(1, ttl_s=60))
    if held:
        with store.batch():
            store.act(Hold(ZONE, Held(at_s, at_s + 60)), at_s)
    else:
        nudge(store, at_s)
    return store, held


def test_both_arms_are_measured_alike_until_the_zone_says_0(begun: tuple[Store, bool]) -> None:
    store, held = begun
    hear(store, HOUR_S + 150, NODE.assist(2, ttl_s=60))
    hear(store, HOUR_S + 183, NODE.assist(3, level=0))
    assert units(store) == [(held, 80, None)]


def test_how_a_nudge_was_answered_changes_nothing_of_what_is_measured(begun: tuple[Store, bool]) -> None:
    store, held = begun
    with store.batch():
        store.run("UPDATE nudges SET state = 'answered', outcome = 'helped', closed_s = ?", HOUR_S + 110)
        store.act(LetGo(ZONE), HOUR_S + 110)
    hear(store, HOUR_S + 140, NODE.assist(2, level=0))
    assert units(store) == [(held, 40, None)]


def test_a_need_that_goes_on_counts_as_the_limit(begun: tuple[Store, bool]) -> None:
    store, held = begun
    for number in range(2, 12):
        hear(store, HOUR_S + 100 + 40 * (number - 1), NODE.assist(number, ttl_s=60))
    assert units(store) == [(held, int(LIMIT_S), None)]


def test_a_camera_that_stops_speaking_leaves_the_hour_unmeasured_and_no_later_need_takes_its_place(
    begun: tuple[Store, bool],
) -> None:
    store, held = begun
    hear(store, HOUR_S + 900, NODE.assist(2))
    nudge(store, HOUR_S + 900, 2)
    hear(store, HOUR_S + 930, NODE.assist(3, level=0))
    assert units(store) == [(held, None, None)]


def test_only_the_first_need_of_an_hour_counts(begun: tuple[Store, bool]) -> None:
    store, held = begun
    hear(store, HOUR_S + 120, NODE.assist(2, level=0))
    hear(store, HOUR_S + 900, NODE.assist(3))
    nudge(store, HOUR_S + 900, 2)
    hear(store, HOUR_S + 940, NODE.assist(4, level=0))
    assert units(store) == [(held, 20, None)]


def test_the_mood_is_of_the_first_released_window_that_began_after_the_need(begun: tuple[Store, bool]) -> None:
    store, held = begun
    hear(store, HOUR_S + 120, NODE.assist(2, level=0))
    hear(store, HOUR_S + 390, NODE.mood(3))  # began before
    hear(store, HOUR_S + 690, NODE.nothing(4))
    hear(store, HOUR_S + 990, NODE.mood(5))
    assert units(store) == [(held, 20, 8)]  # 3 positive less 2 negative tenths, from -7 up


def test_what_came_before_it_began_or_after_it_ended_is_no_part_of_it(store: Store) -> None:
    with store.batch():
        kept.begin(store.run, 0.2, 30, HOUR_S + 600)
        kept.end(store.run, HOUR_S + 1_200)
    for number, at_s in enumerate((HOUR_S + 100, HOUR_S + 1_300), 1):
        hear(store, at_s, NODE.assist(number))
        nudge(store, at_s, number)
    assert units(store) == []


def test_a_restart_goes_on_holding_and_resting(store: Store) -> None:
    with store.batch():
        store.act(Hold(ZONE, Held(HOUR_S, HOUR_S + 60)), HOUR_S)
        store.act(Hold(ZONE, Held(HOUR_S, HOUR_S + 90)), HOUR_S + 30)
        assert store.engine_state(Rules(), HOUR_S + 40).zones == {ZONE: Held(HOUR_S, HOUR_S + 90)}
        store.act(LetGo(ZONE), HOUR_S + 50)
        assert store.engine_state(Rules(), HOUR_S + 60).zones == {ZONE: Resting(HOUR_S + 50, HOUR_S + 170)}
        assert store.engine_state(Rules(), HOUR_S + 171).zones == {}


def test_needs_are_measured_before_they_are_forgotten_and_all_of_it_goes_in_time(begun: tuple[Store, bool]) -> None:
    store, _ = begun
    hear(store, HOUR_S + 120, NODE.assist(2, level=0))
    with store.batch():
        store.act(LetGo(ZONE), HOUR_S + 120)
    retention.sweep(store, KeepPart(assists_hours=1), HOUR_S + 4_000)
    assert units(store)[0][1] == 20
    assert store.run("SELECT count(*) FROM held_needs").fetchone() == (0,)
    with store.batch():
        kept.end(store.run, LATER_S)
    retention.sweep(store, KeepPart(events_days=1), HOUR_S + 100_000)
    for table in ("experiments", "experiment_hours"):
        assert store.run(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_no_row_names_anybody(store: Store) -> None:
    columns = {
        column[1]
        for table in ("experiments", "held_needs", "experiment_hours")
        for column in store.run(f"PRAGMA table_info({table})")
    }
    assert columns == {
        *("id", "key", "share", "smallest_s", "began_s", "ended_s", "node", "zone", "opened_s", "until_s", "closed_s"),
        *("experiment", "hour_s", "held", "waited_s", "mood", "mood_since_s"),
    }


def test_once_begun_the_hub_holds_and_once_ended_it_nudges(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.hear(NODE.birth(t_mono_s=100), NODE.status())
    book = ExperimentBook(hub.reads, hub.writer.write)
    book.start(1.0, 30, "owner", hub.clocks.wall_s())
    hub.hear(NODE.assist(1))
    assert hub.nudges() == ()
    assert hub.reads.rows("SELECT count(*) FROM held_needs") == [(1,)]
    book.stop("owner", hub.clocks.wall_s())
    trial = book.trial()
    assert trial is not None
    assert trial.ended_s is not None
    hub.hear(NODE.assist(2, zone=1))
    assert [nudge.zone for nudge in hub.nudges()] == [1]
    kinds = [row[0] for row in hub.reads.rows("SELECT kind FROM ledger_entries ORDER BY position")]
    assert kinds.count("experiment") == 2
    hub.close()


def test_every_experiment_has_a_key_of_its_own_and_the_first_ends_when_a_second_begins(store: Store) -> None:
    with store.batch():
        kept.begin(store.run, 0.2, 30, HOUR_S)
        kept.begin(store.run, 0.3, 10, HOUR_S + 60)
        rows = store.run("SELECT key, ended_s FROM experiments ORDER BY id").fetchall()
        drawn = kept.holding(Rules(), lambda sql: store.run(sql).fetchall()).hold_out
    assert len({key for key, _ in rows}) == 2
    assert [ended_s for _, ended_s in rows] == [HOUR_S + 60, None]
    assert drawn == HoldOut(rows[1][0], 0.3, HOUR_S + 60)
