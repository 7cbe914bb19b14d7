"""Every route by every role, what a request must look like, and what answers carry."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import Mount

from contract.errors import AttuneError, StoreError
from hub import guard
from hub.app import _check_doors, allowed
from hub.auth import ROLES, Role
from hub.fakes import FakeShop
from hub.guard import BODY_BYTES_MAX

ClientOf = Callable[[Role | None], TestClient]
VISITORS: tuple[Role | None, ...] = (None, *ROLES)

# What each door opens to: the whole list, so that a new route must be thought about here.
DOORS: dict[str, set[Role | None]] = {
    "GET /": {None, *ROLES},
    "GET /enter": {None, *ROLES},
    "POST /enter": {None, *ROLES},
    "POST /leave": {None, *ROLES},
    "POST /enter/passphrase": {None, *ROLES},
    "POST /enter/passkey/options": {None, *ROLES},
    "POST /enter/passkey": {None, *ROLES},
    "GET /notice/{language}": {None, *ROLES},
    "GET /public/notice-{language}.pdf": {None, *ROLES},
    "GET /public/code-{language}.svg": {None, *ROLES},
    "GET /public/opt-out.pdf": {None, *ROLES},
    "GET /healthz": {None, *ROLES},
    "GET /updates/metadata/{name}": {None, *ROLES},
    "GET /updates/targets/{name}": {None, *ROLES},
    "GET /sw.js": {None, *ROLES},
    "GET /manifest.webmanifest": {None, *ROLES},
    "GET /staff/offline": {None, *ROLES},
    "GET /staff": {"staff", "owner"},
    "HEAD /staff": {"staff", "owner"},
    "GET /staff/events": {"staff", "owner"},
    "POST /staff/language": {"staff", "owner"},
    "POST /staff/shift": {"staff"},
    "POST /staff/busy": {"staff"},
    "GET /staff/locked": {"staff"},
    "POST /staff/lock": {"staff"},
    "POST /staff/unlock": {"staff"},
    "POST /staff/awake": {"staff", "owner"},
    "POST /staff/nudges/{nudge_id}/take": {"staff", "owner"},
    "POST /staff/nudges/{nudge_id}/answer": {"staff", "owner"},
    "GET /owner": {"owner"},
    "GET /owner/history": {"owner"},
    "GET /owner/history.csv": {"owner"},
    "GET /owner/week.pdf": {"owner"},
    "POST /owner/lessons/forget": {"owner"},
    "POST /owner/delete-everything": {"owner"},
    "GET /owner/doors": {"owner"},
    "POST /owner/doors/invite": {"owner"},
    "POST /owner/doors/end": {"owner"},
    "POST /owner/doors/end-all": {"owner"},
    "POST /owner/doors/pin": {"owner"},
    "POST /owner/doors/pin/remove": {"owner"},
    "POST /owner/doors/passphrase": {"owner"},
    "POST /owner/doors/passkeys/options": {"owner"},
    "POST /owner/doors/passkeys": {"owner"},
    "POST /owner/doors/passkeys/remove": {"owner"},
    "GET /owner/rules": {"owner"},
    "POST /owner/rules": {"owner"},
    "POST /owner/rules/try": {"owner"},
    "POST /owner/rules/try.csv": {"owner"},
    "POST /owner/rules/back": {"owner"},
    "GET /owner/experiment": {"owner"},
    "POST /owner/experiment/start": {"owner"},
    "POST /owner/experiment/stop": {"owner"},
    "POST /owner/experiment/sales": {"owner"},
    "GET /owner/experiment/sales-example.csv": {"owner"},
    "GET /owner/experiment/days.csv": {"owner"},
    "GET /owner/plan": {"owner"},
    "POST /owner/plan": {"owner"},
    "GET /owner/plan/picture": {"owner"},
    "POST /owner/plan/picture": {"owner"},
    "POST /owner/plan/picture/remove": {"owner"},
    "GET /owner/plan/{node}.toml": {"owner"},
    "POST /owner/plan/send": {"owner"},
    "GET /owner/walk": {"owner"},
    "GET /owner/walk/now": {"owner"},
    "POST /owner/walk/begin": {"owner"},
    "POST /owner/walk/zone": {"owner"},
    "POST /owner/walk/send": {"owner"},
    "POST /owner/walk/certificate": {"owner"},
    "GET /owner/walk/certificate/{number}.pdf": {"owner"},
    "GET /owner/connect": {"owner"},
    "POST /owner/connect/keys": {"owner"},
    "POST /owner/connect/keys/revoke": {"owner"},
    "POST /owner/connect/test": {"owner"},
    "GET /api/v1/today": set(),  # programs come in by a key: test_api
    "GET /api/v1/hours": set(),
    "GET /api/v1/nudges": set(),
    "GET /api/v1/nudges/hours": set(),
    "GET /api/v1/nodes": set(),
    "POST /api/v1/sales": set(),
    "GET /metrics": set(),
    "GET /audit": {"auditor", "owner"},
    "GET /audit/refused": {"auditor", "owner"},
    "GET /audit/export.zip": {"auditor", "owner"},
    "POST /audit/prove": {"auditor", "owner"},
    "POST /staff/pause": {"staff", "owner"},
    "POST /staff/resume": {"staff", "owner"},
    "POST /owner/ledgers/accept": {"owner"},
}

ENDING = ("POST /owner/doors/end-all", "POST /leave")


def _routes(app: FastAPI) -> set[str]:
    return {f"{method} {route.path}" for route in _api(app) for method in route.methods}


def _api(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute)]


def test_every_route_stands_in_the_list_of_doors(pages_app: FastAPI) -> None:
    assert _routes(pages_app) == set(DOORS)
    others = [route for route in pages_app.routes if not isinstance(route, APIRoute)]
    assert [route.path for route in others if isinstance(route, Mount)] == ["/static"]
    assert len(others) == 1


@pytest.mark.parametrize("visitor", VISITORS, ids=str)
def test_each_door_opens_to_its_roles_and_to_nobody_else(client_of: ClientOf, visitor: Role | None) -> None:
    client, came_in = client_of(visitor), {}
    doors = sorted(DOORS, key=lambda door: ENDING.index(door) if door in ENDING else -1)  # signing out is last
    for door in doors:
        if door == "GET /staff/events" and visitor in DOORS[door]:
            continue  # a stream has no end; it is read in test_tablet and in the browser
        method, path = door.split()
        form = {"outcome": "helped", "key": "wrong", "node": "floor-1", "zone": "0"} if method == "POST" else None
        code = client.request(
            method, path.replace("{nudge_id}", "7").replace("{language}", "de"), data=form
        ).status_code
        assert code < 500, door
        came_in[door] = code not in (401, 403, 405) or door.startswith("POST /enter")
        if not came_in[door]:
            assert code == (401 if visitor is None else 403), door
    assert came_in == {door: visitor in DOORS[door] for door in came_in}


def test_a_route_without_a_doorkeeper_is_not_built() -> None:
    app = FastAPI(openapi_url=None)
    app.get("/open")(lambda: "anyone?")
    with pytest.raises(AttuneError, match="/open does not say who may open it"):
        _check_doors(app.routes)


def test_every_route_has_its_doorkeeper(pages_app: FastAPI) -> None:
    assert all(allowed(route) is not None for route in _api(pages_app))


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_there_is_no_public_description_of_the_api(client_of: ClientOf, path: str) -> None:
    assert client_of("owner").get(path).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://127.0.0.1:8700"},
        {"origin": ""},
    ],
)
def test_a_write_from_another_origin_is_refused(client_of: ClientOf, headers: dict[str, str]) -> None:
    assert client_of("staff").post("/staff/nudges/1/take", data={"a": "1"}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("site", "code"), [("same-origin", 404), ("cross-site", 403), ("same-site", 403), ("none", 403)]
)
def test_without_an_origin_the_fetch_metadata_decides(client_of: ClientOf, site: str, code: int) -> None:
    client = client_of("staff")
    del client.headers["origin"]
    answer = client.post("/staff/nudges/1/take", data={"a": "1"}, headers={"sec-fetch-site": site})
    assert answer.status_code == code


def test_a_write_that_says_nothing_of_where_it_comes_from_is_refused(client_of: ClientOf) -> None:
    client = client_of("staff")
    del client.headers["origin"]
    assert client.post("/staff/nudges/1/take", data={"a": "1"}).status_code == 403


def test_one_address_may_write_so_often_and_reading_goes_on(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "WRITES_A_MINUTE", 3)
    client = client_of("staff")  # whose coming in was a write
    codes = [client.post("/staff/nudges/404/take", data={"a": "1"}).status_code for _ in range(4)]
    assert codes == [404, 404, 429, 429]
    assert client.get("/staff").status_code == 200


def test_a_large_form_is_refused_unread(client_of: ClientOf) -> None:
    assert client_of(None).post("/enter", data={"key": "x" * BODY_BYTES_MAX}).status_code == 413


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "attune.local.evil"])
def test_the_hub_answers_to_its_own_names_only(client_of: ClientOf, host: str) -> None:
    assert client_of(None).get("/", headers={"host": host}).status_code == 421


def test_plain_http_is_for_loopback(client_of: ClientOf) -> None:
    assert client_of(None).get("/", headers={"host": "attune.local"}).status_code == 403
    assert client_of(None).get("/", headers={"host": "localhost:8700"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/staff", "/nowhere", "/static/attune.css", "/healthz"])
def test_every_answer_carries_the_security_headers(client_of: ClientOf, path: str) -> None:
    headers = client_of("staff").get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_pages_are_never_kept_and_named_builds_of_files_always(client_of: ClientOf) -> None:
    client = client_of("staff")
    assert client.get("/staff").headers["cache-control"] == "no-store"
    assert "immutable" in client.get("/static/attune.css?v=1").headers["cache-control"]
    assert client.get("/static/attune.css").headers["cache-control"] == "no-cache"


def test_no_page_holds_an_inline_script_or_style(client_of: ClientOf) -> None:
    client = client_of("owner")
    for path in (
        "/",
        "/notice/pl",
        "/enter?key=abc",
        "/staff",
        "/staff/offline",
        "/owner",
        "/owner/connect",
        "/owner/rules",
        "/owner/plan",
        "/audit",
        "/audit/refused",
        "/nowhere",
    ):
        html = client.get(path).text
        assert "<style" not in html
        assert " style=" not in html
        assert html.count("<script") == html.count("<script src=")
        assert not any(f" on{event}=" in html for event in ("click", "load", "error", "submit", "input"))


def test_a_refusal_is_a_calm_page_for_people_and_json_for_programs(client_of: ClientOf) -> None:
    client = client_of(None)
    assert "Please come in by your link" in client.get("/owner").text
    answer = client.get("/owner", headers={"accept": "application/json"})
    assert (answer.status_code, list(answer.json())) == (401, ["error"])


def test_bad_parameters_are_refused_not_guessed(client_of: ClientOf) -> None:
    client = client_of("owner")
    assert client.get("/owner/history?by=year").status_code == 400
    assert client.get("/audit?before=x").status_code == 400
    assert client.post("/staff/nudges/1/answer", data={"outcome": "sold"}).status_code == 400


def test_a_store_that_cannot_be_read_is_said_and_not_shown_as_empty(
    client_of: ClientOf, fake_shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: FakeShop) -> None:
        raise StoreError("The disk is gone.")

    monkeypatch.setattr(FakeShop, "nodes", broken)
    answer = client_of("owner").get("/owner")
    assert answer.status_code == 503
    assert "cannot read its store" in answer.text


def test_the_public_page_says_what_is_sensed_and_how(client_of: ClientOf) -> None:
    html = client_of(None).get("/").text
    assert "Emotion recognition is in use in Corner &lt;Shop&gt;" in html
    assert "No image is kept" in html
    assert "Ceramics, Textiles" in html
    assert "at least 5 people" in html
    assert "from 11 visits on" in html
    assert "ε = 0.5" in html
    assert "ask@shop.example" in html


def test_the_public_page_of_an_empty_shop_says_that_nothing_is_sensed(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.node_views.clear()
    assert "nothing is sensed" in client_of(None).get("/").text


def test_the_offline_shell_is_made_of_what_anyone_may_read(client_of: ClientOf) -> None:
    client = client_of(None)
    worker = client.get("/sw.js").text
    shell = worker.split("SHELL = ")[1].split(";")[0]
    for path in shell.strip("[]").replace('"', "").split(", "):
        assert client.get(path).status_code == 200, path
