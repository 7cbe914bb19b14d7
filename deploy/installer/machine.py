"""The machine that is installed on: its files, its accounts and its commands, behind one small port.

Rules:
- A file is there whole or as it was before: it is written beside its place, flushed, and renamed.
- A command that fails is one sentence with the last thing it said.

Left out: what is to be done (`deploy.installer.steps`); a machine made of dictionaries (`deploy.installer.fake`).
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

COMMAND_S: Final = 7_200.0  # a slow card, an emulated processor
QUIET: Final = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


class InstallError(Exception):
    """What is wrong and what to do, in one sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a path. ``kind`` is file, folder or link; ``target`` is where a link points."""

    kind: str
    mode: int = 0
    owner: str = "root"
    group: str = "root"
    target: str = ""


class Machine(Protocol):
    """Paths are absolute."""

    def entry(self, path: str) -> Entry | None:
        """What is there, not following a link; None for nothing."""

    def names(self, folder: str) -> tuple[str, ...]:
        """What a folder holds, sorted; nothing where there is none."""

    def read(self, path: str) -> bytes:
        """A file's bytes; none where there is no file."""

    def write(self, path: str, body: bytes, mode: int, owner: str, group: str) -> None:
        """A whole file in place of whatever file was there."""

    def link(self, path: str, target: str) -> None:
        """A link in place of whatever link was there."""

    def folder(self, path: str, mode: int, owner: str, group: str) -> None:
        """A folder with its parents; one that is there gets this mode and owner."""

    def copy(self, source: Path, path: str) -> None:
        """A file of the installer's own to its place."""

    def remove(self, path: str) -> None:
        """Whatever is there, with all in it; nothing happens where there is nothing."""

    def ask(self, *command: str) -> tuple[int, str]:
        """Runs a command that may fail: its status and its output."""


def run(machine: Machine, what: str, *command: str) -> str:
    """Runs a command that must not fail; its output. Raises: InstallError saying that it cannot ``what``."""
    status, said = machine.ask(*command)
    if status:
        last = (said.strip().splitlines() or [f"{command[0]} ended with {status}"])[-1]
        raise InstallError(
            f"Cannot {what} ({last.strip()}): mend that and run this again; it goes on where it stopped."
        )
    return said


class ThisMachine:
    """The real one."""

    def entry(self, path: str) -> Entry | None:
        import grp
        import pwd

        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        kind = {stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}.get(stat.S_IFMT(found.st_mode), "file")
        try:
            owner, group = pwd.getpwuid(found.st_uid).pw_name, grp.getgrgid(found.st_gid).gr_name
        except KeyError:  # whose account is gone
            owner, group = str(found.st_uid), str(found.st_gid)
        return Entry(
            kind, stat.S_IMODE(found.st_mode), owner, group, str(Path(path).readlink()) if kind == "link" else ""
        )

    def names(self, folder: str) -> tuple[str, ...]:
        try:
            return tuple(sorted(path.name for path in Path(folder).iterdir()))
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def read(self, path: str) -> bytes:
        try:
            return Path(path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return b""

    def write(self, path: str, body: bytes, mode: int, owner: str, group: str) -> None:
        new = Path(path + ".attune-new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        shutil.chown(new, owner, group)
        new.chmod(mode)
        new.replace(path)

    def link(self, path: str, target: str) -> None:
        new = Path(path + ".attune-new")
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(path)

    def folder(self, path: str, mode: int, owner: str, group: str) -> None:
        Path(path).mkdir(parents=True, exist_ok=True)
        shutil.chown(path, owner, group)
        Path(path).chmod(mode)

    def copy(self, source: Path, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)

    def remove(self, path: str) -> None:
        place = Path(path)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)

    def ask(self, *command: str) -> tuple[int, str]:
        try:
            done = subprocess.run(
                command,
                env={**QUIET, "HOME": "/root"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
                timeout=COMMAND_S,
            )
        except FileNotFoundError:
            return 127, f"there is no {command[0]} here"
        except subprocess.TimeoutExpired:
            return 124, f"{command[0]} did not end in {COMMAND_S / 3600:.0f} hours"
        return done.returncode, done.stdout
