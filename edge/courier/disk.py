"""The outbox's file: written by one, opened so that a commit is on the card when it returns, put aside when damaged.

Left out: what stands in it (`edge.courier.outbox`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from pathlib import Path

from contract.errors import StoreError


class InUse(StoreError):
    """Another process writes there."""


def hold(path: Path) -> int:
    """The lock of the one who writes, until the descriptor is closed. Raises: InUse, or OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise InUse(f"Another courier writes to {path.parent}: stop it, or set another outbox.folder.") from None
    return descriptor


def open_file(path: Path, schema: str) -> sqlite3.Connection:
    """Raises: sqlite3.DatabaseError when it is damaged."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA page_size = 512")  # of a new file: a commit then writes fewer bytes to the card
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 4000")  # a page that many commits touch goes into the file once
        if db.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("its pages do not fit together")
        db.executescript(schema)
    except UnicodeDecodeError:  # SQLite quotes from the schema what is damaged there
        db.close()
        raise sqlite3.DatabaseError("its schema is damaged") from None
    except sqlite3.Error:
        db.close()
        raise
    return db


def put_aside(path: Path) -> Path:
    """Puts a damaged outbox, with its log, where a person may look at it."""
    target = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))
    return target
