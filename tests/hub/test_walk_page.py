"""The page for walking zones: what it asks of a camera, shows, makes and refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from contract.events import Command
from hub.auth import Role
from hub.fakes import FakeShop
from hub.walk_page import LATE_S, WALK_S, Asked, now_words
from tests.hub.conftest import NOW_S, Clock, node_view
from tests.hub.walks import SQUARE, told, walk

ClientOf = Callable[[Role | None], TestClient]
HERE = "/owner/walk"
NODE = {"node": "floor-1"}


@pytest.fixture
def owner(client_of: ClientOf, fake_shop: FakeShop) -> TestClient:
    fake_shop.node_views[:] = [node_view("floor-1", "Ceramics")]
    return client_of("owner")


def test_a_press_asks_that_camera_for_a_walk_in_that_zone(owner: TestClient, fake_shop: FakeShop) -> None:
    assert owner.post(f"{HERE}/begin", data=NODE | {"zone": "3"}).status_code == 303
    assert fake_shop.orders == [(Command(command="walk", by="owner", zone=3, seconds=WALK_S), ("floor-1",))]
    fake_shop.broker = False
    assert owner.post(f"{HERE}/begin", data=NODE | {"zone": "3"}).status_code == 502


@pytest.mark.parametrize(
    "form", [{"node": "nowhere", "zone": "0"}, NODE | {"zone": "12"}, NODE, {"zone": "0"}], ids=str
)
def test_a_walk_of_no_camera_or_no_zone_is_refused(owner: TestClient, form: dict[str, str]) -> None:
    assert owner.post(f"{HERE}/begin", data=form).status_code in (400, 404)


def test_what_a_walk_showed_stands_on_the_page_in_words(owner: TestClient, fake_shop: FakeShop) -> None:
    assert "The certificate can be made once" in owner.get(HERE).text
    fake_shop.event_views.append(told(1, walk(face_px=20)))
    text = owner.get(HERE).text
    assert "60 s walked, a face seen in 55" in text
    assert "2.0 times as long" in text
    assert owner.get(f"{HERE}/now?node=floor-1").text in text


def test_a_new_zone_is_made_from_a_walk_sent_to_the_camera_and_named_in_the_plan(
    owner: TestClient, fake_shop: FakeShop
) -> None:
    fake_shop.node_views[:] = [node_view("floor-1")]
    assert owner.post(f"{HERE}/send", data=NODE).status_code == 404
    refused = owner.post(f"{HERE}/zone", data=NODE | {"zone": "0"})
    assert (refused.status_code, "walk it first" in refused.text) == (409, True)
    fake_shop.event_views.append(told(1, walk()))
    assert owner.post(f"{HERE}/zone", data=NODE | {"zone": "0"}).status_code == 303
    text = owner.get(HERE).text
    assert "These zones are not on the camera yet" in text
    assert "Zone 1" in text
    assert owner.post(f"{HERE}/send", data=NODE).status_code == 303
    assert "polygon = [[0.25," in owner.get("/owner/plan/floor-1.toml").text


def test_a_zone_made_anew_keeps_its_name(owner: TestClient, fake_shop: FakeShop) -> None:
    fake_shop.event_views.append(told(1, walk()))
    owner.post(f"{HERE}/zone", data=NODE | {"zone": "0"})
    assert 'name = "Ceramics"' in owner.get("/owner/plan/floor-1.toml").text


def test_too_little_of_a_walk_makes_no_zone_and_says_why(owner: TestClient, fake_shop: FakeShop) -> None:
    fake_shop.event_views.append(told(1, walk(cells=SQUARE[:1])))
    refused = owner.post(f"{HERE}/zone", data=NODE | {"zone": "0"})
    assert (refused.status_code, "walk again" in refused.text) == (409, True)


def test_a_certificate_is_made_once_every_zone_was_walked_and_can_be_had(
    owner: TestClient, fake_shop: FakeShop
) -> None:
    assert owner.post(f"{HERE}/certificate", data=NODE).status_code == 409
    fake_shop.event_views.append(told(1, walk()))
    assert owner.post(f"{HERE}/certificate", data=NODE).status_code == 303
    assert "None yet for this camera" not in owner.get(HERE).text
    paper = owner.get(f"{HERE}/certificate/1.pdf")
    assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
    assert owner.get(f"{HERE}/certificate/2.pdf").status_code == 404


def test_a_certificate_that_is_pressed_for_twice_is_one(owner: TestClient, fake_shop: FakeShop) -> None:
    fake_shop.event_views.append(told(1, walk()))
    for _ in range(2):
        assert owner.post(f"{HERE}/certificate", data=NODE).status_code == 303
    assert owner.get(f"{HERE}/certificate/2.pdf").status_code == 404


def test_a_walk_that_was_cut_off_before_is_not_taken_for_one_that_goes_on(
    owner: TestClient, fake_shop: FakeShop, page_clock: Clock
) -> None:
    fake_shop.event_views.append(told(1, walk(over=False, cells=())))
    page_clock.now_s += 100
    owner.post(f"{HERE}/begin", data=NODE | {"zone": "0"})
    page_clock.now_s += LATE_S + 1
    assert "The camera has not begun." in owner.get(HERE).text


def test_without_a_camera_the_page_says_so(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.node_views.clear()
    assert "No camera has joined yet" in client_of("owner").get(HERE).text
    assert client_of("owner").get(f"{HERE}/now?node=floor-1").status_code == 404


WALKS = replace(node_view("floor-1", "Ceramics"), state="paused", reason="commissioning")
SENSES = node_view("floor-1", "Ceramics")
ASKED = Asked(0, NOW_S)


@pytest.mark.parametrize(
    ("node", "after_s", "live", "says"),
    [
        (SENSES, 5.0, None, "Walk now, into every corner: 55 s left."),
        (SENSES, LATE_S + 1, None, "The camera has not begun."),
        (WALKS, LATE_S + 1, None, "44 s left."),
        (WALKS, 30.0, {"over": False, "cells": (), "crowded": 4}, "Somebody else is in view"),
        (WALKS, WALK_S + 5.0, None, "Walked. Press the next zone"),
        (SENSES, WALK_S + 60.0, None, ""),
    ],
)
def test_what_happens_now_is_one_sentence(
    node: object, after_s: float, live: dict[str, object] | None, says: str
) -> None:
    said = now_words(node, ASKED, walk(**live) if live else None, NOW_S + after_s)  # type: ignore[arg-type]
    assert says in said
    assert bool(says) == bool(said)


def test_who_asked_for_nothing_is_told_nothing(page_clock: Clock) -> None:
    assert now_words(WALKS, None, None, NOW_S) == ""
