"""How many events a second the hub takes, each on disk before it is acknowledged, against bare SQLite.

Rules:
- Broker and hub are processes of their own, as in the demo. One node publishes as fast as the broker takes it, in
  packets that were made before; the time is from the first event to the hub's word that the last one is stored.
- Then the rows that the hub wrote for these events are written once more by plain SQLite, with the same tables, the
  same safety (write-ahead log, a sync at each commit) on the same disk, in the hub's own batches: all of them, when the
  node was heard among them, and those of the events alone. Its pages are of SQLite's own size, with which it is
  quickest; the hub's are smaller, for the disk's sake.
- Where the hub's time goes is said in processor time, which other programs on the machine disturb less: of the whole
  process, and in this process of what its writer does, part by part, for the same events.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
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
from deploy.bench_memory import child
from deploy.demo import Shop, shop
from hub.hearing import Hearing
from hub.ingest import parse_broker
from hub.schema import open_for_writing
from hub.store import FILE, Message, Store

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
    """Medians over the passes. Units: events a second; ``batch`` the mean number of events that share a commit.

    In microseconds of processor time an event: ``hub_us`` the hub's process, ``heard_us`` deciding what a message is,
    ``stored_us`` writing it with its ledger, ``ledger_us`` the ledger alone, ``bare_us`` the same rows by plain SQLite.
    """

    events: int
    hub_per_s: float
    batch: float
    bare_per_s: float
    bare_events_per_s: float
    hub_us: float
    heard_us: float
    stored_us: float
    ledger_us: float
    bare_us: float

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
            payloads, hub = _moods(events), child("hub")
            before_s = _processor_s(hub)
            took_s, ends = _publish(running, payloads)
            hub_s = _processor_s(hub) - before_s
        with closing(sqlite3.connect(data / "hub" / "hub.db")) as db:
            written = [db.execute(what).fetchall() for what in (_EVENTS, _ENTRIES, _SUBTREES)]
        began_s = time.process_time()
        bare_s = _write(data / "bare.db", ends, *written)
        bare_us = _us(began_s, events)
        bare_events_s = _write(data / "alone.db", ends, written[0], [], [])
        parts_us = _parts(data / "parts", payloads, ends)
    rates = (events / took_s, events / len(ends), events / bare_s, events / bare_events_s)
    return Ingest(events, *rates, 1e6 * hub_s / events, *parts_us, bare_us)


def _us(began_s: float, events: int) -> float:
    """Processor time an event since then, in microseconds."""
    return 1e6 * (time.process_time() - began_s) / events


def _processor_s(process: Path) -> float:
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _parts(folder: Path, payloads: Sequence[bytes], ends: Sequence[int]) -> tuple[float, float, float]:
    """What the writer's parts take of the processor, in microseconds an event: hearing, storing, the ledger alone."""
    folder.mkdir()
    messages = [Message(_TOPIC, payload, time.time(), time.monotonic()) for payload in payloads]
    hearing = Hearing("shop")
    began_s = time.process_time()
    heard = [hearing.hear(message)[0] for message in messages]
    took_us = [_us(began_s, len(messages))]
    for part in ("stored", "ledger"):
        (folder / part).mkdir()
        with closing(Store(folder / part / FILE)) as store:
            began_s = time.process_time()
            for start, end in pairwise([0, *ends]):
                with store.batch():
                    for message, event in zip(messages[start:end], heard[start:end], strict=True):
                        assert isinstance(event, MoodReleased)
                        if part == "stored":
                            store.add(message, event, late=True)
                        else:
                            store.note(event.kind, message.payload, message.received_s)
            took_us.append(_us(began_s, len(messages)))
    heard_us, stored_us, ledger_us = took_us
    return heard_us, stored_us, ledger_us


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

    packets = b"".join(_packet(number, payload) for number, payload in enumerate(payloads, 1))
    with _connected(running.broker, heard), _sender(running.broker) as line:
        began_s = time.perf_counter()
        line.sendall(packets)
        if not stored.wait(PATIENCE_S):
            raise LinkError(f"The hub stored {max(ends, default=0)} of {len(payloads)} events in {PATIENCE_S:.0f} s.")
        return time.perf_counter() - began_s, ends


def _packet(number: int, payload: bytes) -> bytes:
    """PUBLISH with QoS 1. Source: MQTT 3.1.1, 3.3."""
    topic = _TOPIC.encode()
    body = len(topic).to_bytes(2, "big") + topic + (number % 65_535 + 1).to_bytes(2, "big") + payload
    length = bytes([len(body) & 127 | 128, len(body) >> 7])  # of 128 to 16383 bytes
    return b"\x32" + length + body


@contextmanager
def _sender(url: str) -> Iterator[socket.socket]:
    """A connection whose acknowledgements are read and left alone: a client of MQTT would be slower than the hub."""
    broker = parse_broker(url)
    with socket.create_connection((broker.host, broker.port), timeout=PATIENCE_S) as line:
        line.sendall(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05bench")  # CONNECT: a clean session, no keepalive
        if line.recv(4) != b"\x20\x02\x00\x00":
            raise LinkError(f"The broker at {url} does not take the bench.")
        reader = threading.Thread(target=_read_away, args=(line,))
        reader.start()
        yield line
        line.shutdown(socket.SHUT_RDWR)
        reader.join()


def _read_away(line: socket.socket) -> None:
    with suppress(OSError):
        while line.recv(65_536):
            pass


@contextmanager
def _connected(url: str, heard: Any) -> Iterator[mqtt.Client]:
    broker = parse_broker(url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
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
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")  # which settles the size of its pages
    with closing(open_for_writing(path)) as db:
        db.execute("INSERT INTO nodes (name, heard_s, state, since_s) VALUES (?, 0, 'offline', 0)", (NODE,))
        began_s = time.perf_counter()
        for batch, (start, end) in enumerate(pairwise([0, *ends])):
            db.execute("BEGIN IMMEDIATE")
            _insert(db, "events", events[start:end])
            db.execute("UPDATE nodes SET heard_s = ? WHERE name = ?", (float(end), NODE))
            if entries:
                _insert(db, "ledger_entries", entries[start:end])
                _insert(db, "ledger_subtrees", subtrees[grown[batch] : grown[batch + 1]])
            db.execute("COMMIT")
        return time.perf_counter() - began_s


def _insert(db: sqlite3.Connection, table: str, rows: Rows) -> None:
    if rows:
        db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
