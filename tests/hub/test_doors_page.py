"""Pairing, the tablet's lock, the owner's passphrase, and ending what was begun: over the app."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from hub import doors_secrets
from hub.app import allowed
from hub.auth import FRESH_S, LINK_TTL_S, LOCK_AFTER_S, Doors, Role
from hub.doors_backoff import FIRST_S, FREE
from hub.doors_in import setup_path
from hub.limits import TRIES_A_MINUTE
from tests.hub.conftest import Clock

ClientOf = Callable[[Role | None], TestClient]
PIN, PHRASE = "402917", "lantern gravel opera nineteen"


@pytest.fixture(autouse=True)
def quick_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors_secrets, "_HASHER", PasswordHasher(1, 8, 1))


def paired(owner: TestClient, client_of: ClientOf, name: str = "Till tablet") -> TestClient:
    """A tablet that came in by the code that the owner's page shows."""
    shown = owner.post("/owner/doors/invite", data={"role": "staff", "device": name}).text
    tablet = client_of(None)
    assert tablet.post("/enter", data={"key": link_in(shown)}).status_code == 303
    return tablet


def link_in(page: str) -> str:
    link = re.search(r'id="link">[^<]*/enter\?key=([\w-]{43})<', page)
    assert link
    return link[1]


def set_pin(owner: TestClient, pin: str = PIN, after_s: int = int(LOCK_AFTER_S)) -> int:
    return owner.post("/owner/doors/pin", data={"pin": pin, "lock_after_s": after_s}).status_code


def test_a_tablet_is_paired_by_a_code_that_works_once_and_is_listed_by_its_name(client_of: ClientOf) -> None:
    owner = client_of("owner")
    shown = owner.post("/owner/doors/invite", data={"role": "staff", "device": " Till <tablet> "}).text
    assert '<svg class="code"' in shown or 'class="code"' in shown
    first, second = client_of(None), client_of(None)
    assert first.post("/enter", data={"key": link_in(shown)}).headers["location"] == "/staff"
    assert second.post("/enter", data={"key": link_in(shown)}).status_code == 403
    assert first.get("/staff").status_code == 200
    page = owner.get("/owner/doors").text
    assert "Till &lt;tablet&gt;" in page
    assert link_in(shown) not in page


def test_a_pairing_code_is_good_for_fifteen_minutes(client_of: ClientOf, page_clock: Clock) -> None:
    shown = client_of("owner").post("/owner/doors/invite", data={"role": "staff", "device": "Till"}).text
    page_clock.now_s += LINK_TTL_S
    assert client_of(None).post("/enter", data={"key": link_in(shown)}).status_code == 403


def test_at_the_hubs_own_machine_the_code_leads_to_the_shops_name(client_of: ClientOf) -> None:
    shown = client_of("owner").post("/owner/doors/invite", data={"role": "staff", "device": "Till"}).text
    assert 'id="link">https://attune.local/enter?key=' in shown
    assert 'id="link-here">http://127.0.0.1:8700/enter?key=' in shown


@pytest.mark.parametrize("device", ["", "   ", "x" * 41])
def test_a_tablet_needs_a_name_of_at_most_forty_characters(client_of: ClientOf, device: str) -> None:
    answer = client_of("owner").post("/owner/doors/invite", data={"role": "staff", "device": device})
    assert answer.status_code == 400
    assert "name" in answer.text


def test_no_link_to_the_owners_pages_is_made_on_a_page(client_of: ClientOf) -> None:
    assert client_of("owner").post("/owner/doors/invite", data={"role": "owner"}).status_code == 400


def test_an_auditor_comes_in_by_the_owners_link_and_may_write_no_page_of_the_shop(client_of: ClientOf) -> None:
    shown = client_of("owner").post("/owner/doors/invite", data={"role": "auditor"}).text
    auditor = client_of(None)
    assert auditor.post("/enter", data={"key": link_in(shown)}).headers["location"] == "/audit"
    assert auditor.get("/audit").status_code == 200
    assert auditor.get("/owner").status_code == 403
    assert auditor.post("/staff/pause", data={"node": "floor-1"}).status_code == 403


def test_a_revoked_tablet_is_out_at_once(client_of: ClientOf, doors: Doors) -> None:
    owner = client_of("owner")
    tablet = paired(owner, client_of)
    who = next(one.who for one in doors.all() if one.device == "Till tablet")
    assert owner.post("/owner/doors/end", data={"who": who}).status_code == 303
    assert tablet.get("/staff").status_code == 401
    assert owner.post("/owner/doors/end", data={"who": who}).status_code == 404


@pytest.mark.parametrize("tablets", [False, True])
def test_signing_out_everywhere_ends_sessions_and_unused_links(
    client_of: ClientOf, doors: Doors, tablets: bool
) -> None:
    owner, other, auditor, link = client_of("owner"), client_of("owner"), client_of("auditor"), doors.mint("owner")
    tablet = paired(owner, client_of)
    owner.post("/owner/doors/end-all", data={"tablets": "true"} if tablets else {"a": "1"})
    assert owner.get("/owner").status_code == other.get("/owner").status_code == 401
    assert auditor.get("/audit").status_code == 401
    assert client_of(None).post("/enter", data={"key": link}).status_code == 403
    assert tablet.get("/staff").status_code == (401 if tablets else 200)


def test_without_a_pin_a_tablet_never_locks(client_of: ClientOf, page_clock: Clock) -> None:
    tablet = paired(client_of("owner"), client_of)
    page_clock.now_s += 20 * 86_400
    assert tablet.get("/staff").status_code == 200
    assert "/staff/lock" not in tablet.get("/staff").text


def test_a_tablet_that_nobody_touches_locks_and_the_pin_opens_it(client_of: ClientOf, page_clock: Clock) -> None:
    owner = client_of("owner")
    tablet = paired(owner, client_of)
    assert set_pin(owner) == 200
    page_clock.now_s += LOCK_AFTER_S + 1
    assert tablet.get("/staff").headers["location"] == "/staff/locked"
    assert tablet.get("/staff", headers={"accept": "*/*"}).status_code == 423
    assert tablet.get("/staff/events").headers["location"] == "/staff/locked"
    assert tablet.post("/staff/nudges/1/take", data={"a": "1"}, headers={"accept": "*/*"}).status_code == 423
    before = tablet.cookies["attune-staff"]
    assert tablet.post("/staff/unlock", data={"pin": "402 917"}).headers["location"] == "/staff"
    assert tablet.get("/staff").status_code == 200
    assert tablet.cookies["attune-staff"] != before


def test_a_locked_tablet_passes_no_door_but_those_of_everybody_and_of_its_lock(
    client_of: ClientOf, pages_app: FastAPI
) -> None:
    owner = client_of("owner")
    tablet = paired(owner, client_of)
    set_pin(owner)
    tablet.post("/staff/lock", data={"a": "1"})
    passed = set()
    for route in pages_app.routes:
        if isinstance(route, APIRoute) and (door := allowed(route)) and door.roles:
            for method in route.methods:
                path = route.path.replace("{nudge_id}", "7")
                form = {"pin": "000000"} if method == "POST" else None
                code = tablet.request(method, path, data=form, headers={"accept": "*/*"}).status_code
                assert code in (403, 423) if "staff" not in door.roles else True, path
                if code not in (403, 423) or path == "/staff/unlock":
                    passed.add(f"{method} {path}")
    assert passed == {"GET /staff/locked", "POST /staff/unlock", "POST /staff/lock"}


def test_the_token_of_a_tablet_before_it_was_unlocked_opens_nothing(
    client_of: ClientOf, doors: Doors, page_clock: Clock
) -> None:
    owner = client_of("owner")
    tablet = paired(owner, client_of)
    set_pin(owner)
    before = tablet.cookies["attune-staff"]
    page_clock.now_s += LOCK_AFTER_S + 1
    tablet.post("/staff/unlock", data={"pin": PIN})
    assert doors.who(before) is None


def test_a_tablet_in_use_stays_unlocked_and_one_that_only_shows_does_not(
    client_of: ClientOf, page_clock: Clock
) -> None:
    owner = client_of("owner")
    used, shown = paired(owner, client_of, "Used"), paired(owner, client_of, "Shown")
    set_pin(owner)
    for _ in range(3):
        page_clock.now_s += LOCK_AFTER_S * 0.6
        assert used.post("/staff/awake", data={"a": "1"}).status_code == 204
        shown.get("/staff")
    assert used.get("/staff").status_code == 200
    assert shown.get("/staff").status_code == 303


def test_a_tablet_is_locked_by_hand(client_of: ClientOf) -> None:
    owner = client_of("owner")
    tablet = paired(owner, client_of)
    set_pin(owner)
    assert "/staff/lock" in tablet.get("/staff").text
    assert tablet.post("/staff/lock", data={"a": "1"}).headers["location"] == "/staff/locked"
    assert tablet.get("/staff").status_code == 303
    assert tablet.post("/staff/awake", data={"a": "1"}, headers={"accept": "*/*"}).status_code == 423
    assert "locked" in owner.get("/owner/doors").text


def test_a_clock_set_back_does_not_keep_a_tablet_awake(client_of: ClientOf, page_clock: Clock) -> None:
    owner = client_of("owner")
    tablet = paired(owner, client_of)
    set_pin(owner)
    page_clock.now_s -= 86_400
    assert tablet.get("/staff").status_code == 303


def test_a_locked_tablet_is_no_obstacle_to_the_owner_in_the_same_browser(
    client_of: ClientOf, doors: Doors, page_clock: Clock
) -> None:
    owner = client_of("owner")
    set_pin(owner)
    owner.post("/enter", data={"key": doors.mint("staff")})
    owner.post("/staff/lock", data={"a": "1"})
    assert owner.get("/staff").status_code == 200


def test_after_five_wrong_pins_a_tablet_waits_and_says_so(client_of: ClientOf, page_clock: Clock) -> None:
    owner = client_of("owner")
    tablet = paired(owner, client_of)
    set_pin(owner)
    tablet.post("/staff/lock", data={"a": "1"})
    for _ in range(FREE):
        wrong = tablet.post("/staff/unlock", data={"pin": "000000"})
        assert (wrong.status_code, "That is not the PIN" in wrong.text) == (403, True)
    waiting = tablet.post("/staff/unlock", data={"pin": PIN})
    assert (waiting.status_code, "Wait about 1 min" in waiting.text) == (429, True)
    page_clock.now_s += FIRST_S
    assert tablet.post("/staff/unlock", data={"pin": PIN}).status_code == 303


def test_the_pin_opens_nothing_on_a_device_that_is_not_paired(client_of: ClientOf) -> None:
    owner = client_of("owner")
    set_pin(owner)
    assert client_of(None).post("/staff/unlock", data={"pin": PIN}).status_code == 401


@pytest.mark.parametrize(("pin", "after_s"), [("123456", 3_600), ("4029", 3_600), ("", 3_600), (PIN, 7)])
def test_a_pin_or_time_that_is_not_fit_changes_nothing(client_of: ClientOf, pin: str, after_s: int) -> None:
    owner = client_of("owner")
    assert set_pin(owner, pin, after_s) == 400
    assert "No PIN is set" in owner.get("/owner/doors").text


def test_the_time_is_changed_without_typing_the_pin_again_and_the_pin_removed(
    client_of: ClientOf, page_clock: Clock
) -> None:
    owner = client_of("owner")
    tablet = paired(owner, client_of)
    set_pin(owner)
    assert set_pin(owner, "", 15 * 60) == 200
    page_clock.now_s += 15 * 60
    assert tablet.get("/staff").status_code == 200
    page_clock.now_s += 1
    assert tablet.get("/staff").status_code == 303
    assert owner.post("/owner/doors/pin/remove", data={"a": "1"}).status_code == 403  # no longer fresh
    again = client_of("owner")
    assert again.post("/owner/doors/pin/remove", data={"a": "1"}).status_code == 200
    assert tablet.get("/staff").status_code == 200


def passphrase(owner: TestClient, phrase: str = PHRASE, again: str | None = None) -> int:
    form = {"passphrase": phrase, "again": phrase if again is None else again}
    return owner.post("/owner/doors/passphrase", data=form).status_code


def test_the_owner_comes_in_by_the_passphrase_that_he_set(client_of: ClientOf) -> None:
    assert passphrase(client_of("owner")) == 200
    client = client_of(None)
    assert "Owner's passphrase" in html.unescape(client.get("/enter").text)
    assert client.post("/enter/passphrase", data={"passphrase": PHRASE + "."}).status_code == 403
    assert client.get("/owner").status_code == 401
    assert client.post("/enter/passphrase", data={"passphrase": PHRASE}).headers["location"] == "/owner"
    assert client.get("/owner").status_code == 200


def test_there_is_no_passphrase_by_default(client_of: ClientOf) -> None:
    client = client_of(None)
    assert "/enter/passphrase" not in client.get("/enter").text
    for guess in ("", "attune", "owner", "password"):
        assert client.post("/enter/passphrase", data={"passphrase": guess}).status_code == 403


@pytest.mark.parametrize(("phrase", "again"), [("short", "short"), (PHRASE, "lantern gravel opera twenty"), ("", "")])
def test_a_passphrase_that_is_not_fit_or_not_typed_twice_is_not_set(
    client_of: ClientOf, phrase: str, again: str
) -> None:
    owner = client_of("owner")
    assert passphrase(owner, phrase, again) == 400
    assert "No passphrase is set" in owner.get("/owner/doors").text


def test_a_new_passphrase_signs_the_owner_out_everywhere_else_and_tablets_nowhere(
    client_of: ClientOf, doors: Doors
) -> None:
    owner, elsewhere, link = client_of("owner"), client_of("owner"), doors.mint("owner")
    tablet = paired(owner, client_of)
    assert passphrase(owner) == 200
    assert owner.get("/owner").status_code == tablet.get("/staff").status_code == 200
    assert elsewhere.get("/owner").status_code == 401
    assert client_of(None).post("/enter", data={"key": link}).status_code == 403


def test_a_flood_at_the_doors_does_not_hold_up_a_tablets_pin(client_of: ClientOf) -> None:
    owner = client_of("owner")
    tablet = paired(owner, client_of)
    set_pin(owner)
    tablet.post("/staff/lock", data={"a": "1"})
    stranger = client_of(None)
    while stranger.post("/enter", data={"key": "wrong"}).status_code != 429:
        pass
    assert tablet.post("/staff/unlock", data={"pin": PIN}).headers["location"] == "/staff"


def test_secrets_are_set_only_soon_after_coming_in(client_of: ClientOf, page_clock: Clock) -> None:
    owner = client_of("owner")
    page_clock.now_s += FRESH_S + 1
    assert passphrase(owner) == 403
    assert set_pin(owner) == 403
    assert owner.post("/owner/doors/passkeys/options", json={}).status_code == 403
    assert owner.post("/owner/doors/passkeys", json={"credential": {}, "name": "a"}).status_code == 403
    assert owner.post("/owner/doors/passkeys/remove", data={"passkey": "00"}).status_code == 403
    assert "sign in again" in owner.post("/owner/doors/passphrase", data={"passphrase": PHRASE, "again": PHRASE}).text


def test_guessing_the_passphrase_is_held_up_by_address_and_then_by_the_wait(
    client_of: ClientOf, page_clock: Clock
) -> None:
    passphrase(client_of("owner"))
    client = client_of(None)
    codes = [
        client.post("/enter/passphrase", data={"passphrase": f"guess {number}"}).status_code
        for number in range(TRIES_A_MINUTE)
    ]
    assert codes[:FREE] == [403] * FREE
    assert set(codes[FREE:]) == {429}
    page_clock.now_s += FIRST_S
    assert "Too many tries" in client.post("/enter/passphrase", data={"passphrase": PHRASE}).text


def test_the_first_start_has_a_setup_link_and_later_ones_have_none(client_of: ClientOf, doors: Doors) -> None:
    path = setup_path(doors)
    assert path
    client = client_of(None)
    page = client.get(path).text
    assert 'name="setup" value="1"' in page
    key = path.split("key=")[1].split("&")[0]
    assert client.post("/enter", data={"key": key, "setup": "1"}).headers["location"] == "/owner/doors"
    assert "There is none by default" in client.get("/owner/doors").text
    assert passphrase(client) == 200
    assert setup_path(doors) is None
    assert client_of(None).post("/enter", data={"key": key, "setup": "1"}).status_code == 403


def test_the_way_back_in_for_whoever_holds_the_machine_stays(client_of: ClientOf, doors: Doors) -> None:
    passphrase(client_of("owner"))
    client = client_of(None)
    client.post("/enter", data={"key": doors.mint("owner")})
    assert passphrase(client, "another opera with gravel") == 200
    assert client_of(None).post("/enter/passphrase", data={"passphrase": PHRASE}).status_code == 403


def test_the_page_of_doors_names_no_person_and_no_address(client_of: ClientOf) -> None:
    owner = client_of("owner")
    paired(owner, client_of)
    page = owner.get("/owner/doors").text
    assert "127.0.0.1" not in page.replace("not for 127.0.0.1", "")
    assert "attune-staff" not in page
