"""Units: enabled at boot, and running with what was laid down last.

Rules:
- Where no systemd runs (a card that is being prepared) units are enabled and not started, and that is said.
- Whether something has to start again is on the disk before the first change, so that a run that was cut off knows.

Left out: what the units say (`systemd/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from deploy.installer.machine import Machine, run
from deploy.installer.steps import NOTES

RUNNING: Final = "/run/systemd/system"
STALE: Final = f"{NOTES}/start-again"


@dataclass(frozen=True, slots=True)
class Enabled:
    """A unit that starts at boot."""

    unit: str
    data: bool = False

    @property
    def says(self) -> str:
        return f"{self.unit} starts at boot"

    def done(self, machine: Machine) -> bool:
        return machine.ask("systemctl", "is-enabled", self.unit) == (0, "enabled\n")

    def do(self, machine: Machine) -> None:
        run(machine, f"enable {self.unit}", "systemctl", "enable", self.unit)

    def undo(self, machine: Machine, keep_data: bool) -> bool:
        if machine.ask("systemctl", "is-enabled", self.unit)[1].strip() != "enabled":
            return False
        run(machine, f"disable {self.unit}", "systemctl", "disable", self.unit)
        return True


@dataclass(frozen=True, slots=True)
class Started:
    """Units that run with the files that stand now; stopped first when all is taken back.

    ``others`` are the distribution's: they go back to what they were without Attune. ``needs`` is a file without which
    they cannot run, and which a person brings later.
    """

    units: tuple[str, ...]
    others: tuple[str, ...] = ()
    needs: str = ""
    data: bool = False

    @property
    def says(self) -> str:
        return f"running: {' '.join((*self.others, *self.units))}{f', once {self.needs} is there' * bool(self.needs)}"

    def done(self, machine: Machine) -> bool:
        if machine.entry(STALE) is not None:
            return False
        said = machine.ask("systemctl", "is-active", *self.others, *self.units)[1]  # its status asks for one alone
        return not self._may(machine) or set(said.split()) == {"active"}

    def do(self, machine: Machine) -> None:
        if machine.entry(RUNNING) is not None:
            run(machine, "have systemd read its units", "systemctl", "daemon-reload")
        if self._may(machine):
            units = (*self.others, *self.units)  # in one go, so that systemd puts them in their order
            run(machine, "start all of it (systemctl --failed names which)", "systemctl", "restart", *units)
        machine.remove(STALE)

    def _may(self, machine: Machine) -> bool:
        there = not self.needs or machine.entry(self.needs) is not None
        return there and machine.entry(RUNNING) is not None

    def undo(self, machine: Machine, keep_data: bool) -> bool:
        if machine.entry(RUNNING) is None:
            return False
        machine.ask("systemctl", "stop", *reversed(self.units))
        return False


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Takes nothing forward; once all files are taken back, systemd and the distribution's services are told."""

    others: tuple[str, ...] = ()
    data: bool = False
    says: str = "systemd knows its units"

    def done(self, machine: Machine) -> bool:
        return True

    def do(self, machine: Machine) -> None:
        return

    def undo(self, machine: Machine, keep_data: bool) -> bool:
        if machine.entry(RUNNING) is not None:
            machine.ask("systemctl", "daemon-reload")
            machine.ask("systemctl", "reset-failed")
            for unit in self.others:
                machine.ask("systemctl", "try-restart", unit)
        return False
