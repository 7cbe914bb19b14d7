"""The exact count at the end: what the gates released, by each node's own ledger, and what the hub stored.

Rules:
- A record counts as released once it is in the outbox: the ledger has it, byte for byte, from the same transaction.
- Stored is a row of the hub's events and an entry of its ledger, of the same bytes; twice is as wrong as never.
- A nudge is repeated when a zone has two at once, or one that was raised twice; forgotten when one did not end though
  its need did, or when a need led to none that had to.
- A need has to lead to a nudge when it came in time and the hub wrote anything down at least `DUE_S` later, while it
  stood: a hub looks at what waits each time before it writes. A need stands until the zone's next word in
  time, until it is no longer good, or until its node is not there or does not sense.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.faults.running import FIRST_APPROACH_S, Shop, awaited
from contract.events import Assist, Status
from contract.wire import ZONE_KINDS
from hub.batch import BLIND
from hub.ingest import LATE_S

DRAIN_S: Final = 240.0
DUE_S: Final = FIRST_APPROACH_S + 2.0  # what comes is written a little later
_SLACK_S: Final = 8.0  # what nobody waits for is gathered for a while, and written then
_KINDS: Final = ", ".join(f"'{kind}'" for kind in sorted(ZONE_KINDS))


@dataclass(frozen=True, slots=True)
class Count:
    """``lost``, ``twice`` and ``strange`` (stored but never released) are 0 where all is well."""

    released: int
    stored: int
    lost: int
    twice: int
    strange: int
    due: int
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
        due=len(needs_of(hub)),
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
    return at_once + again, unended + sum(not _asked(need, ends) for need in needs_of(hub))


@dataclass(frozen=True, slots=True)
class Need:
    """A need that had to lead to a nudge between ``at_s`` and ``by_s``."""

    node: str
    zone: int
    at_s: float
    by_s: float


def needs_of(hub: Path) -> tuple[Need, ...]:
    """The needs that had to lead to a nudge."""
    found: list[Need] = []
    stand: dict[tuple[str, int], tuple[float, float]] = {}  # since when, and until when what was said last is good
    sql = "SELECT node, kind, received_s, late, payload FROM events ORDER BY id"
    for node, kind, at, late, payload in asked(hub, sql):
        at_s = float(str(at))
        for (where, zone), (since_s, until_s) in list(stand.items()):
            if since_s + DUE_S <= at_s < until_s:
                found.append(Need(where, zone, since_s, at_s))
            if at_s >= min(until_s, since_s + DUE_S):
                del stand[where, zone]
        if kind == "status" and _unseeing(payload):
            stand = {zone: need for zone, need in stand.items() if zone[0] != node}
        elif kind == "assist" and not late:
            said = Assist.model_validate_json(bytes(payload))  # type: ignore[call-overload]
            key = said.node, said.zone
            stand.pop(key, None)
            if said.level:
                stand[key] = at_s, at_s + said.ttl_s - LATE_S
    return tuple(found)


def _unseeing(payload: object) -> bool:
    said = Status.model_validate_json(bytes(payload))  # type: ignore[call-overload]
    return said.state in ("offline", "paused") or said.reason in BLIND


def _asked(need: Need, ends: Iterable[tuple[str, int, float, float]]) -> bool:
    return any(
        end[:2] == (need.node, need.zone) and end[2] <= need.by_s + _SLACK_S and end[3] >= need.at_s for end in ends
    )
