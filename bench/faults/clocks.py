"""Wall clocks that jump, are not set at boot, or pass the end of summer time, its beginning and a leap day.

Rules:
- All of the shop has one wall clock, which is shifted under it; the monotonic ones go on.
- Each round begins seconds before one of the borders. Then the clock is set forth and back, and once it stands at 1970
  when a courier and the hub begin, as on boards that had no power.
- Order is right when within each life of a node the numbers and the node's own seconds rise together.
"""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from bench.faults.count import counted
from bench.faults.running import SETTINGS, shop

ROUND: Final = 12
BEFORE_S: Final = 8.0
BORDERS: Final = (
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # the end of summer time in Europe
    datetime(2027, 3, 28, 1, tzinfo=UTC),
    datetime(2028, 2, 29, tzinfo=UTC),
    datetime(2028, 3, 1, tzinfo=UTC),
)
DAY_S: Final = 86_400.0
FAR_S: Final = 400 * DAY_S  # nothing is kept for longer
JUMPS_S: Final = (-FAR_S, -2 * DAY_S, -3_600.0, -30.0, 0.5, 30.0, 3_600.0, 2 * DAY_S, FAR_S)
_ZONE: Final = 'timezone = "Europe/Berlin"\n'


def jumped(times: int, seed: int, folder: Path) -> dict[str, float]:
    """One round: one border, so many jumps, then the count."""
    chance, clock = random.Random(seed), folder / "shift"
    home_s = BORDERS[seed % len(BORDERS)].timestamp() - BEFORE_S - time.time()
    clock.write_text(str(home_s))
    wrap = ("-m", "bench.faults.shifted", str(clock))
    with shop(folder, 1, wrap=wrap, settings=_ZONE + SETTINGS) as running:
        running.runs_for(BEFORE_S + 2.0)
        for number in range(times):
            if number == times // 2:
                clock.write_text(str(5.0 - time.time()))
                running.nodes[0].courier.kill()
                running.hub.kill()
                running.runs_for(8.0)
            clock.write_text(str(home_s + chance.choice(JUMPS_S)))
            running.runs_for(chance.uniform(0.5, 3.0))
        clock.write_text(str(home_s))
        found = counted(running)
        disordered = _disordered(running.data / "hub.db")
    lost = found.lost or found.twice or found.strange or found.damaged
    # The nudges' times are the wall clock's, which jumped: here only that none stays open counts.
    return {"tried": times, **asdict(found), "disordered": disordered, "well": not (lost or disordered)}


def _disordered(hub: Path) -> int:
    with closing(sqlite3.connect(hub)) as db:
        rows = db.execute(
            "SELECT node, boot, seq, json_extract(payload, '$.t_mono_s') FROM events WHERE seq IS NOT NULL"
            " ORDER BY node, boot, seq"
        ).fetchall()
    return sum(one[:2] == other[:2] and one[3] > other[3] for one, other in pairwise(rows))
