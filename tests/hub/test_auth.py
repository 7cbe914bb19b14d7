"""Keys, sessions and tries, on a real database file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from contract.errors import StoreError
from hub.auth import AGE_S, IDLE_S, LINK_TTL_S, ROLES, Doors, Role, entry_path
from hub.connect.keys import Keys
from hub.limits import TRIES_A_MINUTE

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


@pytest.mark.parametrize("role", ROLES)
def test_a_session_ends_at_a_fixed_age_however_much_it_is_used(doors: Doors, page_clock, role: Role) -> None:
    entered = doors.enter(doors.mint(role))
    assert entered
    born_s = page_clock.now_s
    while page_clock.now_s - born_s <= AGE_S[role]:
        assert doors.who(entered[0])
        page_clock.now_s += IDLE_S[role] * 0.9
    assert doors.who(entered[0]) is None


def test_a_file_of_an_earlier_version_keeps_api_keys_and_lets_people_come_in_again(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "doors.db") as db:
        db.executescript(
            "CREATE TABLE keys (hash BLOB PRIMARY KEY, role TEXT, expires_s REAL, uses_left INTEGER);"
            "CREATE TABLE sessions (hash BLOB PRIMARY KEY, who TEXT, role TEXT, seen_s REAL);"
            "INSERT INTO sessions VALUES (x'00', 'a', 'owner', 1);"
        )
    api_keys = Keys.open(tmp_path / "doors.db")
    kept = api_keys.make("Till", ("today",))
    api_keys.close()
    doors, api_keys = Doors.open(tmp_path / "doors.db"), Keys.open(tmp_path / "doors.db")
    assert doors.all() == ()
    assert doors.enter(doors.mint("owner"))
    assert api_keys.who(kept)
    doors.close()
    api_keys.close()


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
    assert "samesite=strict" in cookie
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


def test_coming_in_again_ends_the_browsers_old_session_of_that_role(client_of: ClientOf, doors: Doors) -> None:
    client = client_of("owner")
    before = client.cookies["attune-owner"]
    client.post("/enter", data={"key": doors.mint("owner")})
    assert client.cookies["attune-owner"] != before
    assert doors.who(before) is None
    assert client.get("/owner").status_code == 200
