"""The outbox's file: opened so that a commit is on the card when it returns, and put aside when it is damaged.

Left out: what stands in it (`edge.courier.outbox`).
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path


def open_file(path: Path, schema: str) -> sqlite3.Connection:
    """Raises: sqlite3.DatabaseError when it is damaged."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA page_size = 1024")  # of a new file: a commit then writes fewer bytes to the card
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if db.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("its pages do not fit together")
        db.executescript(schema)
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
