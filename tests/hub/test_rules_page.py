"""The owner's page of rules in a real browser: what typed rules would have done, before they are saved."""

from __future__ import annotations

import csv
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hub.learn import Answer
from hub.need_hours import HOUR_S, NeedHour
from hub.nudge_types import Assisted
from hub.replay import Happened, Recorded, Went
from tests.hub.browser import (
    Hub,
    Visit,
    expect,
    hub_fixture,  # noqa: F401
    visit_fixture,  # noqa: F401
)

NAMES = {("floor-1", 0): "Ceramics", ("floor-1", 1): "Textiles"}


def a_day(now_s: float) -> Recorded:
    """Six hours of needs in two zones, a week of counts, and answers in one of them."""
    since_s, told = now_s - 24 * HOUR_S, list[tuple[float, Happened]]()
    for number in range(48):
        at_s, zone = since_s + 9 * HOUR_S + number * 450, ("floor-1", number % 2)
        told += [
            (at_s + 20 * part, Assisted(zone, (1, 2, 3)[number % 3], (), at_s + 20 * part + 60)) for part in (0, 1)
        ]
        told += [(at_s + 30, Went(zone)), (at_s + 90, Assisted(zone, 0, (), at_s + 150))]
    hour = int(now_s) // HOUR_S * HOUR_S
    week = tuple(
        NeedHour(zone, hour - back * HOUR_S, (5 + back % 2 * 5, 5, back % 3 // 2 * 5))
        for back in range(1, 60)
        for zone in NAMES
    )
    answers = tuple(Answer(("floor-1", 0), 1 + number % 3, helped=number % 4 > 0) for number in range(24))
    return Recorded(since_s, now_s, tuple(told), answers, 7, week, NAMES)


@pytest.fixture
def lively(hub: Hub) -> Hub:
    hub.rules.kept = a_day(time.time())
    return hub


def test_what_is_typed_shows_at_once_what_it_would_have_done_and_nothing_is_saved(lively: Hub, visit: Visit) -> None:
    page = visit("owner", "/owner/rules")
    found = page.locator("#whatif")
    expect(found.locator("canvas")).to_be_visible()
    expect(found).not_to_contain_text("Rules as typed")
    in_force = int(found.locator("tbody tr").first.locator("td b").first.inner_text())
    page.get_by_label("Ask from").select_option("3")
    expect(found).to_contain_text("Rules as typed here")
    typed = int(found.locator("tbody tr").first.locator("td b").nth(1).inner_text())
    assert 0 < typed < in_force
    expect(found.locator("canvas")).to_be_visible()
    assert lively.rules.changes == []
    page.get_by_role("button", name="Undo what is typed").click()
    expect(found).not_to_contain_text("Rules as typed")


def test_what_typed_rules_would_have_done_is_downloaded_as_a_table_and_as_a_picture(lively: Hub, visit: Visit) -> None:
    page = visit("owner", "/owner/rules")
    page.get_by_label("Ask from").select_option("3")
    found = page.locator("#whatif")
    expect(found).to_contain_text("Rules as typed here")
    with page.expect_download() as table:
        found.get_by_role("button", name="CSV").click()
    assert table.value.suggested_filename == "attune-rules.csv"
    rows = list(csv.DictReader(Path(table.value.path()).read_text("utf-8-sig").splitlines()))
    shown = [int(cell.inner_text()) for cell in found.locator(".whatif tbody tr").first.locator("td b").all()]
    assert [sum(int(row[name]) for row in rows) for name in ("rules in force", "rules as typed")] == shown
    with page.expect_download() as picture:
        found.get_by_role("button", name="PNG").click()
    assert picture.value.suggested_filename == "attune-rules.png"
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")
    expect(page.get_by_label("Ask from")).to_have_value("3")
    assert lively.rules.changes == []


def test_saved_rules_are_in_force_listed_and_can_go_back(lively: Hub, visit: Visit) -> None:
    page = visit("owner", "/owner/rules")
    page.get_by_label("At most").fill("6")
    page.get_by_role("group", name="Zones of their own").get_by_label("Textiles").select_option("4")
    page.get_by_role("button", name="Save these rules").click()
    expect(page.locator(".lines")).to_contain_text("At most: 20 an hour → 6 an hour")
    expect(page.locator(".lines")).to_contain_text("Zones of their own: none → Textiles: never")
    sheet = lively.rules.sheet()
    assert (sheet.now.per_hour, sheet.here) == (6, {"per_hour", "zones"})
    page.get_by_role("button", name="Back to 20 an hour").click()
    expect(page.get_by_label("At most")).to_have_value("20")
    assert lively.rules.sheet().here == {"zones"}
    page.get_by_role("button", name="Go back to hub.toml in all").click()
    expect(page.get_by_role("button", name="Go back to hub.toml in all")).to_have_count(0)
    assert lively.rules.sheet().here == frozenset()


def test_what_cannot_be_used_says_so_while_it_is_typed(lively: Hub, visit: Visit) -> None:
    page = visit("owner", "/owner/rules")
    page.get_by_label("Ask again after").fill("5")
    expect(page.locator("#whatif")).to_contain_text("cannot be used as they stand")
    page.get_by_label("Ask again after").fill("60")
    expect(page.locator("#whatif")).not_to_contain_text("cannot be used")


def test_a_shop_without_history_says_that_there_is_too_little_to_tell(hub: Hub, visit: Visit) -> None:
    page = visit("owner", "/owner/rules")
    expect(page.locator("#whatif")).to_contain_text("too few answers to say")
    expect(page.locator("#whatif")).to_contain_text("no hour counted yet")
    hub.rules.kept = replace(a_day(time.time()), answers=())
    page.get_by_label("Ask from").select_option("2")
    expect(page.locator("#whatif")).to_contain_text("too few answers")
    expect(page.locator("#whatif")).not_to_contain_text("no hour counted yet")
