"""The floor plan in a real browser: drawn by pointer, by taps and by keys; undone; refused in words; saved."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from hub.plan import PlacedZone, Plan
from tests.hub.browser import (
    Hub,
    Page,
    Visit,
    expect,
    hub_fixture,  # noqa: F401
    nudge,
    visit_fixture,  # noqa: F401
)
from tests.hub.conftest import node_view


@pytest.fixture(autouse=True)
def one_camera(hub: Hub) -> None:
    hub.shop.say(node_view("floor-1", "Ceramics"))


def spot(page: Page, board: str, x: float, y: float) -> tuple[float, float]:
    page.locator(board).scroll_into_view_if_needed()
    box = page.locator(board).bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page: Page, board: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*spot(page, board, *start))
    page.mouse.down()
    page.mouse.move(*spot(page, board, *end), steps=4)
    page.mouse.up()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#plan-says")).to_have_text("Saved.")


def test_a_zone_is_drawn_by_pointer_and_saved_for_the_camera(hub: Hub, visit: Visit) -> None:
    page = visit("owner", "/owner/plan")
    page.get_by_role("button", name="Add a zone").click()
    page.get_by_role("button", name="Remove the zone Ceramics").click()
    drag(page, "#view", (0.28, 0.1), (0.4, 0.2))  # its upper left corner
    drag(page, "#view", (0.48, 0.35), (0.9, 0.8))
    page.get_by_label("Name").fill("Lamps")
    page.get_by_label("Name").press("Tab")
    save(page)
    (view,) = hub.plan.drawn.views
    (zone,) = view.zones
    assert (view.node, zone.name) == ("floor-1", "Lamps")
    assert zone.polygon[0] == pytest.approx((0.4, 0.2), abs=0.01)
    assert zone.polygon[2] == pytest.approx((0.9, 0.8), abs=0.01)
    page.reload()
    page.get_by_role("button", name="Send the saved zones to floor-1").click()
    expect(page.locator("p.told")).to_contain_text("Sent to floor-1")
    assert [(node, config.zones) for node, config in hub.plan.sent] == [("floor-1", view.zones)]


def test_a_zone_is_drawn_by_keys_alone_and_undone_by_keys(hub: Hub, visit: Visit) -> None:
    page = visit("owner", "/owner/plan")
    page.get_by_role("button", name="Add a corner to Ceramics").press("Enter")
    page.get_by_role("button", name="Ceramics, corner 1 of 4").focus()
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+z")
    expect(page.locator("#plan-says")).to_contain_text("Undone")
    expect(page.get_by_role("button", name="Ceramics, corner 1 of 4")).to_be_focused()
    save(page)
    polygon = hub.plan.drawn.views[0].zones[0].polygon
    assert len(polygon) == 4
    assert polygon[0] == pytest.approx((0.05, 0.01))
    page.get_by_role("button", name="Ceramics, corner 4 of 4").focus()
    page.keyboard.press("Delete")
    save(page)
    assert len(hub.plan.drawn.views[0].zones[0].polygon) == 3


def test_zones_and_cameras_are_put_on_the_plan_dragged_and_tapped_to_their_place(hub: Hub, visit: Visit) -> None:
    page = visit("owner", "/owner/plan")
    page.get_by_label("Put onto the plan").select_option("floor-1 0")
    drag(page, "#floor", (0.2, 0.45), (0.7, 0.6))
    page.get_by_label("Put onto the plan").select_option("floor-1")
    page.mouse.click(*spot(page, "#floor", 0.3, 0.9))  # no dragging
    page.keyboard.press("Shift+ArrowRight")
    page.get_by_role("button", name="Draw walls").click()
    drag(page, "#floor", (0.1, 0.1), (0.9, 0.1))
    save(page)
    drawn = hub.plan.drawn
    assert (drawn.zones[0].x, drawn.zones[0].y) == pytest.approx((0.7, 0.6), abs=0.01)
    assert (drawn.nodes[0].x, drawn.nodes[0].y, drawn.nodes[0].turn) == (
        pytest.approx(0.3, abs=0.01),
        pytest.approx(0.9, abs=0.01),
        105,
    )
    assert [part for end in drawn.walls[0].ends for part in end] == pytest.approx([0.1, 0.1, 0.9, 0.1], abs=0.01)
    assert drawn.views == ()  # looked at, and left as it is


def test_a_zone_that_crosses_itself_is_refused_in_words_and_nothing_is_lost(hub: Hub, visit: Visit) -> None:
    page = visit("owner", "/owner/plan")
    page.get_by_role("button", name="Add a zone").click()
    drag(page, "#view", (0.28, 0.1), (0.5, 0.3))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#plan-says")).to_contain_text("The plan was not saved")
    assert hub.plan.drawn == Plan()
    expect(page.get_by_label("Name")).to_have_count(2)


def test_a_picture_is_laid_behind_the_plan_without_losing_what_is_drawn(hub: Hub, visit: Visit) -> None:
    page = visit("owner", "/owner/plan")
    page.get_by_role("button", name="Add a wall").click()
    out = io.BytesIO()
    Image.new("RGB", (400, 300), "white").save(out, "PNG")
    with page.expect_navigation():
        page.locator("#picture").set_input_files({"name": "p.png", "mimeType": "image/png", "buffer": out.getvalue()})
    expect(page.locator("#floor image")).to_have_count(1)
    assert hub.plan.behind is not None
    assert len(hub.plan.drawn.walls) == 1
    page.locator("#picture").set_input_files({"name": "p.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})
    expect(page.locator("#plan-says")).to_contain_text("no PNG or JPEG")


def test_the_owner_reads_each_zones_state_in_words_beside_its_sign(hub: Hub, visit: Visit) -> None:
    hub.shop.say(node_view("floor-1", "Ceramics", "Textiles"))
    hub.plan.drawn = Plan(
        zones=tuple(PlacedZone(node="floor-1", zone=n, x=0.3 + n * 0.4, y=0.5, w=0.3, h=0.4) for n in range(2))
    )
    hub.shop.put(nudge(1))
    hub.shop.put(replace(nudge(2, 1, "Textiles"), state="taken"))
    page = visit("owner", "/owner")
    lines = page.locator(".now + .lines li")
    expect(lines.nth(0)).to_contain_text("may welcome a hand")
    expect(lines.nth(1)).to_contain_text("somebody is on the way")
    expect(page.locator(".planboard.now .asks path.sign")).to_have_count(1)
