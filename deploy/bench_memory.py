"""How much memory eye and courier hold while they run the demo's scene."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.errors import LinkError
from deploy.demo import shop

SCENE: Final = "busy"
NAMES: Final = ("eye", "courier")


@dataclass(frozen=True, slots=True)
class Memory:
    """One process. Units: MB (2²⁰ bytes), now and at most so far."""

    process: str
    resident_mb: float
    peak_mb: float


def measure(seconds: float) -> list[Memory]:
    """Runs the demo for so long, then reads what its processes hold. Raises: LinkError when one is not there."""
    with shop(0, SCENE, None, history=False):
        time.sleep(seconds)
        return [_held(name) for name in NAMES]


def _held(name: str) -> Memory:
    said = dict(line.split(":", 1) for line in (child(name) / "status").read_text().splitlines())
    return Memory(name, *(int(said[field].split()[0]) / 1024 for field in ("VmRSS", "VmHWM")))


def child(name: str) -> Path:
    """The folder in /proc of this process's own eye, courier or hub. Raises: LinkError when there is none."""
    for process in Path("/proc").glob("[0-9]*"):
        if _is_child(process, name):
            return process
    raise LinkError(f"The {name} is not running: its message stands above.")


def _is_child(process: Path, name: str) -> bool:
    words: list[bytes] = [b"-m", b"hub", b"serve"] if name == "hub" else [b"-m", b"edge", name.encode()]
    try:
        said = (process / "cmdline").read_bytes().split(b"\0")
        parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended meanwhile
        return False
    return parent == os.getpid() and said[1:4] == words
