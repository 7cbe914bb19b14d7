"""What an update does to a real node: a virtual environment from wheels, systemd, and a look at how the node does.

Rules:
- Whether a version does well is asked of what a version can break: its config, its models, the eye's walls, and that an
  eye is alive. A hub that is off, a full disk or a closed shop roll nothing back.
- The eye's pulse is read in the node's own ledger, from the entries after the switch, not by any clock.

Left out: when (`edge.update.flow`).
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contract.errors import UpdateError
from edge.update.slots import VENV

#: What the doctor looks at that a version can break, as `edge.doctor` names it.
VERSIONS_OWN: Final = frozenset(("config", "face model", "affect model", "walls of the eye"))
UNITS: Final = ("attune-courier.service", "attune-eye.service", "attune-prover.service")
COMMAND_S: Final = 900.0
PROGRAM: Final = Path(VENV) / "bin" / "attune-edge"


@dataclass(frozen=True, slots=True)
class NodeWays:
    """The real ways of a node. ``outbox`` is its database, which is only read."""

    config: Path
    outbox: Path

    def prepare(self, slot: Path) -> None:
        """Every wheel of the software into an environment of the slot's own, and its program's first word."""
        wheels = sorted((slot / "software" / "wheels").glob("*.whl"))
        if not wheels:
            raise UpdateError("The release's software holds no wheels: get another from whoever publishes it.")
        _ran("build an environment", (sys.executable, "-m", "venv", "--system-site-packages", str(slot / VENV)))
        pip = (str(slot / VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q")
        _ran("install its wheels", (*pip, "--no-index", "--no-deps", "--ignore-installed", *map(str, wheels)))
        _ran("say what it can do", (str(slot / PROGRAM), "--help"))

    def restart(self) -> None:
        """Those that run. What does not run is not started."""
        _ran("be started", ("systemctl", "try-restart", *UNITS))

    def mark(self) -> int:
        """The ledger's last position."""
        found = self._asked("SELECT coalesce(max(position), -1) FROM ledger_entries")
        return int(found[0][0]) if found else -1

    def wait(self, seconds: float) -> None:
        """Sleeps."""
        time.sleep(seconds)

    def ails(self, slot: Path, mark: int) -> str:
        """The new version's own doctor, and an eye's pulse in the ledger since."""
        told = subprocess.run(
            (str(slot / PROGRAM), "check", "--json", "--config", str(self.config)),
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        try:
            wrong = [
                one["says"] for one in json.loads(told.stdout) if not one["passed"] and one["what"] in VERSIONS_OWN
            ]
        except (ValueError, KeyError, TypeError):
            return "its doctor (attune-edge check) does not answer."
        if wrong:
            return str(wrong[0])
        health = self._asked("SELECT payload FROM ledger_entries WHERE kind = 'health' AND position > ?", mark)
        if not any(json.loads(payload).get("eye_mb") is not None for (payload,) in health):
            return "no eye was alive in two minutes: journalctl -u attune-eye says why."
        return ""

    def _asked(self, question: str, *values: int) -> list[tuple[Any, ...]]:
        try:
            with closing(sqlite3.connect(f"file:{self.outbox}?mode=ro", uri=True, timeout=10)) as db:
                return db.execute(question, values).fetchall()
        except sqlite3.Error:
            return []


def _ran(what: str, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UpdateError(f"The release cannot {what} ({error}): nothing was switched to it.") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UpdateError(f"The release cannot {what} ({last}): report it to whoever publishes it.")
