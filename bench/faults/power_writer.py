"""What is recorded for the power cut: the node's outbox, or the hub's writer, at work; a line after each commit.

``done N`` on standard output says that N events were vouched for: to the eye by the outbox, to the nodes by the hub.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from contract import wire
from contract.events import Stored
from edge.courier.outbox import Outbox
from hub.clocks import SystemClocks
from hub.config import HubConfig
from hub.reads import StoreReads
from hub.store import FILE, Message, Store
from hub.views import Changes
from hub.writer import Writer
from tests.hub.node import Node

NODE = Node()
BATCH = 5


def payload(seq: int) -> bytes:
    """What event ``seq`` says: so that each can be told apart, and of the size that they have."""
    return wire.encode(NODE.assist(seq, seq % 3) if seq % 2 else NODE.mood(seq))


def _say(number: int) -> None:
    os.write(1, b"done %d\n" % number)


def outbox(folder: Path, count: int) -> None:
    """Each event is kept; in runs of twenty they go, as the hub has stored them."""
    box = Outbox(folder, 10_000, "shop", "aisle")
    for seq in range(1, count + 1):
        box.append("assist" if seq % 2 else "mood", payload)
        _say(seq)
        if seq % 20 == 0:
            box.stored(box.boot, seq - 19, seq - 10)
        if seq % 50 == 0:
            box.sign(now=True)
    box.close()


def hub(folder: Path, count: int) -> None:
    """The real writer, with events a few at a time, and restarts of nothing."""
    done = threading.Event()

    def say(topic: str, said: bytes) -> bool:
        word = wire.decode(topic, said)
        if isinstance(word, Stored):
            _say(word.seq)
        return True

    clocks = SystemClocks()
    store, reads = Store(folder / FILE), StoreReads(folder / FILE)
    writer = Writer(store, reads, HubConfig(), Changes(), say, clocks, gather_s=0.0)
    writer.start()
    for first in range(1, count + 1, BATCH):
        done.clear()
        last = min(first + BATCH - 1, count)
        for seq in range(first, last + 1):
            came = Message(NODE.topic("assist" if seq % 2 else "mood"), payload(seq), time.time(), time.monotonic())
            writer.deliver(came, done.set if seq == last else lambda: None)
        done.wait(60)
    writer.stop()
    reads.close()
    store.close()


if __name__ == "__main__":
    {"outbox": outbox, "hub": hub}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
