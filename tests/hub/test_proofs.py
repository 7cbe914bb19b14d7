"""What nodes proved, on the auditor's page, and the button that asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from contract.events import Command, SelfTest
from contract.wire import encode
from hub.app import create_app
from hub.auth import Doors, Role
from hub.fakes import FakeShop
from hub.views import EventView, Settings
from tests.hub.conftest import NOW_S, node_view

ORIGIN = "http://127.0.0.1:8700"
PLACE = {"place": "the eye's memory, 1 s after", "bytes": 525_000_000, "hits": {}}
REPORT: dict[str, Any] = {
    "says": "Proved: 60000 windows, 0 hits in 576 MB; every plant was found.",
    "shown": {**PLACE, "hits": {"raw": 7, "int8": 4}},
    "places": [
        PLACE,
        {"place": "files", "bytes": 10_000, "hits": {}, "namespaces": 2},
        {"place": "what passed the broker", "bytes": 0, "hits": {}, "not_checked": "no mosquitto"},
    ],
    "planted": [PLACE],
    "trace": {"how": "strace", "opened_for_writing": 0, "bytes_to_files": 0, "network": 0, "seconds": 60.0},
    "channel": {
        "kinds": [{"kind": "assist", "per_minute": 3.0, "bit_s": 12.8, "entropy_bits": 12.3}],
        "bit_s": 21.3,
        "busiest_bit_s": 12.8,
        "bounds_bit_s": [25.6, 256.0],
    },
}
SIGNED = "\n\n— attune-node/shop/floor-1 AAAA\n"


def said(note: str, number: int = 1, **fields: Any) -> EventView:
    figures = {"result": "passed", "windows": 60_000, "hits": 0, "searched_mb": 576, "t_wall": int(NOW_S)} | fields
    test = SelfTest(node="floor-1", boot="0011aabb-000001", note=note, **figures)
    topic = "attune/1/s/floor-1/self-test"
    return EventView(number, NOW_S, "floor-1", "self-test", None, "0011aabb-000001", None, topic, encode(test))


@pytest.fixture
def open_page(fake_shop: FakeShop, doors: Doors) -> Callable[[Role], TestClient]:
    fake_shop.say(node_view("floor-1", "Ceramics"))
    app = create_app(
        reads=fake_shop,
        desk=fake_shop,
        doors=doors,
        changes=fake_shop.changes,
        settings=Settings(),
    )
    app.state.orders = fake_shop.orders

    def come_in(role: Role) -> TestClient:
        client = TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN}, follow_redirects=False)
        client.post("/enter", data={"key": doors.mint(role)})
        return client

    return come_in


def test_the_newest_proof_stands_with_every_place_and_what_was_not_checked(
    open_page: Callable[[Role], TestClient], fake_shop: FakeShop
) -> None:
    fake_shop.event_views = [said("older" + SIGNED, 1, hits=5), said(json.dumps(REPORT) + SIGNED, 2)]
    html = open_page("auditor").get("/audit").text
    assert "60,000 windows, 0 hits" in html
    assert "floor-1: proved" in html
    assert "Searched: the eye&#39;s memory, 1 s after" in html
    assert "11 hits in 500.7 MB" in html
    assert "not checked: no mosquitto" in html
    assert "0 hits in 9.8 kB and 2 names of namespaces, which hold no byte" in html
    assert "0 files opened for writing" in html
    assert "3 a minute, 12.8 bit/s" in html
    assert "— attune-node/shop/floor-1 AAAA" in html


def test_a_failure_is_not_to_be_overlooked(open_page: Callable[[Role], TestClient], fake_shop: FakeShop) -> None:
    fake_shop.event_views = [said(json.dumps(REPORT | {"says": "FAILED: 9 hits"}) + SIGNED, result="failed", hits=9)]
    html = open_page("auditor").get("/audit").text
    assert "floor-1: FAILED" in html
    assert "FAILED: 9 hits" in html
    assert "60,000 windows, 9 hits" in html


@pytest.mark.parametrize("note", ["", "{}", "[]", "null", '{"says": 1}', "<script>"])
def test_a_report_of_another_form_is_shown_as_its_bytes(
    note: str, open_page: Callable[[Role], TestClient], fake_shop: FakeShop
) -> None:
    fake_shop.event_views = [said(note + SIGNED)]
    html = open_page("auditor").get("/audit").text
    assert "60,000 windows" in html
    assert "<script>\n" not in html


def test_the_button_asks_that_node_once_and_says_so(open_page: Callable[[Role], TestClient]) -> None:
    client = open_page("auditor")
    assert "It has never proved it." in client.get("/audit").text
    answer = client.post("/audit/prove", data={"node": "floor-1"})
    assert answer.status_code == 303
    (order,) = client.app.state.orders  # type: ignore[attr-defined]
    assert order == (Command(command="self-test", by="auditor"), ("floor-1",))
    assert "Asked." in client.get(answer.headers["location"]).text


def test_no_other_node_and_nobody_else_may_ask(open_page: Callable[[Role], TestClient]) -> None:
    client = open_page("auditor")
    assert client.post("/audit/prove", data={"node": "window-9"}).status_code == 404
    assert open_page("staff").post("/audit/prove", data={"node": "floor-1"}).status_code == 403
    assert client.app.state.orders == []  # type: ignore[attr-defined]
