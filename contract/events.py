"""Every event of the wire as a frozen, strict type: what may be said, and within which bounds.

Rules: unknown fields, wrong types and values out of range are refused; a suppressed event carries no number.

Left out: topics, bytes and sizes (`contract.wire`).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from contract.fields import (
    ZONES_MAX,
    Boot,
    Count,
    FromNode,
    Hash,
    Level,
    Message,
    Name,
    OfZone,
    Seconds,
    Seq,
    Unit,
    ZoneId,
)
from contract.jurisdiction import Jurisdiction
from contract.ledger_events import Checkpoint, Cosignature
from contract.walk import WALK_MAX_S, WALK_MIN_S, Walk

Kind = Literal[
    "mood", "hour", "assist", "walk", "status", "birth", "health", "self-test", "config", "command", "stored",
    "checkpoint", "cosignature",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

People = Literal["5-9", "10-19", "20+"]
Dwell = Literal["0-30", "30-60", "60-120", "120-300", "300+"]
Reason = Literal["long_dwell", "searching", "returning", "unattended", "mood_low"]
State = Literal["online", "paused", "degraded", "offline"]
Trouble = Literal[
    "camera_lost", "eye_stopped", "model_refused", "badges_unreadable", "accelerator_lost", "hot", "throttled",
    "disk_full", "clock_jumped", "closed", "no_notice", "switch", "command", "link_lost", "stopped", "no_dpia",
    "no_consent", "commissioning",
]  # fmt: skip
Profile = Literal["dwell-only", "aggregate", "consented"]


class Shares(BaseModel):
    """Tenths of the people in the window by valence group; each 1 to 9, together 10."""

    model_config = Message.model_config

    negative: Annotated[int, Field(ge=1, le=9)]
    neutral: Annotated[int, Field(ge=1, le=9)]
    positive: Annotated[int, Field(ge=1, le=9)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.negative + self.neutral + self.positive != 10:
            raise ValueError("shares must add up to ten tenths")
        return self


def _in_tenths(value: float) -> float:
    if round(value * 10) / 10 != value:
        raise ValueError("must be in steps of 0.1")
    return value


class MoodReleased(OfZone):
    """The k-anonymous aggregate of one zone over one window."""

    kind: Literal["mood"] = "mood"
    suppressed: Literal[False] = False
    window_s: Annotated[int, Field(ge=1, le=3600)]
    people: People
    shares: Shares
    valence: Annotated[float, Field(ge=-1, le=1)]
    arousal: Annotated[float, Field(ge=-1, le=1)]
    dwell_s: Dwell
    abstained: Annotated[int, Field(ge=0, le=10, description="tenths of readings the model abstained on")]

    @model_validator(mode="after")
    def _steps(self) -> Self:
        _in_tenths(self.valence)
        _in_tenths(self.arousal)
        return self


class MoodSuppressed(OfZone):
    """A window with fewer than k people, or with nobody: the two look the same."""

    kind: Literal["mood"] = "mood"
    suppressed: Literal[True] = True


class HourReleased(OfZone):
    """Visits to one zone in one hour, with discrete Laplace noise drawn once in the eye."""

    kind: Literal["hour"] = "hour"
    suppressed: Literal[False] = False
    hour_start: Annotated[int, Field(ge=0, multiple_of=3600, description="seconds since the epoch, UTC")]
    negative: Count
    neutral: Count
    positive: Count
    unknown: Count
    epsilon: Annotated[float, Field(gt=0, le=10)]


class HourSuppressed(OfZone):
    """An hour under the history threshold, its ε spent all the same; or one whose budget was spent (ε 0)."""

    kind: Literal["hour"] = "hour"
    suppressed: Literal[True] = True
    hour_start: Annotated[int, Field(ge=0, multiple_of=3600)]
    epsilon: Annotated[float, Field(ge=0, le=10)]


class Assist(OfZone):
    """Someone in this zone may welcome help (level 1 to 3), or no longer does (0)."""

    kind: Literal["assist"] = "assist"
    level: Annotated[int, Field(ge=0, le=3)]
    reasons: Annotated[tuple[Reason, ...], Field(max_length=5)]
    ttl_s: Annotated[int, Field(ge=5, le=600)]

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        if len(set(self.reasons)) != len(self.reasons):
            raise ValueError("reasons must not repeat")
        if self.level == 0 and self.reasons:
            raise ValueError("level 0 has no reasons")
        return self


class Status(FromNode):
    """Whether the node senses now; offline is its last will."""

    kind: Literal["status"] = "status"
    state: State
    reason: Trouble | None = None


class ZoneSpec(BaseModel):
    """One zone: a polygon in fractions of the picture."""

    model_config = Message.model_config

    id: ZoneId
    name: Annotated[str, Field(min_length=1, max_length=40)]
    polygon: Annotated[tuple[tuple[Unit, Unit], ...], Field(min_length=3, max_length=8)]


class GateSpec(BaseModel):
    """The gate's settings in force."""

    model_config = Message.model_config

    k: Annotated[int, Field(ge=1, le=255)]
    window_s: Annotated[int, Field(ge=60, le=3600)]
    window_max_s: Annotated[int, Field(ge=60, le=3600)]
    hour_min: Annotated[int, Field(ge=1, le=255)]
    epsilon: Annotated[float, Field(gt=0, le=10)]
    profile: Profile


class OpenHours(BaseModel):
    """One weekday's opening hours, local time; closing may not pass midnight."""

    model_config = Message.model_config

    day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    opens: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    closes: Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


class Birth(FromNode):
    """What is sensed and how, for machines and for the public notice."""

    kind: Literal["birth"] = "birth"
    minor: Count
    t_mono_s: Seconds
    t_wall: Seconds
    model: Hash
    model_type: Annotated[str, Field(max_length=80)]
    runtime: Annotated[str, Field(max_length=80)]
    accelerator: Literal["cpu", "edgetpu"]
    zones: Annotated[tuple[ZoneSpec, ...], Field(max_length=ZONES_MAX)]
    gate: GateSpec
    hours: Annotated[tuple[OpenHours, ...], Field(max_length=21)]
    notice_acknowledged: bool
    jurisdiction: Jurisdiction | None = None
    config: Count


Updating = Literal["on_trial", "rolled_back", "failed"]


class Health(FromNode):
    """Coarse figures over minutes: no per-face timing, no counts of people."""

    kind: Literal["health"] = "health"
    t_mono_s: Seconds
    t_wall: Seconds
    accelerator: Literal["cpu", "edgetpu"] | None = None
    fps: Annotated[float, Field(ge=0, le=1000)] | None
    stage_ms: Annotated[dict[Literal["detect", "track", "badge", "affect", "rest"], float], Field(max_length=5)]
    temp_c: Annotated[float, Field(ge=-60, le=200)] | None
    throttled: bool | None
    eye_mb: Count | None
    courier_mb: Count
    outbox_depth: Count
    outbox_dropped: Count
    refused: Annotated[Count, Field(description="records of the eye that were over a budget or none")] = 0
    model: Hash
    drift: Annotated[bool, Field(description="whether the site reads unlike before")] = False
    version: Annotated[str | None, Field(pattern=r"^[0-9A-Za-z.+-]{1,40}$", description="of its software")] = None
    update: Annotated[Updating | None, Field(description="what became of the last update")] = None


class SelfTest(FromNode):
    """What the node's last self-test proved; ``note`` is its whole report, signed, from which the figures are taken."""

    kind: Literal["self-test"] = "self-test"
    t_wall: Seconds
    result: Literal["passed", "failed", "void", "partial"]
    windows: Count
    hits: Count
    searched_mb: Count
    note: Annotated[str, Field(max_length=12_000)]


class Thresholds(BaseModel):
    """The need score from which each level of one zone is raised.

    Not below `LEVEL_FLOOR`, which mood alone cannot reach and an empty zone never does: a hub that asks for less would
    ask who is there, not who may welcome a hand.
    """

    model_config = Message.model_config

    zone: ZoneId
    levels: tuple[Level, Level, Level]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.levels[0] <= self.levels[1] <= self.levels[2]:
            raise ValueError("levels must rise")
        return self


class Config(Message):
    """What the hub would like a node to run. Floors on the node are never lowered by it."""

    kind: Literal["config"] = "config"
    version: Annotated[int, Field(ge=1, le=65_535)]
    zones: Annotated[tuple[ZoneSpec, ...], Field(max_length=ZONES_MAX)] | None = None
    thresholds: Annotated[tuple[Thresholds, ...], Field(max_length=ZONES_MAX)] = ()


_OF_A_WALK: dict[str, JsonValue] = {  # as `Command._of_a_walk` has it
    "if": {"properties": {"command": {"const": "walk"}}},
    "then": {
        "required": ["zone", "seconds"],
        "properties": {"zone": {"type": "integer"}, "seconds": {"type": "integer"}},
    },
    "else": {"properties": {"zone": {"type": "null"}, "seconds": {"type": "null"}}},
}


class Command(Message):
    """One order to a node."""

    model_config = ConfigDict(**Message.model_config, json_schema_extra={"allOf": [_OF_A_WALK]})

    kind: Literal["command"] = "command"
    command: Literal["pause", "resume", "identify", "self-test", "accept-ledger", "walk"]
    by: Annotated[Literal["staff", "owner", "auditor"] | None, Field(description="from which room of the hub")] = None
    log: Annotated[Name | None, Field(description="whose ledger was begun anew; for accept-ledger alone")] = None
    zone: Annotated[ZoneId | None, Field(description="which zone is walked; for walk alone")] = None
    seconds: Annotated[int | None, Field(ge=WALK_MIN_S, le=WALK_MAX_S, description="how long; for walk alone")] = None

    @model_validator(mode="after")
    def _of_a_walk(self) -> Self:
        walk = self.command == "walk"
        if (self.zone is not None) != walk or (self.seconds is not None) != walk:
            raise ValueError("zone and seconds are of a walk, and a walk has both")
        return self


class Stored(Message):
    """Every event of this boot from ``since`` to ``seq``, both with, is on the hub's disk (quarantined ones too).

    A run, not a total: the hub vouches only for what it has, so that an event lost between broker and hub is sent
    again, and one that a full outbox dropped holds nothing up.
    """

    kind: Literal["stored"] = "stored"
    boot: Boot
    since: Seq
    seq: Seq

    @model_validator(mode="after")
    def _a_run(self) -> Self:
        if self.since > self.seq:
            raise ValueError("since must not be above seq")
        return self


Mood = MoodReleased | MoodSuppressed
Hour = HourReleased | HourSuppressed
ZoneEvent = Mood | Hour | Assist | Walk
OfLedgers = Checkpoint | Cosignature
Event = ZoneEvent | Status | Birth | Health | SelfTest | Config | Command | Stored | OfLedgers
