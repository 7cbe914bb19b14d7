"""A hub that is killed, and one that freezes, as the tablet sees it: a real hub's process and a real browser."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.auth import Doors, entry_path
from tests.hub.browser import WAIT_MS, Browser, Page, expect, live
from tests.hub.test_serve import serving

SAID_WITHIN_MS = 5_000
RETRY_MS = 2_500


@pytest.fixture
def tablet(chromium: Browser) -> Iterator[Page]:
    """A page whose clock a test can put forward: what takes seconds is told at once, however busy the machine."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.clock.install()
    yield page
    context.close()


def come_in(page: Page, url: str, data: Path) -> None:
    doors = Doors.open(data / "doors.db")
    page.goto(url + entry_path(doors.mint("staff")))
    doors.close()
    page.wait_for_url("**/staff")
    live(page).evaluate("window.sameLoad = true")


def says_that_the_hub_is_out_of_reach(page: Page) -> None:
    page.clock.run_for(SAID_WITHIN_MS)
    assert page.locator("body").get_attribute("data-link") == "lost"
    expect(page.get_by_role("alert").filter(has_text="The hub is out of reach")).to_be_visible()


def test_a_killed_hub_is_said_within_five_seconds_and_its_return_needs_no_reload(tmp_path: Path, tablet: Page) -> None:
    with serving(tmp_path) as (hub, url, _):
        come_in(tablet, url, tmp_path)
        hub.kill()
        hub.wait()
        says_that_the_hub_is_out_of_reach(tablet)
    with serving(tmp_path, "--http", url.removeprefix("http://")):
        tablet.clock.run_for(RETRY_MS)
        live(tablet)
        expect(tablet.locator("#lost")).to_be_hidden()
    assert tablet.evaluate("window.sameLoad") is True


def test_a_frozen_hub_is_said_within_five_seconds_and_its_thaw_needs_no_reload(tmp_path: Path, tablet: Page) -> None:
    with serving(tmp_path) as (hub, url, _):
        come_in(tablet, url, tmp_path)
        hub.send_signal(signal.SIGSTOP)
        says_that_the_hub_is_out_of_reach(tablet)
        hub.send_signal(signal.SIGCONT)
        tablet.clock.run_for(RETRY_MS)
        live(tablet)
        expect(tablet.locator("#lost")).to_be_hidden()
    assert tablet.evaluate("window.sameLoad") is True


def test_a_page_loaded_from_a_frozen_hub_is_the_offline_shell_and_comes_back(tmp_path: Path, tablet: Page) -> None:
    with serving(tmp_path) as (hub, url, _):
        come_in(tablet, url, tmp_path)
        tablet.evaluate("navigator.serviceWorker.ready.then(() => true)")
        tablet.wait_for_function("navigator.serviceWorker.controller !== null")
        hub.send_signal(signal.SIGSTOP)
        tablet.reload()
        expect(tablet.get_by_role("heading", name="Waiting for the hub")).to_be_visible()
        hub.send_signal(signal.SIGCONT)
        tablet.clock.run_for(RETRY_MS)
        live(tablet)
