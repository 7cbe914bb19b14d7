from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from hub import blocks, schema
from hub.blocks import BITS

INSERT = (
    "INSERT INTO events (id, node, boot, seq, kind, zone, late, received_s, topic, payload)"
    " VALUES (?, ?, 'b', NULL, ?, ?, 0, 1.0, 't', X'00')"
)
KINDS = ("mood", "assist", "health")
ROWS = st.lists(
    st.tuples(
        st.integers(1, 6 << BITS),
        st.sampled_from(("till", "door")),
        st.sampled_from(KINDS),
        st.one_of(st.none(), st.integers(0, 2)),
    ),
    unique_by=lambda row: row[0],
    max_size=40,
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    db = schema.open_for_writing(tmp_path / "hub.db")
    yield db
    db.close()


def rows_of(db: sqlite3.Connection) -> blocks.Rows:
    return lambda sql, *values: db.execute(sql, values).fetchall()


def fill(db: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    for table in ("events", "event_blocks"):
        db.execute(f"DELETE FROM {table}")
    db.executemany(INSERT, rows)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    ROWS,
    st.one_of(st.none(), st.integers(1, 7 << BITS)),
    st.integers(1, 12),
    st.fixed_dictionaries(
        {
            "kind": st.one_of(st.none(), st.sampled_from(KINDS)),
            "node": st.one_of(st.none(), st.sampled_from(("till", "door", "nobody"))),
            "zone": st.one_of(st.none(), st.integers(0, 3)),
        }
    ),
    st.booleans(),
)
def test_the_newest_of_anything_are_found_by_blocks_as_by_reading_all(
    db: sqlite3.Connection,
    rows: list[tuple[Any, ...]],
    before: int | None,
    limit: int,
    asked: dict[str, str | int | None],
    pruned: bool,
) -> None:
    fill(db, rows)
    if pruned:
        db.execute("DELETE FROM events WHERE kind = 'assist' AND id < ?", (3 << BITS,))
        blocks.prune(lambda sql, *values: db.execute(sql, values), 2.0)
    found = blocks.newest(rows_of(db), "id, node, kind, zone", before, limit, asked)
    stands = db.execute("SELECT id, node, kind, zone FROM events ORDER BY id DESC").fetchall()
    fits = [
        row
        for row in stands
        if (before is None or row[0] < before)
        and all(value in (None, row[place]) for place, value in ((1, asked["node"]), (2, asked["kind"])))
        and asked["zone"] in (None, row[3])
    ]
    assert found == fits[:limit]


def test_a_block_is_told_no_more_once_its_needs_are_gone(db: sqlite3.Connection) -> None:
    fill(db, [(1 + (block << BITS), "till", kind, 1) for block, kind in enumerate(("assist", "mood", "assist"))])
    db.execute("DELETE FROM events WHERE id = 1")
    blocks.prune(lambda sql, *values: db.execute(sql, values), 2.0)
    assert db.execute("SELECT what, block FROM event_blocks ORDER BY what, block").fetchall() == [
        *(("kind assist", 2), ("kind mood", 1), ("node till", 1), ("node till", 2), ("zone 1", 1), ("zone 1", 2)),
    ]


def test_a_hub_of_before_keeps_its_events_and_finds_them(tmp_path: Path) -> None:
    old = Database(sqlite3.connect(tmp_path / "hub.db", isolation_level=None))
    schema._steps().apply(old, stop_before="0014_wear")
    old.conn.execute(INSERT, (700, "till", "mood", 2))
    old.conn.execute("INSERT INTO ledger_subtrees VALUES (1, 0, X'00')")
    old.conn.close()
    db = schema.open_for_writing(tmp_path / "hub.db")
    for asked in ({"kind": "mood"}, {"node": "till"}, {"zone": 2}, {}):
        assert blocks.newest(rows_of(db), "id, payload", None, 9, asked) == [(700, b"\x00")]  # type: ignore[arg-type]
    assert db.execute("SELECT count(*) FROM ledger_subtrees").fetchone() == (0,)
    db.close()
