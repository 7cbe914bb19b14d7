"""A hub in one file, and a hub from that file: to keep elsewhere, or to move to another machine.

Rules:
- Each database is copied by SQLite's own online backup, so that a hub may run meanwhile; the other files are copied as
  they are. A hub that was never checked is no backup: databases, ledger and every byte are looked over first.
- What is written is there whole or not at all, may be read by its user alone, and never replaces anything.
- It holds every key of the hub. Whoever has the file is the hub.
- A restored hub says so in its ledger, under its own key. What it had signed after the backup is gone; those who saw
  it find that the ledger was set back, and cosign no more until a person accepts it (decision 31).

Left out: encrypting the file, and getting it to another place (the owner's), the hourly copies (`hub.snapshots`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from contract.checkpoint import KEY_FILE, Signer
from contract.errors import AttuneError, StoreError
from contract.ledger import Entry, Ledger
from contract.plain import entry_bytes, leaf_hash, note_is_by, parse_checkpoint, parse_key
from contract.restarts import STARTS
from hub import config as settings
from hub.housekeeping import LOCK
from hub.recovery import ASIDE, MARK
from hub.restored import RESTORED_KIND
from hub.snapshots import FOLDER as SNAPSHOTS
from hub.store import FILE, Store

MANIFEST: Final = "backup.json"
FORMAT: Final = 1
_PASSING: Final = ("-wal", "-shm", "-journal", ".new")  # of a database or file that is being written
_UNREADABLE: Final = (tarfile.TarError, sqlite3.Error, ValueError, KeyError, TypeError, EOFError)


@dataclass(frozen=True, slots=True)
class Backup:
    """What stands in a backup. Units: ``at_s`` since the epoch; ``entries`` of the hub's ledger."""

    at_s: float
    entries: int
    files: dict[str, str]


def back_up(data: Path, out: Path, now_s: float) -> Backup:
    """Write all that a hub is into one new file.

    Raises: StoreError when there is no hub, the file exists, the disk refuses, or what was copied is damaged.
    """
    if not (data / FILE).is_file():
        raise StoreError(f"There is no hub's database in {data}: give the --data of the hub.")
    if out.exists():
        raise StoreError(f"{out} is there already: name a new file, for none is written over.")
    with _told(out), tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
        copy = Path(scratch) / "hub"
        _copy(data, copy, leave=out.parent)
        made = Backup(now_s, look_over(copy), {name: _digest(copy / name) for name in _files(copy)})
        whole = Path(scratch) / "whole"
        whole.touch(mode=0o600)
        with whole.open("r+b") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                (copy / MANIFEST).write_text(
                    json.dumps({"format": FORMAT, "at_s": now_s, "entries": made.entries, "files": made.files})
                )
                for name in (MANIFEST, *made.files):
                    archive.add(copy / name, name)
            file.flush()
            os.fsync(file.fileno())
        os.link(whole, out)  # fails where a file has come meanwhile
    return made


def restore(backup: Path, data: Path, now_s: float) -> Backup:
    """A hub from a backup, in a folder that is not there or empty; its ledger says so.

    Raises: StoreError when the backup is damaged or the folder is in use; then the folder is as it was.
    """
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise StoreError(f"{data} is not empty: give a new folder, or move what is in it aside.")
    with _told(backup):
        data.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{data.name}.", dir=data.parent) as scratch:
            copy = Path(scratch) / "hub"
            copy.mkdir(mode=0o700)
            found = _unpack(backup, copy)
            if look_over(copy) != found.entries:
                raise StoreError(f"The backup {backup} is damaged: its ledger is not the one that was put in.")
            _say_so(copy, found, now_s)
            copy.replace(data)
    return found


def look_over(folder: Path) -> int:
    """How many entries the ledger has, when all is whole.

    Raises: StoreError when a database is damaged, or the ledger is not what was signed; LedgerError without its key.
    """
    for name in _files(folder):
        if name.endswith(".db"):
            with closing(sqlite3.connect(folder / name)) as db:
                said = db.execute("PRAGMA integrity_check").fetchone()[0]
            if said != "ok":
                raise StoreError(f"The database {name} is damaged ({said}): this is no copy to rely on.")
    with closing(sqlite3.connect(folder / FILE)) as db:
        ledger = Ledger(db)
        hashes: list[bytes] = []
        for entry in ledger.entries():
            if isinstance(entry, Entry):
                body = entry_bytes(entry.kind, entry.at_ms, entry.topic, entry.payload)
                if leaf_hash(entry.salt + body) != entry.hash:
                    raise StoreError(f"The ledger is damaged at entry {entry.position}: this is no copy to rely on.")
            hashes.append(entry.hash)
        verifier = Signer.load(folder / KEY_FILE).verifier
        newest = ledger.newest_checkpoint()
        if ledger.key() != verifier or (newest and not _signed(ledger, newest.note, verifier)):
            raise StoreError("The ledger is not what its key signed: this is no copy to rely on.")
    return len(hashes)


def _signed(ledger: Ledger, note: str, verifier: str) -> bool:
    _, size, said = parse_checkpoint(note)
    return note_is_by(note, *parse_key(verifier)) and ledger.root(size) == said


def _say_so(folder: Path, found: Backup, now_s: float) -> None:
    store = Store(folder / FILE, settings.load(folder).store)
    try:
        with store.batch():
            said = {"backup_s": found.at_s, "entries": found.entries, "restored_s": now_s}
            store.note(RESTORED_KIND, json.dumps(said).encode(), now_s)
            store.sign(now_s)
        store.wash()
    finally:
        store.close()


def _files(folder: Path) -> list[str]:
    """Of a data folder, what a hub is made of."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(
        name
        for name in found
        if name not in (LOCK, MANIFEST, MARK, STARTS)
        and not name.startswith((f"{SNAPSHOTS}/", ASIDE))
        and not name.endswith(_PASSING)
    )


def _copy(data: Path, to: Path, leave: Path) -> None:
    to.mkdir(mode=0o700)
    if leave.resolve().is_relative_to(data.resolve()):
        raise StoreError(f"A backup in {data} would be lost with it: name a file elsewhere.")
    for name in _files(data):
        (to / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not name.endswith(".db"):
            shutil.copy2(data / name, to / name)
            continue
        with closing(sqlite3.connect(data / name, timeout=10)) as old, closing(sqlite3.connect(to / name)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE")  # one file, whole
        (to / name).chmod(0o600)


def _unpack(backup: Path, to: Path) -> Backup:
    """Only what the list names, and only when its bytes are the ones listed."""
    with tarfile.open(backup, "r:") as archive:
        said = json.loads(_body(archive, MANIFEST))
        if said["format"] != FORMAT:
            raise StoreError(f"The backup {backup} was written by another Attune: restore it with that one.")
        found = Backup(float(said["at_s"]), int(said["entries"]), dict(said["files"]))
        for name, digest in found.files.items():
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ValueError(f"the name {name!r} leaves the folder")
            (to / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (to / name).write_bytes(_body(archive, name))
            (to / name).chmod(archive.getmember(name).mode & 0o755)
            if _digest(to / name) != digest:
                raise ValueError(f"{name} is not as it was put in")
    return found


def _body(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is no file")
    return file.read()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except AttuneError:
        raise
    except OSError as error:
        raise StoreError(f"{path} cannot be used ({error.strerror or error}): check folder, rights and room.") from None
    except _UNREADABLE as error:
        raise StoreError(f"The backup {path} is damaged ({error}): take another one.") from None
