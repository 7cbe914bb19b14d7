"""The pages as people meet them: a real server, a real Chromium, a hub that goes away and comes back."""

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
from hub.fakes import FakeShop
from hub.templating import STATIC
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
PAGES: tuple[tuple[Role | None, str], ...] = (
    (None, "/"),
    (None, "/notice/hu"),
    (None, "/enter"),
    (None, "/nowhere"),
    ("staff", "/staff"),
    (None, "/staff/offline"),
    ("owner", "/owner"),
    ("owner", "/owner?days=1"),
    ("auditor", "/audit"),
    ("auditor", "/audit/refused"),
)
WAIT_MS = 30_000


@dataclass(slots=True)
class Hub:
    """The app on a port of its own, that can be stopped and started again."""

    shop: FakeShop
    doors: Doors
    port: int
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


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shop, doors = FakeShop(), Doors.open(tmp_path / "doors.db")
    shop.say(node_view("floor-1", "Ceramics", "Textiles", now_s=time.time()))
    hub = Hub(shop, doors, port)
    hub.start()
    yield hub
    hub.stop()
    doors.close()


Visit = Callable[..., "Page"]


@pytest.fixture
def visit(chromium: Browser, hub: Hub) -> Iterator[Visit]:
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


def tour(visit: Visit, **options: object) -> Iterator[tuple[str, Page]]:
    """Every page in turn, from one browser a role."""
    by_role: dict[Role | None, Page] = {}
    for role, path in PAGES:
        if role not in by_role:
            by_role[role] = visit(role, path, **options)
        elif not by_role[role].url.endswith(path):
            by_role[role].goto(re.sub(r"^(https?://[^/]+).*", r"\1", by_role[role].url) + path)
        page = by_role[role]
        if path == "/staff":
            live(page)
        elif path.startswith("/owner"):
            expect(page.locator("canvas").first).to_be_visible()
        yield path, page


def live(page: Page) -> Page:
    """Waits until the page hears the hub."""
    expect(page.locator("body")).to_have_attribute("data-link", "well", timeout=WAIT_MS)
    return page


def test_a_nudge_appears_is_taken_and_answered_without_a_reload(hub: Hub, visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    page.evaluate("window.sameLoad = true")
    expect(page.get_by_role("heading", name="All quiet")).to_be_visible()
    hub.shop.put(nudge(1))
    card = page.locator('article.nudge[data-id="1"]')
    expect(card.get_by_role("heading", name="Someone in Ceramics may welcome a hand")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Someone in Ceramics may welcome a hand.")
    card.get_by_role("button", name="On my way: Ceramics").click()
    expect(card.get_by_role("heading", name="You are on the way to Ceramics")).to_be_visible()
    card.get_by_role("button", name="Helped").click()
    expect(page.get_by_role("heading", name="All quiet")).to_be_visible()
    assert hub.shop.nudges[1].outcome == "helped"
    assert page.evaluate("window.sameLoad") is True


def test_a_colleagues_tablet_says_that_somebody_is_on_the_way(hub: Hub, visit: Visit) -> None:
    hub.shop.put(nudge(1))
    mine, theirs = live(visit("staff", "/staff")), live(visit("staff", "/staff"))
    mine.get_by_role("button", name="On my way").click()
    expect(theirs.get_by_role("heading", name="A colleague is on the way to Ceramics")).to_be_visible()


def test_a_withdrawn_nudge_says_that_the_customer_moved_on(hub: Hub, visit: Visit) -> None:
    hub.shop.put(nudge(1))
    page = live(visit("staff", "/staff"))
    hub.shop.put(replace(hub.shop.nudges[1], state="withdrawn", closed_s=time.time()))
    expect(page.get_by_role("heading", name="Ceramics the customer moved on")).to_be_visible()
    expect(page.get_by_role("button", name="On my way")).to_have_count(0)


def test_a_hub_that_goes_is_said_and_one_that_comes_back_needs_no_reload(hub: Hub, visit: Visit) -> None:
    hub.shop.put(nudge(1))
    page = live(visit("staff", "/staff"))
    page.evaluate("window.sameLoad = true")
    hub.stop()
    expect(page.get_by_role("alert").filter(has_text="The hub is out of reach")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_role("button", name="On my way")).to_be_disabled()
    hub.shop.put(nudge(2, 1, "Textiles"))
    hub.start()
    expect(page.get_by_role("heading", name="Someone in Textiles")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.get_by_role("button", name="On my way: Ceramics")).to_be_enabled()
    assert page.evaluate("window.sameLoad") is True


def test_a_silent_hub_is_said_within_five_seconds() -> None:
    script = (STATIC / "staff.js").read_text()
    silent_ms, tick_ms = (int(re.search(rf"const {name} = (\d+)", script)[1]) for name in ("SILENT_MS", "TICK_MS"))
    assert silent_ms + tick_ms <= 5_000


def test_a_page_opened_while_the_hub_is_gone_says_so_and_comes_back_by_itself(hub: Hub, visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    page.evaluate(
        "navigator.serviceWorker.controller ? true : new Promise((done) =>"
        " navigator.serviceWorker.addEventListener('controllerchange', () => done(true)))"
    )
    hub.stop()
    page.reload()
    expect(page.get_by_role("heading", name="Waiting for the hub")).to_be_visible()
    hub.start()
    live(page)
    expect(page.get_by_role("heading", name="All quiet")).to_be_visible()


def test_an_ended_session_leads_to_the_door(hub: Hub, visit: Visit) -> None:
    hub.shop.put(nudge(1))
    page = live(visit("staff", "/staff"))
    page.context.clear_cookies()
    page.get_by_role("button", name="On my way").click()
    expect(page.get_by_role("heading", name="Please come in by your link")).to_be_visible()


def test_frozen_readers_hold_up_nobody(hub: Hub, visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())
    request = f"GET /staff/events HTTP/1.1\r\nHost: 127.0.0.1:{hub.port}\r\nCookie: {cookie}\r\n\r\n".encode()
    frozen = []
    for _ in range(20):
        reader = socket.create_connection(("127.0.0.1", hub.port))
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        reader.sendall(request)
        assert reader.recv(12) == b"HTTP/1.1 200"
        frozen.append(reader)
    for number in range(1, 40):
        hub.shop.put(nudge(number, number, f"Zone {'with a long name ' * 40}{number}"))
    expect(page.locator('article[data-id="39"]')).to_be_visible()
    for reader in frozen:
        reader.close()


def test_the_keyboard_keeps_its_place_when_the_board_changes(hub: Hub, visit: Visit) -> None:
    hub.shop.put(nudge(1))
    page = live(visit("staff", "/staff"))
    page.locator("#take-1").focus()
    hub.shop.put(replace(nudge(2, 1, "Textiles"), level=3))
    expect(page.get_by_role("heading", name="Someone in Textiles")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "take-1"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You are on the way to Ceramics")).to_be_visible()


def test_chime_is_a_choice_that_is_kept(visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    chime = page.locator("#chime")
    expect(chime).to_have_attribute("aria-pressed", "false")
    chime.click()
    expect(chime).to_have_attribute("aria-pressed", "true")
    expect(chime).to_have_text("Chime on")
    page.reload()
    expect(page.locator("#chime")).to_have_attribute("aria-pressed", "true")


def test_the_page_can_be_installed(hub: Hub, visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((a) => a.json())")
    assert (manifest["start_url"], manifest["display"]) == ("/staff", "standalone")
    for icon in manifest["icons"]:
        drawn = page.evaluate(
            "(src) => new Promise((done) => { const i = new Image(); i.onload = () => done(i.width); i.src = src; })",
            icon["src"],
        )
        assert icon["sizes"] == "any" or drawn == int(icon["sizes"].split("x")[0])


def test_the_owner_sees_bars_where_there_are_numbers_and_words_where_there_are_none(hub: Hub, visit: Visit) -> None:
    furnish(hub.shop)
    page = visit("owner", "/owner")
    expect(page.locator("#mood-charts canvas")).to_have_count(1)
    expect(page.locator("#nudge-charts canvas")).to_have_count(2)
    page.locator("#mood-charts summary").click()
    rows = page.locator("#mood-charts tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("12")
    expect(rows.nth(1)).to_contain_text("too few visits to say")


def test_without_history_the_owner_reads_what_will_appear(visit: Visit) -> None:
    page = visit("owner", "/owner")
    expect(page.get_by_text("The first bar appears after the first full hour")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_no_page_is_wider_than_its_screen_and_every_button_can_be_hit(hub: Hub, visit: Visit, size: str) -> None:
    furnish(hub.shop)
    width, height = SIZES[size]
    for path, page in tour(visit, viewport={"width": width, "height": height}):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        small = page.evaluate(
            "[...document.querySelectorAll('button, select')].filter((e) => e.offsetParent"
            " && e.getBoundingClientRect().height < 44).map((e) => e.textContent)"
        )
        assert small == [], path


# Every visible text against what is painted behind it (WCAG 2.2, 1.4.3: 4.5 to 1, or 3 to 1 where it is large).
_FAINT = """() => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (c) => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = c; pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
  const light = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor);
    if (c[3] > 0.99) return c; } return rgba("white"); };
  const faint = [];
  for (const e of document.querySelectorAll("body *")) {
    const text = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!text || !e.checkVisibility({ opacityProperty: true }) || e.closest(".unseen, svg, :disabled")) continue;
    const style = getComputedStyle(e), px = parseFloat(style.fontSize);
    const [a, b] = [light(rgba(style.color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = px >= 24 || (px >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${e.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(hub: Hub, visit: Visit, scheme: str) -> None:
    furnish(hub.shop)
    for path, page in tour(visit, color_scheme=scheme, reduced_motion="reduce"):
        assert page.evaluate(_FAINT) == [], path


def test_who_asks_for_less_motion_gets_none(hub: Hub, visit: Visit) -> None:
    hub.shop.put(nudge(1))
    page = live(visit("staff", "/staff", reduced_motion="reduce"))
    seconds = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.nudge')).animationDuration)")
    assert seconds < 0.001


def test_every_page_has_one_heading_on_top_a_title_and_names_for_what_can_be_pressed(hub: Hub, visit: Visit) -> None:
    furnish(hub.shop)
    for path, page in tour(visit):
        assert page.title(), path
        language = "hu" if path == "/notice/hu" else "en"
        assert page.locator("html").get_attribute("lang") == language, path
        assert page.locator("main").count() == 1, path
        unnamed = page.evaluate(
            "[...document.querySelectorAll('button, a, select, summary')].filter((e) => e.offsetParent &&"
            " !e.textContent.trim() && !e.ariaLabel).length"
        )
        assert unnamed == 0, path
        assert page.evaluate(
            "new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size"
            " === document.querySelectorAll('[id]').length"
        ), path
