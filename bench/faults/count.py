"""The exact count at the end: what the gates released, by each node's own ledger, and what the hub stored.

Rules:
- A record counts as released once it is in the outbox: the ledger has it, byte for byte, from the same transaction.
- Stored is a row of the hub's events and an entry of its ledger, of the same bytes; twice is as wrong as never.
- A nudge is repeated when a zone has two at once, or one that was raised twice; forgotten when one did not end though
  its need did, or when a need that came in time and stood for `STOOD_S` led to none.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.faults.running import Shop, awaited
from contract.wire import ZONE_KINDS

DRAIN_S: Final = 240.0
STOOD_S: Final = 20.0  # a need that stands so long is to be a nudge: some wait first, and the machine may be slow
_KINDS: Final = ", ".join(f"'{kind}'" for kind in sorted(ZONE_KINDS))


@dataclass(frozen=True, slots=True)
class Count:
    """``lost``, ``twice`` and ``strange`` (stored but never released) are 0 where all is well."""

    released: int
    stored: int
    lost: int
    twice: int
    strange: int
    nudges: int
    repeated: int
    forgotten: int
    damaged: int
    drained_s: float

    @property
    def well(self) -> bool:
        """Whether nothing was lost, doubled or damaged."""
        return not (self.lost or self.twice or self.strange or self.repeated or self.forgotten or self.damaged)


def asked(path: Path, question: str) -> list[tuple[object, ...]]:
    """Rows of a database that others may be writing."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as db:
        return db.execute(question).fetchall()


def drained(running: Shop, patience_s: float = DRAIN_S) -> float:
    """Waits until every outbox is empty. Raises: LinkError when one stays full."""

    def empty() -> bool:
        try:
            return all(
                asked(node.outbox / "outbox.db", "SELECT count(*) FROM events") == [(0,)] for node in running.nodes
            )
        except sqlite3.OperationalError:  # a courier that was killed before it had begun its file
            return False

    return awaited(empty, "Empty outboxes", patience_s, running.kept)


def counted(running: Shop) -> Count:
    """Lets what is on its way arrive, parts with the nodes, and counts."""
    running.hush()
    took_s = drained(running)
    for node in running.nodes:
        node.courier.kill()
        node.courier.process = None
    hub = running.data / "hub.db"

    def parted() -> bool:
        return asked(hub, "SELECT count(*) FROM nodes WHERE state != 'offline'") == [(0,)]

    awaited(parted, "The nodes' last will", DRAIN_S, running.kept)
    running.hub.kill()
    return tally(hub, [node.outbox / "outbox.db" for node in running.nodes], took_s)


def tally(hub: Path, outboxes: Iterable[Path], took_s: float = 0.0) -> Count:
    """The count of files that nobody writes any more."""
    boxes = tuple(outboxes)
    entries = f"SELECT payload FROM ledger_entries WHERE kind IN ({_KINDS})"
    released = Counter(row[0] for box in boxes for row in asked(box, entries))
    stored = Counter(row[0] for row in asked(hub, f"SELECT payload FROM events WHERE kind IN ({_KINDS})"))
    entered = Counter(row[0] for row in asked(hub, entries))
    twice = sum(number - 1 for kept in (stored, entered) for number in kept.values())
    repeated, forgotten = _nudges(hub)
    return Count(
        released=released.total(),
        stored=stored.total(),
        lost=(released - stored).total() + (released - entered).total(),
        twice=twice,
        strange=len((stored | entered).keys() - released.keys()),
        nudges=int(str(asked(hub, "SELECT count(*) FROM nudges")[0][0])),
        repeated=repeated,
        forgotten=forgotten,
        damaged=sum(asked(path, "PRAGMA integrity_check") != [("ok",)] for path in (hub, *boxes)),
        drained_s=took_s,
    )


def _nudges(hub: Path) -> tuple[int, int]:
    """How many were repeated, and how many forgotten."""
    rows = asked(hub, "SELECT node, zone, opened_s, closed_s FROM nudges ORDER BY node, zone, opened_s, id")
    spans = [(str(node), int(str(zone)), float(str(opened)), closed) for node, zone, opened, closed in rows]
    ends = [(*span[:3], float("inf") if span[3] is None else float(str(span[3]))) for span in spans]
    at_once = sum(one[:2] == other[:2] and other[2] < one[3] for one, other in itertools.pairwise(ends))
    again = len(asked(hub, "SELECT nudge FROM nudge_steps WHERE what = 'raised' GROUP BY nudge HAVING count(*) > 1"))
    unended = sum(span[3] == float("inf") for span in ends)
    said = asked(hub, "SELECT node, zone, received_s, late, payload FROM events WHERE kind = 'assist' ORDER BY id")
    needs = [(node, zone, float(str(at)), late, _level(payload)) for node, zone, at, late, payload in said]
    missed = 0
    for number, (node, zone, at_s, late, level) in enumerate(needs):
        stood_s = next((one[2] - at_s for one in needs[number + 1 :] if one[:2] == (node, zone) and not one[4]), 0.0)
        if late or not level or stood_s < STOOD_S:
            continue
        missed += not any((node, zone) == span[:2] and span[2] <= at_s + STOOD_S and span[3] >= at_s for span in ends)
    return at_once + again, unended + missed


def _level(payload: object) -> int:
    assert isinstance(payload, bytes)
    return int(json.loads(payload)["level"])
