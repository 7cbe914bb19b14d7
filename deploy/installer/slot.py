"""Attune itself, into a slot: wheels and models from the stick, an environment, and the two names on it.

Rules:
- Every byte that is taken from the stick has the SHA-256 that the stick's list gives it.
- A slot that runs is never written; the slot's own `edge.update.slots` seals it and moves the names, so that updates
  later on find what they expect.
- An update that is pending is decided first; this never decides it.

Left out: making the stick (`deploy.wheelhouse`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.installer.machine import InstallError, Machine, run

SLOTS: Final = "/opt/attune/slots"
LIST: Final = "wheelhouse.sha256"
ROOT_JSON: Final = "root.json"  # the pinned root of updates
_SEAL: Final = """
import sys
from pathlib import Path
from edge.update.slots import Slots
folder, name, digest = sys.argv[1:]
slots = Slots(Path(folder))
slots.seal(name, {"wheelhouse": digest})
"""
_SWITCH: Final = """
import sys
from pathlib import Path
from edge.update.slots import Slots
folder, name = sys.argv[1:]
slots = Slots(Path(folder))
if slots.current() != name:
    slots.switch(name)
slots.confirm()
"""


@dataclass(frozen=True, slots=True)
class Wheelhouse:
    """A folder that `deploy/wheelhouse` made, for one role; ``files`` are paths in it and their SHA-256."""

    folder: Path
    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """One number for all of it."""
        said = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(self.files.items()))
        return hashlib.sha256(said.encode()).hexdigest()


def open_wheelhouse(folder: Path, role: str) -> Wheelhouse:
    """The wheelhouse on the stick. Raises: InstallError when there is none for this role and Python."""
    try:
        lines = (folder / f"{role}.{LIST}").read_text(encoding="utf-8").splitlines()
    except OSError:
        raise InstallError(
            f"There is no wheelhouse for a {role} in {folder}: make one (deploy/wheelhouse), or name it (--wheelhouse)."
        ) from None
    files = dict(line.split("  ", 1)[::-1] for line in lines)
    return Wheelhouse(folder, files)


@dataclass(frozen=True, slots=True)
class Slot:
    """The newest wheelhouse in the current slot. ``program`` is the command that must start in it."""

    wheelhouse: Wheelhouse
    program: str
    site_packages: bool
    data: bool = False

    @property
    def says(self) -> str:
        return f"Attune of {self.wheelhouse.folder} ({self.wheelhouse.digest[:12]}…) in a slot of {SLOTS}"

    def done(self, machine: Machine) -> bool:
        name = _points(machine, "current")
        return name is not None and name == _points(machine, "good") and self._sealed(machine, name)

    def do(self, machine: Machine) -> None:
        name = self._free(machine)
        slot = f"{SLOTS}/{name}"
        if not self._sealed(machine, name):
            self._build(machine, slot)
            run(machine, "seal the slot", f"{slot}/venv/bin/python", "-c", _SEAL, SLOTS, name, self.wheelhouse.digest)
        run(machine, "switch to the slot", f"{slot}/venv/bin/python", "-c", _SWITCH, SLOTS, name)

    def undo(self, machine: Machine, keep_data: bool) -> bool:
        return False  # goes with /opt/attune

    def _free(self, machine: Machine) -> str:
        current, good = _points(machine, "current"), _points(machine, "good")
        if current is not None and self._sealed(machine, current):
            return current
        if current is not None and good is not None and current != good:
            raise InstallError("An update is pending: wait until it is kept or rolled back, then run this again.")
        return "b" if "a" in (current, good) else "a"

    def _sealed(self, machine: Machine, name: str) -> bool:
        try:
            said = json.loads(machine.read(f"{SLOTS}/{name}/slot.json"))
            return bool(said["archives"].get("wheelhouse") == self.wheelhouse.digest)
        except (ValueError, KeyError, AttributeError, TypeError):
            return False

    def _build(self, machine: Machine, slot: str) -> None:
        machine.remove(f"{slot}/slot.json")
        machine.remove(slot)
        machine.folder(slot, 0o755, "root", "root")
        for path, sha256 in sorted(self.wheelhouse.files.items()):
            to = f"{slot}/software/{path}" if path.startswith("wheels/") else f"{slot}/{path}"
            machine.copy(self.wheelhouse.folder / path, to)
            if hashlib.sha256(machine.read(to)).hexdigest() != sha256:
                raise InstallError(f"{path} on the stick is damaged: make the stick anew and run this again.")
        option = ("--system-site-packages",) if self.site_packages else ()
        run(machine, "build an environment", "/usr/bin/python3", "-m", "venv", *option, f"{slot}/venv")
        wheels = [f"{slot}/software/{path}" for path in sorted(self.wheelhouse.files) if path.endswith(".whl")]
        pip = (f"{slot}/venv/bin/python", "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "install", "-q")
        run(machine, "install the wheels", *pip, "--no-index", "--no-deps", "--ignore-installed", *wheels)
        run(machine, f"start {self.program}", f"{slot}/venv/bin/{self.program}", "--help")


def _points(machine: Machine, name: str) -> str | None:
    found = machine.entry(f"{SLOTS}/{name}")
    return found.target if found is not None and found.target in ("a", "b") else None
