"""An eye that sees nothing and says what it is to say, at the pace that a courier takes: the real link, real records.

The scene's own eye says a record a minute; here what matters is how many are on their way when something dies.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import Final

from contract.errors import LinkError
from edge.eye.link import Link
from edge.record import AssistRecord, Head, HourRecord, MoodRecord, Record, StateRecord

ZONES: Final = 6
EVERY_S: Final = 0.25
STAND: Final = 16  # rounds of the zones for which needs stand, and then none
HOURS: Final = 400_000  # cells of 2015: whatever the clock says, they are said once


def says(number: int, chance: random.Random, t_mono_s: int) -> Record:
    """The next thing: a need and its end, a mood, now and then an hour."""
    head = Head(number % ZONES, 0, t_mono_s)
    turn = number // ZONES % 4
    if turn == 3:
        return HourRecord(head, HOURS + chance.randrange(50_000), 3, 8, 5, 1, 1)
    if turn == 1:
        return MoodRecord(head, 300, "5-9", 2, 5, 3, 1, -2, "30-60", 1)
    level = 2 if number // (ZONES * STAND) % 2 == 0 else 0
    return AssistRecord(head, level, ("long_dwell",) if level else (), 60)


def main(path: str, every_s: str) -> int:
    """Until the courier is gone."""
    chance = random.Random()
    number = chance.randrange(1_000)
    try:
        link = Link.connect(Path(path))
        link.send(StateRecord(Head(0, 0, int(time.monotonic())), None))
        while True:
            link.send(says(number, chance, int(time.monotonic())))
            link.orders(float(every_s))
            number += 1
    except LinkError:
        return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
