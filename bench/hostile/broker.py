"""Mutated messages through a real broker into a running hub, which must refuse each by its reason and hear the rest.

What the quarantine should hold is reckoned from the messages that were sent, one by one, as it tells them apart: by
topic and bytes. What the hub judges by what it knows (the same number with other bytes, a ledger's proof) is left out.
"""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.hostile.decoder import resident_mb_of
from bench.hostile.mutate import Said, corpus, mutants
from bench.hostile.running import Hub, hub
from contract import wire
from contract.events import Stored
from hub.ingest import Refused, judge, parse_broker
from hub.store import FILE, REFUSED_MAX, TOPIC_CHARS_MAX, Message
from tests.contract.events import STORE
from tests.hub.node import Node

PATIENCE_S: Final = 120.0
FITS: Final = REFUSED_MAX * 3 // 4
BYTES_MAX: Final = 20_000  # of one message, so that all of them are no flood yet, which the hub would drop
_BY_WHAT_IT_KNOWS: Final = frozenset(("conflict", "ledger"))


@dataclass(slots=True)
class Heard:
    """What became of them. ``wrong`` are reasons whose number in the quarantine is not as reckoned."""

    messages: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    alive: bool = False
    grown_mb: float = 0.0


def send(count: int, seed: int, folder: Path) -> Heard:
    """So many, at most as many as the quarantine holds. Raises: LinkError when hub or broker do not come up."""
    said = list(itertools.islice(filter(_sendable, mutants(corpus(), seed)), min(count, FITS)))
    with hub(folder) as running:
        _publish(running, [])  # the hub may not listen yet
        _publish(running, said[: len(said) // 4])
        warm_mb = resident_mb_of(running.process.pid)
        _publish(running, said[len(said) // 4 :])
        grown_mb = resident_mb_of(running.process.pid) - warm_mb
        alive = running.process.poll() is None and "Traceback" not in running.said
        found = Heard(len(said), _quarantine(running.data / FILE), alive=alive, grown_mb=round(grown_mb, 1))
    due = _due(said)
    found.wrong = [code for code in {*due, *found.refused} if due[code] != found.refused[code]]
    return found


def _sendable(said: Said) -> bool:
    """What a client library and a broker let through; the rest never reaches a hub."""
    topic, payload = said
    if len(payload) > BYTES_MAX or not topic.startswith(f"{wire.ROOT}/") or set(topic) & set("+#\x00"):
        return False
    try:
        return len(topic.encode()) < 1_000 and topic.count("/") < 190 and topic.isprintable()
    except UnicodeEncodeError:
        return False


def _due(said: list[Said]) -> Counter[str]:
    due = {}
    for topic, payload in said:
        event = judge(Message(topic, payload, 0.0, 0.0), STORE)
        if isinstance(event, Refused):
            due[topic[:TOPIC_CHARS_MAX], hashlib.sha256(payload).digest()] = event.code
    return Counter(due.values())


def _quarantine(path: Path) -> Counter[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        found = dict(db.execute("SELECT code, count(*) FROM refused GROUP BY code").fetchall())
    return Counter({code: number for code, number in found.items() if code not in _BY_WHAT_IT_KNOWS})


def _publish(running: Hub, said: list[Said]) -> None:
    """All of them, and then one of the contract, whose being stored shows that all before it were heard."""
    honest = Node(name="honest", boot=f"{int(time.monotonic() * 1000) % 2**32:08x}-000001")
    stored, where = threading.Event(), parse_broker(running.broker)
    topic = str(wire.Topic(store=STORE, node=honest.name, kind="stored"))

    def heard(_: mqtt.Client, __: object, came: mqtt.MQTTMessage) -> None:
        word = wire.decode(came.topic, bytes(came.payload))
        if isinstance(word, Stored) and word.boot == honest.boot:
            stored.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = heard
    client.connect(where.host, where.port)
    client.loop_start()
    client.subscribe(topic, qos=1)
    try:
        waiting = [client.publish(one, payload, qos=1) for one, payload in said]
        for one in waiting:
            one.wait_for_publish(PATIENCE_S)
        until_s = time.monotonic() + PATIENCE_S
        while not stored.is_set() and time.monotonic() < until_s:
            client.publish(honest.topic("mood"), wire.encode(honest.mood(1)), qos=1)
            stored.wait(1.0)
        if not stored.is_set():
            raise AssertionError(f"The hub is deaf after {len(said)} mutated messages: {running.said[-2_000:]}")
    finally:
        client.disconnect()
        client.loop_stop()
