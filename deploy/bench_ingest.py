"""How many events a second the hub takes, each on disk before it is acknowledged, against bare SQLite.

Rules:
- Broker and hub are processes of their own, as in the demo. One node publishes as fast as the broker takes it; the
  time is from the first event to the hub's word that the last one is stored.
- Then the rows that the hub wrote for these events are written once more by plain SQLite, with the same tables, the
  same safety (write-ahead log, a sync at each commit) on the same disk, in the hub's own batches: all of them, and
  those of the events alone, without the ledger's.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contract import wire
from contract.errors import LinkError
from contract.events import MoodReleased, Shares, Stored
from deploy.demo import Shop, shop
from hub.ingest import parse_broker
from hub.schema import open_for_writing

NODE: Final = "bench"
BOOT: Final = "0be0c4e5-000001"
MOST: Final = 10_000  # what the demo's broker queues for the hub
PATIENCE_S: Final = 120.0
_TOPIC: Final = str(wire.Topic(store="shop", node=NODE, kind="mood"))
_EVENTS: Final = f"SELECT * FROM events WHERE node = '{NODE}' ORDER BY seq"
_ENTRIES: Final = f"SELECT * FROM ledger_entries WHERE topic = '{_TOPIC}' ORDER BY position"
_SUBTREES: Final = "SELECT * FROM ledger_subtrees ORDER BY (number + 1) << level"
Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Ingest:
    """Medians over the passes. Units: events a second; ``batch`` the mean number of events that share a commit."""

    events: int
    hub_per_s: float
    batch: float
    bare_per_s: float
    bare_events_per_s: float

    @property
    def share(self) -> float:
        """The hub's rate as a share of bare SQLite's."""
        return self.hub_per_s / self.bare_per_s


def measure(events: int, passes: int, folder: Path) -> Ingest:
    """``folder``: on the disk to be measured. Raises: LinkError when the hub does not come up or keep up."""
    done = [_pass(min(events, MOST), folder) for _ in range(passes)]
    return Ingest(done[0].events, *(median(getattr(one, name) for one in done) for name in Ingest.__slots__[1:]))


def _pass(events: int, folder: Path) -> Ingest:
    with tempfile.TemporaryDirectory(dir=folder) as kept:
        data = Path(kept)
        with shop(0, "quiet", data, history=False, eye=False) as running:
            took_s, ends = _publish(running, _moods(events))
        with closing(sqlite3.connect(data / "hub" / "hub.db")) as db:
            written = [db.execute(what).fetchall() for what in (_EVENTS, _ENTRIES, _SUBTREES)]
        bare_s = _write(data / "bare.db", ends, *written)
        bare_events_s = _write(data / "alone.db", ends, written[0], [], [])
    return Ingest(events, events / took_s, events / len(ends), events / bare_s, events / bare_events_s)


def _moods(count: int) -> list[bytes]:
    now_s = int(time.time())
    return [
        wire.encode(
            MoodReleased(
                node=NODE, boot=BOOT, zone=seq % 3, seq=seq, t_mono_s=seq, t_wall=now_s, model="0" * 64, config=0,
                window_s=60, people="5-9", shares=Shares(negative=1, neutral=6, positive=3), valence=0.2,
                arousal=0.1, dwell_s="30-60", abstained=1,
            )
        )
        for seq in range(1, count + 1)
    ]  # fmt: skip


def _publish(running: Shop, payloads: Sequence[bytes]) -> tuple[float, list[int]]:
    """Seconds until all are stored, and the last seq of each of the hub's commits."""
    ends: list[int] = []
    stored = threading.Event()

    def heard(_: mqtt.Client, __: Any, message: mqtt.MQTTMessage) -> None:
        said = wire.decode(message.topic, bytes(message.payload))
        if isinstance(said, Stored) and said.boot == BOOT:
            ends.append(said.seq)
            if said.seq == len(payloads):
                stored.set()

    with _connected(running.broker, heard) as client:
        began_s = time.perf_counter()
        for payload in payloads:
            client.publish(_TOPIC, payload, qos=1)
        if not stored.wait(PATIENCE_S):
            raise LinkError(f"The hub stored {max(ends, default=0)} of {len(payloads)} events in {PATIENCE_S:.0f} s.")
        return time.perf_counter() - began_s, ends


@contextmanager
def _connected(url: str, heard: Any) -> Iterator[mqtt.Client]:
    broker = parse_broker(url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(200)
    listening = threading.Event()

    def subscribe(*_: Any) -> None:
        client.subscribe(wire.every_node("shop", "stored"), qos=1)

    client.on_message = heard
    client.on_connect = subscribe
    client.on_subscribe = lambda *_: listening.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        if not listening.wait(PATIENCE_S):
            raise LinkError(f"The broker at {url} does not answer.")
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def _write(path: Path, ends: Sequence[int], events: Rows, entries: Rows, subtrees: Rows) -> float:
    """Seconds that plain SQLite takes for the same rows in the same batches."""
    grown = [0]  # how many subtrees are whole after each batch: those that end at or before its last entry
    for end in ends if entries else ():
        size, whole = entries[end - 1][0] + 1, grown[-1]
        while whole < len(subtrees) and (subtrees[whole][1] + 1) << subtrees[whole][0] <= size:
            whole += 1
        grown.append(whole)
    with closing(open_for_writing(path)) as db:
        began_s = time.perf_counter()
        for batch, (start, end) in enumerate(pairwise([0, *ends])):
            db.execute("BEGIN IMMEDIATE")
            _insert(db, "events", events[start:end])
            if entries:
                _insert(db, "ledger_entries", entries[start:end])
                _insert(db, "ledger_subtrees", subtrees[grown[batch] : grown[batch + 1]])
            db.execute("COMMIT")
        return time.perf_counter() - began_s


def _insert(db: sqlite3.Connection, table: str, rows: Rows) -> None:
    if rows:
        db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
