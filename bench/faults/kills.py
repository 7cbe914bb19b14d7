"""Kill -9 of eye, courier, broker and hub at random moments, also while they start or end.

A round is one shop: so many kills of one of its parts, each after a random pause, then quiet, and the count.
"""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bench.faults.count import asked, counted
from bench.faults.running import READY_S, Shop, awaited, shop

TARGETS: Final = ("eye", "courier", "broker", "hub")
ROUND: Final = 30
PAUSE_MAX_S: Final = 3.0
HUB_PAUSE_MAX_S: Final = 9.0  # a hub takes seconds to start, and is to be killed at work too
NODES: Final = 2


def kills(target: str, times: int, seed: int, folder: Path, pause_max_s: float | None = None) -> dict[str, float]:
    """One round. Raises: LinkError when the shop does not come back."""
    longest_s = pause_max_s or (HUB_PAUSE_MAX_S if target == "hub" else PAUSE_MAX_S)
    chance = random.Random(f"{target} {seed}")
    with shop(folder, NODES) as running:
        awaited(lambda: _begun(running), "A first event of each node", READY_S, running.kept)
        for _ in range(times):
            running.runs_for(chance.uniform(0.0, longest_s))
            _kill(running, target, chance)
        running.runs_for(2.0)
        found = counted(running)
    return {"tried": times, "well": found.well, **asdict(found)}


def _begun(running: Shop) -> bool:
    return asked(running.data / "hub.db", "SELECT count(DISTINCT node) FROM events WHERE seq IS NOT NULL") == [(NODES,)]


def _kill(running: Shop, target: str, chance: random.Random) -> None:
    if target == "broker":
        running.broker.stop()
        running.runs_for(chance.uniform(0.0, 1.0))
        running.broker.start()
        return
    node = chance.choice(running.nodes)
    part = {"eye": node.eye, "courier": node.courier, "hub": running.hub}[target]
    part.kill()
    part.start()
