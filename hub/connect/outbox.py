"""What still has to be told to whom, and how the telling went: a file of its own, of ids, counts and results only.

Rules:
- Whoever was told something is not told it again, over restarts too.
- A try that fails is repeated after 1, 2, 4 … 30 s, until what happened is older than five minutes: a late nudge is
  useless. What was not told by then is dropped, and counted.
- Nothing that a camera told stands here: what is sent is read from the store when it is sent, so that what is deleted
  there is told to nobody.

Left out: how something is sent (`hub.connect.sender`).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from contract.errors import StoreError

FILE: Final = "connect.db"
LATE_S: Final = 300.0
BACKOFF_MAX_S: Final = 30.0
RESULT_CHARS_MAX: Final = 160
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS outbox (
  channel TEXT NOT NULL, event TEXT NOT NULL, tries INTEGER NOT NULL, next_s REAL, PRIMARY KEY (channel, event)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
  channel TEXT PRIMARY KEY, at_s REAL, well INTEGER, said TEXT, delivered INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with one channel. Units: ``at_s`` when it was last tried; counts since the file was made."""

    at_s: float | None = None
    well: bool | None = None
    said: str | None = None
    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    waiting: int = 0


def backoff_s(tries: int) -> float:
    """How long to wait after that many tries failed."""
    return min(BACKOFF_MAX_S, 2.0 ** min(tries - 1, 10))


@dataclass(slots=True)
class Outbox:
    """Rows of what waits and what was told. Every method may be called from any thread.

    Raises: StoreError from every method when the file cannot be used.
    """

    _db: sqlite3.Connection
    _path: Path
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def open(cls, path: Path) -> Outbox:
        """Open or make the file; one that cannot be read is an error, and may be deleted without loss."""
        try:
            path.touch(mode=0o600, exist_ok=True)
            db = sqlite3.connect(path, timeout=5, check_same_thread=False, isolation_level=None)
            db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"The file {path} cannot be opened ({error}): delete it and start again.") from None
        return cls(db, path)

    def close(self) -> None:
        self._db.close()

    def keep(self, channel: str, happened: Iterable[str], now_s: float) -> int:
        """Take in what happened and forget what is over; how much of it was dropped without having been told."""
        ids = list(happened)
        with self._lock:
            for event in ids:
                self._run("INSERT INTO outbox VALUES (?, ?, 0, ?) ON CONFLICT DO NOTHING", channel, event, now_s)
            over = set(self._events(channel)) - set(ids)
            dropped = sum(
                row[0] is not None
                for event in over
                for row in self._run(
                    "DELETE FROM outbox WHERE channel = ? AND event = ? RETURNING next_s", channel, event
                )
            )
            if dropped:
                self._count(channel, dropped=dropped)
        return dropped

    def due(self, channel: str, now_s: float) -> tuple[str, ...]:
        """What is to be tried now. A clock that was put back delays nothing for longer than a backoff."""
        rows = self._run(
            "SELECT event FROM outbox WHERE channel = ? AND (next_s <= ? OR next_s > ?)",
            channel,
            now_s,
            now_s + BACKOFF_MAX_S,
        )
        return tuple(row[0] for row in rows)

    def next_s(self, channel: str) -> float | None:
        """When something is to be tried next, or None while nothing waits."""
        found: float | None = self._run("SELECT min(next_s) FROM outbox WHERE channel = ?", channel)[0][0]
        return found

    def told(self, channel: str, event: str, said: str, now_s: float) -> None:
        """It arrived."""
        with self._lock:
            self._run("UPDATE outbox SET next_s = NULL WHERE channel = ? AND event = ?", channel, event)
            self._count(channel, delivered=1)
            self.result(channel, well=True, said=said, now_s=now_s)

    def failed(self, channel: str, event: str, said: str, now_s: float) -> None:
        """It did not arrive: again later."""
        with self._lock:
            tried = "SELECT tries FROM outbox WHERE channel = ? AND event = ?"
            tries = next((row[0] for row in self._run(tried, channel, event)), 0) + 1
            self._run(
                "UPDATE outbox SET tries = ?, next_s = ? WHERE channel = ? AND event = ?",
                tries,
                now_s + backoff_s(tries),
                channel,
                event,
            )
            self._count(channel, failed=1)
            self.result(channel, well=False, said=said, now_s=now_s)

    def result(self, channel: str, *, well: bool, said: str, now_s: float) -> None:
        """How the last try went, a test's too."""
        self._count(channel)
        self._run(
            "UPDATE results SET at_s = ?, well = ?, said = ? WHERE channel = ?",
            now_s,
            well,
            said[:RESULT_CHARS_MAX],
            channel,
        )

    def standing(self, channel: str) -> Standing:
        """How it stands."""
        rows = self._run("SELECT at_s, well, said, delivered, failed, dropped FROM results WHERE channel = ?", channel)
        waiting = self._run("SELECT count(*) FROM outbox WHERE channel = ? AND next_s IS NOT NULL", channel)[0][0]
        if not rows:
            return Standing(waiting=waiting)
        at_s, well, said, delivered, failed, dropped = rows[0]
        return Standing(at_s, None if well is None else bool(well), said, delivered, failed, dropped, waiting)

    def _events(self, channel: str) -> list[str]:
        return [row[0] for row in self._run("SELECT event FROM outbox WHERE channel = ?", channel)]

    def _count(self, channel: str, *, delivered: int = 0, failed: int = 0, dropped: int = 0) -> None:
        self._run(
            "INSERT INTO results (channel, delivered, failed, dropped) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " delivered = delivered + excluded.delivered, failed = failed + excluded.failed,"
            " dropped = dropped + excluded.dropped",
            channel,
            delivered,
            failed,
            dropped,
        )

    def _run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"The file {self._path} cannot be used ({error}): check the disk.") from None
