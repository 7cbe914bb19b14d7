"""A shop's past, made up: nodes, births, released hours, windows, health, nudges and their answers, by the day.

It writes rows of the hub's own tables as the hub would, but for its ledger, which no page reads through. The same
``seed`` is the same past. ``python -m tests.hub.seed DIR --days 396`` makes a data folder to look at.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from contract import wire
from contract.events import (
    Birth,
    GateSpec,
    Health,
    HourReleased,
    HourSuppressed,
    MoodReleased,
    MoodSuppressed,
    OpenHours,
    Shares,
    Status,
    ZoneEvent,
    ZoneSpec,
)
from contract.wire import Topic
from hub.days import begins_s, day_of
from hub.roll import roll
from hub.store import FILE, Store
from hub.tally import STAYS

NAMES = (
    "Window", "Entrance", "Ceramics", "Textiles", "Lamps", "Books", "Toys", "Garden", "Kitchen", "Bath",
    "Bedding", "Stationery", "Candles", "Glass", "Baskets", "Rugs", "Mirrors", "Prints", "Gifts", "Till",
)  # fmt: skip
OPENS, CLOSES = 9, 19
MODEL = "ab" * 32
WINDOWS_AN_HOUR = 12
GATE = GateSpec(k=5, window_s=300, window_max_s=1800, hour_min=11, epsilon=0.5, profile="aggregate")


@dataclass(frozen=True, slots=True)
class Past:
    """How much of it; of mood windows, the bulk of all rows, the last ``windows_days``."""

    days: int
    until_s: float
    zones: int = 20
    zones_a_node: int = 4
    timezone: tzinfo = UTC
    windows_days: int = 396
    nudges_a_day: int = 60
    seed: int = 1


def seed(store: Store, past: Past) -> dict[str, int]:
    """Writes it; how many rows of each table there are then."""
    dice = random.Random(past.seed)
    nodes = [f"floor-{number + 1}" for number in range(-(-past.zones // past.zones_a_node))]
    zones = [(nodes[i // past.zones_a_node], i % past.zones_a_node, NAMES[i % len(NAMES)]) for i in range(past.zones)]
    today = day_of(past.until_s, past.timezone)
    with store.batch():
        for node in nodes:
            _born(store, node, [zone for zone in zones if zone[0] == node], past)
    seqs = count(1)
    for back in range(past.days, -1, -1):
        day = today - timedelta(days=back)
        if day.weekday() == 6:
            continue
        opens_s = begins_s(day, past.timezone) + OPENS * 3600
        with store.batch():
            for hour_s in range(int(opens_s) // 3600 * 3600, int(opens_s) + (CLOSES - OPENS) * 3600, 3600):
                if hour_s + 3600 > past.until_s:
                    break
                for place, (node, zone, _) in enumerate(zones):
                    busy = _busy(hour_s - opens_s, place, day.weekday())
                    for event in _hour(dice, node, zone, seqs, hour_s, busy, windows=back < past.windows_days):
                        _keep(store, event, event.t_wall + 2.0)
            for _ in range(round(past.nudges_a_day * dice.uniform(0.5, 1.5))):
                _nudge(store, dice, dice.choice(zones), opens_s + dice.random() * (CLOSES - OPENS) * 3600, past.until_s)
            if back < 14:
                for node in nodes:
                    _health(store, dice, node, opens_s, past.until_s)
    tables = ("events", "hours", "nudges", "nodes")
    return {table: store.run(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def roll_all(store: Store, timezone: tzinfo, now_s: float, keep_days: int = 396) -> None:
    """Sums every day that is over, as the hub does by and by."""
    while roll(store, timezone, now_s, keep_days):
        pass


def _busy(since_opening_s: float, place: int, weekday: int) -> float:
    """Visits to expect in an hour: a bump after noon, more on Saturdays, fewer in the zones at the back."""
    bump = math.exp(-(((since_opening_s / 3600 - 4.5) / 3.0) ** 2))
    return 42.0 * bump * (1.5 if weekday == 5 else 1.0) / (1 + place * 0.12)


def _hour(
    dice: random.Random, node: str, zone: int, seqs: Iterator[int], hour_s: int, busy: float, *, windows: bool
) -> Iterator[ZoneEvent]:
    def base(ended_s: int) -> dict[str, Any]:
        return {"node": node, "boot": "0011aabb-000001", "zone": zone, "seq": next(seqs), "t_mono_s": 1,
                "t_wall": ended_s, "model": MODEL, "config": 1}  # fmt: skip

    visits = max(0, round(dice.gauss(busy, busy**0.5)))
    pleased = 0.3 + 0.1 * math.sin(zone)
    for number in range(WINDOWS_AN_HOUR if windows else 0):
        ended_s = hour_s + 300 * (number + 1)
        if visits / WINDOWS_AN_HOUR * 3 < 5:
            yield MoodSuppressed(**base(ended_s))
            continue
        positive = min(8, max(1, round(10 * dice.gauss(pleased, 0.1))))
        negative = min(9 - positive, max(1, round(10 * dice.gauss(0.18, 0.06))))
        yield MoodReleased(
            **base(ended_s),
            window_s=300,
            people="5-9" if visits < 40 else "10-19",
            shares=Shares(negative=negative, neutral=10 - positive - negative, positive=positive),
            valence=0.1,
            arousal=0.0,
            abstained=1,
            dwell_s=dice.choices(STAYS, (2, 4, 5, 3, 1))[0],
        )
    if visits < GATE.hour_min:
        yield HourSuppressed(**base(hour_s + 3600), hour_start=hour_s, epsilon=GATE.epsilon)
        return
    told = [max(0, round(visits * share) + _noise(dice)) for share in (0.18, 0.72 - pleased, pleased, 0.1)]
    yield HourReleased(
        **base(hour_s + 3600), hour_start=hour_s, epsilon=GATE.epsilon, negative=told[0], neutral=told[1],
        positive=told[2], unknown=told[3],
    )  # fmt: skip


def _noise(dice: random.Random) -> int:
    return int(dice.expovariate(GATE.epsilon)) - int(dice.expovariate(GATE.epsilon))


def _keep(store: Store, event: ZoneEvent, at_s: float) -> None:
    topic = str(Topic(store="shop", node=event.node, kind=event.kind))
    row = (event.node, event.boot, event.seq, event.kind, event.zone, at_s, topic, wire.encode(event))
    number = store.run(
        "INSERT INTO events (node, boot, seq, kind, zone, late, received_s, topic, payload)"
        " VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)",
        *row,
    ).lastrowid
    if isinstance(event, HourReleased | HourSuppressed):
        store._add_hour(number, event)


def _nudge(store: Store, dice: random.Random, where: tuple[str, int, str], at_s: float, until_s: float) -> None:
    if at_s + 600 > until_s:
        return
    level = dice.choices((1, 2, 3), (5, 3, 2))[0]
    wait_s, outcome, state = dice.expovariate(1 / 25), None, "answered"
    fate = dice.random()
    if fate < 0.7:
        outcome = dice.choices(("helped", "browsing", "nobody"), (5 + level, 4, 2))[0]
    elif fate < 0.78:
        state = "expired"
    else:
        state, wait_s = dice.choice(("expired", "withdrawn")), -1.0
    taken_s = at_s + wait_s if wait_s >= 0 else None
    store.run(
        "INSERT INTO nudges (node, zone, zone_name, level, reasons, state, opened_s, until_s, asked_s, taken_s,"
        " closed_s, outcome, handovers, raised_level) VALUES (?, ?, ?, ?, '[]', ?, ?, ?, ?, ?, ?, ?, 0, ?)",
        *where, level, state, at_s, at_s + 120, at_s, taken_s, at_s + 200, outcome, level,
    )  # fmt: skip


def _born(store: Store, node: str, zones: list[tuple[str, int, str]], past: Past) -> None:
    birth = Birth(
        node=node, boot="0011aabb-000001", minor=1, t_mono_s=1, t_wall=int(past.until_s), model=MODEL,
        model_type="attune-affect int8", runtime="ai-edge-litert", accelerator="cpu", gate=GATE,
        zones=tuple(ZoneSpec(id=zone, name=name, polygon=((0, 0), (0, 1), (1, 1))) for _, zone, name in zones),
        hours=(OpenHours(day="mon", opens="09:00", closes="19:00"),), notice_acknowledged=True, config=1,
    )  # fmt: skip
    status = Status(node=node, boot=birth.boot, state="online")
    store.run(
        "INSERT INTO nodes VALUES (?, ?, 'online', NULL, ?, ?, ?, ?)",
        node, past.until_s - 5, past.until_s - 3600, wire.encode(status), wire.encode(birth),
        wire.encode(_healthy(node, past.until_s, 58.0)),
    )  # fmt: skip


def _healthy(node: str, at_s: float, temp_c: float) -> Health:
    return Health(
        node=node, boot="0011aabb-000001", t_mono_s=60, t_wall=int(at_s), fps=9.5, stage_ms={"detect": 30.0},
        temp_c=temp_c, throttled=temp_c > 80, eye_mb=120, courier_mb=40, outbox_depth=0, outbox_dropped=0, model=MODEL,
    )  # fmt: skip


def _health(store: Store, dice: random.Random, node: str, opens_s: float, until_s: float) -> None:
    topic = str(Topic(store="shop", node=node, kind="health"))
    for minute in range((CLOSES - OPENS) * 60):
        at_s = opens_s + 60 * minute
        if at_s < until_s:
            store.run(
                "INSERT INTO events (node, boot, seq, kind, zone, late, received_s, topic, payload)"
                " VALUES (?, '0011aabb-000001', NULL, 'health', NULL, 0, ?, ?, ?)",
                node, at_s, topic, wire.encode(_healthy(node, at_s, dice.gauss(62, 4))),
            )  # fmt: skip


def main() -> None:
    """Makes a data folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.hub.seed", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=396)
    parser.add_argument("--timezone", default="Europe/Vienna")
    parser.add_argument("--windows-days", type=int, default=396)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    now_s, timezone = time.time(), ZoneInfo(options.timezone)
    store = Store(options.folder / FILE)
    past = Past(options.days, now_s, timezone=timezone, windows_days=options.windows_days)
    print(json.dumps(seed(store, past)), f"{time.time() - now_s:.1f} s", datetime.fromtimestamp(now_s, UTC))
    began_s = time.time()
    roll_all(store, timezone, now_s, max(396, options.days))
    print(f"days summed in {time.time() - began_s:.1f} s")
    store.close()


if __name__ == "__main__":
    main()
