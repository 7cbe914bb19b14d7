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

TARGETS: Final = ("eye", "real-eye", "courier", "broker", "hub")
FULL: Final = {"real-eye": 30}
ROUND: Final = 50
PAUSE_MAX_S: Final = 1.5
# What takes seconds to start is to be killed at work too; the real eye says a need ten seconds after it began.
LONGER_S: Final = {"hub": 4.0, "real-eye": 12.0}
LONG: Final = (1, 1, 1, 4)  # every fourth is left to work for longer, so that needs come to stand
NODES: Final = 2


def kills(target: str, times: int, seed: int, folder: Path, pause_max_s: float | None = None) -> dict[str, float]:
    """One round. Raises: LinkError when the shop does not come back."""
    longest_s = pause_max_s or LONGER_S.get(target, PAUSE_MAX_S)
    chance = random.Random(f"{target} {seed}")
    real = target == "real-eye"
    with shop(folder, 1 if real else NODES, real_eyes=real) as running:
        awaited(lambda: _begun(running), "A first event of each node", READY_S, running.kept)
        for _ in range(times):
            running.runs_for(chance.uniform(0.0, longest_s * chance.choice(LONG)))
            _kill(running, target, chance)
        running.runs_for(2.0)
        found = counted(running)
    return {"tried": times, "well": found.well, **asdict(found)}


def _begun(running: Shop) -> bool:
    spoke = asked(running.data / "hub.db", "SELECT count(DISTINCT node) FROM events WHERE seq IS NOT NULL")
    return spoke == [(len(running.nodes),)]


def _kill(running: Shop, target: str, chance: random.Random) -> None:
    if target == "broker":
        running.broker.stop()
        running.runs_for(chance.uniform(0.0, 1.0))
        running.broker.start()
        return
    node = chance.choice(running.nodes)
    part = {"courier": node.courier, "hub": running.hub}.get(target, node.eye)
    part.kill()
    part.start()
