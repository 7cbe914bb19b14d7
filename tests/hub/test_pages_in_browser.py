"""The pages as people meet them: a real server, a real Chromium, a hub that goes away and comes back."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.auth import Role
from hub.shift import Asked
from hub.views import HourView
from tests.hub.browser import (
    SIZES,
    WAIT_MS,
    Hub,
    Page,
    Visit,
    expect,
    furnish,
    hub_fixture,  # noqa: F401
    live,
    nudge,
    visit_fixture,  # noqa: F401
)

PAGES: tuple[tuple[Role | None, str], ...] = (
    (None, "/"),
    (None, "/notice/hu"),
    (None, "/enter"),
    (None, "/nowhere"),
    ("staff", "/staff"),
    (None, "/staff/offline"),
    ("owner", "/owner"),
    ("owner", "/owner/history"),
    ("owner", "/owner/history?by=hour"),
    ("owner", "/owner/connect"),
    ("auditor", "/audit"),
    ("auditor", "/audit/refused"),
)


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
        elif path in ("/owner", "/owner/history", "/owner/history?by=hour"):
            expect(page.locator("canvas").first).to_be_visible()
        yield path, page


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


def test_a_tablet_says_on_shift_and_busy_and_takes_it_back(hub: Hub, visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    shift = page.get_by_role("region", name="Shift")
    expect(shift).to_contain_text("Not on shift on this tablet")
    for press, then in (
        ("I'm on shift", "On shift"),
        ("I'm busy for a while", "somebody else is asked"),
        ("I'm free again", "On shift"),
        ("My shift is over", "Not on shift"),
        ("I'm on shift", "On shift"),
    ):
        shift.get_by_role("button", name=press).click()
        expect(page.locator("#shift-words")).to_contain_text(then)
    assert len(hub.shop.people().busy_until_s) == 1


def test_a_card_is_for_one_tablet_and_the_others_hear_nothing_of_it(hub: Hub, visit: Visit) -> None:
    mine, theirs, wall = (live(visit("staff", "/staff")) for _ in range(3))
    for page in (mine, theirs):
        page.get_by_role("button", name="I'm on shift").click()
        expect(page.locator("#shift")).to_have_attribute("data-now", "on")
    seat = mine.locator("body").get_attribute("data-who")
    assert seat
    hub.shop.people_now = replace(hub.shop.people(), asked={1: Asked((seat,), True, (seat,))})
    hub.shop.put(nudge(1))
    expect(mine.locator("article .for")).to_have_text("This one is for you")
    expect(mine.get_by_role("status")).to_have_text("Someone in Ceramics may welcome a hand.")
    for page in (theirs, wall):
        expect(page.locator("article .for")).to_have_text("A colleague is asked")
        expect(page.get_by_role("button", name="Not me")).to_be_hidden()
        expect(page.get_by_role("status")).to_have_text("")
    mine.get_by_role("button", name="Not me, I'm busy: Ceramics").click()
    expect(mine.locator("#shift-words")).to_contain_text("Busy")
    hub.shop.people_now = replace(hub.shop.people(), asked={1: Asked((), False, (seat,))})
    hub.shop.put(replace(nudge(1), handovers=1))
    expect(wall.locator("article .for")).to_have_text("For whoever is free")
    expect(wall.get_by_role("status")).to_have_text("Someone in Ceramics may welcome a hand.")
    expect(theirs.get_by_role("status")).to_have_text("")


def test_a_withdrawn_nudge_says_that_the_customer_moved_on(hub: Hub, visit: Visit) -> None:
    hub.shop.put(nudge(1))
    page = live(visit("staff", "/staff"))
    hub.shop.put(replace(hub.shop.nudges[1], state="withdrawn", closed_s=time.time()))
    expect(page.get_by_role("heading", name="Ceramics the customer moved on")).to_be_visible()
    expect(page.get_by_role("button", name="On my way")).to_have_count(0)


def test_a_hub_that_goes_is_said_and_one_that_comes_back_needs_no_reload(hub: Hub, visit: Visit) -> None:
    hub.shop.put(nudge(1))
    page = live(visit("staff", "/staff"))
    page.clock.install()
    page.reload()
    live(page).evaluate("window.sameLoad = true")
    hub.stop()
    page.clock.run_for(5_000)
    expect(page.get_by_role("alert").filter(has_text="The hub is out of reach")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_role("button", name="On my way")).to_be_disabled()
    hub.shop.put(nudge(2, 1, "Textiles"))
    hub.start()
    page.clock.run_for(2_500)
    expect(page.get_by_role("heading", name="Someone in Textiles")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.get_by_role("button", name="On my way: Ceramics")).to_be_enabled()
    assert page.evaluate("window.sameLoad") is True


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


# What the page plays and shakes, noted beside what the browser really does.
_NOTED = """window.played = []; window.shaken = [];
const start = OscillatorNode.prototype.start, shake = Navigator.prototype.vibrate;
OscillatorNode.prototype.start = function (at) { played.push(this.frequency.value); return start.call(this, at); };
Navigator.prototype.vibrate = function (how) { shaken.push(how); return shake.call(this, how); };"""


def test_chime_and_vibration_are_choices_that_are_kept_and_tell_a_new_nudge_once(hub: Hub, visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    page.add_init_script(_NOTED)
    page.reload()
    chime, buzz = live(page).locator("#chime"), page.locator("#buzz")
    hub.shop.put(nudge(1))
    expect(page.locator('article[data-id="1"]')).to_be_visible()
    assert page.evaluate("[played, shaken]") == [[], []]  # off until somebody wants them
    chime.click()
    buzz.click()
    expect(chime).to_have_attribute("aria-pressed", "true")
    expect(chime).to_have_text("Chime on")
    page.evaluate("played.length = shaken.length = 0")
    hub.shop.put(nudge(2, 1, "Textiles"))
    expect(page.locator('article[data-id="2"]')).to_be_visible()
    page.wait_for_function("played.length === 2 && shaken.length === 1")
    hub.shop.put(replace(hub.shop.nudges[2], state="taken", taken_s=time.time()))
    expect(page.locator('article[data-id="2"][data-state="taken"]')).to_be_visible()
    assert page.evaluate("[played.length, shaken.length]") == [2, 1]
    page.reload()
    expect(live(page).locator("#chime")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#buzz")).to_have_attribute("aria-pressed", "true")


def test_a_page_that_may_not_sound_yet_asks_for_a_touch(visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    expect(page.locator("#touch")).to_be_hidden()
    page.locator("#chime").click()
    page.reload()
    expect(page.get_by_text("Touch the screen once")).to_be_visible()
    page.mouse.click(5, 400)
    expect(page.locator("#touch")).to_be_hidden()


def test_a_lit_screen_is_a_choice_that_is_kept_and_asked_for_again(visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    page.add_init_script(
        "window.locks = 0; const ask = WakeLock.prototype.request;"
        "WakeLock.prototype.request = function (kind) { return ask.call(this, kind).then((l) => (locks += 1, l)); };"
    )
    page.reload()
    live(page).locator("#awake").click()
    page.wait_for_function("locks === 1")
    page.reload()
    page.wait_for_function("window.locks === 1")
    expect(page.locator("#awake")).to_have_attribute("aria-pressed", "true")


def test_a_screen_that_may_not_stay_lit_is_said_and_the_choice_kept(visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    page.evaluate("() => { WakeLock.prototype.request = async () => { throw new DOMException(); }; }")
    page.locator("#awake").click()
    expect(page.get_by_text("This device does not let its screen stay lit just now.")).to_be_visible()
    expect(page.locator("#awake")).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("localStorage.getItem('awake')") == "on"


def test_a_switch_that_this_browser_cannot_turn_is_not_shown(visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    page.add_init_script("delete Navigator.prototype.vibrate; delete Navigator.prototype.wakeLock;")
    page.reload()
    expect(live(page).locator("#chime")).to_be_visible()
    expect(page.locator("#buzz")).to_be_hidden()
    expect(page.locator("#awake")).to_be_hidden()


def test_a_tablet_keeps_its_language_and_says_times_and_news_in_it(hub: Hub, visit: Visit) -> None:
    hub.shop.put(replace(nudge(1), opened_s=time.time() - 200))
    page = live(visit("staff", "/staff", locale="pl-PL"))
    expect(page.get_by_role("button", name="Idę tam: Ceramics")).to_be_visible()
    page.locator(".tongues summary").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Deutsch")).to_be_hidden()
    page.keyboard.press("Enter")  # the focus went back to where it came from
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_text("wartet seit 3 Min.")).to_be_visible()
    live(page)
    hub.shop.put(nudge(2, 1, "Textiles"))
    expect(page.get_by_role("status")).to_have_text("In Textiles könnte jemand Hilfe gebrauchen.")
    page.get_by_role("button", name="Ich gehe hin: Textiles").click()
    expect(page.get_by_role("heading", name="Sie sind unterwegs zu Textiles")).to_be_visible()
    kept = "caches.match('/staff/offline').then((a) => a?.text()).then((t) => t?.includes('Warten auf die Zentrale'))"
    page.wait_for_function(kept)  # the page for when the hub is gone speaks German too


def test_the_page_can_be_installed(hub: Hub, visit: Visit) -> None:
    page = live(visit("staff", "/staff"))
    browser = page.context.new_cdp_session(page)
    said = browser.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in said] == ["in-incognito"]  # as every page of a test's browser is
    told = browser.send("Page.getAppManifest")
    assert told["errors"] == []
    manifest = json.loads(told["data"])
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == ("/staff", "/", "standalone")
    sizes = {(icon["sizes"], icon.get("purpose", "any")) for icon in manifest["icons"]}
    assert {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")} <= sizes
    for icon in manifest["icons"]:
        width, outside = page.evaluate(_DRAWN, icon["src"])
        assert icon["sizes"] == "any" or width == int(icon["sizes"].split("x")[0])
        assert icon.get("purpose") != "maskable" or outside == 1


# An icon's width, and how many colours it has outside the circle that every mask leaves (four tenths of its width).
_DRAWN = """(src) => new Promise((done) => { const icon = new Image(); icon.src = src; icon.onload = () => {
  const wide = icon.width, pen = new OffscreenCanvas(wide, wide).getContext("2d"), colours = new Set();
  pen.drawImage(icon, 0, 0);
  const dots = new Uint32Array(pen.getImageData(0, 0, wide, wide).data.buffer);
  dots.forEach((dot, at) => {
    if (Math.hypot(at % wide - wide / 2, Math.floor(at / wide) - wide / 2) > 0.4 * wide) colours.add(dot); });
  done([wide, colours.size]);
}; })"""


def test_the_owner_sees_bars_where_there_are_numbers_and_words_where_there_are_none(hub: Hub, visit: Visit) -> None:
    furnish(hub.shop)
    day_s = time.time() // 86_400 * 86_400
    hub.shop.hours = [
        HourView("floor-1", 0, "Ceramics", int(day_s) - 50_400, False, 0.5, 3, 12, 6, 2),
        HourView("floor-1", 0, "Ceramics", int(day_s) - 2 * 86_400, True, 0.5),
    ]
    page = visit("owner", "/owner/history")
    mood = page.locator("figure[data-chart=mood]")
    expect(mood.locator("canvas")).to_have_count(1)
    mood.locator("summary").click()
    rows = mood.locator("tbody tr")
    expect(rows).to_have_count(28)
    expect(rows.nth(26)).to_contain_text("12")
    expect(rows.nth(25)).to_contain_text("not enough people")
    mood.locator(".plot").focus()
    page.keyboard.press("ArrowLeft")
    expect(mood.locator(".read")).to_contain_text("nothing sensed")
    page.keyboard.press("ArrowLeft")
    expect(mood.locator(".read")).to_contain_text("3 less pleased · 12 neutral · 6 pleased · 2 not read (± ")


def test_each_chart_is_downloaded_as_a_table_and_as_a_picture(hub: Hub, visit: Visit) -> None:
    furnish(hub.shop)
    page = visit("owner", "/owner/history")
    nudges = page.locator("figure[data-chart=nudges]")
    with page.expect_download() as table:
        nudges.get_by_role("link", name="CSV").click()
    assert "helped" in Path(table.value.path()).read_text("utf-8-sig")
    with page.expect_download() as picture:
        nudges.get_by_role("button", name="PNG").click()
    assert picture.value.suggested_filename == "attune-nudges.png"
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")


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
