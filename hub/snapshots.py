"""Copies of the hub's database by the hour, beside it: what a damaged one is replaced by.

Rules:
- There are two, written in turn, so that one is whole whatever happens to the other. Only what has changed since is
  written, since every copy wears the disk.
- A copy is whole once its note stands beside it: it was checked as a database, and the note goes before it is touched.
  A database that is damaged replaces no whole copy.
- It is taken by a process of its own. In the hub's, whoever opened and closed the file would let go of the locks that
  SQLite holds on it.
- The file is copied as it is while a reader holds it still: the log is written back into it, and while somebody reads
  the file and nothing of the log, SQLite writes nothing into the file.
- *Delete everything* takes the copies too. They are at most two hours behind, so that nothing of age stays in them.

Left out: making a hub of one (`hub.recovery`), backups for elsewhere and the hub's other files (`hub.backup`).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from contract.errors import DamagedError, StoreError
from hub import schema
from hub.store import FILE

FOLDER: Final = "snapshots"
NAMES: Final = ("even.db", "odd.db")
EVERY_S: Final = 3_600.0
FIRST_S: Final = 300.0
BLOCK: Final = 4_096
CHUNK: Final = 64 * BLOCK
ROOM_BYTES: Final = 50 * 2**20
STILL_TRIES: Final = 60
STILL_WAIT_S: Final = 0.5
MOST_S: Final = 1_800.0
DAMAGED: Final = 3  # the command's exit status then
_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole copy. Units: ``at_s`` since the epoch; ``written_bytes`` is what taking it wore the disk by."""

    name: str
    at_s: float
    entries: int
    written_bytes: int


def take(data: Path, now_s: float) -> Snapshot:
    """The older of the two copies becomes the newest.

    Raises: StoreError when there is no database, no room, or what was copied is damaged; the other copy stays.
    """
    source, folder = data / FILE, data / FOLDER
    if not source.is_file():
        raise StoreError(f"There is no hub's database in {data}: give the --data of the hub.")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with _alone(folder):
            name = _older(folder)
            target = folder / name
            _room(source, target)
            _note(target).unlink(missing_ok=True)
            written = _copy(source, target)
            entries = check(target)
            made = Snapshot(name, now_s, entries, written)
            _write(_note(target), json.dumps(asdict(made)).encode())
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"No copy could be taken in {folder} ({error.strerror or error}): check its disk.") from None
    except sqlite3.Error as error:
        raise schema.failure(source, error) from None
    return made


def whole(data: Path) -> list[tuple[Snapshot, Path]]:
    """The copies that were whole when they were taken, the newest first."""
    found: list[tuple[Snapshot, Path]] = []
    for name in NAMES:
        target = data / FOLDER / name
        with suppress(OSError, ValueError, TypeError):
            found.append((Snapshot(**json.loads(_note(target).read_bytes())), target))
    return sorted(found, key=lambda one: -one[0].at_s)


def forget(data: Path) -> None:
    """Takes every copy away, once none is being taken. Raises: StoreError when one stays."""
    folder = data / FOLDER
    if not folder.is_dir():
        return
    try:
        with _alone(folder):
            for name in NAMES:
                _note(folder / name).unlink(missing_ok=True)
                (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"The copies in {folder} are still there ({error.strerror}): delete that folder.") from None


def check(path: Path) -> int:
    """How many entries the copy's ledger has. Raises: StoreError when it is damaged."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            said = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if said == "ok":
                return int(db.execute("SELECT count(*) FROM ledger_entries").fetchone()[0])
    except (sqlite3.Error, UnicodeDecodeError) as error:
        said = str(error)
    raise DamagedError(f"The database is damaged ({said}): start the hub again, and it takes the last whole copy.")


class Hourly:
    """Has a copy taken each hour, by a process of its own. ``damaged`` is called when the database proves to be."""

    def __init__(
        self, data: Path, damaged: Callable[[], object], first_s: float = FIRST_S, every_s: float = EVERY_S
    ) -> None:
        self._data, self._damaged, self._first_s, self._every_s = data, damaged, first_s, every_s
        self._ending = threading.Event()
        self._trouble: str | None = None
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """No more; a copy that is being taken is left, and is none."""
        self._ending.set()
        self._thread.join()

    def trouble(self) -> str | None:
        """One sentence while no copy can be taken."""
        return self._trouble

    def _run(self) -> None:
        wait_s = self._first_s
        while not self._ending.wait(wait_s):
            wait_s = self._every_s
            command = (sys.executable, "-m", "hub.snapshots", str(self._data))
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
                self._trouble = self._heard(child)
            if child.returncode == DAMAGED:
                self._damaged()

    def _heard(self, child: subprocess.Popen[str]) -> str | None:
        until_s = time.monotonic() + MOST_S
        while child.poll() is None:
            if self._ending.wait(0.2) or time.monotonic() > until_s:
                child.kill()
        assert child.stderr is not None
        said = child.stderr.read().strip()
        return None if child.returncode == 0 or self._ending.is_set() else said or "No hourly copy could be taken."


def _copy(source: Path, target: Path) -> int:
    """The bytes that had to be written."""
    with closing(sqlite3.connect(source, timeout=10, isolation_level=None)) as db:
        _hold_still(db, source)
        target.touch(mode=0o600)
        with source.open("rb", buffering=0) as old, target.open("r+b", buffering=0) as new:
            written = at = 0
            while chunk := old.read(CHUNK):
                held = os.pread(new.fileno(), len(chunk), at)
                for begin in range(0, len(chunk), BLOCK) if held != chunk else ():
                    block = chunk[begin : begin + BLOCK]
                    if held[begin : begin + BLOCK] != block:
                        written += os.pwrite(new.fileno(), block, at + begin)
                at += len(chunk)
            new.truncate(at)
            os.fsync(new.fileno())
    return written


def _hold_still(db: sqlite3.Connection, source: Path) -> None:
    """Reads the file and nothing of its log from here on: until the connection is closed the file stays as it is."""
    log = source.with_name(f"{source.name}-wal")
    for _ in range(STILL_TRIES):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        if not log.exists() or log.stat().st_size == 0:
            return
        db.execute("ROLLBACK")
        time.sleep(STILL_WAIT_S)
    raise StoreError("No hourly copy was taken: the database was never still. The next one is tried in an hour.")


def _room(source: Path, target: Path) -> None:
    there = target.stat().st_size if target.exists() else 0
    needs = max(source.stat().st_size - there, 0) + ROOM_BYTES
    free = shutil.disk_usage(target.parent).free
    if free < needs:
        raise StoreError(
            f"No hourly copy of the database: {free // 2**20} MB are free and it needs {needs // 2**20} MB; make room."
        )


def _older(folder: Path) -> str:
    """The copy that is not the newest whole one."""
    newest = next((one.name for one, _ in whole(folder.parent)), NAMES[1])
    return next(name for name in NAMES if name != newest)


def _note(target: Path) -> Path:
    return target.with_suffix(".json")


def _write(path: Path, body: bytes) -> None:
    """Whole or not at all, and on the disk."""
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def main(data: Path) -> int:
    """Take one, behind everything else that the machine does."""
    os.nice(10)
    try:
        made = take(data, time.time())
    except StoreError as error:
        print(error, file=sys.stderr)
        return DAMAGED if isinstance(error, DamagedError) else 1
    print(f"The copy {made.name} is whole: {made.entries} entries of the ledger; {made.written_bytes} bytes written.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
