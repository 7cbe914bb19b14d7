"""A node as the hub hears it: messages of the contract, made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contract import events, wire
from contract.events import (
    Assist,
    Birth,
    Event,
    GateSpec,
    Health,
    HourReleased,
    MoodReleased,
    MoodSuppressed,
    Shares,
    Status,
    ZoneSpec,
)
from contract.wire import Topic
from hub.store import Message

WALL_S = 1_795_000_000
MODEL = "ab" * 32
GATE = GateSpec(k=5, window_s=300, window_max_s=1800, hour_min=11, epsilon=0.5, profile="aggregate")
SQUARE = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


@dataclass(frozen=True)
class Node:
    """Says things. Its monotonic clock stood at `started_s` before the hub's."""

    name: str = "aisle"
    boot: str = "00c0ffee-000001"
    store: str = "shop"

    def topic(self, kind: events.Kind) -> str:
        return str(Topic(store=self.store, node=self.name, kind=kind))

    def _zone_event(self, seq: int, zone: int, t_mono_s: int) -> dict[str, Any]:
        return {
            "node": self.name, "boot": self.boot, "zone": zone, "seq": seq, "t_mono_s": t_mono_s,
            "t_wall": WALL_S + t_mono_s, "model": MODEL, "config": 0,
        }  # fmt: skip

    def assist(self, seq: int, level: int = 2, *, zone: int = 0, t_mono_s: int = 100, ttl_s: int = 60) -> Assist:
        reasons = ("long_dwell", "unattended") if level else ()
        return Assist(**self._zone_event(seq, zone, t_mono_s), level=level, reasons=reasons, ttl_s=ttl_s)

    def mood(self, seq: int, *, zone: int = 0, t_mono_s: int = 100) -> MoodReleased:
        return MoodReleased(
            **self._zone_event(seq, zone, t_mono_s),
            window_s=300,
            people="5-9",
            shares=Shares(negative=2, neutral=5, positive=3),
            valence=0.1,
            arousal=-0.2,
            dwell_s="30-60",
            abstained=1,
        )

    def nothing(self, seq: int, *, zone: int = 0, t_mono_s: int = 100) -> MoodSuppressed:
        return MoodSuppressed(**self._zone_event(seq, zone, t_mono_s))

    def hour(self, seq: int, *, zone: int = 0, hour_start_s: int = WALL_S // 3600 * 3600) -> HourReleased:
        return HourReleased(
            **self._zone_event(seq, zone, 100), hour_start=hour_start_s, negative=3, neutral=8, positive=5, unknown=1,
            epsilon=0.5,
        )  # fmt: skip

    def status(self, state: events.State = "online", reason: events.Trouble | None = None) -> Status:
        return Status(node=self.name, boot=self.boot, state=state, reason=reason)

    def birth(self, t_mono_s: int = 100) -> Birth:
        zones = (ZoneSpec(id=0, name="Ceramics", polygon=SQUARE), ZoneSpec(id=1, name="Lamps", polygon=SQUARE))
        return Birth(
            node=self.name, boot=self.boot, minor=0, t_mono_s=t_mono_s, t_wall=WALL_S, model=MODEL, model_type="int8",
            runtime="litert", accelerator="cpu", zones=zones, gate=GATE, hours=(), notice_acknowledged=True, config=0,
        )  # fmt: skip

    def health(self, t_mono_s: int = 100) -> Health:
        return Health(
            node=self.name, boot=self.boot, t_mono_s=t_mono_s, t_wall=WALL_S, fps=10.0, stage_ms={"detect": 20.0},
            temp_c=50.0, throttled=False, eye_mb=120, courier_mb=40, outbox_depth=0, outbox_dropped=0, model=MODEL,
        )  # fmt: skip


def message(event: Event, *, store: str = "shop", mono_s: float = 1000.0, retained: bool = False) -> Message:
    """An event as it arrives."""
    assert not isinstance(event, events.Config | events.Command | events.Stored)
    topic = str(Topic(store=store, node=event.node, kind=event.kind))
    return Message(topic, wire.encode(event), WALL_S + mono_s, mono_s, retained)


def raw(topic: str, payload: bytes, *, mono_s: float = 1000.0) -> Message:
    """Bytes as they arrive."""
    return Message(topic, payload, WALL_S + mono_s, mono_s)
