"""A hub moves to another machine, and one whose database broke goes on, with real couriers and a real broker."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from bench.faults.count import asked, drained, tally
from bench.faults.running import READY_S, Shop, awaited, shop
from hub.backup import back_up, restore
from hub.recovery import ASIDE
from hub.snapshots import take
from hub.store import FILE
from tests.hub.test_snapshots import spoil

pytestmark = pytest.mark.timeout(180)


def events(data: Path) -> int:
    with closing(sqlite3.connect(f"file:{data / FILE}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM events WHERE seq IS NOT NULL").fetchone()[0])


def comes_to_rest(running: Shop, data: Path) -> None:
    running.hush()
    drained(running)
    running.hub.process.terminate()  # type: ignore[union-attr]
    running.hub.process.wait(30)  # type: ignore[union-attr]


def boxes(running: Shop) -> list[Path]:
    return [node.outbox / "outbox.db" for node in running.nodes]


def waits(running: Shop) -> bool:
    return all(asked(box, "SELECT count(*) FROM events") != [(0,)] for box in boxes(running))


def starts_again(running: Shop) -> None:
    before = running.hub.said().count("Pages at")
    running.hub.start()
    awaited(lambda: running.hub.said().count("Pages at") > before, "The hub", READY_S, running.kept)


def test_nodes_come_back_by_themselves_to_a_hub_that_moved_and_what_waited_counts_once(tmp_path: Path) -> None:
    new = tmp_path / "elsewhere" / "hub"
    with shop(tmp_path, 2, every_s=0.3) as running:
        awaited(lambda: events(running.data) >= 10, "Ten events", READY_S, running.kept)
        running.hub.process.terminate()  # type: ignore[union-attr]
        running.hub.process.wait(30)  # type: ignore[union-attr]
        made = back_up(running.data, tmp_path / "hub.backup", time.time())
        restore(tmp_path / "hub.backup", new, time.time())
        awaited(lambda: waits(running), "What waits", READY_S, lambda: None)
        running.hub.command = tuple(str(new) if part == str(running.data) else part for part in running.hub.command)
        starts_again(running)
        comes_to_rest(running, new)
        found = tally(new / FILE, boxes(running))
    assert (found.lost, found.twice, found.strange) == (0, 0, 0)
    assert found.stored > made.entries / 4
    assert events(new) > events(running.data)


def test_a_hub_whose_database_broke_goes_on_from_its_hourly_copy_and_nothing_counts_twice(tmp_path: Path) -> None:
    with shop(tmp_path, 2, every_s=0.3) as running:
        awaited(lambda: events(running.data) >= 40, "Forty events", READY_S, running.kept)
        copied = take(running.data, time.time())
        kept = events(running.data)
        awaited(lambda: events(running.data) >= kept + 4, "Four more", READY_S, running.kept)
        running.hub.kill()
        spoil(running.data / FILE)
        starts_again(running)
        assert "put aside" in running.hub.said()
        awaited(lambda: events(running.data) > kept + 4, "Events after it", READY_S, running.kept)
        comes_to_rest(running, running.data)
        found = tally(running.data / FILE, boxes(running))
    assert (found.twice, found.strange) == (0, 0)
    assert found.lost <= found.released - kept
    assert (running.data / ASIDE).exists()
    assert copied.entries > 0
