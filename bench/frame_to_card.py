"""``make frame-to-card``: from the moment at which a need is due to the drawn card, stage by stage, on a real chain.

Rules:
- Courier, broker, hub and a real browser are processes of their own. This process is the eye: its whole pipeline looks
  at the simulated shop, live, with people in it; the first frame after a random moment raises the need, and its record
  leaves when the pipeline is through with that frame. So the need's own dwell rule takes no part, and all else does.
- The simulated shop's own records are not sent, so that each card is one that was asked for.
- Needs come no faster than the courier lets an eye speak (`edge.courier.debit`): after the first six, one in seven
  seconds. Each comes to a quiet board.
- All moments are of this machine's wall clock; the page's are those at which the card is in it, and of the animation
  frame that draws it. A message's is that at which another client of the broker has it.

Left out: how long a sensor and its driver take to give a frame, and a shop's Wi-Fi.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Page, sync_playwright

from contract import wire
from contract.errors import AttuneError, LinkError
from contract.events import Assist
from deploy.bench_latency import MARGIN_S, MOST, PATIENCE_MS, SETTINGS, TTL_S, head, quantile, speaking
from deploy.demo import shop
from deploy.screenshots import FLAGS
from edge.clock import WallClock
from edge.config import NodeConfig
from edge.courier.debit import ZONE_GAP_S
from edge.eye.affect import TfliteAffect
from edge.eye.faces import BlazeFace
from edge.eye.gate import Budget, Gate, Spent
from edge.eye.link import Link
from edge.eye.meter import Meter
from edge.eye.pipeline import Senses, look
from edge.eye.schedule import STALE_S
from edge.eye.tags import TagReader
from edge.record import AssistRecord
from edge.scene.camera import SceneCamera
from edge.scene.cast import busy
from edge.scene.script import ZONES
from edge.values import Face, Frame
from hub.ingest import parse_broker

REPORT: Final = Path(__file__).parents[1] / "docs" / "frame-to-card.md"
FPS: Final = 12.0
GOAL_MS: Final = 250.0
AT_ONCE: Final = 6  # needs for which the courier has patience left
PATIENCE_S: Final = 60.0
STAGES: Final = {
    "look": "until the next look: camera and schedule",
    "eye": "eye: faces, badges, moods, windows, gate",
    "courier": "courier and broker",
    "hub": "hub, its stream, and the page's work",
    "draw": "the browser draws",
}
_WATCH: Final = """() => {
  const known = new Set();
  window.drawn = [];
  new MutationObserver(() => {
    for (const card of document.querySelectorAll("article.nudge[data-state=open]")) {
      if (known.has(card.dataset.id)) continue;
      known.add(card.dataset.id);
      const there = Date.now();
      requestAnimationFrame(() => window.drawn.push([Number(card.dataset.zone), there, Date.now()]));
    }
  }).observe(document.body, { childList: true, subtree: true, attributes: true });
}"""
_DRAWN: Final = "count => window.drawn.length >= count"
_QUIET: Final = "() => !document.querySelector('article.nudge[data-state=open]')"
Took = Mapping[str, float]


@dataclass(slots=True)
class Eye:
    """The pipeline over the simulated shop in a thread, and one need at a time that it is asked to raise."""

    link: Link
    frame_s: float = 0.0
    zone: int = 0
    due_s: float = float("inf")
    looked_s: float = 0.0
    sent_s: float = 0.0
    sent: Event = field(default_factory=Event)
    ended: Event = field(default_factory=Event)
    peopled: Event = field(default_factory=Event)
    detector: BlazeFace = field(default_factory=lambda: BlazeFace(NodeConfig(node="bench").models.faces))

    def detect(self, frame: Frame) -> tuple[Face, ...]:
        """The detector, whose frames are those that are looked at."""
        self.frame_s, faces = frame.t_s, self.detector.detect(frame)
        (self.peopled.set if faces else self.peopled.clear)()
        return faces

    def run(self) -> None:
        """Looks until it is to end; a look whose frame is later than a need was due sends it."""
        config = NodeConfig(node="bench")
        senses = Senses(
            SceneCamera(busy(), fps=FPS), self, TagReader(), TfliteAffect(config.models.affect), WallClock()
        )
        gate = Gate(config.privacy, config.need.usual_dwell_s, {}, config.version, Budget(), Spent())
        for _ in look(senses, config, gate, Meter(), flush=True):
            if self.ended.is_set():
                return
            if self.frame_s >= self.due_s:
                self.looked_s, self.sent_s = self.frame_s, time.monotonic()
                self.link.send(AssistRecord(head(self.zone), 2, ("long_dwell",), TTL_S))
                self.due_s = float("inf")
                self.sent.set()

    def raises(self, zone: int, due_s: float) -> None:
        """Waits until the need of that moment is on its way. Raises: LinkError when the eye does not look."""
        self.zone = zone
        self.sent.clear()
        self.due_s = due_s
        if not self.sent.wait(PATIENCE_S):
            raise LinkError(f"The eye did not look in {PATIENCE_S:.0f} s.")


def measure(needs: int) -> list[Took]:
    """Each need's stages in milliseconds, and the whole. Raises: LinkError when a part does not come up."""
    program = shutil.which("chromium")
    if program is None:
        raise LinkError("There is no chromium to measure the way to: install it (Debian: apt install chromium).")
    with (
        shop(0, "quiet", None, history=False, eye=False, settings=SETTINGS) as running,
        sync_playwright() as playwright,
        speaking(running) as link,
        _heard(running.broker) as heard,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(running.links["staff"])
        page.wait_for_function("() => document.body.dataset.link === 'well'")
        page.evaluate(_WATCH)
        eye, took = Eye(link), []
        seeing = Thread(target=eye.run, daemon=True)
        seeing.start()
        for number in range(min(needs, MOST)):
            print(f"\rneed {number + 1} of {needs}", end="", file=sys.stderr, flush=True)
            took.append(_one(eye, page, heard, number))
        eye.ended.set()
        seeing.join()
        browser.close()
    print(file=sys.stderr)
    return took


@contextmanager
def _heard(url: str) -> Iterator[list[float]]:
    """When each need came from the broker, by the wall clock."""
    broker, came, listening = parse_broker(url), [], Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)

    def message(_: mqtt.Client, __: Any, heard: mqtt.MQTTMessage) -> None:
        now_s, said = time.time(), wire.decode(heard.topic, bytes(heard.payload))
        if isinstance(said, Assist) and said.level:
            came.append(now_s)

    def subscribe(*_: Any) -> None:
        client.subscribe(wire.every_node("shop", "assist"), qos=1)

    client.on_message = message
    client.on_connect = subscribe
    client.on_subscribe = lambda *_: listening.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        if not listening.wait(PATIENCE_S):
            raise LinkError(f"The broker at {url} does not answer.")
        yield came
    finally:
        client.disconnect()
        client.loop_stop()


def _one(eye: Eye, page: Page, heard: list[float], number: int) -> Took:
    """One need, from silence to the card and back."""
    zone = ZONES[number % len(ZONES)].id
    if number >= AT_ONCE:
        time.sleep(2 * ZONE_GAP_S / len(ZONES) + MARGIN_S)  # one record for its beginning, one for its end
    if not eye.peopled.wait(PATIENCE_S):
        raise LinkError(f"Nobody came into the simulated shop in {PATIENCE_S:.0f} s.")
    time.sleep(random.uniform(0.0, STALE_S))
    wall_s = time.time() - time.monotonic()
    due_s = time.monotonic()
    eye.raises(zone, due_s)
    page.wait_for_function(_DRAWN, arg=number + 1, polling=40, timeout=PATIENCE_MS)
    drawn_in, there_ms, drawn_ms = page.evaluate("() => window.drawn.at(-1)")
    if drawn_in != zone or len(heard) != number + 1:
        raise LinkError("A card came that nobody asked for: run the bench again.")
    eye.link.send(AssistRecord(head(zone), 0, (), TTL_S))
    page.wait_for_function(_QUIET, polling=40, timeout=PATIENCE_MS)
    at_ms = [(wall_s + one) * 1000 for one in (due_s, eye.looked_s, eye.sent_s)]
    at_ms += [heard[-1] * 1000, there_ms, drawn_ms]
    return dict(zip(STAGES, (after - before for before, after in pairwise(at_ms)), strict=True)) | {
        "whole": at_ms[-1] - at_ms[0]
    }


def report(took: list[Took]) -> str:
    """The page."""
    rows = []
    for name, told in {**STAGES, "whole": "**the whole**"}.items():
        ordered = sorted(one[name] for one in took)
        shares = " | ".join(f"{quantile(ordered, share):.0f}" for share in (0.5, 0.95, 0.99))
        rows.append(f"| {told} | {shares} | {ordered[-1]:.0f} |")
    lines = "\n".join(rows)
    worst, within = quantile(sorted(one["whole"] for one in took), 0.99), sum(one["whole"] <= GOAL_MS for one in took)
    kept = "is kept" if worst <= GOAL_MS else "is **not** kept"
    largest = max(STAGES, key=lambda name: quantile(sorted(one[name] for one in took), 0.5))
    return f"""\
# From the frame to the tablet

Written by `make frame-to-card`: {len(took)} needs, one after the other, through courier, broker, hub and a real browser
(chromium), each a process of its own on one machine. The eye's whole pipeline looks at the simulated shop, live at
{FPS:.0f} frames/s, with people in it. Counted from the moment at which a need is due by its own rule: the next look
raises it. Load of the machine while it ran: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.

| stage, ms | p50 | p95 | p99 | most |
|---|---|---|---|---|
{lines}

The goal, {GOAL_MS:.0f} ms at p99, {kept}; {within} of {len(took)} were within it.
The largest stage is: {STAGES[largest]}. A sensor, its driver and a shop's Wi-Fi come on top.
"""


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m bench.frame_to_card``."""
    parser = argparse.ArgumentParser(prog="python -m bench.frame_to_card", description=__doc__)
    parser.add_argument("--needs", type=int, default=100)
    parser.add_argument("--write", action="store_true", help="write docs/frame-to-card.md, not only print it")
    options = parser.parse_args(arguments)
    try:
        text = report(measure(options.needs))
    except AttuneError as error:
        print(f"bench.frame_to_card: {error}", file=sys.stderr)
        return 1
    print(text)
    if options.write:
        REPORT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
