"""The hub's store, its writing side: one connection, one thread, everything of a batch in one transaction.

Rules:
- An event is taken any number of times and stands once: by (node, boot, seq), or, where the contract gives it no seq,
  by not repeating what the node last said of that kind.
- Other bytes under a (node, boot, seq) that stands are refused, and what stands stays.
- An event that is new is an entry of the hub's ledger too, in the same transaction. What is refused is not: it stands
  in the quarantine, which is bounded, so that nobody fills the disk with rubbish.
- Nothing is told to anyone before `Store.commit` has returned.

Left out: the rows of nudges (`hub.nudge_rows`), what is read for pages (`hub.reads`), which rows are of age
(`hub.retention`).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from contract.checkpoint import KEY_FILE, Signer, hub_origin
from contract.events import (
    Assist,
    Birth,
    Health,
    HourReleased,
    HourSuppressed,
    MoodReleased,
    MoodSuppressed,
    OfLedgers,
    SelfTest,
    Status,
)
from contract.ledger import OF_KIND, Ledger, Line
from contract.walk import Walk
from contract.wire import HUB, OTHER_BYTES_MAX
from contract.witness import Witness
from hub import blocks, nudge_rows, schema
from hub import nudge_types as nudges

FILE: Final = "hub.db"
TOPIC_CHARS_MAX: Final = 200
REFUSED_MAX: Final = 10_000
REFUSED_CHUNK: Final = 100
ASKED_KIND: Final = "asked"  # an entry of the ledger: what was said to nodes, and from which room
_ORDERS: Final = 1_000
Kept = Literal["new", "known", "conflict"]
OfItself = Status | Birth | Health | SelfTest | OfLedgers  # unnumbered, of no zone
FromNode = MoodReleased | MoodSuppressed | HourReleased | HourSuppressed | Assist | Walk | OfItself


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came. Units: ``received_s`` since the epoch; ``received_mono_s`` on the hub's own clock."""

    topic: str
    payload: bytes
    received_s: float
    received_mono_s: float
    retained: bool = False


class Store:
    """The one writer. Not for two threads.

    ``shop`` is the shop's name in topics, under which the ledger is signed.

    Raises: StoreError from every method when the disk or the file lets it down; nothing of the batch stands then.
    LedgerError when the ledger's key is missing or another's.
    """

    def __init__(self, path: Path, shop: str = "shop") -> None:
        self._path = path
        self._db = schema.open_for_writing(path)
        self._ledger = Ledger(self._db)
        self._lines: list[Line] = []  # of the batch, written to the ledger at once
        try:
            self._signer = Signer.open(path.with_name(KEY_FILE), hub_origin(shop))
            with self.batch():
                self._ledger.begin(self._signer, time.time())
            boot = f"{secrets.token_hex(4)}-000001"  # the hub counts nothing within it
            self._witness = Witness(self._db, self._ledger, self._signer, shop, HUB, boot)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    @property
    def witness(self) -> Witness:
        """The hub among those who watch each other's ledgers; inside a batch."""
        self._write_lines()
        return self._witness

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Everything inside stands together, on disk, when the block is left; or nothing of it."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._write_lines()
                self._db.execute("COMMIT")
            except BaseException:
                self._lines.clear()
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.IntegrityError:
            raise  # no fault of the disk: trying again would not mend it
        except sqlite3.Error as error:
            raise schema.failure(self._path, error) from None

    def run(self, sql: str, *values: object) -> sqlite3.Cursor:
        """A statement of a module that keeps tables of its own; inside a batch."""
        self._write_lines()
        return self._db.execute(sql, values)

    def forget(self, kinds: Iterable[str], before_s: float, now_s: float) -> int:
        """Entries of the ledger of which only the hash is left now; a bounded number at a time."""
        self._write_lines()
        return self._ledger.forget(kinds, before_s, now_s)

    def note(self, kind: str, payload: bytes, now_s: float) -> None:
        """An entry of the ledger that no node sent."""
        self._lines.append((kind, payload, now_s, ""))

    def newest_s(self) -> float | None:
        """The date of the ledger's newest entry."""
        return newest_s(self._db)

    def newest_order(self) -> str | None:
        """Whether nodes were last told to pause or to resume, over restarts."""
        rows = self._db.execute(
            f"SELECT payload FROM {OF_KIND} WHERE blocks.kind = ? ORDER BY block DESC, position DESC LIMIT ?",
            (ASKED_KIND, _ORDERS),
        )
        words = (json.loads(row[0])["said"]["command"] for row in rows)
        return next((word for word in words if word in ("pause", "resume")), None)

    def wash(self) -> None:
        """Once a batch stands: leave nothing of what it deleted in the file's log either."""
        with suppress(sqlite3.Error):  # who still reads delays it to the next one
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def sign(self, now_s: float) -> str:
        """A checkpoint of the ledger as it is."""
        self._write_lines()
        return self._ledger.checkpoint(self._signer, now_s)

    def add(self, message: Message, event: FromNode, *, late: bool) -> Kept:
        """Store one event of the contract."""
        said_before = None if _seq(event) else self._last_said(event)
        if said_before == message.payload:
            return "known"
        row = (event.node, event.boot, _seq(event), event.kind, _zone(event), late, message.received_s)
        added = self._db.execute(
            "INSERT INTO events (node, boot, seq, kind, zone, late, received_s, topic, payload)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (*row, message.topic, message.payload),
        )
        if added.rowcount == 0:
            return "known" if self._stands(event) == message.payload else "conflict"
        self._lines.append((event.kind, message.payload, message.received_s, message.topic))
        match event:
            case HourReleased() | HourSuppressed():
                self._add_hour(added.lastrowid, event)
            case Status() | Birth() | Health():
                self._say(message, event)
            case _:
                pass
        return "new"

    def refuse(self, message: Message, code: str, reason: str) -> bool:
        """Quarantine a message; False when the same one stands there already."""
        digest = hashlib.sha256(message.payload).digest()
        payload = message.payload[: OTHER_BYTES_MAX + 1]
        topic = message.topic[:TOPIC_CHARS_MAX]
        added = self._db.execute(
            "INSERT INTO refused (received_s, topic, code, reason, digest, payload) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (message.received_s, topic, code, reason, digest, payload),
        )
        if added.rowcount == 1 and added.lastrowid and added.lastrowid % REFUSED_CHUNK == 0:
            self._db.execute("DELETE FROM refused WHERE id <= ?", (added.lastrowid - REFUSED_MAX,))
        return added.rowcount == 1

    def heard(self, node: str, at_s: float) -> None:
        """Something came from this node; a node that has not said how it is counts as offline."""
        self._db.execute(
            "INSERT INTO nodes (name, heard_s, state, since_s) VALUES (?, ?, 'offline', ?)"
            " ON CONFLICT (name) DO UPDATE SET heard_s = excluded.heard_s",
            (node, at_s, at_s),
        )

    def act(self, action: nudges.Action, now_s: float) -> None:
        """Write down what the nudge engine decided."""
        nudge_rows.act(self._db, action, now_s)

    def engine_state(self, rules: nudges.Rules, now_s: float) -> nudges.State:
        """What the nudge engine remembered, from disk: a restart neither repeats a nudge nor forgets one."""
        return nudge_rows.engine_state(self._db, rules, now_s)

    def forget_answers(self, node: str, zone: int, now_s: float) -> None:
        """What was answered in this zone until now no longer teaches anything."""
        nudge_rows.forget_answers(self._db, node, zone, now_s)

    def _write_lines(self) -> None:
        if self._lines:
            self._ledger.extend(self._lines)
            self._lines.clear()

    def _last_said(self, event: FromNode) -> bytes | None:
        if isinstance(event, SelfTest | OfLedgers):
            newest = (
                f"SELECT payload FROM {blocks.IN_BLOCKS} WHERE what = 'kind ' || ?1 AND kind = ?1 AND node = ?2"
                " ORDER BY block DESC, id DESC LIMIT 1"
            )
            row = self._db.execute(newest, (event.kind, event.node)).fetchone()
            return row[0] if row else None
        row = self._db.execute("SELECT status, birth, health FROM nodes WHERE name = ?", (event.node,)).fetchone()
        column = ("status", "birth", "health").index(event.kind)
        said: bytes | None = row[column] if row else None
        return said

    def _stands(self, event: FromNode) -> bytes:
        key = (event.node, event.boot, _seq(event))
        row = self._db.execute("SELECT payload FROM events WHERE node = ? AND boot = ? AND seq = ?", key).fetchone()
        payload: bytes = row[0]
        return payload

    def _add_hour(self, number: int | None, hour: HourReleased | HourSuppressed) -> None:
        visits = (0, 0, 0, 0)
        if isinstance(hour, HourReleased):
            visits = (hour.negative, hour.neutral, hour.positive, hour.unknown)
        self._db.execute(
            "INSERT INTO hours VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, hour.node, hour.zone, hour.hour_start, hour.suppressed, *visits, hour.epsilon),
        )

    def _say(self, message: Message, event: Status | Birth | Health) -> None:
        self.heard(event.node, message.received_s)
        if isinstance(event, Status):
            self._db.execute(
                "UPDATE nodes SET state = ?, reason = ?, since_s = ?, status = ? WHERE name = ?",
                (event.state, event.reason, message.received_s, message.payload, event.node),
            )
        elif isinstance(event, Birth):
            self._db.execute("UPDATE nodes SET birth = ? WHERE name = ?", (message.payload, event.node))
        else:
            self._db.execute("UPDATE nodes SET health = ? WHERE name = ?", (message.payload, event.node))


def newest_s(db: sqlite3.Connection) -> float | None:
    """The date of the newest entry of a hub's ledger."""
    newest = "SELECT at_ms FROM ledger_entries WHERE at_ms IS NOT NULL ORDER BY position DESC LIMIT 1"
    row = db.execute(newest).fetchone()
    return row[0] / 1000 if row else None


def _seq(event: FromNode) -> int | None:
    return None if isinstance(event, OfItself) else event.seq


def _zone(event: FromNode) -> int | None:
    return None if isinstance(event, OfItself) else event.zone
