"""The REST of other systems: who comes in, what is answered, and what never is."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from hub.connect import apidoc
from hub.connect.keys import SCOPES, Keys, Scope
from hub.fakes import FakeShop
from hub.limits import TRIES_A_MINUTE
from hub.views import HourView, NudgeView
from tests.hub.conftest import NOW_S, ORIGIN, Clock, node_view

DOCS = Path(__file__).parents[3] / "docs"
ROUTES = {path: ways["get"] for path, ways in apidoc.openapi()["paths"].items() if "get" in ways}
HOUR_S = int(NOW_S) // 3600 * 3600


def program(app: FastAPI, key: str | None) -> TestClient:
    headers = {"accept": "*/*"} | ({"authorization": f"Bearer {key}"} if key else {})
    return TestClient(app, base_url=ORIGIN, headers=headers, client=("127.0.0.1", 50_000))


@pytest.fixture
def reader(pages_app: FastAPI, api_keys: Keys) -> TestClient:
    return program(pages_app, api_keys.make("all", SCOPES))


def nudge(number: int, **more: Any) -> NudgeView:
    plain = NudgeView(
        number, "floor-1", 0, "Ceramics", 2, ("long_dwell", "mood_low"), "taken", NOW_S - 60.7, NOW_S - 30, taken_by="x"
    )
    return replace(plain, **more)


def said(value: Any, words: str) -> bool:
    """Whether a word stands anywhere in an answer."""
    return words in json.dumps(value)


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_answers_as_its_description_says(reader: TestClient, fake_shop: FakeShop, path: str) -> None:
    fake_shop.put(nudge(1))
    fake_shop.put(nudge(2, state="answered", closed_s=NOW_S, outcome="helped", taken_by=None))
    fake_shop.hours += [
        HourView("floor-1", 0, "Ceramics", HOUR_S - 3600, False, 0.5, 1, 20, 3, 0),
        HourView("floor-1", 1, "Textiles", HOUR_S - 3600, True, 0.5),
    ]
    answer = reader.get(path)
    assert answer.status_code == 200
    described = ROUTES[path]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**apidoc.openapi(), **described}).validate(answer.json())
    assert not said(answer.json(), "null")
    assert any(answer.json().values())


@pytest.mark.parametrize("path", ROUTES)
def test_without_a_key_nothing_is_read_and_the_answer_says_what_is_missing(pages_app: FastAPI, path: str) -> None:
    answer = program(pages_app, None).get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer KEY" in answer.json()["error"]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_opens_its_own_scope_alone(pages_app: FastAPI, api_keys: Keys, scope: Scope) -> None:
    client = program(pages_app, api_keys.make("one", (scope,)))
    opened = {path for path in ROUTES if client.get(path).status_code == 200}
    assert opened == {path for path, route in ROUTES.items() if route["x-scope"] == scope}
    assert (client.get("/metrics").status_code == 200) == (scope == "metrics")


def test_a_key_opens_no_page(reader: TestClient) -> None:
    assert [reader.get(path).status_code for path in ("/owner", "/staff", "/audit")] == [401] * 3


@pytest.mark.parametrize("scheme", ["Basic", "bearer ", ""])
def test_a_key_counts_in_the_one_place_that_is_described(pages_app: FastAPI, api_keys: Keys, scheme: str) -> None:
    key = api_keys.make("one", ("today",))
    client = program(pages_app, None)
    code = client.get("/api/v1/today", headers={"authorization": f"{scheme} {key}"}).status_code
    assert code == (200 if scheme.strip() == "bearer" else 401)
    assert client.get(f"/api/v1/today?key={key}").status_code == 401


def test_a_revoked_key_opens_nothing_from_then_on(reader: TestClient, api_keys: Keys) -> None:
    assert reader.get("/api/v1/today").status_code == 200
    assert api_keys.revoke(api_keys.all()[0].id)
    assert reader.get("/api/v1/today").status_code == 401


def test_who_tries_many_keys_waits_and_a_good_one_is_never_counted(reader: TestClient, pages_app: FastAPI) -> None:
    assert {reader.get("/api/v1/nodes").status_code for _ in range(TRIES_A_MINUTE + 2)} == {200}
    stranger = TestClient(pages_app, base_url=ORIGIN, client=("10.0.0.9", 1))
    codes = [
        stranger.get("/api/v1/nodes", headers={"authorization": f"Bearer attune_{number}"}).status_code
        for number in range(TRIES_A_MINUTE + 1)
    ]
    assert codes == [401] * TRIES_A_MINUTE + [429]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ROUTES)
def test_nothing_can_be_changed(reader: TestClient, path: str, method: str) -> None:
    headers = {"origin": ORIGIN, "content-length": "0"}
    assert reader.request(method, path, headers=headers).status_code == 405


def test_a_suppressed_hour_has_no_number_at_all(reader: TestClient, fake_shop: FakeShop) -> None:
    fake_shop.hours.append(HourView("floor-1", 0, "Ceramics", HOUR_S - 3600, True, 0.5))
    (hour,) = reader.get("/api/v1/hours").json()["hours"]
    assert hour == {
        "suppressed": True,
        "node": "floor-1",
        "zone": {"id": 0, "name": "Ceramics"},
        "start": hour["start"],
    }


def test_a_told_hour_says_how_far_its_noise_reaches(reader: TestClient, fake_shop: FakeShop) -> None:
    fake_shop.hours.append(HourView("floor-1", 0, "Ceramics", HOUR_S - 3600, False, 0.5, 0, 20, 3, 1))
    (hour,) = reader.get("/api/v1/hours").json()["hours"]
    assert (hour["negative"], hour["epsilon"], hour["noise_within"]) == (0, 0.5, 6)


def test_a_nudge_names_nobody_and_no_mood(reader: TestClient, fake_shop: FakeShop) -> None:
    fake_shop.put(nudge(1, taken_by="8badf00d"))
    answer = reader.get("/api/v1/nudges").json()
    assert answer["nudges"][0]["reasons"] == ["long_dwell"]
    assert not said(answer, "8badf00d")
    assert not said(answer, "mood")
    assert not said(answer, "taken_by")


def test_nudges_of_other_days_are_told_by_the_hour_only(reader: TestClient, fake_shop: FakeShop) -> None:
    fake_shop.put(nudge(1, opened_s=NOW_S - 86_400, taken_s=None, state="expired", closed_s=NOW_S - 86_300))
    assert reader.get("/api/v1/nudges").json()["nudges"] == []
    (hour,) = reader.get("/api/v1/nudges/hours").json()["hours"]
    assert (hour["unanswered"], hour["helped"]) == (1, 0)


def test_too_few_answers_say_nothing_of_how_often_a_nudge_helped(reader: TestClient, fake_shop: FakeShop) -> None:
    ended = {"state": "answered", "closed_s": NOW_S, "outcome": "helped", "taken_by": None}
    for number in range(4):
        fake_shop.put(nudge(number, **ended))
    assert "helped" not in reader.get("/api/v1/today").json()
    fake_shop.put(nudge(9, **ended))
    assert reader.get("/api/v1/today").json()["helped"] == 5


def test_a_node_that_says_nothing_of_itself_has_no_figures(reader: TestClient, fake_shop: FakeShop) -> None:
    fake_shop.say(replace(node_view("mute"), state="offline", birth=None, health=None, heard_s=None))
    mute = next(node for node in reader.get("/api/v1/nodes").json()["nodes"] if node["name"] == "mute")
    assert set(mute) == {"name", "state", "sensing", "advice", "since", "zones"}
    assert mute["sensing"] is False


@pytest.mark.parametrize(
    "span",
    [
        "since=yesterday",
        "since=2026-01-01T00:00:00",
        "since=2026-01-01T00:00:00Z&until=2026-03-01T00:00:00Z",
        "until=2026-01-01T00:00:00Z&since=2026-01-01T00:00:00Z",
        "until=0001-01-01T00:00:00%2B14:00",
        "since=9999-12-31T23:59:59-14:00",
        "since=99999999999999999999",
    ],
)
def test_a_span_that_cannot_be_used_is_refused_in_a_sentence(reader: TestClient, span: str) -> None:
    answer = reader.get(f"/api/v1/hours?{span}")
    assert answer.status_code == 400
    assert "at most 31 days" in answer.json()["error"]


@pytest.mark.parametrize(
    ("span", "since", "until"),
    [
        ("", NOW_S // 3600 * 3600 + 3600 - 7 * 86_400, NOW_S // 3600 * 3600 + 3600),
        ("since=2026-01-01T00:00:00Z", 1_767_225_600, 1_767_225_600 + 7 * 86_400),
        ("until=2026-01-08T01:00:00%2B01:00", 1_767_225_600, 1_767_225_600 + 7 * 86_400),
        ("since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z", 1_767_225_600, 1_767_225_600 + 31 * 86_400),
    ],
)
def test_a_span_is_a_week_where_it_is_not_given_whole(reader: TestClient, span: str, since: int, until: int) -> None:
    answer = reader.get(f"/api/v1/hours?{span}").json()
    assert [datetime.fromisoformat(answer[edge]).timestamp() for edge in ("since", "until")] == [since, until]


def test_the_description_in_the_docs_is_the_one_that_the_code_gives(tmp_path: Path) -> None:
    apidoc.main(["--out", str(tmp_path)])
    for path in tmp_path.iterdir():
        assert (DOCS / path.name).read_text() == path.read_text(), "run: python -m hub.connect.apidoc --out docs"


def test_every_route_of_the_app_is_described(pages_app: FastAPI) -> None:
    served = {getattr(route, "path", "") for route in pages_app.routes}
    assert {path for path in served if path.startswith("/api/")} == set(apidoc.openapi()["paths"])


def test_a_key_is_kept_as_a_hash_and_its_use_to_ten_minutes(tmp_path: Path, page_clock: Clock) -> None:
    keys = Keys.open(tmp_path / "doors.db", page_clock)
    key = keys.make("  till   2 ", ("hours", "today"))
    assert key.encode() not in (tmp_path / "doors.db").read_bytes()
    assert [(one.name, one.scopes, one.seen_s) for one in keys.all()] == [("till 2", ("today", "hours"), None)]
    for later_s in (0, 500, 700):
        page_clock.now_s = NOW_S + later_s
        keys.who(key)
    assert keys.all()[0].seen_s == NOW_S + 700
    assert keys.who(key + "x") is None
    keys.close()
