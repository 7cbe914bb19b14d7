"""A broker that was gone for a day, and the nodes that come back to it all at once.

The nodes are real couriers, fifty to a process; what they look for is a port where, in the end, a broker listens.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bench.faults.count import asked, tally
from bench.faults.running import awaited as until
from bench.faults.running import node_of, shop
from contract.errors import LinkError

NODES: Final = 200
AT_ONCE: Final = 50
HOURS: Final = 24
DRAINED_MAX_S: Final = 600.0
GROWN_MAX_MB: Final = 100.0  # the hub
NODE_GROWN_MAX_MB: Final = 4.0
PATIENCE_S: Final = 1_200.0
_QUICK: Final = Path("/dev/shm")  # noqa: S108 (two hundred outboxes on one disk would wait for each other)


def away(nodes: int, seed: int, folder: Path, hours: int = HOURS) -> dict[str, float]:
    """One round of so many nodes. Raises: LinkError when they do not come back."""
    del seed  # nothing is by chance but their pauses
    with tempfile.TemporaryDirectory(dir=_QUICK if _QUICK.is_dir() else None) as place, ExitStack() as stack:
        running = stack.enter_context(shop(folder, 0))
        running.broker.stop()
        url = f"mqtt://127.0.0.1:{running.broker.port}"
        homes = [node_of(Path(place), f"node-{number}", url) for number in range(nodes)]
        workers = [
            stack.enter_context(_couriers(hours, homes[first : first + AT_ONCE]))
            for first in range(0, nodes, AT_ONCE)
        ]  # fmt: skip
        before_mb = sum(_told(worker, "ready") for worker in workers)
        waited = sum(int(str(asked(_box(home), "SELECT count(*) FROM events")[0][0])) for home in homes)
        hub = running.hub.process
        assert hub is not None
        hub_before_mb = _resident_mb(hub.pid)
        running.broker.start()
        began_s = time.monotonic()
        until(lambda: _empty(homes), "Empty outboxes", PATIENCE_S, lambda: time.sleep(0.5))
        drained_s, hub_mb = time.monotonic() - began_s, _resident_mb(hub.pid)
        for worker in workers:
            worker.stdin.close()  # type: ignore[union-attr]
        after_mb = sum(_told(worker, "ended") for worker in workers)
        running.hub.kill()
        found = tally(running.data / "hub.db", map(_box, homes), drained_s)
    grown_mb, node_grown_mb = hub_mb - hub_before_mb, (after_mb - before_mb) / nodes
    bounded = grown_mb < GROWN_MAX_MB and node_grown_mb < NODE_GROWN_MAX_MB
    well = found.well and not found.nudges and drained_s < DRAINED_MAX_S and bounded
    return {
        "tried": nodes, **asdict(found), "waited": waited, "hours": hours, "node_mb": after_mb / nodes,
        "hub_mb": hub_mb, "grown_mb": grown_mb, "node_grown_mb": node_grown_mb, "well": well,
    }  # fmt: skip


def _couriers(hours: int, homes: Sequence[Path]) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "bench.faults.away_nodes", str(hours), *map(str, homes))
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def _told(worker: subprocess.Popen[str], word: str) -> float:
    assert worker.stdout
    said = worker.stdout.readline().split()
    if said[:1] != [word]:
        raise LinkError(f"The couriers ended before they were {word}.")
    return float(said[1])


def _box(home: Path) -> Path:
    return home / "outbox" / "outbox.db"


def _empty(homes: Sequence[Path]) -> bool:
    return all(asked(_box(home), "SELECT count(*) FROM events") == [(0,)] for home in homes)


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
