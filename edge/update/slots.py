"""Two slots, and two names that point at one of them: what runs (``current``) and what is known to do well (``good``).

Rules:
- A name is moved by one rename: before it and after it there is exactly one version, and both are whole.
- A slot is written only while neither name points at it. Its last file is the list of all the others with their hashes;
  without it a slot is nothing.
- Where the two names differ, the current slot is pending: it was started, and is not confirmed yet.
- Nothing here touches the outbox or the ledger, which live outside.

Left out: where releases come from (`edge.update.fetch`) and who judges them (`edge.update.flow`).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from contract.errors import UpdateError
from contract.release import KINDS, replace, settle
from edge.update.told import CURRENT, GOOD, LIST, TOLD, read

Name = Literal["a", "b"]
REFUSED: Final = "refused.json"
STARTS: Final = "starts.json"
REFUSED_KEPT: Final = 32
VENV: Final = "venv"


@dataclass(frozen=True, slots=True)
class Slots:
    """The folder that holds them."""

    folder: Path

    def path(self, name: Name) -> Path:
        """A slot's folder."""
        return self.folder / name

    def current(self) -> Name | None:
        """What runs, None where nothing was installed yet."""
        return self._points(CURRENT)

    def good(self) -> Name | None:
        """What was confirmed."""
        return self._points(GOOD)

    def pending(self) -> bool:
        """Whether what runs is not confirmed yet."""
        return self.current() != self.good()

    def other(self) -> Name:
        """The slot that may be written. Raises: UpdateError while one is pending, for then both are needed."""
        needed = (self.current(), self.good())
        if "a" not in needed:
            return "a"
        if "b" not in needed:
            return "b"
        raise UpdateError("An update is pending: wait until it is confirmed or rolled back (--watch).")

    def installed(self) -> Mapping[str, str]:
        """The kinds in the current slot and the SHA-256 of each one's archive."""
        name = self.current()
        listed = {} if name is None else read(self.path(name) / LIST)
        return dict(listed.get("archives", {}))

    def whole(self, name: Name) -> bool:
        """Whether each file that the slot's list names is there with its bytes, and none beside them."""
        slot = self.path(name)
        listed = read(slot / LIST)
        return bool(listed) and hashes(slot) == listed["files"]

    def seal(self, name: Name, archives: Mapping[str, str]) -> None:
        """Flushes everything in a slot and writes its list."""
        slot = self.path(name)
        _flush(slot)
        content = {"archives": dict(archives), "files": hashes(slot)}
        replace(slot / LIST, json.dumps(content, indent=1, sort_keys=True).encode())
        settle(self.folder)

    def emptied(self, name: Name) -> Path:
        """A slot with nothing in it, list first: half a slot is never taken for one."""
        assert name not in (self.current(), self.good())
        slot = self.path(name)
        (slot / LIST).unlink(missing_ok=True)
        if slot.exists():
            shutil.rmtree(slot)
        slot.mkdir(parents=True)
        return slot

    def switch(self, name: Name, position: int = -1) -> None:
        """Makes a sealed slot the current one, pending; ``position`` is where the node's ledger was then.

        Raises: UpdateError when it is not whole.
        """
        if not self.whole(name):
            raise UpdateError(f"Slot {name} is not whole: nothing was changed; look at the disk.")
        self._note(0, position)
        self._point(CURRENT, name)

    def confirm(self) -> None:
        """What runs does well."""
        name = self.current()
        if name is None:
            raise UpdateError("Nothing is installed in the slots yet: attune-edge update installs the hub's release.")
        self._point(GOOD, name)
        self.tell(rolled_back=False, failed=False)

    def roll_back(self) -> None:
        """Back to what was confirmed; the release that did not do well is not taken again."""
        good = self.good()
        if good is None:
            raise UpdateError("There is no confirmed slot to go back to: this was the first install; run it again.")
        if self.pending() and self.installed():
            refused = [*self.refused(), dict(self.installed())][-REFUSED_KEPT:]
            replace(self.folder / REFUSED, json.dumps(refused).encode())
            self.tell(rolled_back=True)
        self._point(CURRENT, good)

    def tell(self, **known: bool) -> None:
        """What the node says of its updates (`edge.update.told`); written only where it is news."""
        before = read(self.folder / TOLD)
        if before | known != before:
            replace(self.folder / TOLD, json.dumps(before | known).encode())

    def refused(self) -> list[dict[str, str]]:
        """The releases that were rolled back here."""
        try:
            return list(json.loads((self.folder / REFUSED).read_bytes()))
        except (OSError, ValueError):
            return []

    def started(self) -> int:
        """Counts one start of a pending slot; how many there were."""
        kept = read(self.folder / STARTS)
        count = int(kept.get("starts", 0)) + 1
        self._note(count, self.switched_at())
        return count

    def switched_at(self) -> int:
        """Where the node's ledger was at the last switch."""
        return int(read(self.folder / STARTS).get("position", -1))

    def _note(self, starts: int, position: int) -> None:
        replace(self.folder / STARTS, json.dumps({"starts": starts, "position": position}).encode())

    def _points(self, name: str) -> Name | None:
        try:
            found = (self.folder / name).readlink().name
        except OSError:
            return None
        return "a" if found == "a" else "b" if found == "b" else None

    def _point(self, name: str, slot: Name) -> None:
        beside = self.folder / f"{name}.new"
        beside.unlink(missing_ok=True)
        beside.symlink_to(slot)
        beside.replace(self.folder / name)
        settle(self.folder)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One at a time changes the slots. Raises: UpdateError when another does, or the folder cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UpdateError(f"The slots in {folder} cannot be used ({error.strerror}): run this as root.") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UpdateError("Another update is at work here: wait until it is done.") from None
        yield
    finally:
        os.close(lock)


def hashes(slot: Path) -> dict[str, str]:
    """The SHA-256 of each file that came in an archive; what was made from them is not listed."""
    found = {}
    for path in sorted(path for kind in KINDS for path in (slot / kind).rglob("*") if path.is_file()):
        with path.open("rb") as file:
            found[path.relative_to(slot).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _flush(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        if path.is_dir():
            settle(path)
        elif path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
