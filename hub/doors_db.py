"""The doors' own database: keys, sessions, secrets, passkeys and failed tries, away from the events.

Rules:
- It has a rollback journal: the command line mints a link while the hub runs, and the events' database keeps its
  one writer.
- Only its owner may read the file, and nothing in it opens a door by itself: keys, tokens, PIN and passphrase stand
  there as hashes only.

Left out: what the rows mean (`hub.auth`, `hub.doors_secrets`, `hub.doors_backoff`, `hub.passkeys`).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from contract.errors import StoreError

_VERSION: Final = 1
_BEFORE: Final = "DROP TABLE IF EXISTS keys; DROP TABLE IF EXISTS sessions;"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS keys (
  hash BLOB PRIMARY KEY, role TEXT NOT NULL, expires_s REAL, uses_left INTEGER, device TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (
  hash BLOB PRIMARY KEY, who TEXT NOT NULL UNIQUE, role TEXT NOT NULL, device TEXT NOT NULL, way TEXT NOT NULL,
  born_s REAL NOT NULL, seen_s REAL NOT NULL, awake_s REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS failures (subject TEXT PRIMARY KEY, count INTEGER NOT NULL, last_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS passkeys (
  id BLOB PRIMARY KEY, public_key BLOB NOT NULL, sign_count INTEGER NOT NULL, name TEXT NOT NULL, host TEXT NOT NULL,
  made_s REAL NOT NULL
);
"""


@dataclass(slots=True)
class DoorsDb:
    """One connection, used by one thread at a time.

    Raises: StoreError from every method when the database cannot be used.
    """

    _db: sqlite3.Connection
    _path: Path
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def open(cls, path: Path) -> DoorsDb:
        """Open or make the file. One of an earlier version loses its links and sessions: people come in again."""
        try:
            path.touch(mode=0o600, exist_ok=True)
            db = sqlite3.connect(path, timeout=5, check_same_thread=False, isolation_level=None)
            db.execute("BEGIN IMMEDIATE")
            if db.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
                for statement in f"{_BEFORE}{_SCHEMA}PRAGMA user_version = {_VERSION}".split(";"):
                    db.execute(statement)
            db.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"The doors' database {path} cannot be opened ({error}): check the folder.") from None
        return cls(db, path)

    def close(self) -> None:
        self._db.close()

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """One statement, and its rows."""
        try:
            with self._lock:
                return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"The doors' database {self._path} cannot be used ({error}): check the disk.") from None

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Statements that happen all together or not at all."""
        with self._lock:
            self.run("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.rollback()
                raise
            self.run("COMMIT")
