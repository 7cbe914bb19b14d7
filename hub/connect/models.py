"""What ``/api/v1/`` answers: the JSON models, of which `hub.connect.apidoc` makes the description.

Rules:
- What was suppressed, or is not known, is absent: a field with a default is left out where it is None.

Left out: how they are filled (`hub.connect.api`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field

from contract.events import State, Trouble, Updating
from hub.connect.happened import Nudge, Zone


class Today(BaseModel):
    """Today since the shop's midnight."""

    since: datetime
    nudges: int
    taken: Annotated[int, Field(description="how many somebody went to")]
    answered: Annotated[int, Field(description="after how many staff tapped how it went")]
    helped: Annotated[int | None, Field(description="of the answered; absent while fewer than 5 were answered")] = None
    wait_s: Annotated[int | None, Field(description="half of the nudges were taken faster; absent while none was")] = (
        None
    )
    nodes: int
    nodes_sensing: int


class HourTold(BaseModel):
    """An hour of visits to a zone, with the noise that the camera added on purpose."""

    suppressed: Literal[False] = False
    node: str
    zone: Zone
    start: datetime
    negative: int
    neutral: int
    positive: int
    unknown: Annotated[int, Field(description="visits whose face was not read")]
    epsilon: float
    noise_within: Annotated[int, Field(description="19 times in 20 each count is this near to the true one")]


class HourWithheld(BaseModel):
    """An hour with too few visits to be told. It has no number: it is neither 0 nor calm."""

    suppressed: Literal[True] = True
    node: str
    zone: Zone
    start: datetime


class Hours(BaseModel):
    """Hours that a node told, oldest first. An hour without a record is a gap: nothing was sensed."""

    since: datetime
    until: datetime
    hours: tuple[HourTold | HourWithheld, ...]


class Nudges(BaseModel):
    """Today's nudges since the shop's midnight, oldest first."""

    since: datetime
    nudges: tuple[Nudge, ...]


class NudgeHour(BaseModel):
    """How many nudges of a zone were opened in an hour, and how they went."""

    node: str
    zone: Zone
    start: datetime
    helped: int
    browsing: int
    nobody: int
    unanswered: int


class NudgeHours(BaseModel):
    """Nudges by zone and hour."""

    since: datetime
    until: datetime
    hours: tuple[NudgeHour, ...]


class NodeHealth(BaseModel):
    """What a node last said of its own health; what it did not say is absent."""

    frames_per_s: float | None = None
    temperature_c: float | None = None
    throttled: bool | None = None
    accelerator: Literal["cpu", "edgetpu"] | None = None
    outbox_records: Annotated[int, Field(description="records still to send")]
    dropped_records: Annotated[int, Field(description="mood records dropped while the hub was away")]
    refused_records: Annotated[int, Field(description="records over a budget")]
    version: Annotated[str | None, Field(description="of its software")] = None
    update: Annotated[Updating | None, Field(description="what became of its last update, while that matters")] = None


class Node(BaseModel):
    """One camera node."""

    name: str
    state: State
    reason: Trouble | None = None
    sensing: Annotated[bool, Field(description="whether its quiet means anything")]
    advice: Annotated[str, Field(description="one sentence: that it is well, or what to do")]
    since: datetime
    heard: datetime | None = None
    zones: tuple[Zone, ...]
    health: NodeHealth | None = None


class Nodes(BaseModel):
    """Every node ever heard, by name."""

    nodes: tuple[Node, ...]


class SalesHour(BaseModel):
    """What the whole shop took in an hour."""

    start: Annotated[AwareDatetime, Field(description="the beginning of a full hour that is over")]
    amount: Annotated[float, Field(ge=-1e9, le=1e9, description="in the shop's money")]


class SalesHours(BaseModel):
    """Sales by the hour. An hour that is told again is what was told last."""

    hours: Annotated[tuple[SalesHour, ...], Field(min_length=1, max_length=200)]


class SalesTaken(BaseModel):
    """What became of them."""

    taken: int
    replaced: Annotated[int, Field(description="how many of them had been told before")]


class Refusal(BaseModel):
    """Why there is no answer."""

    error: str
