"""The walls of the eye: limits it puts on itself, so that no image can leave it or touch a disk (rule 1).

Rules:
- `raise_early` before any thread runs, `raise_late` once camera and models are open. Nothing takes a wall down again.
- What must stand (core dumps, memory, files, system calls) stands, or the eye does not run: WallError.
- What not every machine allows (network namespace, Landlock, locked memory, wiping what is freed) is reported with its
  reason. The filter of system calls refuses the same acts by itself, but for reading files and for swap.
- V4L2 buffers are mapped before the late walls, which refuse shared mappings: a camera is opened again by the next
  life of the eye, not by this one.

Left out: root on the same machine, who may read any memory, and what the 32-byte records say (`edge.eye.gate`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from contract.errors import WallError
from edge.eye.walls import landlock, limits, seccomp
from edge.eye.walls.limits import start_uncached
from edge.eye.walls.probe import probe
from edge.eye.walls.syscalls import this_machine

__all__ = ["Wall", "Walls", "probe", "raise_early", "raise_late", "raise_walls", "start_uncached"]


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall; ``says`` is what it stops or, when it does not stand, why."""

    name: str
    stands: bool
    says: str


@dataclass(frozen=True, slots=True)
class Walls:
    """Every wall, standing or not."""

    walls: tuple[Wall, ...]

    @property
    def missing(self) -> tuple[Wall, ...]:
        return tuple(wall for wall in self.walls if not wall.stands)

    def summary(self) -> str:
        """One line for a person."""
        standing = f"{len(self.walls) - len(self.missing)} of {len(self.walls)} walls stand"
        return "; ".join((standing, *(f"{wall.name}: {wall.says}" for wall in self.missing)))


def raise_early() -> None:
    """The walls that the eye can wear while it opens camera and models; threads started later stand behind them too.

    Raises: WallError when one that must stand does not.
    """
    _tried("network", limits.leave_network)
    _tried("freed memory", limits.wipe_freed)
    for wall in _early():
        _demand(wall)
    _tried("paths", landlock.raise_early)


def raise_late() -> Walls:
    """Every wall. Those of `raise_early` that can go up late are raised or checked again.

    Raises: WallError when one that must stand does not.
    """
    network = _tried("network", limits.network_left)
    lock = _tried("locked memory", limits.lock_memory)
    wiped = _tried("freed memory", limits.wipe_freed)
    needed = [*_early(), _tried("files", limits.shut_files)]
    paths = _tried("paths", _paths)
    needed.append(_tried("system calls", _system_calls))
    for wall in needed:
        _demand(wall)
    return Walls((*needed, network, paths, lock, wiped))


def raise_walls() -> Walls:
    """Both, for an eye with nothing left to open. Raises: WallError."""
    raise_early()
    return raise_late()


def _early() -> list[Wall]:
    return [
        _tried("core dumps", limits.shut_core),
        _tried("memory", limits.shut_memory),
        _tried("privileges", limits.shut_privileges),
    ]


def _paths() -> str:
    every = landlock.raise_late()
    return "no path is written" + ("" if every else "; reading is bound in the main thread and those it starts")


def _system_calls() -> str:
    machine = this_machine()
    if machine is None:
        raise OSError(f"there is no filter for {os.uname().machine}: the eye needs 64-bit ARM or Intel")
    seccomp.raise_filter(machine, os.getpid())
    return "no file, socket or process is made"


def _tried(name: str, act: Callable[[], str | None]) -> Wall:
    try:
        return Wall(name, stands=True, says=act() or "")
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Wall(name, stands=False, says=said)


def _demand(wall: Wall) -> None:
    if not wall.stands:
        raise WallError(
            f"The eye does not run without its wall around {wall.name} ({wall.says}): "
            "use 64-bit Linux 5.10 or newer with seccomp, and free what is named."
        )
