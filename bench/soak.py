"""``make soak``: an hour of a shop's traffic from 20, 200 and 500 nodes, with 200 tablets, and what it costs the hub.

Rules:
- Broker and hub are processes of their own. What nodes say is drawn from a seed: moods by the window, hours, needs that
  come and go, health as often as a courier says it. An hour is played in the minutes that are asked for, and the
  report says how fast.
- A need's time is from its publishing to the hub's word that it is stored; for the rest nobody waits, and the hub
  gathers it (`hub.inbox`).
- Disk wear is taken at the pace of a shop, since whoever hurries commits more at once: minutes, stated, times a day.
  They are cut from the middle of an hour. The bytes are those that a process had written to the disk, by
  `/proc/PID/io`, and those of a checkpoint of its log at the end, which in truth comes seldomer and so costs less.

Left out: faults (`bench.faults`), hostile input (`bench.hostile`) and the eye's speed (`deploy.bench`).
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contract import wire
from contract.errors import AttuneError, LinkError
from contract.events import Assist, Event, Level, Stored
from deploy.bench_chart import bars
from deploy.bench_latency import quantile
from deploy.bench_memory import child
from deploy.bench_pages import gathered
from deploy.demo import Shop, shop
from edge.courier.courier import HEALTH_S
from hub.inbox import GATHER_S
from hub.ingest import parse_broker
from tests.hub.node import Node

REPORT: Final = Path(__file__).parents[1] / "docs" / "soak.md"
CHART: Final = REPORT.parent / "pictures" / "soak.svg"
SIZES: Final = (20, 200, 500)
HOUR_S: Final = 3_600
DAY_S: Final = 12 * HOUR_S  # of a shop
ZONES: Final = 3
WINDOW_S: Final = 300
NEEDS_AN_HOUR: Final = 6  # of each zone
FROM_S: Final = 600  # the minutes of the hour at which disk wear is taken
PATIENCE_S: Final = 60.0
SETTINGS: Final = 'shop_name = "The bench\'s shop"\n'


@dataclass(frozen=True, slots=True)
class Soaked:
    """One size. Units: ms, MB (2²⁰ bytes), milliseconds of the hub's processor time a message."""

    nodes: int
    tablets: int
    messages: int
    faster: float
    p50_ms: float
    p99_ms: float
    p99_first_ms: float
    p99_last_ms: float
    cpu_ms: float
    begin_mb: float
    end_mb: float


@dataclass(frozen=True, slots=True)
class Worn:
    """Units: MB a day of `DAY_S`."""

    what: str
    minutes: float
    mb_a_day: float


def traffic(nodes: int, seed: int, over_s: int = HOUR_S) -> list[tuple[float, str, Event]]:
    """What they say and when, in order."""
    said = [line for number in range(nodes) for line in _of_node(random.Random(seed * 1_000 + number), number, over_s)]
    return sorted(said, key=lambda line: line[0])


def _of_node(chance: random.Random, number: int, over_s: int) -> Iterator[tuple[float, str, Event]]:
    node = Node(name=f"node-{number}", boot=f"{chance.getrandbits(32):08x}-000001")
    begins_s = chance.random() * HEALTH_S
    due: list[tuple[float, str, int, Level]] = []
    for zone in range(ZONES):
        out_of_step_s = chance.random() * WINDOW_S
        due += [(out_of_step_s + at_s, "mood", zone, 0) for at_s in range(0, over_s, WINDOW_S)]
        due += [(out_of_step_s / 10 + at_s, "hour", zone, 0) for at_s in range(0, over_s, HOUR_S)]
        for _ in range(round(NEEDS_AN_HOUR * over_s / HOUR_S) or 1):
            at_s, level = chance.random() * over_s, chance.choice((1, 2, 3))
            due += [(at_s, "assist", zone, level), (at_s + chance.uniform(20, 120), "assist", zone, 0)]
    yield begins_s, node.topic("birth"), node.birth(round(begins_s))
    for at_s in range(0, over_s, round(HEALTH_S)):
        yield begins_s + at_s, node.topic("health"), node.health(round(begins_s) + at_s)
    for seq, (at_s, kind, zone, level) in enumerate(sorted(due), 1):
        event: Event = node.mood(seq, zone=zone, t_mono_s=round(at_s))
        if kind == "assist":
            event = node.assist(seq, level, zone=zone, t_mono_s=round(at_s))
        elif kind == "hour":
            event = node.hour(seq, zone=zone)
        yield at_s, node.topic(event.kind), event


def soak(nodes: int, tablets: int, minutes: float, seed: int) -> Soaked:
    """An hour of their traffic in so many minutes. Raises: LinkError when something is not stored."""
    said, faster = traffic(nodes, seed), HOUR_S / (minutes * 60)
    with (
        shop(0, "quiet", None, history=False, eye=False, settings=SETTINGS) as running,
        gathered(running.links["staff"], tablets, 0) if tablets else nullcontext(),
    ):
        hub = child("hub")
        begin_mb, began_s = _resident_mb(hub), _processor_s(hub)
        took_ms = _play(running, said, faster)
        cpu_s, end_mb = _processor_s(hub) - began_s, _resident_mb(hub)
    quarter = max(len(took_ms) // 4, 1)
    return Soaked(
        nodes, tablets, len(said), faster,
        quantile(sorted(took_ms), 0.5), quantile(sorted(took_ms), 0.99),
        quantile(sorted(took_ms[:quarter]), 0.99), quantile(sorted(took_ms[-quarter:]), 0.99),
        1_000 * cpu_s / len(said), begin_mb, end_mb,
    )  # fmt: skip


def _play(running: Shop, said: Sequence[tuple[float, str, Event]], faster: float) -> list[float]:
    """How long each need took until the hub said that it is stored, in the order in which they were sent."""
    where, waiting = parse_broker(running.broker), dict[tuple[str, int], float]()
    took_s: dict[tuple[str, int], float] = {}
    needs = {(event.boot, event.seq) for _, _, event in said if isinstance(event, Assist)}
    news = threading.Condition()

    def heard(_: mqtt.Client, __: object, came: mqtt.MQTTMessage) -> None:
        at_s, word = time.perf_counter(), wire.decode(came.topic, bytes(came.payload))
        assert isinstance(word, Stored)
        with news:
            for seq in range(word.since, word.seq + 1):
                began_s = waiting.pop((word.boot, seq), None)
                if began_s is not None and (word.boot, seq) in needs:
                    took_s[word.boot, seq] = at_s - began_s
            news.notify_all()

    client, ready = mqtt.Client(CallbackAPIVersion.VERSION2), threading.Event()
    client.on_message = heard
    client.on_subscribe = lambda *_: ready.set()
    client.connect(where.host, where.port)
    client.loop_start()
    client.subscribe(wire.every_node("shop", "stored"), qos=1)
    ready.wait(PATIENCE_S)
    begin_s = time.perf_counter()
    for at_s, topic, event in said:
        time.sleep(max(0.0, begin_s + at_s / faster - time.perf_counter()))
        seq = getattr(event, "seq", None)
        if seq is not None:
            with news:
                waiting[event.boot, seq] = time.perf_counter()  # type: ignore[union-attr]
        client.publish(topic, wire.encode(event), qos=wire.qos(event.kind))
    with news:
        stored = news.wait_for(lambda: not waiting, PATIENCE_S)
    client.disconnect()
    client.loop_stop()
    if not stored:
        raise LinkError(f"{len(waiting)} of {len(said)} messages were not stored: see the hub's log.")
    return [1_000 * one_s for one_s in took_s.values()]


def wear(minutes: float, seed: int) -> list[Worn]:
    """The hub of 20 nodes at the pace of a shop, and the courier of a node that looks at the demo's busy scene."""
    over_s = round(minutes * 60)
    with shop(0, "quiet", None, history=False, eye=False, settings=SETTINGS) as running:
        hub = child("hub")
        said = traffic(20, seed)
        _play(running, [line for line in said if line[2].kind == "birth"], HOUR_S)
        hour = [(at_s - FROM_S, topic, event) for at_s, topic, event in said if FROM_S <= at_s < FROM_S + over_s]
        of_hub = _worn(hub, running.data / "hub" / "hub.db", lambda: _play(running, hour, 1.0))
    with shop(0, "busy", None, history=False) as running:
        of_node = _worn(child("courier"), running.node / "outbox" / "outbox.db", lambda: time.sleep(over_s))
    a_day = DAY_S / over_s / 2**20
    return [Worn("the hub of 20 nodes", minutes, of_hub * a_day), Worn("a node", minutes, of_node * a_day)]


def _worn(process: Path, database: Path, work: Callable[[], object]) -> int:
    """Bytes that a process writes at its work, and that its log still costs then."""
    _checkpoint(database)
    before = _written(process)
    work()
    written = _written(process) - before
    before = _written(Path("/proc/self"))
    _checkpoint(database)
    return written + _written(Path("/proc/self")) - before


def _checkpoint(database: Path) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not database.exists() and time.monotonic() < until_s:  # its process has only just been started
        time.sleep(0.1)
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=PATIENCE_S)) as db:
        busy, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise LinkError(f"{database} is read for too long: the log of it cannot be taken in.")


def _resident_mb(process: Path) -> float:
    lines = (process / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def _processor_s(process: Path) -> float:
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _written(process: Path) -> int:
    lines = dict(line.split(": ") for line in (process / "io").read_text().splitlines())
    return int(lines["write_bytes"])


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m bench.soak``."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="in which an hour is played (%(default)s)")
    parser.add_argument("--wear-minutes", type=float, default=5.0, help="at a shop's pace (%(default)s)")
    parser.add_argument("--tablets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write docs/soak.md, not only print it")
    options = parser.parse_args(arguments)
    try:
        sizes = []
        for nodes in SIZES:
            print(f"{nodes} nodes …", file=sys.stderr, flush=True)
            sizes.append(soak(nodes, options.tablets, options.minutes, options.seed))
        print("disk wear …", file=sys.stderr, flush=True)
        text = report(sizes, wear(options.wear_minutes, options.seed))
    except AttuneError as error:
        print(f"bench.soak: {error}", file=sys.stderr)
        return 1
    print(text)
    if options.write:
        REPORT.write_text(text, encoding="utf-8")
        rows = [(f"{one.nodes} nodes", [one.p50_ms, one.p99_ms - one.p50_ms]) for one in sizes]
        CHART.write_text(bars("From published to stored: median, and on to p99, ms", rows, ("p50", "p99")))
    return 0


def report(sizes: Sequence[Soaked], worn: Sequence[Worn]) -> str:
    """The page."""
    rows = "\n".join(
        f"| {one.nodes} | {one.messages:,} | {one.faster:.0f}× | {one.p50_ms:.1f} | {one.p99_ms:.1f} |"
        f" {one.p99_first_ms:.1f} / {one.p99_last_ms:.1f} | {one.cpu_ms:.2f} | {one.begin_mb:.0f} / {one.end_mb:.0f} |"
        for one in sizes
    )
    wears = "\n".join(f"| {one.what} | {one.minutes:.0f} min | {one.mb_a_day:.1f} |" for one in worn)
    return f"""\
# The hub at size

Written by `make soak`: an hour of a shop's traffic from each number of nodes, {ZONES} zones a node, with
{sizes[0].tablets} tablets on the staff page, on {HOUR_S / sizes[0].faster / 60:.0f} minutes each. Times are a need's,
from publishing to the hub's word that it is on disk; what nobody waits for is gathered for up to {GATHER_S:.0f} s. The
processor's time is the hub's, with what the tablets cost.

| nodes | messages | pace | p50 ms | p99 ms | p99 first / last quarter | CPU ms a message | MB begin / end |
|---|---|---|---|---|---|---|---|
{rows}

![From published to stored](pictures/soak.svg)

## Disk wear

At the pace of a shop, scaled to a day of {DAY_S // HOUR_S} hours; the goals are 25 MB for a node and 200 MB for a hub
of 20 nodes.

| of | measured over | MB a day |
|---|---|---|
{wears}
"""


if __name__ == "__main__":
    sys.exit(main())
