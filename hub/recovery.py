"""A hub whose database is damaged begins with its last whole copy, and says what it misses.

Rules:
- It is looked over at each start, for as long as `LOOK_S` allows: a shop waits for its hub. The hourly copies look at
  all of it. A hub that met damage while it ran leaves a mark, and then the next start looks at all of it too.
- What is damaged is put aside, never mended and never deleted at once: one such file is kept, for `KEPT_S`.
- The newest copy that is still whole takes its place; where there is none, an empty database does. Either way the
  ledger's next entry says so, with the span that is missing, under the hub's own key (decision 48).

Left out: taking copies (`hub.snapshots`), a restore by hand (`hub.backup`).
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from contract.errors import StoreError
from hub import schema, snapshots
from hub.restored import RESTORED_KIND
from hub.store import FILE, Store

MARK: Final = "hub.db.suspect"
ASIDE: Final = "hub.db.damaged"
LOOK_S: Final = 3.0
KEPT_S: Final = 14 * 86_400.0
_STEPS: Final = 10_000
_PARTS: Final = ("", "-wal", "-shm")


def recover(data: Path, shop: str, now_s: float) -> str | None:
    """One sentence when the database was damaged and another one is in its place now; None when it is whole.

    Raises: StoreError when the disk refuses, or the database is of a newer Attune; LedgerError without its key.
    """
    path = data / FILE
    _forget_aside(data, now_s)
    why = damage(path, None if (data / MARK).exists() else LOOK_S) if path.exists() else None
    if why is None:
        (data / MARK).unlink(missing_ok=True)
        return None
    try:
        _put_aside(data)
        found = _put_in_place(data)
    except OSError as error:
        raise StoreError(f"{path} is damaged and could not be put aside ({error.strerror}): check the disk.") from None
    said = {
        "damaged": why,
        "backup_s": found.at_s if found else None,
        "entries": found.entries if found else 0,
        "restored_s": now_s,
    }
    store = Store(path, shop)
    try:
        with store.batch():
            store.note(RESTORED_KIND, json.dumps(said).encode(), now_s)
            store.sign(now_s)
    finally:
        store.close()
    (data / MARK).unlink(missing_ok=True)
    instead = "Its copy of the last hours is in its place" if found else "There was no whole copy: it begins anew"
    return f"The database was damaged ({why}) and is put aside as {ASIDE}. {instead}; the pages say what is missing."


def damage(path: Path, limit_s: float | None) -> str | None:
    """What is wrong with a database, as far as that is found within so many seconds; None when nothing is.

    Raises: StoreError when it cannot be read at all for another reason than damage.
    """
    until_s = None if limit_s is None else time.monotonic() + limit_s
    try:
        with closing(sqlite3.connect(path, timeout=10)) as db:
            if until_s is not None:
                db.set_progress_handler(lambda: time.monotonic() > until_s, _STEPS)
            rows = db.execute("PRAGMA quick_check(1)").fetchall()
            return None if rows == [("ok",)] else str(rows[0][0])
    except UnicodeDecodeError:
        return "malformed schema"
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return None
        raise schema.failure(path, error) from None
    except sqlite3.DatabaseError as error:
        return str(error)


def suspect(data: Path) -> None:
    """The hub met damage: the next start looks at all of the database."""
    with suppress(OSError):
        (data / MARK).touch(mode=0o600)


def forget_copies(data: Path) -> None:
    """Takes away the hourly copies, and what was put aside. Raises: StoreError when one stays."""
    snapshots.forget(data)
    forget_aside(data)


def forget_aside(data: Path) -> None:
    """Takes away what was put aside. Raises: StoreError when it stays."""
    try:
        for part in _PARTS:
            (data / f"{ASIDE}{part}").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{data / ASIDE} is still there ({error.strerror}): delete it.") from None


def _forget_aside(data: Path, now_s: float) -> None:
    aside = data / ASIDE
    if aside.exists() and now_s - aside.stat().st_mtime > KEPT_S:
        forget_aside(data)


def _put_aside(data: Path) -> None:
    forget_aside(data)
    for part in _PARTS:
        with suppress(FileNotFoundError):
            (data / f"{FILE}{part}").rename(data / f"{ASIDE}{part}")
    os.utime(data / ASIDE)


def _put_in_place(data: Path) -> snapshots.Snapshot | None:
    """The newest copy that is still whole."""
    new = data / f"{FILE}.new"
    for one, copy in snapshots.whole(data):
        try:
            snapshots.check(copy)
        except StoreError:
            continue
        shutil.copyfile(copy, new)
        new.chmod(0o600)
        with new.open("rb+") as file:
            os.fsync(file.fileno())
        new.rename(data / FILE)
        return one
    return None
