"""The doors as people meet them, in a real Chromium: pairing by a code, the tablet's lock, and a passkey."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from hub import doors_secrets
from hub.doors_secrets import Secrets
from hub.languages import phrases
from tests.hub.browser import (
    Hub,
    Page,
    Visit,
    expect,
    hub_fixture,  # noqa: F401
    live,
    nudge,
    visit_fixture,  # noqa: F401
)
from tests.hub.test_accessibility import faults

PIN = "402917"


@pytest.fixture(autouse=True)
def quick_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors_secrets, "_HASHER", PasswordHasher(1, 8, 1))


def scanned(owner: Page, picture: Path) -> str:
    """What a camera reads from the code on the owner's page."""
    cv2 = pytest.importorskip("cv2")
    owner.locator(".code-of svg").screenshot(path=picture)
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(cv2.imread(str(picture)))
    return str(text)


def test_a_tablet_is_paired_by_the_code_on_the_owners_page_and_revoked_by_its_name(
    hub: Hub, visit: Visit, tmp_path: Path
) -> None:
    owner = visit("owner", "/owner/doors")
    owner.get_by_label("What to call it").first.fill("Till tablet")
    owner.get_by_role("button", name="Show a code").click()
    expect(owner.get_by_role("heading", name="Pair “Till tablet”")).to_be_visible()
    link = scanned(owner, tmp_path / "code.png")
    assert link == owner.locator("#link").inner_text()
    tablet = visit(None, link.replace("https://attune.local", ""), viewport={"width": 1280, "height": 800})
    live(tablet)
    hub.shop.put(nudge(1))
    expect(tablet.get_by_role("button", name="On my way: Ceramics")).to_be_visible()
    owner.goto(f"{hub.url}/owner/doors")
    owner.get_by_role("button", name="Revoke: Till tablet").click()
    expect(owner.get_by_text("Till tablet", exact=True)).to_have_count(0)
    tablet.get_by_role("button", name="On my way: Ceramics").click()
    expect(tablet.get_by_role("heading", name="Please come in by your link")).to_be_visible()


def test_a_tablet_locks_shows_nothing_and_opens_with_the_pin(hub: Hub, visit: Visit) -> None:
    owner = visit("owner", "/owner/doors")
    owner.get_by_label("PIN, 6 digits or more").fill(PIN)
    owner.get_by_role("button", name="Set the PIN").click()
    expect(owner.get_by_role("status")).to_contain_text("open with the PIN")
    tablet = live(visit("staff", "/staff"))
    hub.shop.put(nudge(1))
    expect(tablet.get_by_role("button", name="On my way: Ceramics")).to_be_visible()
    hub.doors.db.run("UPDATE sessions SET awake_s = ? WHERE role = 'staff'", time.time() - 5 * 3_600)
    tablet.get_by_role("button", name="On my way: Ceramics").click()
    expect(tablet.get_by_role("heading", name="Locked")).to_be_visible()
    assert "Ceramics" not in tablet.content()
    assert faults(tablet) == []
    tablet.get_by_label("PIN").fill("000000")
    tablet.get_by_role("button", name="Unlock").click()
    expect(tablet.get_by_role("alert")).to_have_text("That is not the PIN.")
    tablet.get_by_label("PIN").fill(PIN)
    tablet.get_by_role("button", name="Unlock").click()
    expect(live(tablet).get_by_role("button", name="On my way: Ceramics")).to_be_visible()
    assert hub.shop.nudges[1].state == "open"
    tablet.get_by_role("button", name="Lock", exact=True).click()
    expect(tablet.get_by_role("heading", name="Locked")).to_be_visible()


def test_a_touch_tells_the_hub_that_the_tablet_is_in_use(hub: Hub, visit: Visit) -> None:
    tablet = live(visit("staff", "/staff"))
    long_ago_s = time.time() - 3_600
    hub.doors.db.run("UPDATE sessions SET awake_s = ?", long_ago_s)
    with tablet.expect_response(re.compile("/staff/awake$")):
        tablet.locator("footer").click()
    assert hub.doors.db.run("SELECT awake_s FROM sessions")[0][0] > long_ago_s


def with_authenticator(page: Page) -> None:
    """A virtual device that makes passkeys, and whose owner's finger is always there."""
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def local(hub: Hub, path: str) -> str:
    return f"http://localhost:{hub.port}{path}"


def test_the_owner_adds_a_passkey_and_comes_in_with_it_until_it_is_removed(hub: Hub, visit: Visit) -> None:
    page = visit(None, "/")
    with_authenticator(page)
    page.goto(local(hub, f"/enter?key={hub.doors.mint('owner')}&setup=1"))
    expect(page.get_by_text("There is none by default")).to_be_visible()
    page.locator("#passkey").get_by_label("What to call it").fill("My telephone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("button", name="Remove the passkey My telephone")).to_be_visible()
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    page.wait_for_url(local(hub, "/"))
    page.goto(local(hub, "/owner"))
    page.get_by_role("link", name="Go back").click()
    page.get_by_role("button", name="Owner's passkey").click()
    page.wait_for_url(local(hub, "/owner"))
    assert [one.way for one in hub.doors.all()] == ["passkey"]
    page.goto(local(hub, "/owner/doors"))
    page.get_by_role("button", name="Remove the passkey My telephone").click()
    expect(page.get_by_role("status")).to_contain_text("The passkey is removed.")
    assert hub.doors.db.run("SELECT count(*) FROM passkeys") == [(0,)]


def test_a_passkey_that_was_removed_opens_nothing_and_says_so(hub: Hub, visit: Visit) -> None:
    page = visit(None, "/")
    with_authenticator(page)
    page.goto(local(hub, f"/enter?key={hub.doors.mint('owner')}&setup=1"))
    for name in ("Kept", "Lost"):
        page.locator("#passkey").get_by_label("What to call it").fill(name)
        page.get_by_role("button", name="Add a passkey").click()
        if name == "Kept":
            expect(page.get_by_role("button", name="Remove the passkey Kept")).to_be_visible()
    expect(page.locator("#passkey-says")).to_have_text("This device has a passkey for here already.")
    Secrets(hub.doors.db, time.time).set_passphrase("lantern gravel opera nineteen", "Shop")
    page.goto(local(hub, "/enter"))
    assert faults(page) == []
    hub.doors.db.run("UPDATE passkeys SET id = x'00'")
    page.get_by_role("button", name="Owner's passkey").click()
    expect(page.locator("#passkey-says")).to_contain_text("opens nothing here")
    assert page.url == local(hub, "/enter")


def test_the_door_says_in_the_browsers_language_that_a_passkey_did_not_open(hub: Hub, visit: Visit) -> None:
    texts = phrases("de")["enter"]
    hub.doors.db.run("INSERT INTO passkeys VALUES (x'00', x'00', 0, 'Lost', 'localhost', 0)")
    page = visit(None, "/", locale="de-DE")
    page.goto(local(hub, "/enter"))
    for refuses, said in (
        ("new DOMException('', 'NotAllowedError')", texts["passkey_none"]),
        ("new TypeError('Failed to fetch')", texts["passkey_refused"]),
    ):
        page.evaluate(f"() => {{ navigator.credentials.get = () => Promise.reject({refuses}); }}")
        page.get_by_role("button", name=texts["passkey"]).click()
        expect(page.locator("#passkey-says")).to_have_text(said)


def test_where_no_passkey_can_be_made_the_page_says_where_one_can(visit: Visit) -> None:
    owner = visit("owner", "/owner/doors")
    expect(owner.get_by_text("Browsers make passkeys for a name, not for 127.0.0.1")).to_be_visible()
    expect(owner.get_by_role("button", name="Add a passkey")).to_have_count(0)
