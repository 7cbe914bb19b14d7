"""What pages read of the store: one read-only connection a thread, plain frozen values out.

Left out: writing (`hub.store`), and who may read what (`hub.auth`).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any, Final

from contract.events import KINDS, Birth, Health
from contract.plain import parse_checkpoint
from contract.wire import HUB
from hub import blocks, history_rows, schema, shift_rows
from hub.learn import Answer
from hub.nudge_types import ZoneKey
from hub.tally import Numbers, Tally
from hub.views import EventView, HourView, LedgerView, LeftView, NodeView, NudgeView, RefusedView

CLOSED_SHOWN_S: Final = 20.0
CALLS_S: Final = 7_200.0
ROWS_MAX: Final = 1_000
_NUDGE: Final = (
    "SELECT id, node, zone, zone_name, level, reasons, state, opened_s, taken_s, closed_s, outcome, handovers, taken_by"
    " FROM nudges"
)


class StoreReads:
    """`hub.views.Reads` over the database file. Every method may be called from any thread.

    Raises: StoreError from every method when the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """End every thread's connection."""
        with self._lock:
            for db in self._open:
                db.close()
            self._open.clear()

    def nudge(self, number: int) -> NudgeView | None:
        """One nudge, or None where there is none."""
        return next((_nudge(row) for row in self._rows(f"{_NUDGE} WHERE id = ?", number)), None)

    def nudges_now(self, now_s: float) -> tuple[NudgeView, ...]:
        """Open and taken nudges, and those closed in the last 20 s; oldest first."""
        sql = f"{_NUDGE} WHERE closed_s IS NULL OR closed_s > ? ORDER BY +id"  # "+": by closing, not all of them by id
        return tuple(map(_nudge, self._rows(sql, now_s - CLOSED_SHOWN_S)))

    def nudges_between(self, since_s: float, until_s: float) -> tuple[NudgeView, ...]:
        """Nudges opened in a span, oldest first."""
        sql = f"{_NUDGE} WHERE opened_s >= ? AND opened_s < ? ORDER BY opened_s, id"
        return tuple(map(_nudge, self._rows(sql, since_s, until_s)))

    def answers(self) -> tuple[Answer, ...]:
        """Every answer that still teaches, oldest first."""
        sql = (
            "SELECT nudges.node, nudges.zone, raised_level, outcome FROM nudges LEFT JOIN forgotten USING (node, zone)"
            " WHERE outcome IS NOT NULL AND closed_s > coalesce(before_s, 0) ORDER BY closed_s, id"
        )
        return tuple(Answer((row[0], row[1]), row[2], row[3] == "helped") for row in self._rows(sql))

    def zone_names(self) -> dict[ZoneKey, str]:
        """What each zone was last called in a nudge."""
        return {
            (node, zone): name
            for node, zone, name, _ in self._rows(
                "SELECT node, zone, zone_name, max(id) FROM nudges GROUP BY node, zone"
            )
        }

    def people(self) -> shift_rows.People:
        """Who is on shift and whom open nudges are asked of; for the staff page alone."""
        return shift_rows.people(self._rows)

    def nodes(self) -> tuple[NodeView, ...]:
        """Every node ever heard, by name."""
        rows = self._rows("SELECT name, state, reason, since_s, heard_s, birth, health FROM nodes ORDER BY name")
        return tuple(
            NodeView(
                name,
                state,
                reason,
                since_s,
                heard_s,
                Birth.model_validate_json(birth) if birth else None,
                Health.model_validate_json(health) if health else None,
            )
            for name, state, reason, since_s, heard_s, birth, health in rows
        )

    def hours_between(self, since_s: int, until_s: int) -> tuple[HourView, ...]:
        """Zone-hours that start in a span, oldest first."""
        names = {(node.name, zone.id): zone.name for node in self.nodes() if node.birth for zone in node.birth.zones}
        rows = self._rows(
            "SELECT node, zone, hour_start_s, suppressed, epsilon, negative, neutral, positive, unknown FROM hours"
            " WHERE hour_start_s >= ? AND hour_start_s < ? ORDER BY hour_start_s, node, zone, event",
            since_s,
            until_s,
        )
        return tuple(
            HourView(node, zone, names.get((node, zone), f"Zone {zone}"), start_s, bool(suppressed), *rest)
            for node, zone, start_s, suppressed, *rest in rows
        )

    def events(
        self, *, before: int | None, limit: int, node: str | None, kind: str | None, zone: int | None
    ) -> tuple[EventView, ...]:
        """Events with an id under ``before``, newest first."""
        columns = "id, received_s, node, kind, zone, boot, seq, topic, payload"
        asked = {"kind": kind, "node": node, "zone": zone}
        rows = blocks.newest(self._rows, columns, before, min(limit, ROWS_MAX), asked)
        return tuple(EventView(*row) for row in rows)

    def refused(self, *, before: int | None, limit: int) -> tuple[RefusedView, ...]:
        """Quarantined messages with an id under ``before``, newest first."""
        rows = self._rows(
            "SELECT id, received_s, topic, code, reason, payload FROM refused WHERE ? IS NULL OR id < ?"
            " ORDER BY id DESC LIMIT ?",
            before,
            before,
            min(limit, ROWS_MAX),
        )
        return tuple(RefusedView(*row) for row in rows)

    def ledgers(self) -> tuple[LedgerView, ...]:
        """This hub's own, where it has signed one, then one line a node; with who called it forked in the two hours
        before anything was last heard."""
        own = self._rows(
            "SELECT 'this hub', note, at_ms / 1000.0, NULL FROM ledger_checkpoints ORDER BY size DESC LIMIT 1",
        )
        nodes = self._rows("SELECT log, note, at_s, fork FROM witnessed ORDER BY log")
        calls: dict[str, list[str]] = {}
        for node, log in self._rows(
            "SELECT DISTINCT node, json_extract(CAST(payload AS TEXT), '$.log') FROM events WHERE kind = 'cosignature'"
            " AND received_s > (SELECT max(received_s) FROM events) - ?"
            " AND json_extract(CAST(payload AS TEXT), '$.word') = 'forked' ORDER BY node",
            CALLS_S,
        ):
            calls.setdefault("this hub" if log == HUB else log, []).append(node)
        return tuple(
            LedgerView(name, _signed_size(note), note, at_s, fork, tuple(calls.get(name, ())))
            for name, note, at_s, fork in (*own, *nodes)
        )

    def counts(self) -> dict[str, int]:
        """How many ``events`` and how many ``refused`` the store holds."""
        rows = self._rows("SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM refused)")
        return {"events": rows[0][0], "refused": rows[0][1]}

    def left_since(self, since_s: float) -> tuple[LeftView, ...]:
        """What came from each node since then, by node and kind."""
        rows = self._rows(
            "SELECT node, kind, count(*), sum(length(payload)), max(length(payload)) FROM events"
            f" WHERE kind IN ({', '.join('?' * len(KINDS))}) AND received_s >= ?"
            " GROUP BY node, kind ORDER BY node, kind",
            *KINDS,
            since_s,
        )
        return tuple(LeftView(*row) for row in rows)

    def rolled_to(self) -> int:
        """The first day (its ordinal) that is not summed yet; 0 where none is."""
        return history_rows.rolled_to(self._rows)

    def tallies(self, since_day: int, until_day: int, each: int, zone: ZoneKey | None) -> dict[int, Tally]:
        """The sums of every ``each`` days from the first on, of one zone or of all."""
        return history_rows.tallies(self._rows, since_day, until_day, each, zone)

    def zone_tallies(self, since_day: int, until_day: int) -> dict[ZoneKey, Tally]:
        """The sums of each zone over a span."""
        return history_rows.zone_tallies(self._rows, since_day, until_day)

    def waits_by(self, since_day: int, until_day: int, each: int) -> dict[int, Numbers]:
        """How soon somebody went, by every ``each`` days from the first on; of the whole shop."""
        return history_rows.waits_by(self._rows, since_day, until_day, each)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a module reads that keeps tables of its own."""
        return self._rows(sql, *values)

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise schema.failure(self._path, error) from None

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = schema.open_for_reading(self._path)
            with self._lock:
                self._open.append(db)
        return db


def _signed_size(note: str | None) -> int:
    """How many entries a checkpoint covers; 0 for one that is none."""
    try:
        return parse_checkpoint(note or "")[1]
    except ValueError:
        return 0


def _nudge(row: tuple[Any, ...]) -> NudgeView:
    number, node, zone, zone_name, level, reasons, *rest = row
    return NudgeView(number, node, zone, zone_name, level, tuple(json.loads(reasons)), *rest)
