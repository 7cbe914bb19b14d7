"""What tests of pages in a real browser share: a hub on a port of its own, a visitor, and a full day."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import uvicorn

from contract.events import Assist
from contract.wire import encode
from hub.app import create_app
from hub.auth import Doors, Role, entry_path
from hub.commissioning import FakeCommissioning
from hub.connect.connections import Connections
from hub.connect.keys import Keys
from hub.connect.settings import ConnectPart
from hub.experiment_desk import FakeExperiment
from hub.fakes import FakeShop
from hub.plan import FakePlan
from hub.rules import FakeRules
from hub.views import EventView, HourView, NudgeView, RefusedView, Settings
from tests.hub.conftest import node_view

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra dev)")
Browser, BrowserContext, Page, expect = (
    sync_api.Browser,
    sync_api.BrowserContext,
    sync_api.Page,
    sync_api.expect,
)

SIZES = {"phone": (390, 844), "tablet": (1280, 800), "desktop": (1680, 1050)}
WAIT_MS = 30_000


@dataclass(slots=True)
class Hub:
    """The app on a port of its own, that can be stopped and started again."""

    shop: FakeShop
    doors: Doors
    port: int
    api_keys: Keys
    rules: FakeRules = field(default_factory=FakeRules)
    experiment: FakeExperiment = field(default_factory=FakeExperiment)
    plan: FakePlan = field(default_factory=FakePlan)
    commissioning: FakeCommissioning = field(default_factory=FakeCommissioning)
    server: uvicorn.Server | None = None
    thread: threading.Thread | None = None
    keys: dict[Role, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        app = create_app(
            reads=self.shop,
            desk=self.shop,
            doors=self.doors,
            changes=self.shop.changes,
            settings=Settings("Miller & Daughters", "privacy@millers.example"),
            connections=Connections(self.api_keys, ConnectPart()),
            rules=self.rules,
            experiment=self.experiment,
            plan=self.plan,
            commissioning=self.commissioning,
        )
        config = uvicorn.Config(
            app, host="127.0.0.1", port=self.port, log_level="critical", timeout_graceful_shutdown=0, lifespan="on"
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        deadline_s = time.monotonic() + 30
        while time.monotonic() < deadline_s and not self.server.started:
            self.thread.join(0.02)
        assert self.server.started

    def stop(self) -> None:
        if self.server is not None and self.thread is not None:
            self.server.should_exit = True
            self.thread.join(30)
            assert not self.thread.is_alive()
            self.server = self.thread = None


@pytest.fixture(name="hub")
def hub_fixture(tmp_path: Path) -> Iterator[Hub]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shop, doors = FakeShop(), Doors.open(tmp_path / "doors.db")
    shop.say(node_view("floor-1", "Ceramics", "Textiles", now_s=time.time()))
    api_keys = Keys.open(tmp_path / "doors.db")
    api_keys.make("Weekly report", ("today", "hours"))
    hub = Hub(shop, doors, port, api_keys)
    hub.start()
    yield hub
    hub.stop()
    api_keys.close()
    doors.close()


Visit = Callable[..., "Page"]


@pytest.fixture(name="visit")
def visit_fixture(chromium: Browser, hub: Hub) -> Iterator[Visit]:
    """Come in by a role's link and open a page; what the browser complains of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def visit(role: Role | None, path: str, **options: object) -> Page:
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if _is_complaint(line.text) else None)
        if role is not None:
            page.goto(hub.url + entry_path(hub.doors.mint(role)))
            page.wait_for_url(re.compile(r"/(staff|owner|audit)$"))
        if not page.url.endswith(path) or role is None:
            page.goto(hub.url + path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def _is_complaint(text: str) -> bool:
    return "Content Security Policy" in text or "Uncaught" in text or "Refused to" in text


def nudge(number: int, zone: int = 0, name: str = "Ceramics") -> NudgeView:
    return NudgeView(number, "floor-1", zone, name, 2, ("long_dwell", "unattended"), "open", time.time() - 3)


def furnish(shop: FakeShop) -> None:
    """A day's worth of everything, so that every page has something to show."""
    now_s = time.time()
    hour = int(now_s) // 3600 * 3600
    shop.put(nudge(1))
    shop.put(replace(nudge(2, 1, "Textiles"), state="taken", taken_s=now_s, taken_by="somebody"))
    shop.put(replace(nudge(3, 1, "Textiles"), state="withdrawn", closed_s=now_s))
    shop.say(replace(node_view("window-1", "Window", now_s=now_s), state="paused", reason="switch"))
    shop.say(replace(node_view("till-1", "Till", now_s=now_s), state="degraded", reason="camera_lost"))
    shop.hours = [
        HourView("floor-1", 0, "Ceramics", hour - 7_200, False, 0.5, 3, 12, 6, 2),
        HourView("floor-1", 0, "Ceramics", hour - 3_600, True, 0.5),
    ]
    event = Assist(
        node="floor-1",
        boot="0011aabb-000001",
        zone=0,
        seq=1,
        t_mono_s=5,
        t_wall=int(now_s),
        model="ab" * 32,
        config=1,
        level=2,
        reasons=("long_dwell",),
        ttl_s=60,
    )
    topic = "attune/1/shop/floor-1/assist"
    shop.event_views = [EventView(1, now_s, "floor-1", "assist", 0, event.boot, 1, topic, encode(event))]
    shop.refused_views = [RefusedView(1, now_s, "attune/1/shop/x/mood", "value", "People is refused.", b'{"a":1}')]


def live(page: Page) -> Page:
    """Waits until the page hears the hub."""
    expect(page.locator("body")).to_have_attribute("data-link", "well", timeout=WAIT_MS)
    return page
