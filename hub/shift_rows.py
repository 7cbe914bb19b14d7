"""The rows of people and of neighbours: who is on shift, whom an open nudge is asked of, and which zones share it.

Rules:
- A seat's row stands while its shift lasts, and whom a nudge is asked of while it is open; then nothing says so. No
  step, event or entry of the ledger has either.
- They are read for the engine and for the staff page, and for nothing else.
- What a need said that neighbours share, or that waits, goes when it is over; that they shared a nudge stays with it.

Left out: the nudges themselves (`hub.nudge_rows`), and who is asked (`hub.shift`).
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hub import nudge_types as nudges
from hub.shift import Asked, Seat

TABLES: Final = (
    """CREATE TABLE shift_seats (
      seat TEXT PRIMARY KEY, since_s REAL NOT NULL, turn_s REAL NOT NULL, busy_until_s REAL NOT NULL,
      asked_s TEXT NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE nudge_asks (
      nudge INTEGER PRIMARY KEY REFERENCES nudges (id) ON DELETE CASCADE, seats TEXT NOT NULL, alone INTEGER NOT NULL,
      had TEXT NOT NULL) STRICT""",
    """CREATE TABLE nudge_zones (
      nudge INTEGER NOT NULL REFERENCES nudges (id) ON DELETE CASCADE, place INTEGER NOT NULL, node TEXT NOT NULL,
      zone INTEGER NOT NULL, zone_name TEXT NOT NULL, level INTEGER NOT NULL, reasons TEXT NOT NULL,
      until_s REAL NOT NULL, PRIMARY KEY (nudge, place)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE waiting_needs (
      node TEXT NOT NULL, zone INTEGER NOT NULL, since_s REAL NOT NULL, level INTEGER NOT NULL, reasons TEXT NOT NULL,
      until_s REAL NOT NULL, PRIMARY KEY (node, zone)) STRICT, WITHOUT ROWID""",
)
Rows = Callable[..., list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class People:
    """What the staff page shows of who is asked. ``busy_until_s`` names everybody on shift, 0 for who is free."""

    busy_until_s: Mapping[str, float] = field(default_factory=dict)
    asked: Mapping[int, Asked] = field(default_factory=dict)
    beside: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def staffed(db: sqlite3.Connection, action: nudges.Staffed) -> None:
    """Write down who is on shift."""
    db.execute("DELETE FROM shift_seats")
    db.executemany(
        "INSERT INTO shift_seats VALUES (?, ?, ?, ?, ?)",
        [
            (name, seat.since_s, seat.turn_s, seat.busy_until_s, json.dumps(seat.asked_s))
            for name, seat in action.shift.items()
        ],
    )


def asked(db: sqlite3.Connection, nudge: nudges.Open) -> None:
    """Write down whom an open nudge is asked of."""
    one = nudge.asked
    row = (nudge.id, json.dumps(one.seats), one.alone, json.dumps(one.had))
    db.execute("INSERT OR REPLACE INTO nudge_asks VALUES (?, ?, ?, ?)", row)


def shared(db: sqlite3.Connection, nudge: nudges.Open, names: Callable[[str, int], str]) -> None:
    """Write down what the zones need that share a nudge."""
    if not nudge.needs:
        return
    db.execute("DELETE FROM nudge_zones WHERE nudge = ?", (nudge.id,))
    db.executemany(
        "INSERT INTO nudge_zones VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (nudge.id, place, *need.zone, names(*need.zone), need.level, json.dumps(need.reasons), need.until_s)
            for place, need in enumerate(nudge.needs)
        ],
    )


def unasked(db: sqlite3.Connection, number: int) -> None:
    """Nobody is asked any more: forget whom, and what the zones needed."""
    db.execute("DELETE FROM nudge_asks WHERE nudge = ?", (number,))
    db.execute("UPDATE nudge_zones SET level = 0, reasons = '[]' WHERE nudge = ?", (number,))


def waits(db: sqlite3.Connection, action: nudges.Wait | nudges.WaitNoMore) -> None:
    """Write down a need that nobody is asked about yet, or that there is none."""
    if isinstance(action, nudges.WaitNoMore):
        db.execute("DELETE FROM waiting_needs WHERE node = ? AND zone = ?", action.zone)
        return
    since_s, need = action.waiting.since_s, action.waiting.need
    row = (*action.zone, since_s, need.level, json.dumps(need.reasons), need.until_s)
    db.execute("INSERT OR REPLACE INTO waiting_needs VALUES (?, ?, ?, ?, ?, ?)", row)


# --- and read again -------------------------------------------------------------------------------------------------


def shift_now(rows: Rows) -> dict[str, Seat]:
    """Who is on shift."""
    return {
        name: Seat(since_s, turn_s, busy_until_s, tuple(json.loads(asked_s)))
        for name, since_s, turn_s, busy_until_s, asked_s in rows("SELECT * FROM shift_seats")
    }


def asks(rows: Rows) -> dict[int, Asked]:
    """Whom each open nudge is asked of."""
    return {
        number: Asked(tuple(json.loads(seats)), bool(alone), tuple(json.loads(had)))
        for number, seats, alone, had in rows("SELECT nudge, seats, alone, had FROM nudge_asks")
    }


def needs(rows: Rows, since_s: float) -> dict[int, tuple[nudges.Need, ...]]:
    """What the zones need, or needed, that share a nudge which is not over or ended after this."""
    found: dict[int, tuple[nudges.Need, ...]] = defaultdict(tuple)
    for number, node, zone, level, reasons, until_s in rows(
        "SELECT nudge, nudge_zones.node, nudge_zones.zone, nudge_zones.level, nudge_zones.reasons, nudge_zones.until_s"
        " FROM nudge_zones JOIN nudges ON nudges.id = nudge WHERE closed_s IS NULL OR closed_s > ?"
        " ORDER BY nudge, place",
        since_s,
    ):
        found[number] += (nudges.Need((node, zone), level, tuple(json.loads(reasons)), until_s),)
    return dict(found)


def waiting(rows: Rows) -> dict[nudges.ZoneKey, nudges.Zone]:
    """Needs that nobody is asked about yet."""
    return {
        (node, zone): nudges.Waiting(since_s, nudges.Need((node, zone), level, tuple(json.loads(reasons)), until_s))
        for node, zone, since_s, level, reasons, until_s in rows("SELECT * FROM waiting_needs")
    }


def people(rows: Rows) -> People:
    """What the staff page shows. Raises: StoreError."""
    beside: dict[int, tuple[str, ...]] = defaultdict(tuple)
    for number, name in rows(
        "SELECT nudge, zone_name FROM nudge_asks CROSS JOIN nudge_zones USING (nudge) WHERE level > 0"
        " ORDER BY nudge, place"
    ):
        beside[number] += (name,)
    busy = {name: seat.busy_until_s for name, seat in sorted(shift_now(rows).items())}
    return People(busy, asks(rows), dict(beside))
