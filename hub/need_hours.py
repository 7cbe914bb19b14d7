"""How many needs there were, by zone and hour: rounded at random, kept for eight days, to ask "what if" of.

Rules:
- A need is a spell in which a zone's level was above 0. It counts once at every level that it reached, in the hour in
  which it reached it. What came late was no need.
- What is written down is a multiple of `ROUNDED_TO`, up or down by chance, so that the mean stays true while no row
  tells one need from none. The chance is drawn once, one for all levels of a row; the true count is written nowhere.
- Every zone of a node that sensed in an hour has a row, so that a row says nothing but that the camera was on.
- An hour is written down when it has ended, before the needs themselves are forgotten (`hub.retention`).

Left out: estimating from it (`hub.whatif`), and charts: no page shows a row.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from contract.events import Assist, Birth
from hub.nudge_types import ZoneKey

HOUR_S: Final = 3_600
DAY_S: Final = 86_400
ROUNDED_TO: Final = 5
KEPT_DAYS: Final = 8
TABLE: Final = """CREATE TABLE need_hours (
  id INTEGER PRIMARY KEY, node TEXT NOT NULL, zone INTEGER NOT NULL, hour_start_s INTEGER NOT NULL,
  reached_1 INTEGER NOT NULL, reached_2 INTEGER NOT NULL, reached_3 INTEGER NOT NULL,
  UNIQUE (hour_start_s, node, zone)) STRICT"""
READ: Final = (
    "SELECT node, zone, hour_start_s, reached_1, reached_2, reached_3 FROM need_hours"
    " WHERE hour_start_s >= ? ORDER BY hour_start_s, node, zone"
)
OF_AGE: Final = "DELETE FROM need_hours WHERE id IN (SELECT id FROM need_hours WHERE hour_start_s < ? LIMIT ?)"
Reached = tuple[int, int, int]
Run = Callable[..., sqlite3.Cursor]


@dataclass(frozen=True, slots=True)
class NeedHour:
    """How many needs reached each level in one hour of one zone, rounded."""

    zone: ZoneKey
    hour_start_s: int
    reached: Reached


@dataclass(frozen=True, slots=True)
class Told:
    """What a camera said of a zone. Units: ``at_s`` when it came, ``ttl_s`` how long it is good."""

    at_s: float
    zone: ZoneKey
    level: int
    ttl_s: float


def count(told: Iterable[Told]) -> dict[tuple[ZoneKey, int], Reached]:
    """How many needs reached each level, by zone and start of the hour; ``told`` in order of time."""
    found: dict[tuple[ZoneKey, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    spells: dict[ZoneKey, tuple[int, float]] = {}
    for one in told:
        highest, until_s = spells.get(one.zone, (0, 0.0))
        highest = highest if one.at_s < until_s else 0
        for level in range(highest, one.level):
            found[one.zone, int(one.at_s // HOUR_S) * HOUR_S][level] += 1
        spells[one.zone] = (max(highest, one.level), one.at_s + one.ttl_s) if one.level else (0, 0.0)
    return {key: (counts[0], counts[1], counts[2]) for key, counts in found.items()}


def rounded(reached: Reached, chance: int) -> Reached:
    """Multiples of `ROUNDED_TO`. ``chance`` is 0 to 4, each as likely: the mean over it is the true count."""
    first, second, third = ((one + chance) // ROUNDED_TO * ROUNDED_TO for one in reached)
    return first, second, third


def write_down(run: Run, now_s: float, draw: Callable[[int], int] = secrets.randbelow) -> None:
    """Every hour that has ended since the last one that stands, of the last day. ``run`` is a statement in a batch."""
    ended_s = int(now_s // HOUR_S) * HOUR_S
    last = run("SELECT max(hour_start_s) FROM need_hours WHERE hour_start_s < ?", ended_s).fetchone()[0]
    since_s = max((last or 0) + HOUR_S, ended_s - DAY_S)
    if since_s >= ended_s:
        return
    found = count(_told(run, since_s - HOUR_S, ended_s))
    for hour_s in range(since_s, ended_s, HOUR_S):
        for node, zone in sorted({key for key, at_s in found if at_s == hour_s} | _sensed(run, hour_s)):
            counts = rounded(found.get(((node, zone), hour_s), (0, 0, 0)), draw(ROUNDED_TO))
            run(
                "INSERT INTO need_hours (node, zone, hour_start_s, reached_1, reached_2, reached_3)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                node, zone, hour_s, *counts,
            )  # fmt: skip


def _told(run: Run, since_s: float, until_s: float) -> Iterable[Told]:
    sql = (
        "SELECT received_s, payload FROM events WHERE kind = 'assist' AND late = 0 AND received_s >= ?"
        " AND received_s < ? ORDER BY received_s, id"
    )
    for at_s, payload in run(sql, since_s, until_s):
        said = Assist.model_validate_json(payload)
        yield Told(at_s, (said.node, said.zone), said.level, said.ttl_s)


def _sensed(run: Run, hour_s: int) -> set[ZoneKey]:
    """The zones of every node that sensed in an hour."""
    sql = (
        "SELECT birth FROM nodes WHERE birth IS NOT NULL AND name IN (SELECT node FROM events"
        " WHERE kind IN ('assist', 'mood') AND received_s >= ? AND received_s < ?)"
    )
    births = [Birth.model_validate_json(row[0]) for row in run(sql, hour_s, hour_s + HOUR_S)]
    return {(birth.node, zone.id) for birth in births for zone in birth.zones}
