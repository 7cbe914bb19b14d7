"""The second count of what an eye may say: hours by cell and ε on disk, every record by rate.

The eye keeps its own budgets (`edge.eye.gate`), but each of its lives begins them anew. The courier outlives it, and
what it wrote down outlives the courier.

Rules:
- A cell is one zone in one clock hour. It is said once, whatever the clock does and however often the eye begins
  anew, so that its noise is drawn once; what a broken hour held after the break is told by nobody.
- The record is the debit: a cell is written down with its ε in the transaction that keeps its record.
- A record over the day's ε or over the rate is refused, counted and noted in the ledger. The rate leaves a minute's
  slack for an eye that was not listened to, none beyond it, and begins with what the ledger says of the last minute.
- An eye that begins anew is told what was spent (`edge.order.SpentHours`), so that it refuses too.

Left out: the floors themselves (`edge.config`).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from contract.events import Kind
from edge.order import SpentHours

ZONE_GAP_S: Final = 10.0
EYE_GAP_S: Final = 1.0
SLACK_S: Final = 60.0
NOTE_EVERY_S: Final = 60.0
CELLS_MAX: Final = 12 * 24 * 400  # every zone of 400 days: by number, so that no jump of the clock forgets any
_REASONS_MAX: Final = 100
TABLE: Final = """
CREATE TABLE IF NOT EXISTS hour_cells (
  id INTEGER PRIMARY KEY, zone INTEGER NOT NULL, hour INTEGER NOT NULL, epsilon_milli INTEGER NOT NULL,
  UNIQUE (zone, hour)
) STRICT;
"""


class Cell(NamedTuple):
    """One zone in one hour. Units: ``hour`` since the epoch, ``epsilon_milli`` thousandths."""

    zone: int
    hour: int
    epsilon_milli: int


def overdrawn(db: sqlite3.Connection, cell: Cell, epsilon_per_day: float) -> str | None:
    """Why this cell may not be said, or None when it may."""
    if db.execute("SELECT 1 FROM hour_cells WHERE zone = ? AND hour = ?", (cell.zone, cell.hour)).fetchone():
        return "said before"
    first = cell.hour - cell.hour % 24
    question = "SELECT coalesce(sum(epsilon_milli), 0) FROM hour_cells WHERE zone = ? AND hour BETWEEN ? AND ?"
    spent = int(db.execute(question, (cell.zone, first, first + 23)).fetchone()[0])
    return "ε of the day is spent" if spent + cell.epsilon_milli > round(epsilon_per_day * 1000) else None


def debit(db: sqlite3.Connection, cell: Cell) -> None:
    """Write a cell down, inside the caller's transaction."""
    db.execute("INSERT INTO hour_cells (zone, hour, epsilon_milli) VALUES (?, ?, ?)", cell)
    db.execute("DELETE FROM hour_cells WHERE id <= (SELECT max(id) FROM hour_cells) - ?", (CELLS_MAX,))


def spent(db: sqlite3.Connection, now_s: float) -> list[SpentHours]:
    """What was said of yesterday, today and tomorrow, a zone and day each."""
    today = int(now_s // 86_400)
    rows = db.execute(
        "SELECT zone, hour / 24, sum(1 << (hour % 24)), sum(epsilon_milli) FROM hour_cells WHERE hour BETWEEN ? AND ?"
        " GROUP BY zone, hour / 24",
        (24 * (today - 1), 24 * (today + 2) - 1),
    )
    return [SpentHours(*row) for row in rows]


@dataclass(slots=True)
class Rate:
    """Token buckets as the eye's, with a minute's slack: per kind and zone, and for the eye as a whole.

    Units: moments on the monotonic clock.
    """

    _left: dict[tuple[str, int] | None, tuple[float, float]] = field(default_factory=dict)

    def seen(self, said: Iterable[tuple[Kind, int]], now_s: float) -> None:
        """What was said in the last minute, by another life of the courier."""
        for kind, zone in said:
            for key in ((kind, zone), None):
                self._left[key] = (max(self._now(key, now_s) - 1, 0.0), now_s)

    def take(self, kind: Kind, zone: int, now_s: float) -> bool:
        """Whether a record of this kind and zone may still be said; if so it is spent."""
        left = {key: self._now(key, now_s) for key in ((kind, zone), None)}
        if min(left.values()) < 1:
            return False
        self._left |= {key: (tokens - 1, now_s) for key, tokens in left.items()}
        return True

    def _now(self, key: tuple[str, int] | None, now_s: float) -> float:
        gap_s = EYE_GAP_S if key is None else ZONE_GAP_S
        full = SLACK_S / gap_s
        tokens, since_s = self._left.get(key, (full, now_s))
        return min(full, tokens + (now_s - since_s) / gap_s)


@dataclass(slots=True)
class Refusals:
    """What was refused since it was last noted: how often, by kind, zone and reason; ``total`` ever."""

    total: int = 0
    _counts: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    _noted_s: float = float("-inf")

    def add(self, kind: Kind, zone: int, why: str) -> None:
        self.total += 1
        key = (kind, zone, why)
        if key in self._counts or len(self._counts) < _REASONS_MAX:
            self._counts[key] += 1

    def note(self, now_s: float) -> list[dict[str, str | int]]:
        """Lines for the ledger, one a kind, zone and reason, at most once a minute; they are gone then."""
        if not self._counts or now_s - self._noted_s < NOTE_EVERY_S:
            return []
        self._noted_s = now_s
        counts, self._counts = self._counts, Counter()
        return [{"kind": kind, "zone": zone, "why": why, "count": count} for (kind, zone, why), count in counts.items()]
