"""The tables of days that are over, and what is read of them: every query is of a bounded number of rows.

What stands in ``history_days``: the columns of `hub.tally.Tally.row`, by day (as a number), node and zone. In
``history_waits``: `hub.tally.waits` by day. In ``history_rolled``: up to where this was done.

Left out: who writes them (`hub.roll`), what the numbers mean (`hub.tally`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hub.nudge_types import ZoneKey
from hub.tally import Numbers, Tally

COLUMNS: Final = (
    *("few", "some", "many", "withheld", "negative", "neutral", "positive", "unknown", "noise_var"),
    *("stay_0", "stay_1", "stay_2", "stay_3", "stay_4", "helped", "browsing", "nobody", "unanswered", "passed"),
)
WAIT_COLUMNS: Final = ("wait_0", "wait_1", "wait_2", "wait_3", "wait_4")
Rows = Callable[..., list[tuple[Any, ...]]]
_SUMS: Final = ", ".join(f"sum({name})" for name in COLUMNS)


def create_tables(db: Any) -> None:
    """The tables of this module, and indexes for what other pages ask of old rows."""
    real = {"noise_var"}
    columns = ", ".join(f"{name} {'REAL' if name in real else 'INTEGER'} NOT NULL" for name in COLUMNS)
    db.execute(
        f"CREATE TABLE history_days (day INTEGER NOT NULL, node TEXT NOT NULL, zone INTEGER NOT NULL, {columns},"
        " PRIMARY KEY (day, node, zone)) STRICT, WITHOUT ROWID"
    )
    waits_of = ", ".join(f"{name} INTEGER NOT NULL" for name in WAIT_COLUMNS)
    db.execute(f"CREATE TABLE history_waits (day INTEGER PRIMARY KEY, {waits_of}) STRICT")
    db.execute(
        "CREATE TABLE history_rolled (one INTEGER PRIMARY KEY CHECK (one = 1), timezone TEXT NOT NULL,"
        " next_day INTEGER NOT NULL, event INTEGER NOT NULL, closed_s REAL NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX nudges_by_zone ON nudges (node, zone, zone_name)")
    for column in ("kind", "node", "zone"):
        db.execute(f"CREATE INDEX events_by_{column} ON events ({column})")  # each in the order of ids


def rolled_to(rows: Rows) -> int:
    """The first day that is not summed; 0 where none is."""
    return next((row[0] for row in rows("SELECT next_day FROM history_rolled")), 0)


def tallies(rows: Rows, since_day: int, until_day: int, each: int, zone: ZoneKey | None) -> dict[int, Tally]:
    """The sums of every ``each`` days from the first on, of one zone or of all."""
    of_zone = " AND node = ? AND zone = ?" if zone else ""
    sql = f"SELECT (day - ?) / ?, {_SUMS} FROM history_days WHERE day >= ? AND day < ?{of_zone} GROUP BY 1"
    found = rows(sql, since_day, each, since_day, until_day, *(zone or ()))
    return {row[0]: Tally.of_row(row[1:]) for row in found}


def zone_tallies(rows: Rows, since_day: int, until_day: int) -> dict[ZoneKey, Tally]:
    """The sums of each zone over a span."""
    sql = f"SELECT node, zone, {_SUMS} FROM history_days WHERE day >= ? AND day < ? GROUP BY node, zone"
    return {(row[0], row[1]): Tally.of_row(row[2:]) for row in rows(sql, since_day, until_day)}


def waits_by(rows: Rows, since_day: int, until_day: int, each: int) -> dict[int, Numbers]:
    """How soon somebody went, by every ``each`` days from the first on; of the whole shop."""
    sums = ", ".join(f"sum({name})" for name in WAIT_COLUMNS)
    sql = f"SELECT (day - ?) / ?, {sums} FROM history_waits WHERE day >= ? AND day < ? GROUP BY 1"
    return {row[0]: tuple(row[1:]) for row in rows(sql, since_day, each, since_day, until_day)}
