"""What the hub kept of the last day and week, as `hub.replay` and `hub.whatif` take it.

Left out: what is made of it (`hub.whatif`), and for how long it is kept (`hub.retention`).
"""

from __future__ import annotations

from typing import Final

from contract.events import Assist, Status
from hub import need_hours
from hub.batch import BLIND
from hub.learn import Answer
from hub.nudge_types import Assisted, Silent, ZoneKey
from hub.reads import StoreReads
from hub.replay import Happened, Recorded, Said, Went

DAY_S: Final = 86_400.0
WEEK_S: Final = 7 * DAY_S
_SAID: Final = (
    "SELECT received_s, kind, late, payload FROM events WHERE kind IN ('assist', 'status') AND received_s >= ?"
    " AND received_s < ? ORDER BY id"
)
_TAPPED: Final = (
    "SELECT at_s, what, node, zone FROM nudge_steps JOIN nudges ON nudges.id = nudge"
    " WHERE at_s >= ? AND at_s < ? AND (what = 'taken' OR what LIKE 'answered: %') ORDER BY nudge_steps.id"
)
_ANSWERS: Final = (
    "SELECT closed_s, nudges.node, nudges.zone, raised_level, outcome FROM nudges"
    " LEFT JOIN forgotten USING (node, zone) WHERE outcome IS NOT NULL"
    " AND closed_s > coalesce(before_s, 0) ORDER BY closed_s, id"
)
_SENSED: Final = (
    "SELECT count(DISTINCT CAST(received_s / 3600 AS INTEGER)) FROM events WHERE kind IN ('assist', 'mood')"
    " AND received_s >= ? AND received_s < ?"
)


def read(reads: StoreReads, now_s: float) -> Recorded:
    """The day and the week that end now. Raises: StoreError when the file cannot be read."""
    since_s = now_s - DAY_S
    answers = [(row[0], Answer((row[1], row[2]), row[3], row[4] == "helped")) for row in reads.rows(_ANSWERS)]
    day = [*_said(reads, since_s, now_s), *_tapped(reads, since_s, now_s)]
    day += [one for one in answers if since_s <= one[0] < now_s]
    return Recorded(
        since_s,
        now_s,
        tuple(sorted(day, key=lambda one: one[0])),
        tuple(answer for at_s, answer in answers if at_s < since_s),
        reads.rows(_SENSED, since_s, now_s)[0][0],
        tuple(
            need_hours.NeedHour((row[0], row[1]), row[2], (row[3], row[4], row[5]))
            for row in reads.rows(need_hours.READ, now_s - WEEK_S)
        ),
        zones(reads, now_s),
    )


def _said(reads: StoreReads, since_s: float, until_s: float) -> list[tuple[float, Happened]]:
    """What cameras said, in the order in which it came."""
    found: list[tuple[float, Happened]] = []
    for at_s, kind, late, payload in reads.rows(_SAID, since_s, until_s):
        if kind == "assist":
            said = Assist.model_validate_json(payload)
            key = (said.node, said.zone)
            found.append((at_s, Assisted(key, said.level, said.reasons, at_s + said.ttl_s, bool(late))))
        else:
            status = Status.model_validate_json(payload)
            if status.state in ("offline", "paused") or status.reason in BLIND:
                found.append((at_s, Silent(status.node)))
    return found


def _tapped(reads: StoreReads, since_s: float, until_s: float) -> list[tuple[float, Happened]]:
    found: list[tuple[float, Happened]] = []
    for at_s, what, node, zone in reads.rows(_TAPPED, since_s, until_s):
        outcome = what.removeprefix("answered: ")
        found.append((at_s, Went((node, zone)) if what == "taken" else Said((node, zone), outcome)))
    return found


def zones(reads: StoreReads, now_s: float) -> dict[ZoneKey, str]:
    """Every zone that a camera names, or that had a nudge in the last week."""
    named = {(node.name, zone.id): zone.name for node in reads.nodes() if node.birth for zone in node.birth.zones}
    nudged = reads.rows(
        "SELECT node, zone, zone_name FROM nudges WHERE opened_s >= ? ORDER BY opened_s, id", now_s - WEEK_S
    )
    return {**{(node, zone): name for node, zone, name in nudged}, **named}
