"""Walking zones with a telephone in hand: press, see figures come without a reload, make the zone and the paper."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.hub.browser import (
    SIZES,
    Hub,
    Visit,
    expect,
    hub_fixture,  # noqa: F401
    visit_fixture,  # noqa: F401
)
from tests.hub.conftest import node_view
from tests.hub.test_accessibility import faults
from tests.hub.walks import told, walk

WIDTH, HEIGHT = SIZES["phone"]


@pytest.fixture(autouse=True)
def one_camera(hub: Hub) -> None:
    hub.shop.say(node_view("floor-1", "Ceramics", now_s=time.time()))


def test_a_zone_is_walked_and_its_figures_come_by_themselves(hub: Hub, visit: Visit) -> None:
    page = visit("owner", "/owner/walk", viewport={"width": WIDTH, "height": HEIGHT})
    page.get_by_role("button", name="Walk here: Ceramics").click()
    expect(page.get_by_role("status")).to_contain_text("Walk now, into every corner")
    assert [(command.command, command.zone, nodes) for command, nodes in hub.shop.orders] == [
        ("walk", 0, ("floor-1",)),
    ]
    hub.shop.say(replace(node_view("floor-1", "Ceramics", now_s=time.time()), state="paused", reason="commissioning"))
    hub.shop.event_views.append(told(1, walk(over=False, cells=(), crowded=2, seen=10), time.time()))
    expect(page.get_by_role("status")).to_contain_text("Somebody else is in view")
    page.get_by_role("button", name="Walk here: A new zone").focus()
    hub.shop.event_views.append(told(2, walk(1), time.time()))
    expect(page.get_by_role("button", name="Make the zone from this walk: A new zone")).to_be_visible()
    expect(page.get_by_role("button", name="Walk here: A new zone")).to_be_focused()
    assert page.locator("#walked .cell").count() == 15


def test_a_zone_is_made_from_a_walk_sent_and_certified(hub: Hub, visit: Visit) -> None:
    hub.shop.event_views.append(told(1, walk(), time.time()))
    page = visit("owner", "/owner/walk")
    page.get_by_role("button", name="Make the zone from this walk: Ceramics").click()
    page.get_by_role("button", name="Send the zones to the camera").click()
    ((node, config),) = hub.plan.sent
    assert (node, config.zones, config.version) == ("floor-1", hub.plan.drawn.views[0].zones, 2)
    born = replace(node_view("floor-1"), birth=node_view("floor-1").birth.model_copy(  # type: ignore[union-attr]
        update={"zones": config.zones, "config": 2}))  # fmt: skip
    hub.shop.say(born)
    hub.shop.event_views.append(told(2, walk(config=2), time.time()))
    expect(page.get_by_text("Every zone was walked.")).to_be_visible()
    page.get_by_role("button", name="Make the certificate").click()
    with page.expect_download() as paper:
        page.get_by_role("link", name="The certificate of").click()
    assert paper.value.suggested_filename == "commissioning-1.pdf"
    assert hub.commissioning.certificates()[0].passed


def test_a_page_full_of_walks_breaks_no_guideline(hub: Hub, visit: Visit) -> None:
    hub.shop.say(node_view("floor-1", "Ceramics", "Haushaltswarenabteilung", "Toys", now_s=time.time()))
    hub.shop.event_views += [
        told(1, walk(face_px=20, light="dark"), time.time()),
        told(2, walk(2, over=False, cells=(), seen=30, crowded=9), time.time()),
    ]
    page = visit("owner", "/owner/walk", reduced_motion="reduce")
    assert faults(page) == []
