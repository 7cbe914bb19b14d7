"""Attacks exports at random and counts what the check misses: ``python -m tests.contract.mutations 10000``."""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from contract.verify import verify
from tests.contract.logs import a_day, attacked, cosigned


def missed(attacks: int, seed: int, folder: Path) -> Counter[int]:
    """How often each exit status came. Raises whatever the check lets through."""
    log = a_day(folder / "log")
    cosigned(log, folder)
    export, hurt, kept = log.export(), folder / "hurt.zip", log.notes[1]
    assert verify(export, kept).status == 0
    chance, seen = random.Random(seed), Counter[int]()
    for number in range(attacks):
        hurt.write_bytes(attacked(export, chance))
        verdict = verify(hurt, kept)
        if verdict.status == 0:
            (folder / f"missed-{number}.zip").write_bytes(hurt.read_bytes())
        assert "\n" not in verdict.sentence
        seen[verdict.status] += 1
    return seen


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        counts = missed(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1, Path(scratch))
    print(f"{counts[0]} missed, {counts[1]} found tampered with, {counts[2]} found unreadable")
    sys.exit(counts[0] > 0)
