"""A full disk on the node, or on the hub: a small tmpfs and a file that takes all the room that is left."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bench.faults.count import asked, counted
from bench.faults.running import Shop, awaited, shop
from contract.errors import LinkError

ROUND: Final = 3
SIZE: Final = "16m"
SAID_S: Final = 60.0
FULL_S: Final = 4.0


def filled(where: str, times: int, seed: int, folder: Path) -> dict[str, float]:
    """One round: so often full and free again, ``where`` is node or hub. Raises: LinkError without root's mount."""
    said_s = []
    with _small(folder / "small") as small:
        room = {"outboxes": small} if where == "node" else {"hub_data": small}
        with shop(folder, 1, **room) as running:  # type: ignore[arg-type]
            awaited(lambda: _online(running), "A node", SAID_S, running.kept)
            for _ in range(times):
                running.runs_for(2.0 + seed % 3)
                ballast = small / "ballast"
                _fill(ballast)
                said_s.append(awaited(lambda: _says(where, running), "A word of the full disk", SAID_S, running.kept))
                running.runs_for(FULL_S)
                ballast.unlink()
                awaited(lambda: not _says(where, running), "A word that there is room", SAID_S, running.kept)
                if where == "hub":
                    running.hub.log.write_text("")
            found = counted(running)
    return {"tried": times, "said_s": round(max(said_s), 1), **asdict(found), "well": found.well}


def _online(running: Shop) -> bool:
    return asked(running.data / "hub.db", "SELECT 1 FROM nodes WHERE state = 'online'") != []


def _says(where: str, running: Shop) -> bool:
    """Of a node, at the hub; of the hub, in its log, until its database grows again."""
    if where == "node":
        return asked(running.data / "hub.db", "SELECT reason FROM nodes WHERE reason = 'disk_full'") != []
    return "disk" in running.hub.said().lower() and (running.data / "ballast").exists()


def _fill(ballast: Path) -> None:
    """Takes all the room."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4_096))
        except OSError:
            os.fsync(file.fileno())


@contextmanager
def _small(place: Path) -> Iterator[Path]:
    place.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "attune-faults", str(place))
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        raise LinkError("A full disk is played on a small tmpfs, which needs root: run this as root.")
    try:
        yield place
    finally:
        subprocess.run(("umount", "--lazy", str(place)), check=True)
