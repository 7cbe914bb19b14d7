"""From an assist record leaving the eye to the drawn card: courier, broker, hub and a real browser as processes.

Rules:
- This process speaks as an eye, over the eye's own socket, so that the moment of sending is known; what an eye takes
  for a frame before that is measured by `edge.bench` and stated beside it.
- Needs come no faster than the courier lets an eye speak (`edge.courier.debit`): after the first ten, one in seven
  seconds.
- Both moments are of this machine's wall clock; the page's is that of the animation frame which draws the new card.
- Each need comes to a quiet board: the one before was withdrawn, and a random pause keeps out of step with any beat.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page, sync_playwright

from contract.errors import LinkError
from deploy.demo import Shop, shop
from deploy.screenshots import FLAGS
from edge.courier.debit import Rate
from edge.eye.link import Link
from edge.order import Pause, Resume
from edge.record import AssistRecord, Head, StateRecord
from edge.scene.script import ZONES

MOST: Final = 220  # the hub raises 240 nudges an hour at most
MARGIN_S: Final = 0.1  # the courier counts by a clock of its own
TTL_S: Final = 60
PATIENCE_MS: Final = 10_000
SETTINGS: Final = "[nudges]\nfirst_approach_s = 0.0\nrest_s = 0.0\nrest_browsing_s = 0.0\nper_hour = 240\n"
_WATCH: Final = """() => {
  const known = new Set();
  window.drawn = [];
  new MutationObserver(() => {
    for (const card of document.querySelectorAll("article.nudge[data-state=open]")) {
      if (known.has(card.dataset.id)) continue;
      known.add(card.dataset.id);
      requestAnimationFrame(() => window.drawn.push([Number(card.dataset.zone), Date.now()]));
    }
  }).observe(document.body, { childList: true, subtree: true, attributes: true });
}"""
_DRAWN: Final = "count => window.drawn.length >= count"
_QUIET: Final = "() => !document.querySelector('article.nudge[data-state=open]')"


@dataclass(frozen=True, slots=True)
class Latency:
    """Units: milliseconds."""

    needs: int
    p50_ms: float
    p99_ms: float
    most_ms: float


def measure(needs: int) -> Latency:
    """Raises: LinkError when there is no chromium, or a part of the shop does not come up."""
    program = shutil.which("chromium")
    if program is None:
        raise LinkError("There is no chromium to measure the way to: install it (Debian: apt install chromium).")
    with (
        shop(0, "quiet", None, history=False, eye=False, settings=SETTINGS) as running,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        with speaking(running) as link:
            page.goto(running.links["staff"])
            page.wait_for_function("() => document.body.dataset.link === 'well'")
            page.evaluate(_WATCH)
            rate = Rate()
            took_ms = sorted(_one(link, page, number, rate) for number in range(min(needs, MOST)))
        browser.close()
    return Latency(len(took_ms), quantile(took_ms, 0.5), quantile(took_ms, 0.99), took_ms[-1])


def quantile(ordered: list[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


@contextmanager
def speaking(running: Shop) -> Iterator[Link]:
    """A link to the courier, as an eye's that may sense."""
    link = Link.connect(running.meeting)
    link.send(StateRecord(head(0), None))
    while not any(isinstance(order, Pause | Resume) for order in link.orders(wait_s=1.0)):
        pass
    yield link


def _one(link: Link, page: Page, number: int, rate: Rate) -> float:
    """One need, from silence to the card and back. Units: milliseconds."""
    zone = ZONES[number % len(ZONES)].id
    time.sleep(random.uniform(0.05, 0.3))
    for _ in ("begins", "ends"):
        while not rate.take("assist", zone, time.monotonic()):
            time.sleep(MARGIN_S)
    time.sleep(MARGIN_S)
    sent_ms = time.time() * 1000
    link.send(AssistRecord(head(zone), 2, ("long_dwell",), TTL_S))
    page.wait_for_function(_DRAWN, arg=number + 1, polling=40, timeout=PATIENCE_MS)
    drawn_in, drawn_ms = page.evaluate("() => window.drawn.at(-1)")
    if drawn_in != zone:
        raise LinkError("A card came that nobody asked for: run the bench again.")
    link.send(AssistRecord(head(zone), 0, (), TTL_S))
    page.wait_for_function(_QUIET, polling=40, timeout=PATIENCE_MS)
    return float(drawn_ms - sent_ms)


def head(zone: int) -> Head:
    """A record's head of now."""
    return Head(zone, 0, int(time.monotonic()))
