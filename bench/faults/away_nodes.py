"""Couriers whose broker was gone for a day, each with an outbox full of it, in one process: a thread each.

Prints ``ready MB`` when all have their outboxes, then looks for the broker until it is told to end.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from contract import wire
from contract.events import Assist, HourReleased, MoodReleased
from edge.config import load
from edge.courier import health, publish
from edge.courier.courier import Courier
from edge.courier.intake import Intake
from edge.courier.outbox import Outbox
from tests.hub.node import Node

MODEL: Final = "ab" * 32
SHOP_HOURS: Final = 12  # of the 24 the shop is open


def resident_mb() -> float:
    """Of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def fill(box: Outbox, name: str, hours: int) -> None:
    """What a node of three zones says in so many hours, half of them open: moods, hours, needs and their ends."""
    node = Node(name, box.boot)
    for age_s in range(hours * 3600 - 300, 120, -300):
        if age_s // 3600 % 24 >= SHOP_HOURS:
            continue
        for zone in range(3):
            _append(box, age_s, partial(node.mood, zone=zone))
            if age_s % 600 == 0:
                _append(box, age_s, partial(node.assist, level=2, zone=zone))
            if age_s % 600 == 0 and age_s > 900:  # the last ones still stand
                _append(box, age_s, partial(node.assist, level=0, zone=zone))
            if age_s % 3600 == 0:
                start_s = int(time.time() - age_s) // 3600 * 3600
                _append(box, age_s, partial(node.hour, zone=zone, hour_start_s=start_s))


def _append(box: Outbox, age_s: int, made: Callable[[int], MoodReleased | Assist | HourReleased]) -> None:
    moment = {"t_mono_s": max(0, int(time.monotonic()) - age_s), "t_wall": int(time.time()) - age_s}
    kind = made(1).kind
    box.append(kind, lambda seq: wire.encode(made(seq).model_copy(update=moment)))


def live(folder: Path, hours: int, ready: threading.Barrier, ends: threading.Event) -> None:
    """One courier, with the real outbox, window and way to the hub; no eye."""
    config = load(folder / "node.toml")
    box = Outbox(config.outbox.folder, config.outbox.events_max, config.store, config.node)
    fill(box, config.node, hours)
    ready.wait()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(folder / "eye.sock"))
    listener.listen()
    hub = publish.MqttHub(config.broker, config.store, config.node, wire.encode(
        health.offline(config.node, box.boot, "link_lost")))  # fmt: skip
    hub.start()
    Courier(config, MODEL, box, Intake(listener), hub).run(ends.is_set, hub.woken)
    box.close()


def main(hours: str, *folders: str) -> int:
    """Until standard input ends."""
    publish.PAUSE_MIN_S = publish.PAUSE_MAX_S  # type: ignore[misc]  # as they look for a broker after a day
    ready, ends = threading.Barrier(len(folders) + 1), threading.Event()
    lives = [threading.Thread(target=live, args=(Path(one), int(hours), ready, ends)) for one in folders]
    for one in lives:
        one.start()
    ready.wait()
    print(f"ready {resident_mb():.1f}", flush=True)
    sys.stdin.read()
    print(f"ended {resident_mb():.1f}", flush=True)
    ends.set()
    for one in lives:
        one.join()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
