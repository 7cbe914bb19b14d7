"""What an update does to a real node: a virtual environment from wheels, systemd, and a look at how the node does.

Rules:
- Whether a version does well is asked of what a version can break: its config, its models, the eye's walls, that eye
  and courier stay up, and what the node says of itself. A hub that is off, a full disk, a pause or a closed shop roll
  nothing back, and no trouble does that was there before.
- What the node says is read in its own ledger, from the entries after the switch, not by any clock.

Left out: when (`edge.update.flow`).
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contract.errors import UpdateError
from edge.update.flow import Mark
from edge.update.slots import VENV

#: What the doctor looks at that a version can break, as `edge.doctor` names it.
VERSIONS_OWN: Final = frozenset(("config", "face model", "affect model", "walls of the eye"))
UNITS: Final = ("attune-courier.service", "attune-eye.service", "attune-prover.service")
#: Those of them that must stay up.
WATCHED: Final = UNITS[:2]
#: More starts than these in two minutes are a program that falls: an eye ends once for a new config or a pause.
STARTS_MAX: Final = 2
STEADY_S: Final = 10.0
#: What the node says of itself that a version may be to blame for.
TROUBLES: Final = frozenset(("eye_stopped", "model_refused", "camera_lost"))
_STATUSES: Final = (
    "SELECT payload FROM ledger_entries WHERE kind = 'status' AND position BETWEEN ? AND ? ORDER BY position DESC"
)
_END: Final = 2**62
COMMAND_S: Final = 900.0
PROGRAM: Final = Path(VENV) / "bin" / "attune-edge"


@dataclass(frozen=True, slots=True)
class NodeWays:
    """The real ways of a node. ``outbox`` is its database, which is only read."""

    config: Path
    outbox: Path

    def prepare(self, slot: Path) -> None:
        """Every wheel of the software into an environment of the slot's own, and its program's first word."""
        folder = slot / "software" / "wheels"
        names = sorted({wheel.name.split("-")[0] for wheel in folder.glob("*.whl")})  # one may be there for each Python
        if not names:
            raise UpdateError("The release's software holds no wheels: get another from whoever publishes it.")
        _ran("build an environment", (sys.executable, "-m", "venv", "--system-site-packages", str(slot / VENV)))
        pip = (str(slot / VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q")
        only = ("--no-index", "--find-links", str(folder), "--no-deps", "--ignore-installed")
        _ran("install its wheels", (*pip, *only, *names))
        _ran("say what it can do", (str(slot / PROGRAM), "--help"))

    def restart(self) -> None:
        """Those that run. One that does not come up is judged like one that comes up and falls."""
        _systemd("try-restart", *UNITS)

    def mark(self) -> Mark:
        """The ledger's last position, and how often each unit was started again so far."""
        found = list(self._asked("SELECT coalesce(max(position), -1) FROM ledger_entries"))
        return Mark(int(found[0][0]) if found else -1, {unit: _shown(unit).starts for unit in WATCHED})

    def wait(self, seconds: float) -> None:
        """Sleeps."""
        time.sleep(seconds)

    def ails(self, slot: Path, mark: Mark) -> str:
        """The new version's own doctor, units that stay up, and what the node says of itself since."""
        before = self._said(-1, mark.position, ("offline", "paused"))  # a closed shop hides what ailed it by day
        now = self._said(mark.position + 1, _END, ("offline",))
        return (
            self._doctors(slot)
            or self._fallen(mark, blind=before == "camera_lost")
            or _blamed(now if now != before else None)
        )

    def _doctors(self, slot: Path) -> str:
        try:
            told = subprocess.run(
                (str(slot / PROGRAM), "check", "--json", "--config", str(self.config)),
                capture_output=True,
                text=True,
                check=False,
                timeout=COMMAND_S,
            )
            findings = json.loads(told.stdout)
            return next((one["says"] for one in findings if not one["passed"] and one["what"] in VERSIONS_OWN), "")
        except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
            return "its doctor (attune-edge check) does not answer."

    def _fallen(self, mark: Mark, *, blind: bool) -> str:
        for unit in WATCHED:
            if not (seen := _shown(unit)).enabled:
                continue
            if not seen.up:  # it may be between two lives
                self.wait(STEADY_S)
                seen = _shown(unit)
            often = seen.starts - mark.starts.get(unit, 0) > STARTS_MAX
            excused = (
                blind and unit == "attune-eye.service"
            )  # without a camera each life is short, whatever the version
            if not seen.up or (often and not excused):
                return f"{unit} does not stay up: journalctl -u {unit} says why."
        return ""

    def _said(self, first: int, last: int, beside: tuple[str, ...]) -> str | None:
        """The trouble that the node itself named last, from one position of its ledger to another, in other states
        than these; offline is its last will, or its goodbye.
        """
        for (payload,) in self._asked(_STATUSES, first, last):
            with suppress(ValueError, AttributeError):
                said = json.loads(payload or b"")
                if said.get("state") not in beside:
                    return None if said.get("reason") is None else str(said["reason"])
        return None

    def _asked(self, question: str, *values: int) -> Iterator[tuple[Any, ...]]:
        """Nothing where the ledger cannot be read: a courier that does not run tells enough by that."""
        where = f"file:{self.outbox}?mode=ro"
        with suppress(sqlite3.Error), closing(sqlite3.connect(where, uri=True, timeout=10)) as db:
            yield from db.execute(question, values)


def _blamed(trouble: str | None) -> str:
    return f"the node says {trouble}, which it did not before." if trouble in TROUBLES else ""


@dataclass(frozen=True, slots=True)
class _Unit:
    """What systemd says of one. ``starts``: how often it was started again by itself."""

    enabled: bool
    up: bool
    starts: int


def _shown(unit: str) -> _Unit:
    """Where systemd does not answer, a unit that should run and does not."""
    said = dict(
        line.split("=", 1)
        for line in _systemd("show", "-p", "ActiveState,UnitFileState,NRestarts", unit).splitlines()
        if "=" in line
    )
    starts = said.get("NRestarts", "")
    return _Unit(
        said.get("UnitFileState", "enabled") == "enabled",
        said.get("ActiveState") == "active",
        int(starts) if starts.isdecimal() else 0,
    )


def _systemd(*arguments: str) -> str:
    """Its answer, or nothing."""
    try:
        done = subprocess.run(("systemctl", *arguments), capture_output=True, text=True, check=False, timeout=COMMAND_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _ran(what: str, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UpdateError(f"The release cannot {what} ({error}): nothing was switched to it.") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UpdateError(f"The release cannot {what} ({last}): report it to whoever publishes it.")
