"""A shop of real processes that can be killed one by one: mosquitto, hub, couriers and their eyes.

Left out: what is done to it, and what it must not lose (`bench.faults.count`).
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.faults.eye import EVERY_S
from contract.errors import LinkError
from tests.brokers import Mosquitto, mosquitto

READY_S: Final = 60.0
FIRST_APPROACH_S: Final = 3.0
SETTINGS: Final = f"""\
shop_name = "The shop of faults"

[nudges]
rest_s = 0.0
per_hour = 240
first_approach_s = {FIRST_APPROACH_S}
"""
NODE: Final = """\
node = "{name}"
store = "shop"
notice_acknowledged = true
hours = [{hours}]

[camera]
source = "scene:busy"

[broker]
url = "{broker}"

[outbox]
folder = "{outbox}"

[privacy]
dpia_reference = "nobody real is in the picture"
epsilon_per_day = 1.0

[[zones]]
id = 0
name = "Zone 0"
polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]

[need]
usual_dwell_s = 5.0
"""
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(slots=True)
class Part:
    """One process of the shop, started again as often as it is killed. ``log`` is what it said, all its lives."""

    name: str
    command: tuple[str, ...]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and does not wait for it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def kill(self) -> None:
        """As the kernel kills: it hears nothing of it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def kept(self) -> None:
        """Starts it again where it ended by itself, as a supervisor does."""
        if self.process is not None and self.process.poll() is not None:
            self.start()

    def said(self) -> str:
        """What it said, all its lives."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


@dataclass(slots=True)
class Node:
    """A courier and its eye."""

    name: str
    outbox: Path
    courier: Part
    eye: Part


@dataclass(slots=True)
class Shop:
    """What runs. ``data`` is the hub's folder."""

    folder: Path
    data: Path
    broker: Mosquitto
    hub: Part
    nodes: list[Node] = field(default_factory=list)

    def kept(self) -> None:
        """One round of every supervisor."""
        for part in (self.hub, *(part for node in self.nodes for part in (node.courier, node.eye))):
            part.kept()

    def runs_for(self, seconds: float) -> None:
        """Lets time pass, and looks after what ends by itself meanwhile."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            self.kept()
            time.sleep(min(left_s, 0.05))

    def hush(self) -> None:
        """No eye says anything more."""
        for node in self.nodes:
            node.eye.kill()
            node.eye.process = None

    def stop(self) -> None:
        """Kills what runs."""
        for part in (*(part for node in self.nodes for part in (node.eye, node.courier)), self.hub):
            part.kill()


def awaited(found: Callable[[], bool], what: str, patience_s: float, meanwhile: Callable[[], None]) -> float:
    """How long it took until so. Raises: LinkError when it does not come."""
    began_s = time.monotonic()
    while not found():
        if time.monotonic() - began_s > patience_s:
            raise LinkError(f"{what} did not come within {patience_s:.0f} s.")
        meanwhile()
        time.sleep(0.05)
    return time.monotonic() - began_s


@contextmanager
def shop(
    folder: Path,
    nodes: int,
    *,
    every_s: float = EVERY_S,
    wrap: tuple[str, ...] = (),
    hub_data: Path | None = None,
    outboxes: Path | None = None,
    through: Callable[[int], int] = lambda port: port,
    settings: str = SETTINGS,
    real_eyes: bool = False,
) -> Iterator[Shop]:
    """A running shop. ``wrap`` goes between python and what runs; ``through`` gives the port by which all others
    reach the broker; ``real_eyes`` see the scene.
    """
    data = hub_data or folder / "hub"
    data.mkdir(parents=True, exist_ok=True)
    (data / "hub.toml").write_text(settings, encoding="utf-8")
    python = (sys.executable, *(wrap or ("-m",)))
    with mosquitto(folder, "allow_anonymous true", "max_inflight_messages 200", "max_queued_messages 10000") as broker:
        url = f"mqtt://127.0.0.1:{through(broker.port)}"
        hub = (*python, "hub", "serve", "--data", str(data), "--http", f"127.0.0.1:{_port()}", "--broker", url)
        running = Shop(folder, data, broker, Part("hub", hub, folder / "hub.log"))
        for number in range(nodes):
            node = _node(folder, f"node-{number}", url, python, every_s, outboxes or folder)
            if real_eyes:
                meeting = str(node.eye.log.with_name("eye.sock"))
                config = str(node.eye.log.with_name("node.toml"))
                node.eye.command = (*python, "edge", "eye", "--config", config, "--socket", meeting)
            running.nodes.append(node)
        try:
            running.hub.start()
            awaited(lambda: "Pages at" in running.hub.said(), "The hub", READY_S, running.kept)
            for node in running.nodes:
                node.courier.start()
                node.eye.start()
            yield running
        finally:
            running.stop()


def _node(folder: Path, name: str, url: str, python: tuple[str, ...], every_s: float, outboxes: Path) -> Node:
    outbox = outboxes / f"{name}-outbox"
    home = node_of(folder, name, url, outbox)
    config, meeting = home / "node.toml", home / "eye.sock"
    courier = (*python, "edge", "courier", "--config", str(config), "--socket", str(meeting))
    eye = (sys.executable, "-m", "bench.faults.eye", str(meeting), str(every_s))
    return Node(name, outbox, Part("courier", courier, home / "courier.log"), Part("eye", eye, home / "eye.log"))


def node_of(folder: Path, name: str, url: str, outbox: Path | None = None) -> Path:
    """A node's folder with its config."""
    home = folder / name
    home.mkdir()
    hours = ", ".join(f'{{ day = "{day}", opens = "00:00", closes = "24:00" }}' for day in _DAYS)
    text = NODE.format(name=name, hours=hours, broker=url, outbox=outbox or home / "outbox")
    (home / "node.toml").write_text(text, encoding="utf-8")
    return home


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
