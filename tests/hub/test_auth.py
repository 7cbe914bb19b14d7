"""Keys, sessions and tries, on a real database file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from contract.errors import StoreError
from hub.auth import ADDRESSES_MAX, IDLE_S, LINK_TTL_S, ROLES, TRIES_A_MINUTE, Doors, Role, Tries, entry_path

ClientOf = Callable[[Role | None], TestClient]


def test_a_link_works_once(doors: Doors) -> None:
    key = doors.mint("staff")
    entered = doors.enter(key)
    assert entered
    token, session = entered
    assert doors.who(token) == session
    assert session.role == "staff"
    assert doors.enter(key) is None


def test_two_who_come_at_once_by_one_link_are_one_too_many(doors: Doors, tmp_path: Path, page_clock) -> None:
    beside = Doors.open(tmp_path / "doors.db", page_clock)
    key, came_in = doors.mint("staff"), []
    comers = [
        threading.Thread(target=lambda door=door: came_in.append(door.enter(key))) for door in (doors, beside) * 4
    ]
    for comer in comers:
        comer.start()
    for comer in comers:
        comer.join()
    beside.close()
    assert sum(entered is not None for entered in came_in) == 1
    assert len(came_in) == 8


def test_a_link_is_good_for_fifteen_minutes_and_no_longer(doors: Doors, page_clock) -> None:
    early, late = doors.mint("owner"), doors.mint("owner")
    page_clock.now_s += LINK_TTL_S - 1
    assert doors.enter(early)
    page_clock.now_s += 1
    assert doors.enter(late) is None


def test_an_unknown_key_opens_nothing(doors: Doors) -> None:
    assert doors.enter("") is None
    assert doors.enter("x" * 43) is None


def test_a_demo_link_works_often_until_the_hub_stops(doors: Doors) -> None:
    key = doors.mint("staff", ttl_s=None, uses=None)
    assert doors.enter(key)
    assert doors.enter(key)
    doors.forget_unlimited()
    assert doors.enter(key) is None


def test_the_command_line_may_mint_while_the_hub_runs(doors: Doors, tmp_path: Path, page_clock) -> None:
    beside = Doors.open(tmp_path / "doors.db", page_clock)
    key = beside.mint("auditor")
    beside.close()
    entered = doors.enter(key)
    assert entered
    assert entered[1].role == "auditor"


def test_neither_key_nor_token_stands_in_the_file(doors: Doors, tmp_path: Path) -> None:
    key = doors.mint("owner", uses=None)
    entered = doors.enter(key)
    assert entered
    held = (tmp_path / "doors.db").read_bytes()
    assert key.encode() not in held
    assert entered[0].encode() not in held


def test_only_its_owner_may_read_the_file(doors: Doors, tmp_path: Path) -> None:
    assert (tmp_path / "doors.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("role", ROLES)
def test_a_session_that_lies_idle_ends_and_one_in_use_stays(doors: Doors, page_clock, role: Role) -> None:
    used, idle = doors.enter(doors.mint(role)), doors.enter(doors.mint(role))
    assert used
    assert idle
    page_clock.now_s += IDLE_S[role] * 0.6
    assert doors.who(used[0])
    page_clock.now_s += IDLE_S[role] * 0.6
    assert doors.who(used[0])
    assert doors.who(idle[0]) is None


def test_old_keys_and_sessions_are_swept_from_the_file(doors: Doors, tmp_path: Path, page_clock) -> None:
    doors.mint("owner")
    doors.enter(doors.mint("auditor"))
    page_clock.now_s += IDLE_S["auditor"] + 1
    doors.enter(doors.mint("staff"))
    with sqlite3.connect(tmp_path / "doors.db") as db:
        assert db.execute("SELECT count(*) FROM keys").fetchone() == (0,)
        assert db.execute("SELECT role FROM sessions").fetchall() == [("staff",)]


def test_a_damaged_file_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "doors.db").write_bytes(b"not a database, but long enough to look like one" * 40)
    with pytest.raises(StoreError, match="cannot be opened"):
        Doors.open(tmp_path / "doors.db")


def test_a_missing_folder_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="check the folder"):
        Doors.open(tmp_path / "nowhere" / "doors.db")


def test_an_address_may_try_ten_times_a_minute() -> None:
    now_s = 0.0
    tries = Tries(lambda: now_s)
    assert all(tries.allow("10.0.0.9") for _ in range(TRIES_A_MINUTE))
    assert not tries.allow("10.0.0.9")
    assert tries.allow("10.0.0.10")
    now_s = 61.0
    assert tries.allow("10.0.0.9")


def test_the_memory_of_tries_is_bounded() -> None:
    tries = Tries(lambda: 0.0)
    for number in range(ADDRESSES_MAX + 50):
        tries.allow(f"address {number}")
    assert len(tries._by_address) == ADDRESSES_MAX


def test_opening_a_link_uses_up_no_key_until_one_comes_in(client_of: ClientOf, doors: Doors) -> None:
    client, key = client_of(None), doors.mint("staff")
    assert client.get(entry_path(key)).status_code == 200
    assert client.get(entry_path(key)).status_code == 200
    came = client.post("/enter", data={"key": key})
    assert (came.status_code, came.headers["location"]) == (303, "/staff")
    assert client.get("/staff").status_code == 200


def test_a_used_link_says_so_and_what_to_do(client_of: ClientOf, doors: Doors) -> None:
    client, key = client_of(None), doors.mint("staff")
    client.post("/enter", data={"key": key})
    again = client.post("/enter", data={"key": key})
    assert again.status_code == 403
    assert "used before" in again.text
    assert "attune-hub link" in again.text


def test_too_many_tries_are_refused_even_with_a_good_key(client_of: ClientOf, doors: Doors) -> None:
    client = client_of(None)
    for _ in range(TRIES_A_MINUTE):
        assert client.post("/enter", data={"key": "wrong"}).status_code == 403
    assert client.post("/enter", data={"key": doors.mint("staff")}).status_code == 429


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client_of: ClientOf, doors: Doors) -> None:
    client = client_of(None)
    cookie = client.post("/enter", data={"key": doors.mint("staff")}).headers["set-cookie"].lower()
    assert cookie.startswith("attune-staff=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(client_of: ClientOf, doors: Doors) -> None:
    client = client_of(None)
    client.base_url = "https://attune.local"
    client.headers["origin"] = "https://attune.local"
    cookie = client.post("/enter", data={"key": doors.mint("owner")}).headers["set-cookie"]
    assert cookie.startswith("__Host-attune-owner=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert client.get("/owner").status_code == 200


def test_one_browser_may_hold_a_session_of_each_role(client_of: ClientOf, doors: Doors) -> None:
    client = client_of("staff")
    client.post("/enter", data={"key": doors.mint("auditor")})
    assert client.get("/staff").status_code == 200
    assert client.get("/audit").status_code == 200
    assert client.get("/owner").status_code == 403


def test_signing_out_ends_the_session_on_the_hub_too(client_of: ClientOf, doors: Doors) -> None:
    client = client_of("staff")
    token = client.cookies["attune-staff"]
    assert client.post("/leave", data={"bye": "1"}).status_code == 303
    assert doors.who(token) is None
    assert client.get("/staff").status_code == 401
