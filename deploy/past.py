"""Weeks behind the demo's shop, for pictures: nudges and answers, windows, needs, an experiment, sales and a plan.

Written into the hub's own store before it starts, all of it made up but the zones' hours: those are simulated as
`deploy.timelapse` does, and put where they would stand had the shop been open all that time.

Left out: anything that a running hub makes of it by itself (sums of days, what answers taught).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Final

from contract import wire
from contract.events import MoodReleased, Shares, ZoneEvent
from contract.wire import Topic
from deploy.timelapse import hours, opened
from edge.courier.intake import event_of
from edge.record import Head, WalkRecord
from edge.scene.script import ZONES
from hub import experiment_rows, sales
from hub.experiment import HOUR_S, HoldOut
from hub.plan import PlacedNode, PlacedZone, Plan, View, Wall
from hub.store import Message, Store
from hub.tally import STAYS

NODE: Final = "aisle"
SHARE: Final = 0.2
SMALLEST_S: Final = 30
NEED_HOURS_DAYS: Final = 7
LAST_S: Final = 1_800.0
MOST: Final = 900.0
_BOOT: Final = "0011aabb-000001"
_WALK_BOOT: Final = "0011aabb-000002"
_WALKS: Final = (
    (0, 60, 0, (48, 49, 50, 51, 65, 66, 67)),
    (1, 59, 1, (53, 54, 55, 56, 57, 58, 59, 60, 70, 71, 74, 75, 76)),
)
_MODEL: Final = "ab" * 32
_NUDGE: Final = (
    "INSERT INTO nudges (node, zone, zone_name, level, reasons, state, opened_s, until_s, asked_s, taken_s, closed_s,"
    " outcome, handovers, raised_level) VALUES (?, ?, ?, ?, '[]', ?, ?, ?, ?, ?, ?, ?, 0, ?)"
)
PLAN: Final = Plan(
    walls=tuple(
        Wall(ends=ends)
        for ends in (
            ((0.05, 0.08), (0.95, 0.08)),
            ((0.95, 0.08), (0.95, 0.92)),
            ((0.95, 0.92), (0.6, 0.92)),
            ((0.45, 0.92), (0.05, 0.92)),
            ((0.05, 0.92), (0.05, 0.08)),
            ((0.62, 0.08), (0.62, 0.45)),
        )
    ),
    zones=(
        PlacedZone(node=NODE, zone=ZONES[0].id, x=0.2, y=0.35, w=0.24, h=0.36),
        PlacedZone(node=NODE, zone=ZONES[1].id, x=0.46, y=0.6, w=0.24, h=0.36),
        PlacedZone(node=NODE, zone=ZONES[2].id, x=0.78, y=0.3, w=0.22, h=0.26),
    ),
    nodes=(PlacedNode(node=NODE, x=0.1, y=0.86, turn=315),),
    views=(View(node=NODE, zones=ZONES),),
)


def remember(store: Store, now_s: float, days: int, seed: int = 7) -> None:
    """Writes it down.

    Raises: StoreError when the disk does not take it.
    """
    dice, seqs = random.Random(seed), count(1)
    spans = opened(now_s, days)
    with store.batch():
        store.run("INSERT OR REPLACE INTO plan VALUES (1, ?, ?)", now_s, PLAN.model_dump_json())
        lot = _begun(store, spans[0][0], now_s)
        for day, (opens_s, seconds) in enumerate(spans):
            for record in hours(ZONES, opens_s, seconds, seed + day):
                ended_s = (record.hour + 1) * HOUR_S
                said = replace(record, head=Head(record.head.zone, 0, 1))
                event = event_of(said, node=NODE, boot=_BOOT, seq=next(seqs), t_wall=int(ended_s), model=_MODEL)
                _keep(store, event, ended_s + 2.0)
            for hour_s in range(int(opens_s), int(opens_s + seconds), HOUR_S):
                _hour(store, dice, hour_s, lot, now_s, seqs)


def walk(store: Store, now_s: float) -> None:
    """Walks in two zones, with the figures that the real detector had of the scene `walk`."""
    with store.batch():
        for seq, (zone, seen, crowded, cells) in enumerate(_WALKS, 1):
            record = WalkRecord(Head(zone, 0, 1), 60, seen, crowded, 48, 9, "good", True, cells)
            event = event_of(record, node=NODE, boot=_WALK_BOOT, seq=seq, t_wall=int(now_s), model=_MODEL)
            _keep(store, event, now_s)


def _begun(store: Store, began_s: float, now_s: float) -> HoldOut:
    """An experiment whose lot holds nothing just now, so that a picture has a nudge."""
    for number in count():
        lot = HoldOut(number.to_bytes(32), SHARE, began_s)
        if not any(lot.holds((NODE, zone.id), now_s + after_s) for zone in ZONES for after_s in (0, HOUR_S)):
            break
    experiment_rows.begin(store.run, SHARE, SMALLEST_S, began_s, lot.key)
    sales.keep_most(store.run, 1, MOST)
    return lot


def _hour(store: Store, dice: random.Random, hour_s: int, lot: HoldOut, now_s: float, seqs: Iterator[int]) -> None:
    """An hour of every zone."""
    took = dice.uniform(180, 420)
    for place, zone in enumerate(ZONES):
        held = lot.holds((NODE, zone.id), hour_s)
        took += 0 if held else 60
        needs = dice.choices((0, 5), (3, 1))[0]
        if now_s - hour_s < NEED_HOURS_DAYS * 86_400:
            store.run(
                "INSERT INTO need_hours (node, zone, hour_start_s, reached_1, reached_2, reached_3)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                NODE, zone.id, hour_s, needs, needs, 0,
            )  # fmt: skip
        if dice.random() < 0.8:
            waited_s = min(300, round(dice.expovariate(1 / (130 if held else 70)) / 10) * 10)
            store.run(
                "INSERT INTO experiment_hours (experiment, node, zone, hour_s, held, waited_s, mood)"
                " VALUES (1, ?, ?, ?, ?, ?, ?)",
                NODE, zone.id, hour_s, held, waited_s, dice.randint(5, 10) + (not held),
            )  # fmt: skip
        if not held and dice.random() < 0.75 - 0.15 * place:
            _nudge(store, dice, zone.id, zone.name, hour_s + dice.uniform(60, 3_000), now_s - LAST_S)
        _window(store, dice, zone.id, hour_s + 1_800, next(seqs))
    sales.keep(store.run, {hour_s: round(took, 2)})


def _nudge(store: Store, dice: random.Random, zone: int, name: str, at_s: float, until_s: float) -> None:
    if at_s > until_s:
        return
    level, wait_s = dice.choices((1, 2, 3), (4, 4, 2))[0], dice.gammavariate(2.0, 11.0)
    fate = dice.random()
    state = "answered" if fate < 0.85 else "withdrawn" if fate < 0.93 else "expired"
    outcome = dice.choices(("helped", "browsing", "nobody"), (78, 16, 6))[0] if state == "answered" else None
    taken_s = at_s + wait_s if state == "answered" else None
    store.run(_NUDGE, NODE, zone, name, level, state, at_s, at_s + 120, at_s, taken_s, at_s + 200, outcome, level)


def _window(store: Store, dice: random.Random, zone: int, ended_s: float, seq: int) -> None:
    positive, negative = dice.randint(2, 5), dice.randint(1, 2)
    shares = Shares(negative=negative, neutral=10 - positive - negative, positive=positive)
    event = MoodReleased(
        node=NODE, boot=_BOOT, zone=zone, seq=seq, t_mono_s=1, t_wall=int(ended_s), model=_MODEL, config=1,
        window_s=300, people="5-9", shares=shares,
        valence=0.1, arousal=0.0, abstained=1, dwell_s=dice.choices(STAYS, (2, 4, 5, 3, 1))[0],
    )  # fmt: skip
    _keep(store, event, ended_s + 2.0)


def _keep(store: Store, event: ZoneEvent, at_s: float) -> None:
    topic = str(Topic(store="shop", node=NODE, kind=event.kind))
    store.add(Message(topic, wire.encode(event), at_s, time.monotonic()), event, late=False)
