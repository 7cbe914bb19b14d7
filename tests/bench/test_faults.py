"""The short version of ``make faults``."""

from __future__ import annotations

import random
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from bench.faults.count import tally
from bench.faults.disk import Disk, Op
from bench.faults.kills import kills
from bench.faults.power import cuts
from contract.ledger import create_tables
from hub import schema


@pytest.mark.timeout(180)
@pytest.mark.parametrize("target", ["courier"])
def test_what_was_released_is_stored_once_though_something_is_killed(target: str, tmp_path: Path) -> None:
    found = kills(target, 1, 1, tmp_path, pause_max_s=1.0)
    assert found["well"]
    assert found["released"] == found["stored"] > 0


def test_the_count_sees_what_is_lost_doubled_or_strange(tmp_path: Path) -> None:
    hub, outbox = tmp_path / "hub.db", tmp_path / "outbox.db"
    schema.open_for_writing(hub).close()
    with closing(sqlite3.connect(outbox)) as db:
        create_tables(db)
        said = [(number, b"", "mood", 0, "", b"", payload) for number, payload in enumerate((b"1", b"2", b"2"))]
        db.executemany("INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?, ?, ?)", said)
        db.commit()
    with closing(sqlite3.connect(hub)) as db:
        for seq, payload in enumerate((b"1", b"1", b"3")):
            db.execute("INSERT INTO events VALUES (NULL, 'n', 'b', ?, 'mood', 0, 0, 1.0, 't', ?)", (seq, payload))
        db.commit()
    found = tally(hub, [outbox])
    assert (found.released, found.stored, found.lost, found.twice, found.strange) == (3, 3, 5, 1, 1)
    assert not found.well


def test_what_was_vouched_for_outlives_a_power_cut(tmp_path: Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed: apt-get install strace")
    with ThreadPoolExecutor() as pool:
        for found in pool.map(lambda what: cuts(what, 20, 1, tmp_path, events=20), ("outbox", "hub")):
            assert found["well"]
            assert found["syncs"] > 5


def test_a_power_cut_leaves_what_was_synced_and_any_part_of_the_rest() -> None:
    disk = Disk()
    for op in (Op("create", "/f"), Op("pwrite64", "/f", b"a" * 1024), Op("sync", "/f")):
        disk.do(op)
    disk.do(Op("pwrite64", "/f", b"b" * 1024, 512))
    left = {disk.cut(random.Random(seed))["/f"] for seed in range(60)}
    assert all(content[:512] == b"a" * 512 for content in left)
    assert {b"a" * 1024, b"a" * 512 + b"b" * 1024} < left
    disk.do(Op("link", "/f", other="/g"))
    assert {len(disk.cut(random.Random(seed))) for seed in range(20)} == {1, 2}
    disk.do(Op("sync", "/"))
    assert {len(disk.cut(random.Random(seed))) for seed in range(20)} == {2}
