"""The outbox: every released event is on disk before it is sent, and goes only when the hub says that it is stored.

Rules:
- One SQLite file, one writer, a full sync at every commit. An event that `append` returned survives the power.
- The bytes that are stored are the bytes that are sent, however often.
- When it is full the oldest mood goes first, then the oldest assist (its time is long over), then the oldest of all;
  each is counted.
- Whatever leaves, kept or not, is an entry of the node's ledger first, byte for byte, in the same transaction (rule 9).
- A file that is damaged is put aside, not deleted, and a new one begun with whatever of it can still be read.

Left out: when to send (`edge.courier.publish`).
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.checkpoint import KEY_FILE, Signer, node_origin
from contract.errors import StoreError
from contract.events import KINDS, Kind
from contract.ledger import OF_KIND, Ledger, create_tables
from contract.wire import ZONE_KINDS, Topic
from contract.witness import TABLE as WITNESSED
from contract.witness import Witness
from edge.courier.debit import TABLE, Cell, debit, overdrawn, spent
from edge.courier.disk import hold, open_file, put_aside
from edge.courier.forget import Note, forget
from edge.order import SpentHours

NAME: Final = "outbox.db"
LOCK: Final = "outbox.lock"
CONDEMNED: Final = "outbox.condemned"  # says to the next start that the database is to be put aside
SIGN_EVERY_S: Final = 3_600.0
_SCHEMA: Final = (
    """
CREATE TABLE IF NOT EXISTS memo (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  boot TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, payload BLOB NOT NULL,
  UNIQUE (boot, seq)
) STRICT;
CREATE INDEX IF NOT EXISTS events_by_kind ON events (kind, id);
"""
    + TABLE
)
_OLDEST: Final = (
    "SELECT min(id) FROM events WHERE kind = 'mood'",
    "SELECT min(id) FROM events WHERE kind = 'assist'",
    "SELECT min(id) FROM events",
)
# Never the epoch: a boot that was used must not come again.
_UNREADABLE: Final = (sqlite3.DatabaseError, UnicodeDecodeError, TypeError, ValueError)  # what damage reads as
_KEPT_MEMOS: Final = ("paused", "config", "dropped", "neutral", "clock")


class Damaged(StoreError):
    """The file itself is broken: no later try will do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One event that waits for the hub."""

    id: int
    boot: str
    seq: int
    kind: Kind
    payload: bytes


class Outbox:
    """Opens, or begins, the outbox in a folder and starts a new boot.

    ``boot`` is the install's random epoch and the number of this start. While ``nothing_of_age``, for a clock that
    nobody believes, nothing is forgotten.

    Raises: StoreError when the folder cannot be used, InUse when another process does; LedgerError when its key is
    another node's.
    """

    def __init__(self, folder: Path, events_max: int, store: str, node: str) -> None:
        self._max = events_max
        self._store, self._node = store, node
        self.folder = folder
        self.nothing_of_age = False
        self._path, self._condemned = folder / NAME, folder / CONDEMNED
        self._given_up = self._seq = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = hold(folder / LOCK)
            self._db, self.put_aside = self._open_or_begin()
            self._signer = Signer.open(folder / KEY_FILE, node_origin(store, node))
            self._ledger = Ledger(self._db)
            with self._write():
                create_tables(self._db)
                self._db.execute(WITNESSED)
                self._ledger.begin(self._signer, time.time())
                if self.put_aside is not None:
                    self._salvage(self.put_aside)
                self._memo("epoch", self.recall("epoch") or secrets.token_hex(4))
                self._memo("starts", str(int(self.recall("starts") or 0) + 1))
            self._held = int(self._db.execute("SELECT count(*) FROM events").fetchone()[0])
        except StoreError:
            raise
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The outbox in {folder} cannot be used ({error}): give the folder to this user, or set outbox.folder."
            ) from error
        self.boot = f"{self.recall('epoch')}-{int(self.recall('starts') or 0):06d}"
        self._witness = Witness(self._db, self._ledger, self._signer, store, node, self.boot)

    def _open_or_begin(self) -> tuple[sqlite3.Connection, Path | None]:
        """The database, and where a damaged one was put."""
        try:
            if self._condemned.exists():
                raise sqlite3.DatabaseError("it broke while it was in use")
            return open_file(self._path, _SCHEMA), None
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            aside = put_aside(self._path)
            self._condemned.unlink(missing_ok=True)
            return open_file(self._path, _SCHEMA), aside

    def _salvage(self, damaged: Path) -> None:
        """Takes over what can still be read: each table from its start, and then from its end, up to what is broken."""
        with closing(sqlite3.connect(damaged)) as old:
            with suppress(*_UNREADABLE):
                for row in old.execute("SELECT key, value FROM memo WHERE key IN (?, ?, ?, ?, ?)", _KEPT_MEMOS):
                    self._memo(*row)
            with suppress(*_UNREADABLE):
                for cell in old.execute("SELECT zone, hour, epsilon_milli FROM hour_cells ORDER BY id"):
                    debit(self._db, Cell(*cell))
            for order in ("ASC", "DESC"):
                with suppress(*_UNREADABLE):
                    for row in old.execute(f"SELECT id, boot, seq, kind, payload FROM events ORDER BY id {order}"):
                        if self._db.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", row).rowcount:
                            self._log(row[3], row[4])

    def __len__(self) -> int:
        return self._held

    def append(self, kind: Kind, payload_of: Callable[[int], bytes], cell: Cell | None = None) -> int:
        """Stores one event of this boot; ``payload_of`` makes its bytes from its seq. Returns the seq.

        ``cell`` is what an hour spends: it is written down with it.

        Raises: StoreError when the disk refuses; then nothing is stored and no seq is used up.
        """
        seq = self._seq + 1
        payload = payload_of(seq)
        over = max(0, self._held + 1 - self._max)
        with self._write():
            for _ in range(over):
                self._db.execute("DELETE FROM events WHERE id = ?", (self._oldest(),))
            if over + self._given_up:
                self._memo("dropped", str(self.dropped + over))
            self._db.execute(
                "INSERT INTO events (boot, seq, kind, payload) VALUES (?, ?, ?, ?)", (self.boot, seq, kind, payload)
            )
            if cell is not None:
                debit(self._db, cell)
            self._log(kind, payload)
        self._held += 1 - over
        self._given_up = 0
        self._seq = seq
        return seq

    def give_up(self) -> None:
        """Counts an event that was lost because the disk took nothing for too long."""
        self._given_up += 1

    def overdrawn(self, cell: Cell, epsilon_per_day: float) -> str | None:
        """Why an hour may not be said, or None. Raises: StoreError when that cannot be read."""
        with self._told():
            return overdrawn(self._db, cell, epsilon_per_day)

    def spent(self, now_s: float) -> list[SpentHours]:
        """What the eye must know of the hours told around now. Raises: StoreError when it cannot be read."""
        with self._told():
            return spent(self._db, now_s)

    def said_since(self, since_s: float) -> list[tuple[Kind, int]]:
        """Kind and zone of what was kept since then, by the ledger. Raises: StoreError when it cannot be read."""
        with self._told():
            rows = self._db.execute(
                f"SELECT entries.kind, payload FROM {OF_KIND} WHERE blocks.kind IN (SELECT value FROM json_each(?1))"
                " AND entries.at_ms >= ?2 AND (blocks.at_ms >= ?2 OR block >= (SELECT max(block) FROM ledger_blocks"
                " WHERE kind = blocks.kind AND at_ms < ?2))",
                (json.dumps(sorted(ZONE_KINDS)), int(since_s * 1000)),
            )
            return [(kind, int(json.loads(payload)["zone"])) for kind, payload in rows]

    def _oldest(self) -> int:
        found = (self._db.execute(question).fetchone()[0] for question in _OLDEST)
        return next(int(one) for one in found if one is not None)

    def log(self, kind: Kind | Note, payload: bytes) -> None:
        """Notes in the ledger what is said or heard without being kept, or a note of the courier's own.

        Raises: StoreError when the disk refuses.
        """
        with self._write():
            self._log(kind, payload)

    @contextmanager
    def witness(self) -> Iterator[Witness]:
        """The node as a party of `contract.witness`, in one transaction. Raises: StoreError when the disk refuses."""
        with self._write():
            yield self._witness

    def sign(self, *, now: bool = False) -> str:
        """The ledger's newest checkpoint: a new one each hour, or now. Old entries are forgotten then.

        Raises: StoreError when the disk refuses.
        """
        now_s, gone = time.time(), 0
        with self._write():
            newest = self._ledger.newest_checkpoint()
            if newest is not None and not now and 0 <= now_s - newest.at_ms / 1000 < SIGN_EVERY_S:
                return newest.note
            if not self.nothing_of_age and (gone := forget(self._db, self._ledger, now_s)):
                self._memo("dropped", str(int(self.recall("dropped") or 0) + gone))
            note = self._ledger.checkpoint(self._signer, now_s)
        self._held -= gone
        return note

    def _log(self, kind: Kind | Note, payload: bytes) -> None:
        topic = "" if kind not in KINDS else str(Topic(store=self._store, node=self._node, kind=kind))
        self._ledger.append(kind, payload, time.time(), topic)

    def after(self, last_id: int, limit: int) -> list[Kept]:
        """The next events in order, those of older boots first. Raises: StoreError when they cannot be read."""
        with self._told():
            rows = self._db.execute(
                "SELECT id, boot, seq, kind, payload FROM events WHERE id > ? ORDER BY id LIMIT ?", (last_id, limit)
            )
            return [Kept(*row) for row in rows]

    def stored(self, boot: str, since: int, until: int) -> None:
        """Lets go of what the hub has. Raises: StoreError when the disk refuses; then it is asked again later."""
        with self._write():
            gone = self._db.execute(
                "DELETE FROM events WHERE boot = ? AND seq BETWEEN ? AND ?", (boot, since, until)
            ).rowcount
        self._held -= gone

    @property
    def dropped(self) -> int:
        """How many events were given up for room, ever."""
        return int(self.recall("dropped") or 0) + self._given_up

    def memo(self, key: str, value: str) -> None:
        """Keeps one small thing that must outlive this process. Raises: StoreError when the disk refuses."""
        with self._write():
            self._memo(key, value)

    def _memo(self, key: str, value: str) -> None:
        self._db.execute(
            "INSERT INTO memo VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (key, value)
        )

    def recall(self, key: str) -> str | None:
        """What `memo` kept. Raises: StoreError when it cannot be read."""
        with self._told():
            row = self._db.execute("SELECT value FROM memo WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def close(self) -> None:
        self._db.close()
        os.close(self._lock)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's refusals as one sentence: to be tried again, or, of a damaged file, the end of this life."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreError(f"The outbox cannot be written ({error}): make room on its disk.") from error
        except sqlite3.DatabaseError as error:
            with suppress(OSError):
                self._condemned.touch()
            raise Damaged(f"The outbox is damaged ({error}): the courier's next start puts it aside.") from error

    @contextmanager
    def _write(self) -> Iterator[None]:
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
