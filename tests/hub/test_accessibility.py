"""WCAG 2.2 AA by axe-core in a real browser: every page, light and dark, on a tablet, a phone and a desktop.

axe-core (MPL-2.0) comes in a package of the tests and is in no wheel of Attune.
"""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.resources import files
from typing import Final

import pytest
from fastapi.routing import APIRoute

from hub.auth import Role
from hub.fakes import FakeShop
from hub.languages import own_names, phrases
from hub.shift import Asked
from hub.shift_rows import People
from tests.hub.browser import (
    SIZES,
    Hub,
    Page,
    Visit,
    expect,
    furnish,
    hub_fixture,  # noqa: F401
    live,
    nudge,
    visit_fixture,  # noqa: F401
)
from tests.hub.conftest import node_view
from tests.hub.test_experiment_page import four_weeks

AXE: Final = files(pytest.importorskip("axe_playwright_python", reason="axe is not installed (extra dev)"))
RUN: Final = """rules => axe.run(document, {
  runOnly: rules ?? ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  rules: rules ? {} : { "target-size": { enabled: true } },
  resultTypes: ["violations", "incomplete"],
  preload: false,
}).then((found) => {
  // A contrast that cannot be told for what lies behind a text is a fault too: nothing here is so painted.
  const behind = ["pseudoContent", "bgGradient", "bgImage"];
  const untold = found.incomplete.filter((one) => one.id === "color-contrast").map((one) => (
    { ...one, nodes: one.nodes.filter((node) => behind.includes(node.any[0]?.data?.messageKey)) }));
  return [...found.violations, ...untold].filter((one) => one.nodes.length).map((one) =>
    `${one.id}: ${one.help} ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 99) + node.failureSummary)}`);
})"""
# What another size or scheme can change; all else is asked once a page.
BY_LOOKS: Final = ["color-contrast", "target-size"]


# Texts that do not fit their place, and whether the page must be pushed sideways.
CUT: Final = """[
  ...document.querySelectorAll("button, summary, p, li, h2, h2 *")].filter((one) => one.checkVisibility()
    && !one.closest(".unseen") && (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline"
    || one.getBoundingClientRect().right > innerWidth)).map((one) => one.textContent).concat(
  document.documentElement.scrollWidth > innerWidth ? ["the page"] : [])"""


def faults(page: Page) -> list[str]:
    """Whatever breaks WCAG 2.2 A or AA on this page, in either scheme and at any size."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            everything = (scheme, size) == ("light", "phone")
            found += [f"{scheme}, {size}: {fault}" for fault in anywhere(page, None if everything else BY_LOOKS)]
    return found


def anywhere(page: Page, rules: list[str] | None = None) -> list[str]:
    """Whatever breaks these rules, or any of WCAG 2.2 A and AA, as the page is now."""
    if not page.evaluate("'axe' in window"):
        page.evaluate((AXE / "axe.min.js").read_text(encoding="utf-8"))
    faults: list[str] = page.evaluate(RUN, rules)
    return faults


def look(visit: Visit, role: Role | None, path: str, **more: str) -> Page:
    width, height = SIZES["tablet"]
    return visit(role, path, viewport={"width": width, "height": height}, reduced_motion="reduce", **more)


def test_axe_sees_what_is_wrong(visit: Visit) -> None:
    page = look(visit, None, "/enter")
    page.evaluate(
        "document.querySelector('main').append(Object.assign(document.createElement('button'), { id: 'bare' }))"
    )
    assert "button-name" in "".join(anywhere(page))


def test_no_page_of_the_hub_breaks_the_guidelines(hub: Hub, visit: Visit) -> None:
    furnish(hub.shop)
    hub.experiment.now, hub.experiment.measured = four_weeks(time.time())
    page = look(visit, "owner", "/owner", service_workers="block")  # to whom every page opens
    page.route("**/offline.js*", lambda script: script.abort())  # it leaves as soon as it finds the hub there
    page.add_init_script("MediaQueryList.prototype.addEventListener = () => {}")  # charts reload for a new scheme
    wrong: dict[str, list[str]] = {}
    for path in (*pages_of(hub, page), "/notice/hu", "/nowhere"):
        page.goto(hub.url + path)
        wrong[path] = faults(page)
    assert {path: found for path, found in wrong.items() if found} == {}
    assert len(wrong) >= 9


def pages_of(hub: Hub, page: Page) -> list[str]:
    """Every address without a parameter that answers with a page."""
    assert hub.server
    routes = [route for route in hub.server.config.app.routes if isinstance(route, APIRoute)]  # type: ignore[union-attr]
    asked = {route.path for route in routes if "GET" in route.methods and "{" not in route.path}
    answers = {path: page.request.get(hub.url + path) for path in sorted(asked - {"/staff/events"})}
    return [path for path, answer in answers.items() if "text/html" in answer.headers["content-type"]]


def quiet(shop: FakeShop) -> None:
    shop.nudges.clear()


def one(shop: FakeShop) -> None:
    shop.put(nudge(1))


def many(shop: FakeShop) -> None:
    furnish(shop)
    for number, zone in enumerate(("Kitchen & Table", "Haushaltswarenabteilung", "Toys", "Lamps", "Garden"), 4):
        shop.put(replace(nudge(number, number, zone), level=1 + number % 3, handovers=number % 2))
    shop.put(replace(nudge(9, 9, "Shoes"), state="expired", closed_s=time.time()))


def asked(shop: FakeShop) -> None:
    """The newest card is for one tablet, the next for all."""
    seats = dict.fromkeys(("till", "door"), 0.0)
    shop.people_now = People(seats, {4: Asked(("till",), True), 5: Asked(("till", "door"))}, {5: ("Lamps", "Toys")})
    shop.changes.touch()


def no_camera(shop: FakeShop) -> None:
    shop.nudges.clear()
    shop.node_views.clear()
    shop.changes.touch()


def blind(shop: FakeShop) -> None:
    shop.say(replace(node_view("floor-1", "Ceramics", now_s=time.time()), state="paused", reason="closed"))


def test_the_board_breaks_no_guideline_in_any_state(hub: Hub, visit: Visit) -> None:
    page = live(look(visit, "staff", "/staff"))
    for state, cards in ((quiet, 0), (one, 1), (many, 9), (asked, 9), (blind, 9), (no_camera, 0)):
        state(hub.shop)
        expect(page.locator("article")).to_have_count(cards)
        assert faults(page) == [], state.__name__


FAR_PX: Final = 68  # on ten inches of 1280 pixels, a small letter of ten minutes of arc from two metres


def test_what_matters_can_be_read_from_two_metres(hub: Hub, visit: Visit) -> None:
    page = live(look(visit, "staff", "/staff"))
    size = "(n) => Math.min(...[...document.querySelectorAll(n)].map((e) => parseFloat(getComputedStyle(e).fontSize)))"
    assert page.evaluate(size, ".calm h2") >= FAR_PX
    many(hub.shop)
    expect(page.locator("article")).to_have_count(9)
    assert page.evaluate(size, '[data-state="open"] h2 strong') >= FAR_PX


def test_every_language_fits_a_small_phone(hub: Hub, visit: Visit) -> None:
    many(hub.shop)
    page = live(visit("staff", "/staff", viewport={"width": 360, "height": 740}, reduced_motion="reduce"))
    page.locator(".tongues summary").click()
    for language, name in own_names():
        with page.expect_navigation():
            page.get_by_role("button", name=name, exact=True).click()
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(live(page).get_by_role("button", name=phrases(language)["outcome"]["browsing"])).to_be_visible()
        page.locator(".tongues summary").click()
        assert page.evaluate(CUT) == [], language
