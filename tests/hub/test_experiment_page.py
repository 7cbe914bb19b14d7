"""The owner's page of the experiment: begin, read, end; and as a browser shows it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from hub.auth import Role
from hub.experiment import DAY_S, HOUR_S, LIMIT_S, HoldOut, Unit, sequence_of
from hub.experiment_page import days, mood
from hub.experiment_rows import Hours, Trial
from tests.hub.browser import (
    Hub,
    Visit,
    expect,
    hub_fixture,  # noqa: F401
    visit_fixture,  # noqa: F401
)

PATH = "/owner/experiment"
ClientOf = Callable[[Role | None], TestClient]


def four_weeks(until_s: float) -> tuple[Trial, Hours]:
    """Five zones, ten hours a day; needs last about a minute less with nudges."""
    chance, drawn, waits = random.Random(4), HoldOut(b"k" * 32, 0.2), []
    began_s = until_s // DAY_S * DAY_S - 28 * DAY_S
    for hour in (day * 24 + hour for day in range(28) for hour in range(9, 19)):
        for zone in range(5):
            at_s = int(began_s) + hour * HOUR_S
            held = drawn.holds(("floor-1", zone), at_s)
            waits.append(Unit(at_s, held, min(1.0, chance.expovariate(1 / (130 if held else 60)) / LIMIT_S)))
    return Trial(1, 0.2, 30, began_s, None), Hours(tuple(waits))


def test_the_owner_begins_and_ends_it_and_the_page_says_which(client_of: ClientOf) -> None:
    owner = client_of("owner")
    assert "Begin" in owner.get(PATH).text
    assert owner.post(f"{PATH}/start", data={"share": "0.2", "smallest_s": "30"}).status_code == 303
    page = owner.get(PATH).text
    assert "20 % of zone-hours are left without nudges" in page
    assert "Not enough data yet" in page
    assert "Begin" not in page
    assert owner.post(f"{PATH}/stop").status_code == 303
    assert "What it showed" in owner.get(PATH).text


@pytest.mark.parametrize("form", [{"share": "0.9"}, {"smallest_s": "1"}, {"share": "nan"}, {"share": "a"}])
def test_what_may_not_be_chosen_begins_nothing(client_of: ClientOf, form: dict[str, str]) -> None:
    owner = client_of("owner")
    assert owner.post(f"{PATH}/start", data=form).status_code == 400
    assert "Stop it now" not in owner.get(PATH).text


def test_the_plot_speaks_of_seconds_sooner_so_that_up_is_better() -> None:
    trial, hours = four_weeks(1_750_000_000)
    last = days(hours, trial.share)[-1]
    assert last.units == len(hours.waits)
    assert 0 < last.low_s < last.sooner_s < last.high_s


def test_moods_are_told_apart_only_when_their_bounds_leave_0_out() -> None:
    trial, hours = four_weeks(1_750_000_000)
    assert "not enough data" in mood(sequence_of(hours.waits[:5], trial.share).sure())
    assert ": worse." in mood(sequence_of(hours.waits, trial.share).sure())


def test_a_browser_draws_the_band_and_reads_a_day(hub: Hub, visit: Visit) -> None:
    hub.experiment.now, hub.experiment.measured = four_weeks(time.time())
    page = visit("owner", PATH)
    plot = page.locator("#sequence .plot")
    expect(plot.locator("canvas")).to_be_visible()
    expect(page.locator(".verdict")).to_contain_text("with nudges a need ends between")
    plot.scroll_into_view_if_needed()
    box = plot.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
    expect(page.locator("#plot-read")).to_contain_text("Until ")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for button, name in (("PNG", "attune-does-it-help.png"), ("CSV", "attune-does-it-help.csv")):
        with page.expect_download() as begun:
            page.locator("#sequence").get_by_text(button, exact=True).click()
        assert begun.value.suggested_filename == name


def test_nothing_is_wider_than_a_phone(hub: Hub, visit: Visit) -> None:
    hub.experiment.now, hub.experiment.measured = four_weeks(time.time())
    for path in (PATH, "/owner/plan"):
        page = visit("owner", path)
        page.set_viewport_size({"width": 360, "height": 780})
        wide = "(one) => one.getBoundingClientRect().right > innerWidth && !one.closest('.scroll, .unseen, .plot')"
        shown = f"[...document.querySelectorAll('main *')].filter({wide}).map((one) => one.outerHTML.slice(0, 80))"
        assert page.evaluate(shown) == []
