"""A whole shop, with real parts: mosquitto, hub, courier and eye as processes, photographs of faces in a simulated
scene, and the staff page in a real browser."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.demo import Shop, shop
from edge.scene.cast import script
from edge.scene.heads import PORTRAITS
from edge.scene.script import CERAMICS, TEXTILES, TILL, Role
from edge.scene.truth import truth

SPEED = 5
FPS = 30
PATIENCE_S = 150.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    if not shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"):
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    if not PORTRAITS.exists():
        pytest.skip("the portraits are not there: python -m models.fetch --portraits")
    data = tmp_path_factory.mktemp("shop")
    with shop(0, f"busy@{SPEED}", data, history=False, fps=FPS) as opened:
        yield opened


def rows(shop: Shop, question: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(f"file:{shop.data / 'hub' / 'hub.db'}?mode=ro", uri=True)) as db:
        return db.execute(question).fetchall()


def awaited(found: Callable[[], list[tuple[str, ...]]], what: str) -> list[tuple[str, ...]]:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        if answer := found():
            return answer
        time.sleep(0.2)
    raise AssertionError(f"{what} did not come within {PATIENCE_S:.0f} s")


@pytest.mark.timeout(300)
def test_a_need_reaches_the_tablet_is_answered_and_nobody_with_a_badge_is_counted(
    running: Shop, chromium: Browser
) -> None:
    page: Page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(running.links["staff"])
    card = page.locator("article.nudge").first
    expect(card).to_be_visible(timeout=PATIENCE_S * 1000)
    expect(card).to_contain_text("Textiles")
    expect(card).to_contain_text("may welcome a hand")
    card.locator("button[name=take]").click()
    card.locator("button[name=outcome][value=helped]").click()
    answered = awaited(
        lambda: rows(running, "SELECT zone_name, outcome FROM nudges WHERE outcome IS NOT NULL"), "the answer"
    )
    assert answered == [("Textiles", "helped")]

    released = awaited(
        lambda: rows(running, "SELECT zone, payload FROM events WHERE kind = 'mood' AND instr(payload, 'people')"),
        "a released mood",
    )
    crowd = most_at_once(TEXTILES)
    assert [zone for zone, _ in released] == [TEXTILES]
    assert 5 <= crowd <= 9
    assert json.loads(released[0][1])["people"] == "5-9"

    # In Ceramics and at the till only people with badges stayed, for minutes: nothing was ever said of them.
    for zone in (CERAMICS, TILL):
        assert longest_stay_s(zone, "staff") > 60
        assert longest_stay_s(zone, "visitor") < 12
    assert rows(running, f"SELECT kind FROM events WHERE kind = 'assist' AND zone IN ({CERAMICS}, {TILL})") == []
    assert rows(running, "SELECT code, reason FROM refused") == []


TRUTH = truth(script("busy"), seconds=320, fps=2)


def most_at_once(zone: int) -> int:
    """The most visitors who were truly in a zone at one moment of the scene."""
    at = Counter(seen.frame for seen in TRUTH.seen if seen.zone == zone and seen.role == "visitor")
    return max(at.values(), default=0)


def longest_stay_s(zone: int, role: Role) -> float:
    """The longest that anybody of this role truly stayed in a zone."""
    stays = (stay for stay in TRUTH.stays if stay.zone == zone and stay.role == role)
    return max((stay.t_leave_s - stay.t_enter_s for stay in stays), default=0.0)


def test_what_was_released_has_left_the_outbox_for_the_hubs_disk(running: Shop) -> None:
    outbox: Path = running.node / "outbox" / "outbox.db"

    def waiting() -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as db:
            return [("none",)] if db.execute("SELECT count(*) FROM events").fetchone() == (0,) else []

    assert awaited(waiting, "an empty outbox")


@pytest.mark.timeout(300)
def test_one_tap_on_the_staff_page_stops_every_camera_and_another_lets_them_go_on(
    running: Shop, chromium: Browser
) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(running.links["staff"])
    page.get_by_role("button", name="Pause the cameras").click()
    expect(page.get_by_text("Paused: the cameras sense nothing")).to_be_visible(timeout=PATIENCE_S * 1000)
    (paused,) = awaited(lambda: rows(running, "SELECT state, reason FROM nodes"), "a node")
    assert paused == ("paused", "command")
    page.get_by_role("button", name="Let the cameras sense again").click()
    awaited(lambda: rows(running, "SELECT name FROM nodes WHERE state = 'online'"), "a camera that senses again")
    page.close()
    asked = [
        json.loads(payload) for (payload,) in rows(running, "SELECT payload FROM ledger_entries WHERE kind = 'asked'")
    ]
    assert [(one["said"]["command"], one["said"]["by"]) for one in asked] == [("pause", "staff"), ("resume", "staff")]
