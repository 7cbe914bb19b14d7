"""Kill -9 of eye, courier, broker and hub at random moments, also while they start or end.

A round is one shop: so many kills of one of its parts, each after a random pause, then quiet, and the count.
"""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bench.faults.count import counted
from bench.faults.running import Shop, shop

TARGETS: Final = ("eye", "courier", "broker", "hub")
ROUND: Final = 30
PAUSE_MAX_S: Final = 4.0
NODES: Final = 2


def kills(target: str, times: int, seed: int, folder: Path, pause_max_s: float = PAUSE_MAX_S) -> dict[str, float]:
    """One round. Raises: LinkError when the shop does not come back."""
    chance = random.Random(f"{target} {seed}")
    with shop(folder, NODES) as running:
        for _ in range(times):
            running.runs_for(chance.uniform(0.0, pause_max_s))
            _kill(running, target, chance)
        running.runs_for(2.0)
        found = counted(running)
    return {"tried": times, "well": found.well, **asdict(found)}


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
