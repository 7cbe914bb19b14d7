"""What a node says of its own version, and of how its last update went. Reads a few small files, and changes nothing.

Rules:
- The version is that of the running program, read once at its start: a slot may be switched beneath it.
- It is the package's version and, where it came as a release, the first digits of its archive's SHA-256, by which the
  publisher's list and the hub's journal name it.
- Only that an update was rolled back or refused is told; why stands in the node's own journal.

Left out: updating (`edge.update.flow`), and the words for the owner (`hub.advice`).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from contract.events import Updating

CURRENT, GOOD = "current", "good"
LIST: Final = "slot.json"
TOLD: Final = "told.json"
DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Running:
    """What runs, and beside which slots; None for a version or slots that there are not."""

    version: str | None
    slots: Path | None = None

    @classmethod
    def of(cls, prefix: Path | None = None) -> Running:
        """The program that asks, from the folder of its Python environment."""
        try:
            version = metadata.version("attune")
        except metadata.PackageNotFoundError:
            version = None
        slot = (prefix or Path(sys.prefix)).resolve().parent
        release = read(slot / LIST).get("archives", {}).get("software")
        if version is None or release is None:
            return cls(version)
        return cls(f"{version.partition('+')[0]}+{release[:DIGITS]}", slot.parent)

    def told(self) -> dict[str, str | None]:
        """As `health` has it."""
        return {"version": self.version, "update": self.update()}

    def update(self) -> Updating | None:
        """Whether this version is on trial, or what the node could not take."""
        if self.slots is None:
            return None
        if (self.slots / GOOD).is_symlink() and _points(self.slots / CURRENT) != _points(self.slots / GOOD):
            return "on_trial"
        known = read(self.slots / TOLD)
        return "rolled_back" if known.get("rolled_back") else "failed" if known.get("failed") else None


def read(place: Path) -> dict[str, Any]:
    """A file's JSON object, or nothing where it holds none."""
    try:
        said = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _points(name: Path) -> str | None:
    try:
        return name.readlink().name
    except OSError:
        return None
