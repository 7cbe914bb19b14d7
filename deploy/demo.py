"""``make demo``: a whole shop on this machine: a simulated scene with real photographs of faces, eye, courier, broker
and hub, each a process of its own, talking as they would in a shop.

Left out: certificates, walls that need root, and anything that would outlive the demo.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from contract.errors import AttuneError, LinkError
from deploy.timelapse import tell
from edge.config import load
from edge.scene.cast import script
from edge.scene.script import ZONES
from edge.supervisor import Child
from hub.auth import Doors, entry_path
from hub.broker import start_broker

READY_S: Final = 30.0
_POLL_S: Final = 0.1
_CONFIG: Final = """\
# The demo's node: it has acknowledged its own notice, names its own DPIA, and is always open.
node = "aisle"
store = "shop"
notice_acknowledged = true
hours = [{hours}]

[camera]
source = "scene:{scene}"
fps = {fps}

[broker]
url = "{broker}"

[outbox]
folder = "outbox"

[need]
usual_dwell_s = 12.0           # short, so that a demo need not wait

[privacy]
dpia_reference = "the demo shop's own: nobody real is in the picture"

{zones}
"""
HUB: Final = """\
shop_name = "The demo shop"
dpia_reference = "the demo shop's own"

[nudges]
rest_s = 20.0  # short, so that a demo need not wait
first_approach_s = 2.0
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A running demo; ``meeting`` is the socket on which the courier waits for an eye."""

    url: str
    data: Path
    node: Path
    links: dict[str, str]
    broker: str
    meeting: Path


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m deploy.demo``."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.demo",
        description="Run a whole simulated shop on this machine: press Ctrl-C to end it. Nothing of it is kept.",
    )
    parser.add_argument("--port", type=int, default=8080, help="port of the pages (default 8080, or a free one)")
    parser.add_argument(
        "--scene", default="day", help="quiet, busy, walk, day or a whole number as a seed (default: day)"
    )
    parser.add_argument("--data", type=Path, help="keep what the shop writes in this folder (default: thrown away)")
    parser.add_argument("--seconds", type=float, help="end by itself after so long")
    parser.add_argument("--no-history", action="store_true", help="start without the simulated day before")
    options = parser.parse_args(arguments)
    asked = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    try:
        with shop(options.port, options.scene, options.data, history=not options.no_history) as running:
            print(_welcome(running), flush=True)
            asked.wait(options.seconds)
            print("\nClosing the shop …", flush=True)
    except AttuneError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def shop(
    port: int,
    scene: str,
    data: Path | None,
    *,
    history: bool,
    fps: float = 12.0,
    eye: bool = True,
    settings: str = HUB,
    days: int = 1,
) -> Iterator[Shop]:
    """Starts everything in order and ends it in reverse. Without ``eye`` another may take its place; ``settings`` is
    the hub's TOML; the history reaches back ``days``.

    Raises: CameraError for a scene that is none, LinkError when the hub does not come up; any other AttuneError as
    it came.
    """
    script(scene.partition("@")[0])  # a scene that is none is said before anything is opened
    with ExitStack() as stack:
        if data is None:
            data = Path(tempfile.mkdtemp(prefix="attune-demo-"))
            stack.callback(shutil.rmtree, data, ignore_errors=True)
        (data / "hub").mkdir(parents=True, exist_ok=True)
        (data / "hub" / "hub.toml").write_text(settings, encoding="utf-8")
        node = data / "node"
        node.mkdir(exist_ok=True)
        print("Opening the demo's shop …", flush=True)
        broker = start_broker()
        stack.callback(broker.stop)
        url = f"http://127.0.0.1:{_free(port)}"
        hub = ("hub", "serve", "--data", str(data / "hub"), "--http", url[7:], "--broker", broker.url)
        hub_process = stack.enter_context(_kept("hub", hub))
        _wait_for(url, hub_process)
        config = node / "node.toml"
        config.write_text(_node_toml(scene, broker.url, fps), encoding="utf-8")
        meeting = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="attune-"))) / "eye.sock"
        shared = ("--config", str(config), "--socket", str(meeting))
        if history:
            played = tell(load(config), time.time(), seed=1, days=days)
            print(f"Played {played} simulated hours into the history.", flush=True)
        stack.enter_context(_kept("courier", ("edge", "courier", *shared)))
        if eye:
            stack.enter_context(_kept("eye", ("edge", "eye", *shared)))
            stack.enter_context(_kept("prover", ("edge", "prover", *shared)))
        doors = Doors.open(data / "hub" / "doors.db")
        links = {
            role: url + entry_path(doors.mint(role, ttl_s=None, uses=None)) for role in ("staff", "owner", "auditor")
        }
        yield Shop(url, data, node, links, broker.url, meeting)


@contextmanager
def _kept(name: str, command: tuple[str, ...]) -> Iterator[Child]:
    """A process kept alive by a thread's patience: restarted when it ends, ended with the demo."""
    from threading import Thread

    child = Child(name, (sys.executable, "-m", *command))
    done = Event()

    def keep() -> None:
        while not done.is_set() and child.step(time.monotonic()) is None:
            done.wait(_POLL_S)

    thread = Thread(target=keep, name=name, daemon=True)
    thread.start()
    try:
        yield child
    finally:
        done.set()
        thread.join()
        child.end()


def _free(port: int) -> int:
    """This port, or a free one where it is taken."""
    for candidate in (port, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", candidate))
            return int(probe.getsockname()[1])
    raise LinkError("No port of this machine is free for the pages: close something and try again.")


def _wait_for(url: str, hub: Child) -> None:
    until_s = time.monotonic() + READY_S
    while time.monotonic() < until_s:
        with suppress(OSError), urllib.request.urlopen(f"{url}/healthz", timeout=2):  # noqa: S310 (our own hub)
            return
        time.sleep(_POLL_S)
    raise LinkError(f"The hub did not come up at {url} within {READY_S:.0f} s: its message stands above.")


def _node_toml(scene: str, broker: str, fps: float) -> str:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    hours = ", ".join(f'{{ day = "{day}", opens = "00:00", closes = "24:00" }}' for day in days)
    zones = "\n".join(
        f'[[zones]]\nid = {zone.id}\nname = "{zone.name}"\npolygon = {[list(corner) for corner in zone.polygon]}\n'
        for zone in ZONES
    )
    return _CONFIG.format(hours=hours, scene=scene, broker=broker, fps=fps, zones=zones)


def _welcome(running: Shop) -> str:
    return f"""
  The shop is open. Its customers are drawings with real photographs of faces; everything else is the real thing.

    staff    {running.links["staff"]}
    owner    {running.links["owner"]}
    auditor  {running.links["auditor"]}
    public   {running.url}/

  Someone will linger in a zone within a minute: keep the staff page open. Hours before now were simulated too.
  What was written: {running.data}
  Ctrl-C closes the shop.
"""


if __name__ == "__main__":
    sys.exit(main())
