"""Duplicates, other orders and replays of old boots, through the broker into a running hub.

Rules:
- First everything is said once, and the hub's tables are read byte for byte. Then any of it is said again, at random,
  so often as is asked for; the tables must be the same bytes.
- Another hub hears all of it in another order, some of it two or three times; it must hold the same events and hours.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.faults.running import Shop, shop
from contract import wire
from contract.errors import LinkError
from contract.events import Stored
from tests.hub.node import Node

ROUND: Final = 100_000
NODES: Final = 4
BOOTS: Final = 4
CHUNK: Final = 1_000  # what mosquitto keeps for one who is slower is bounded
PATIENCE_S: Final = 120.0
Said = tuple[str, bytes]
_WHOLE: Final = (
    "SELECT * FROM events ORDER BY id",
    "SELECT * FROM hours ORDER BY event",
    "SELECT * FROM refused ORDER BY id",
    "SELECT * FROM nudges ORDER BY id",
    "SELECT * FROM nudge_steps ORDER BY id",
    "SELECT * FROM ledger_entries ORDER BY position",
    "SELECT name, state, reason, since_s, status, birth, health FROM nodes ORDER BY name",
)
_SET: Final = (
    "SELECT node, boot, seq, kind, zone, topic, payload FROM events WHERE seq IS NOT NULL ORDER BY node, boot, seq",
    "SELECT node, zone, hour_start_s, suppressed, negative, neutral, positive, unknown, epsilon FROM hours"
    " ORDER BY node, zone, hour_start_s, epsilon, negative",
)


def everything(nodes: int = NODES, boots: int = BOOTS, events: int = 60) -> list[Said]:
    """What nodes say in several lives, once."""
    said: list[Said] = []
    for number in range(nodes):
        for boot in range(1, boots + 1):
            node = Node(f"node-{number}", f"00c0ffee-{boot:06d}")
            said.append((node.topic("birth"), wire.encode(node.birth(boot * 1_000))))
            for seq in range(1, events + 1):
                zone, at_s = seq % 3, boot * 1_000 + seq
                event = (
                    node.assist(seq, 2 if seq % 8 == 0 else 0, zone=zone, t_mono_s=at_s),
                    node.mood(seq, zone=zone, t_mono_s=at_s),
                    node.nothing(seq, zone=zone, t_mono_s=at_s),
                    node.hour(seq, zone=zone, hour_start_s=1_795_000_000 // 3600 * 3600 + 3600 * seq),
                )[seq % 4]
                said.append((node.topic(event.kind), wire.encode(event)))
    return said


def replayed(times: int, seed: int, folder: Path) -> dict[str, float]:
    """One round. Raises: LinkError when the hub does not answer."""
    chance, said = random.Random(seed), everything()
    events = [line for line in said if not line[0].endswith("/birth")]
    again = chance.choices(events, k=times)
    mixed = [line for line in events for _ in range(chance.choice((1, 1, 2, 3)))]
    chance.shuffle(mixed)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(_heard, folder / "one", said, again)
        other = pool.submit(_heard, folder / "other", mixed, ())
        (before, after, once), (_, _, disordered) = first.result(), other.result()
    same, same_set = before == after, once == disordered
    return {"tried": times, "mixed": len(mixed), "same": same, "same_set": same_set, "well": same and same_set}


def _heard(folder: Path, said: Sequence[Said], again: Sequence[Said]) -> tuple[str, str, str]:
    """A hub's tables before and after it heard something again, and then its events and hours alone."""
    with _open(folder) as (running, voice):
        voice.say(said)
        voice.say(_parted())  # no nudge ends by itself between the two looks
        before = _read(running, _WHOLE)
        voice.say(again)
        return before, _read(running, _WHOLE), _read(running, _SET)


def _parted(nodes: int = NODES) -> list[Said]:
    """Every node says goodbye in its last life."""
    last = [Node(f"node-{number}", f"00c0ffee-{BOOTS:06d}") for number in range(nodes)]
    return [(node.topic("status"), wire.encode(node.status("offline", "stopped"))) for node in last]


@contextmanager
def _open(folder: Path) -> Iterator[tuple[Shop, _Voice]]:
    folder.mkdir()
    with shop(folder, 0) as running:
        voice = _Voice(running.broker.port)
        try:
            yield running, voice
        finally:
            voice.close()


class _Voice:
    """Says for all nodes, no faster than the hub vouches for it."""

    def __init__(self, port: int) -> None:
        self._stored: set[tuple[str, int]] = set()
        self._news = threading.Condition()
        ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._heard
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe(wire.every_node("shop", "stored"), qos=1)
        ready.wait(PATIENCE_S)
        self._marks = 0

    def _heard(self, _: mqtt.Client, __: object, came: mqtt.MQTTMessage) -> None:
        word = wire.decode(came.topic, bytes(came.payload))
        assert isinstance(word, Stored)
        if word.boot == MARK.boot:
            with self._news:
                self._stored |= {(word.boot, seq) for seq in range(word.since, word.seq + 1)}
                self._news.notify_all()

    def say(self, said: Sequence[Said]) -> None:
        """Each, and waits until the hub has written the last of them."""
        for first in range(0, len(said), CHUNK):
            for topic, payload in said[first : first + CHUNK]:
                self._client.publish(topic, payload, qos=1)
            self._marked()

    def _marked(self) -> None:
        """A word that no hub keeps or refuses twice comes after all that was said before it."""
        self._stored.clear()
        mark = MARK.mood(1)
        self._client.publish(MARK.topic("mood"), wire.encode(mark), qos=1)
        with self._news:
            if not self._news.wait_for(lambda: (MARK.boot, 1) in self._stored, PATIENCE_S):
                raise LinkError("The hub does not vouch for what it was told: see its log.")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


MARK: Final = Node("mark", "0000aaaa-000001")


def _read(running: Shop, questions: Sequence[str]) -> str:
    found = hashlib.sha256()
    with closing(sqlite3.connect(f"file:{running.data / 'hub.db'}?mode=ro", uri=True, timeout=20)) as db:
        for question in questions:
            for row in db.execute(question):
                found.update(repr(row).encode())
    return found.hexdigest()
