"""Where events of a node, a kind or a zone are: in which blocks of ids, instead of an index of each event.

Rules:
- Three indexes of every event wore the disk more than the events did. A block is told once to hold some of a node, a
  kind or a zone; whoever asks for the newest of these reads such blocks through, the newest first.
- A trigger tells, so that whoever writes an event need not, and when the first of these came. A block may be told to
  hold what has gone since; it is told no more once everything in it, or of a kind that goes sooner, has gone.
- The one index by time has every event at its end, whatever its kind, so that a commit touches one page of it.

Left out: when events go (`hub.retention`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

BITS: Final = 9  # ids of a block: 512, half a megabyte of events
OFTEN_GONE: Final = ("health", "cosignature", "assist", "walk")
_COLUMNS: Final = ("kind", "node", "zone")
Rows = Callable[..., list[tuple[Any, ...]]]
Run = Callable[..., object]

LIGHTER: Final = (
    """CREATE TABLE events_lighter (
      id INTEGER PRIMARY KEY, node TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER, kind TEXT NOT NULL, zone INTEGER,
      late INTEGER NOT NULL, received_s REAL NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL) STRICT""",
    "INSERT INTO events_lighter SELECT * FROM events",
    "DROP TABLE events",  # with its indexes
    "ALTER TABLE events_lighter RENAME TO events",
    "CREATE UNIQUE INDEX events_by_number ON events (node, boot, seq) WHERE seq IS NOT NULL",
    "CREATE INDEX events_by_time ON events (received_s, kind)",
    """CREATE TABLE event_blocks (
      what TEXT NOT NULL, block INTEGER NOT NULL, first_s REAL NOT NULL, PRIMARY KEY (what, block)) STRICT,
      WITHOUT ROWID""",
    *(
        f"INSERT INTO event_blocks SELECT '{column} ' || {column}, id >> {BITS}, min(received_s) FROM events"
        f" WHERE {column} IS NOT NULL GROUP BY 1, 2"
        for column in _COLUMNS
    ),
    f"""CREATE TRIGGER events_in_blocks AFTER INSERT ON events BEGIN
      INSERT INTO event_blocks SELECT column1, NEW.id >> {BITS}, NEW.received_s
        FROM (VALUES ('kind ' || NEW.kind), ('node ' || NEW.node), ('zone ' || NEW.zone)) WHERE column1 IS NOT NULL
        ON CONFLICT (what, block) DO UPDATE SET first_s = excluded.first_s WHERE excluded.first_s < first_s;
    END""",
)

#: To select events from, with ``what`` given, block by block: those that it is not told of too.
IN_BLOCKS: Final = f"event_blocks CROSS JOIN events ON id >= block << {BITS} AND id < (block + 1) << {BITS}"


def of_age(kind: str) -> str:
    """A statement that deletes events of a kind from before a time, up to a number."""
    return (
        f"DELETE FROM events WHERE id IN (SELECT id FROM {IN_BLOCKS} WHERE what = 'kind {kind}' AND first_s < ?1"
        f" AND kind = '{kind}' AND received_s < ?1 LIMIT ?2)"
    )


def newest(
    rows: Rows, columns: str, before: int | None, limit: int, asked: dict[str, str | int | None]
) -> list[tuple[Any, ...]]:
    """Up to ``limit`` events with an id under ``before``, newest first, of the values that are asked for."""
    given = {column: value for column, value in asked.items() if value is not None}
    until = (1 << 62) if before is None else before
    if not given:
        return rows(f"SELECT {columns} FROM events WHERE id < ? ORDER BY id DESC LIMIT ?", until, limit)
    of_one = "SELECT block FROM event_blocks WHERE what = ? AND block <= ?"
    bounds = [bound for column, value in given.items() for bound in (f"{column} {value}", (until - 1) >> BITS)]
    blocks = rows(" INTERSECT ".join([of_one] * len(given)) + " ORDER BY block DESC", *bounds)
    where = " AND ".join(f"+{column} = ?" for column in given)  # "+": by id, of one block
    sql = f"SELECT {columns} FROM events WHERE id >= ? AND id < ? AND {where} ORDER BY id DESC LIMIT ?"
    found: list[tuple[Any, ...]] = []
    for (block,) in blocks:
        if len(found) >= limit:
            break
        span = (block << BITS, min(until, (block + 1) << BITS))
        found += rows(sql, *span, *given.values(), limit - len(found))
    return found


def prune(run: Run, before_s: float) -> None:
    """Tell no more of blocks of which everything from before a time has gone; inside a batch."""
    run(f"DELETE FROM event_blocks WHERE block < (SELECT min(id) >> {BITS} FROM events)")
    for kind in OFTEN_GONE:
        run(
            "DELETE FROM event_blocks WHERE what = ? AND first_s < ? AND NOT EXISTS (SELECT 1 FROM events"
            f" WHERE id >= block << {BITS} AND id < (block + 1) << {BITS} AND +kind = ?)",
            f"kind {kind}", before_s, kind,
        )  # fmt: skip
