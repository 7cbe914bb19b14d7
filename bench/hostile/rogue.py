"""A node that somebody took over, with a valid certificate: it says what the contract allows, without end.

What its certificate lets it say and hear is the broker's to enforce, and is tried in `tests.hub.test_authority`.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.hostile.running import hub
from contract import wire
from contract.events import Stored
from edge.courier.publish import AGAIN_MIN_S
from hub.ingest import parse_broker
from hub.nudge_types import Rules
from hub.store import FILE
from tests.contract.events import STORE
from tests.hub.node import Node

PATIENCE_S: Final = 300.0
ZONES: Final = 12
NUDGES_MAX: Final = Rules().per_hour


@dataclass(frozen=True, slots=True)
class Endured:
    """``stored`` of the rogue's messages; ``honest_ms`` the longest that another node's event took meanwhile."""

    said: int
    stored: int
    nudges: int
    honest: int
    honest_ms: float
    database_mb: float
    alive: bool


def flood(count: int, folder: Path) -> Endured:
    """Raises: LinkError when hub or broker do not come up, AssertionError when an honest node is not heard any more."""
    rogue, honest = Node(name="rogue"), Node(name="honest")
    with hub(folder) as running:
        where = parse_broker(running.broker)
        loud = _client(where.host, where.port)
        longest_ms, heard, over = [0.0], [0], threading.Event()
        asker = threading.Thread(target=_asks, args=(where.host, where.port, honest, longest_ms, heard, over))
        asker.start()
        loud.publish(rogue.topic("birth"), wire.encode(rogue.birth()), qos=1)
        last = None
        for seq in range(1, count + 1):
            event = rogue.assist(seq, 3, zone=seq % ZONES) if seq % 2 else rogue.mood(seq, zone=seq % ZONES)
            last = loud.publish(rogue.topic(event.kind), wire.encode(event), qos=1)
            if seq % 1_000 == 0:
                last.wait_for_publish(PATIENCE_S)
        if last is not None:
            last.wait_for_publish(PATIENCE_S)
        while heard[0] < 3 and asker.is_alive():
            time.sleep(0.05)
        over.set()
        asker.join()
        loud.disconnect()
        loud.loop_stop()
        path = running.data / FILE
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            stored, nudges = db.execute(
                "SELECT (SELECT count(*) FROM events WHERE node = 'rogue'), (SELECT count(*) FROM nudges)"
            ).fetchone()
        size = sum(one.stat().st_size for one in path.parent.glob(f"{FILE}*"))
        alive = running.process.poll() is None and "Traceback" not in running.said
    return Endured(count, stored, nudges, heard[0], round(longest_ms[0]), round(size / 2**20, 1), alive)


def _client(host: str, port: int) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect(host, port)
    client.loop_start()
    return client


def _asks(host: str, port: int, node: Node, longest_ms: list[float], heard: list[int], over: threading.Event) -> None:
    """One event after the other until it is over; the next when the last is stored."""
    client, stored, subscribed = _client(host, port), threading.Event(), threading.Event()
    waits_for = [0]

    def hears(_: mqtt.Client, __: object, came: mqtt.MQTTMessage) -> None:
        word = wire.decode(came.topic, bytes(came.payload))
        if isinstance(word, Stored) and word.seq >= waits_for[0]:
            stored.set()

    client.on_message = hears
    client.on_subscribe = lambda *_: subscribed.set()
    client.subscribe(str(wire.Topic(store=STORE, node=node.name, kind="stored")), qos=1)
    subscribed.wait(PATIENCE_S)
    while not over.is_set():
        waits_for[0] += 1
        stored.clear()
        began_s = time.perf_counter()
        until_s = began_s + PATIENCE_S
        while not stored.is_set() and time.perf_counter() < until_s:  # again and again, as a courier does
            client.publish(node.topic("mood"), wire.encode(node.mood(waits_for[0])), qos=1)
            stored.wait(AGAIN_MIN_S)
        if not stored.is_set():
            return
        longest_ms[0] = max(longest_ms[0], (time.perf_counter() - began_s) * 1000)
        heard[0] += 1
        over.wait(0.05)
    client.disconnect()
    client.loop_stop()
