"""Small steps that can be looked at, taken, and taken back. A plan is a list of them.

Rules:
- ``done`` only looks. ``do`` and ``undo`` may be cut off anywhere and run again.
- A step takes back what it laid down and nothing else. What must be known for that (which packages were there before,
  which groups) is written into the notes before the first change.
- ``data`` marks what holds the shop's own: it outlives an uninstall that keeps data.

Left out: the two plans (`deploy.installer.plan`), slots (`deploy.installer.slot`), running services
(`deploy.installer.services`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol

from deploy.installer.machine import InstallError, Machine, run

NOTES: Final = "/var/lib/attune-installer"
_NOTES_FILE: Final = f"{NOTES}/notes.json"
_PACKAGES_LIST: Final = f"{NOTES}/lists"
_PACKAGES_SOURCE: Final = f"{NOTES}/stick.list"


class Step(Protocol):
    """One thing that is to hold. ``says`` names it in the plan."""

    @property
    def says(self) -> str: ...
    @property
    def data(self) -> bool: ...
    def done(self, machine: Machine) -> bool: ...
    def do(self, machine: Machine) -> None: ...
    def undo(self, machine: Machine, keep_data: bool) -> bool:
        """Takes it back; whether there was anything to take back."""


def notes(machine: Machine) -> dict[str, Any]:
    """What was here before the first change."""
    try:
        said = json.loads(machine.read(_NOTES_FILE))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def note(machine: Machine, **said: Any) -> None:
    """Adds to the notes, unless that was noted before."""
    machine.folder(NOTES, 0o755, "root", "root")
    kept = said | notes(machine)
    machine.write(_NOTES_FILE, json.dumps(kept, indent=1, sort_keys=True).encode(), 0o644, "root", "root")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with its mode and owner; taken back with all in it."""

    path: str
    mode: int = 0o755
    owner: str = "root"
    group: str = "root"
    data: bool = False

    @property
    def says(self) -> str:
        return f"folder {self.path} ({self.mode:o} {self.owner}:{self.group})"

    def done(self, machine: Machine) -> bool:
        found = machine.entry(self.path)
        return found is not None and (found.kind, found.mode, found.owner, found.group) == (
            "folder", self.mode, self.owner, self.group,
        )  # fmt: skip

    def do(self, machine: Machine) -> None:
        machine.folder(self.path, self.mode, self.owner, self.group)

    def undo(self, machine: Machine, keep_data: bool) -> bool:
        return _removed(machine, self.path)


@dataclass(frozen=True, slots=True)
class File:
    """A file with its bytes. ``keep``: one that is there already is the shop's and is left as it is."""

    path: str
    body: bytes
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    keep: bool = False
    data: bool = False

    @property
    def says(self) -> str:
        return f"file {self.path}{', unless it is there' if self.keep else ''}"

    def done(self, machine: Machine) -> bool:
        found = machine.entry(self.path)
        if found is None or found.kind != "file":
            return False
        held = (found.mode, found.owner, found.group) == (self.mode, self.owner, self.group)
        return self.keep or (held and machine.read(self.path) == self.body)

    def do(self, machine: Machine) -> None:
        _with_parent(machine, self.path)
        machine.write(self.path, self.body, self.mode, self.owner, self.group)

    def undo(self, machine: Machine, keep_data: bool) -> bool:
        gone = _removed(machine, self.path)
        _without_parent(machine, self.path)
        return gone


@dataclass(frozen=True, slots=True)
class Link:
    """A link; taken back only while it points where this step made it point."""

    path: str
    target: str
    data: bool = False

    @property
    def says(self) -> str:
        return f"link {self.path} to {self.target}"

    def done(self, machine: Machine) -> bool:
        found = machine.entry(self.path)
        return found is not None and (found.kind, found.target) == ("link", self.target)

    def do(self, machine: Machine) -> None:
        found = machine.entry(self.path)
        if found is not None and found.kind != "link":
            raise InstallError(f"{self.path} is here and is not Attune's: move it away and run this again.")
        _with_parent(machine, self.path)
        machine.link(self.path, self.target)

    def undo(self, machine: Machine, keep_data: bool) -> bool:
        return self.done(machine) and _removed(machine, self.path)


@dataclass(frozen=True, slots=True)
class Group:
    """A system group. A ``shared`` one, which others know by its name too, stays where it was here before."""

    name: str
    shared: bool = False
    data: bool = False

    @property
    def says(self) -> str:
        return f"group {self.name}"

    def done(self, machine: Machine) -> bool:
        return _listed(machine, "/etc/group", self.name)

    def do(self, machine: Machine) -> None:
        note(machine, **{f"group {self.name}": "made"})
        run(machine, f"make the group {self.name}", "groupadd", "--system", self.name)

    def undo(self, machine: Machine, keep_data: bool) -> bool:
        if not self.done(machine) or (self.shared and notes(machine).get(f"group {self.name}") != "made"):
            return False
        run(machine, f"remove the group {self.name}", "groupdel", self.name)
        return True


@dataclass(frozen=True, slots=True)
class User:
    """A system account without a shell or a home."""

    name: str
    group: str
    data: bool = False

    @property
    def says(self) -> str:
        return f"user {self.name} (group {self.group}, no shell)"

    def done(self, machine: Machine) -> bool:
        return _listed(machine, "/etc/passwd", self.name)

    def do(self, machine: Machine) -> None:
        run(
            machine, f"make the user {self.name}", "useradd", "--system", "--gid", self.group, "--no-create-home",
            "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", self.name,
        )  # fmt: skip

    def undo(self, machine: Machine, keep_data: bool) -> bool:
        if not self.done(machine):
            return False
        run(machine, f"remove the user {self.name}", "userdel", self.name)
        return True


@dataclass(frozen=True, slots=True)
class Packages:
    """The distribution's packages: from the stick's own ``packages`` folder where it has one, else from apt's sources.

    Taken back are those that this step brought, with what they had pulled in.
    """

    names: tuple[str, ...]
    stick: Path | None
    data: bool = False

    @property
    def says(self) -> str:
        return f"packages {' '.join(self.names)} from {self.stick or 'the sources of apt'}"

    def done(self, machine: Machine) -> bool:
        return set(self.names) <= _installed(machine) and not machine.ask("dpkg", "--audit")[1].strip()

    def do(self, machine: Machine) -> None:
        note(machine, packages_before=sorted(_installed(machine)))
        if not (torn := _torn(machine)):
            run(machine, "put the packages in order", "dpkg", "--configure", "-a", "--force-confold")
        apt = ("apt-get", "-y", "-q", *self._sources(machine))
        run(machine, "read the list of packages", *apt, "update")
        if torn:  # cut off in the middle of its files: dpkg sets nothing up before it has them anew
            again = (
                "-o",
                "Dpkg::Options::=--force-confold",
                "install",
                "--reinstall",
                "--no-install-recommends",
                *torn,
            )
            run(machine, f"install {' '.join(torn)} again", *apt, *again)
        wanted = ("-o", "Dpkg::Options::=--force-confold", "install", "--no-install-recommends", *self.names)
        run(machine, f"install {' '.join(self.names)}", *apt, *wanted)
        machine.remove(_PACKAGES_LIST)

    def undo(self, machine: Machine, keep_data: bool) -> bool:
        before = notes(machine).get("packages_before")
        if before is None:
            return False
        ours = sorted(_installed(machine) - set(before))
        if not ours:
            return False
        way = "remove" if keep_data else "purge"
        run(machine, f"{way} {' '.join(ours)}", "apt-get", "-y", "-q", way, "--allow-remove-essential", *ours)
        return True

    def _sources(self, machine: Machine) -> tuple[str, ...]:
        if self.stick is None:
            return ()
        machine.folder(f"{_PACKAGES_LIST}/partial", 0o755, "root", "root")
        listed = f"deb [trusted=yes] file:{self.stick.as_posix()} ./\n"
        machine.write(_PACKAGES_SOURCE, listed.encode(), 0o644, "root", "root")
        return (
            "-o", f"Dir::State::lists={_PACKAGES_LIST}", "-o", f"Dir::Etc::sourcelist={_PACKAGES_SOURCE}",
            "-o", "Dir::Etc::sourceparts=/dev/null", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
            "-o", "APT::Sandbox::User=root",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """Files that a command makes, run where one is missing; they are taken back with the folder that holds them."""

    what: str
    files: tuple[str, ...]
    command: tuple[str, ...]
    data: bool = False

    @property
    def says(self) -> str:
        return f"{self.what}: {' '.join(self.command)}"

    def done(self, machine: Machine) -> bool:
        return all(machine.entry(path) is not None for path in self.files)

    def do(self, machine: Machine) -> None:
        run(machine, f"make {self.what}", *self.command)

    def undo(self, machine: Machine, keep_data: bool) -> bool:
        return False


def _torn(machine: Machine) -> list[str]:
    """Packages that dpkg says have to be installed again."""
    said = machine.ask("dpkg-query", "-W", "-f", "${db:Status-Eflag} ${Package}\\n")[1]
    return sorted(name for flag, _, name in (line.partition(" ") for line in said.splitlines()) if flag == "reinstreq")


def _installed(machine: Machine) -> set[str]:
    said = run(machine, "ask dpkg", "dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}\t${Package}\n")
    return {line.split("\t")[1] for line in said.splitlines() if line.startswith("ii")}


def _listed(machine: Machine, path: str, name: str) -> bool:
    return re.search(rf"^{re.escape(name)}:", machine.read(path).decode(), re.MULTILINE) is not None


def _removed(machine: Machine, path: str) -> bool:
    was = machine.entry(path) is not None
    machine.remove(path + ".attune-new")
    machine.remove(path)
    return was


def _with_parent(machine: Machine, path: str) -> None:
    parent = str(PurePosixPath(path).parent)
    if machine.entry(parent) is None:
        machine.folder(parent, 0o755, "root", "root")


def _without_parent(machine: Machine, path: str) -> None:
    """A drop-in's own folder goes with its last file."""
    parent = str(PurePosixPath(path).parent)
    if parent.endswith(".d") and parent.startswith("/etc/systemd/system/") and not machine.names(parent):
        machine.remove(parent)
