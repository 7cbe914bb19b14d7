"""Yesterday in the demo's shop: simulated visits, without pictures, through the real windows and the real gate.

The owner's charts show whole hours only, and a demo lasts minutes. This plays the opening hours since yesterday as
tracks (who came, where, for how long, in what mood), lets the eye's own stages make hours of them, noise and
suppression included, and puts the records into the outbox as a courier would. The demo says that they are simulated.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from contract.events import ZoneSpec
from contract.wire import encode
from edge.clock import ClipClock
from edge.config import NodeConfig, Privacy
from edge.courier.health import model_hash
from edge.courier.intake import cell_of, event_of
from edge.courier.outbox import Outbox
from edge.eye.gate import Budget, Gate, Spent, release
from edge.eye.window import tumble
from edge.record import Head, HourRecord, HourSuppressedRecord
from edge.values import Moment, Mood, Reading, Visit

OPENS_H: Final = 9
CLOSES_H: Final = 18
STEP_S: Final = 5.0
Hours = HourRecord | HourSuppressedRecord


@dataclass(frozen=True, slots=True)
class Stay:
    """One simulated visit. Units: seconds since opening."""

    zone: int
    from_s: float
    to_s: float
    mood: Mood


def stays(zones: Sequence[ZoneSpec], seconds: float, rng: random.Random) -> list[Stay]:
    """Visits of one day: most around noon and late in the afternoon, some zones busier than others."""
    found = []
    for rank, zone in enumerate(zones):
        t_s = 0.0
        while True:
            rush = 1.0 + 0.8 * math.sin(2 * math.pi * (t_s / 3600 - 1.5) / 5)
            t_s += rng.expovariate(rush * (44 - 12 * min(rank, 2)) / 3600)
            if t_s >= seconds:
                break
            found.append(Stay(zone.id, t_s, t_s + min(rng.lognormvariate(4.0, 0.7), 900), _mood(rng, rank)))
    return found


def _mood(rng: random.Random, rank: int) -> Mood:
    weights = [rng.gammavariate(shape, 1) for shape in (0.5 + 0.25 * rank, 2.0, 1.2)]
    negative, neutral, positive = (weight / sum(weights) for weight in weights)
    return Mood(negative, neutral, positive, 0.7 * (positive - negative), 0.2)


def moments(visits: Sequence[Stay], seconds: float) -> Iterator[Moment]:
    """What the affect stage would have said of these visits, every few seconds."""
    t_s = 0.0
    while t_s < seconds:
        here = [stay for stay in visits if stay.from_s <= t_s < stay.to_s]
        left = [stay for stay in visits if t_s - STEP_S < stay.to_s <= t_s]
        readings = tuple(Reading(one.zone, t_s - one.from_s, 0.0, False, one.mood, False) for one in here)
        yield Moment(t_s, readings, frozenset(), tuple(Visit(one.zone, one.mood) for one in left))
        t_s += STEP_S


def hours(zones: Sequence[ZoneSpec], opening_s: float, seconds: float, seed: int) -> Iterator[Hours]:
    """The hour records of one simulated day. Units: ``opening_s`` wall time, a whole hour."""
    privacy = Privacy()
    gate = Gate(privacy, 45.0, {}, 0, Budget(), Spent())
    visits = stays(zones, seconds, random.Random(seed))
    steps = tumble(moments(visits, seconds), zones, ClipClock(opening_s), privacy)
    yield from (record for record in release(steps, gate, flush=True) if isinstance(record, Hours))


def opened(now_s: float, days: int = 1) -> list[tuple[float, float]]:
    """So many days before today, and today up to the last whole hour, as (opening, seconds), in this machine's time."""
    spans = []
    for days_ago in range(days, -1, -1):
        day = time.localtime(now_s - 86_400 * days_ago)
        opening_s = time.mktime((day.tm_year, day.tm_mon, day.tm_mday, OPENS_H, 0, 0, 0, 0, -1)) // 3600 * 3600
        until_s = min(opening_s + (CLOSES_H - OPENS_H) * 3600, now_s // 3600 * 3600)
        if until_s > opening_s:
            spans.append((opening_s, until_s - opening_s))
    return spans


def tell(config: NodeConfig, now_s: float, seed: int, days: int = 1) -> int:
    """Puts the simulated hours into the node's outbox, as its courier would have over these days; how many."""
    model = model_hash(config.models.affect)
    outbox, said = Outbox(config.outbox.folder, config.outbox.events_max, config.store, config.node), 0
    try:
        for day, (opening_s, seconds) in enumerate(opened(now_s, days)):
            for record in hours(config.zones, opening_s, seconds, seed + day):
                cell = cell_of(record)
                if cell is not None and outbox.overdrawn(cell, config.privacy.epsilon_per_day) is None:
                    outbox.append("hour", partial(_payload, config, model, outbox.boot, record, int(now_s)), cell)
                    said += 1
    finally:
        outbox.close()
    return said


def _payload(config: NodeConfig, model: str, boot: str, record: Hours, t_wall: int, seq: int) -> bytes:
    said_now = replace(record, head=Head(record.head.zone, 0, int(time.monotonic())))  # its hour is the simulated one
    return encode(event_of(said_now, node=config.node, boot=boot, seq=seq, t_wall=t_wall, model=model))
