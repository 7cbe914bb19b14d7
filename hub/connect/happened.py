"""What happened to nudges lately, as other systems are told of it: opened, taken, closed. Never by whom.

Rules:
- It is read from the steps that the writer commits with each nudge, so nothing is told that does not stand, and
  telling costs the writer nothing.
- Reasons are those that staff read: `mood_low` is none of them.
- Times are whole seconds.

Left out: who is told, and how often it is tried (`hub.connect.outbox`, `hub.connect.sender`).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from contract.events import Reason
from hub.connect.settings import Happening
from hub.views import Outcome

ROWS_MAX: Final = 500
_STEPS: Final = (
    "SELECT nudge_steps.id, nudge_steps.at_s, what, nudges.id, node, zone, zone_name, level, raised_level, reasons,"
    " state, opened_s, taken_s, closed_s, outcome FROM nudge_steps JOIN nudges ON nudges.id = nudge"
    " WHERE nudge_steps.at_s > ? AND (what IN ('raised', 'taken', 'expired') OR what LIKE 'withdrawn:%'"
    " OR what LIKE 'answered:%') ORDER BY nudge_steps.id DESC LIMIT ?"
)
Said = Literal["long_dwell", "searching", "returning", "unattended"]
Ending = Literal["answered", "withdrawn", "expired"]


class Zone(BaseModel):
    """A zone of a node; the name is what people read."""

    id: Annotated[int, Field(ge=0)]
    name: str


class Nudge(BaseModel):
    """One nudge. What is not so yet, or never will be, is absent."""

    id: int
    node: str
    zone: Zone
    level: Annotated[int, Field(ge=1, le=3, description="how much help may be welcome: 1 some, 3 most")]
    reasons: Annotated[tuple[Said, ...], Field(description="why, as staff read it; may be empty")]
    opened_at: datetime
    taken_at: Annotated[datetime | None, Field(description="when somebody said that they are on the way")] = None
    closed_at: datetime | None = None
    ending: Annotated[Ending | None, Field(description="how it was closed")] = None
    outcome: Annotated[Outcome | None, Field(description="what staff tapped, where they did")] = None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened to a nudge. ``id`` is the same however often it is told."""

    id: str
    what: Happening
    at_s: float
    nudge: Nudge

    def body(self) -> bytes:
        """What a webhook carries."""
        return body_of(f"nudge.{self.what}", self.at_s, self.nudge)


def body_of(kind: str, at_s: float, nudge: Nudge) -> bytes:
    """The JSON that a webhook carries."""
    data = nudge.model_dump(mode="json", exclude_none=True)
    return json.dumps({"type": kind, "timestamp": moment(at_s).isoformat(), "data": data}, ensure_ascii=False).encode()


def happened(db: sqlite3.Connection, since_s: float) -> tuple[Happened, ...]:
    """What happened after a moment, oldest first; the newest 500 of it."""
    rows = db.execute(_STEPS, (since_s, ROWS_MAX)).fetchall()
    return tuple(_of(*row) for row in reversed(rows))


def moment(seconds: float) -> datetime:
    """A time of the hub's clock in whole seconds, UTC."""
    return datetime.fromtimestamp(int(seconds), UTC)


def nudge_of(
    number: int,
    node: str,
    zone: int,
    zone_name: str,
    level: int,
    reasons: tuple[Reason, ...],
    state: str,
    opened_s: float,
    taken_s: float | None,
    closed_s: float | None,
    outcome: Outcome | None,
) -> Nudge:
    """A nudge as other systems see it."""
    return Nudge(
        id=number,
        node=node,
        zone=Zone(id=zone, name=zone_name),
        level=level,
        reasons=tuple(reason for reason in reasons if reason != "mood_low"),
        opened_at=moment(opened_s),
        taken_at=None if taken_s is None else moment(taken_s),
        closed_at=None if closed_s is None else moment(closed_s),
        ending=state if closed_s is not None else None,  # type: ignore[arg-type]
        outcome=outcome if closed_s is not None else None,
    )


def _of(step: int, at_s: float, said: str, number: int, *row: Any) -> Happened:
    node, zone, name, level, raised_level, reasons, state, opened_s, taken_s, closed_s, outcome = row
    what: Happening = "opened" if said == "raised" else "taken" if said == "taken" else "closed"
    told = hashlib.sha256(f"{step} {at_s!r} {number} {opened_s!r}".encode()).hexdigest()[:32]
    nudge = nudge_of(
        number,
        node,
        zone,
        name,
        raised_level if what == "opened" else level,
        tuple(json.loads(reasons)),
        state,
        opened_s,
        None if what == "opened" else taken_s,
        closed_s if what == "closed" else None,
        outcome,
    )
    return Happened(told, what, at_s, nudge)
