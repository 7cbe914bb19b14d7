"""The owner's history: the same released hours by hour, day, week and zone, on the page, as CSV and as a print."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from hub import charts
from hub.auth import Role
from hub.charts import FEW, MOOD, NOTHING, NUDGES, STAYS, VISITS, WAITS, Chart, Fill, Row, as_csv, charts_of
from hub.dashboard import noise_within
from hub.days import begins_s, day_of
from hub.fakes import FakeShop
from hub.history import WEEKS, past, slots_of, span_of, week_of, zones_of
from hub.views import HourView, NudgeView, Settings
from hub.week import _round_up, print_week
from tests.hub.conftest import NOW_S, node_view
from tests.hub.test_tally import hour_views, nudge, told, withheld

ClientOf = Callable[[Role | None], TestClient]
BERLIN = ZoneInfo("Europe/Berlin")
TODAY = day_of(NOW_S, UTC)
HOUR = int(NOW_S) // 3600 * 3600
CHARTS = ("mood", "visits", "stays", "nudges", "waits", "mood-zones", "nudges-zones")


def chart(shop: FakeShop, name: str, by: str = "day") -> Chart:
    span = span_of(by, TODAY)  # type: ignore[arg-type]
    found = past(shop, span, UTC)
    return next(one for one in charts_of(found, zones_of(shop, found.zones), by, whole=True) if one.name == name)


def test_a_span_ends_with_the_day_asked_for() -> None:
    monday = date(2026, 11, 16)
    assert (span_of("hour", TODAY).first, span_of("hour", TODAY).last) == (TODAY, TODAY)
    assert (span_of("day", TODAY).first, span_of("day", TODAY).last) == (date(2026, 10, 22), TODAY)
    assert span_of("week", TODAY).last == date(2026, 11, 22)
    assert span_of("week", TODAY).first.weekday() == 0
    assert span_of("week", TODAY).days == WEEKS * 7
    assert (week_of(TODAY).first, week_of(TODAY).days) == (monday, 7)


@pytest.mark.parametrize(("day", "slots"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (TODAY, 24)])
def test_a_day_by_the_hour_has_the_hours_that_the_clocks_give_it(day: date, slots: int) -> None:
    labels = [slot.label for slot in slots_of(span_of("hour", day), BERLIN)]
    assert (len(labels), labels[0], labels[-1]) == (slots, "00:00", "23:00")


def test_an_hour_stands_in_the_shops_day(fake_shop: FakeShop) -> None:
    late_s = int(datetime(2026, 11, 17, 23, 0, tzinfo=UTC).timestamp())  # midnight in Berlin
    fake_shop.hours = [told(late_s)]
    by_zone = {
        zone: [slot.words for slot, tally in zip(found.slots, found.tallies, strict=True) if tally.told]
        for zone in (UTC, BERLIN)
        for found in [past(fake_shop, span_of("day", TODAY), zone)]
    }
    assert by_zone == {UTC: ["Tuesday 17 November 2026"], BERLIN: ["Wednesday 18 November 2026"]}


def test_a_day_of_withheld_hours_has_words_and_no_zero(fake_shop: FakeShop) -> None:
    fake_shop.hours = [withheld(HOUR), withheld(HOUR - 3600)]
    today = chart(fake_shop, "mood").rows[-1]
    assert (today.values, today.empty, today.more) == (None, FEW, ("", "0", "2"))
    assert chart(fake_shop, "mood").rows[-2].empty == NOTHING
    assert chart(fake_shop, "visits").rows[-1].values == (0, 0, 0, 2)


def test_a_day_is_the_sum_of_its_told_hours_with_their_noise(fake_shop: FakeShop) -> None:
    fake_shop.hours = [told(HOUR), told(HOUR - 3600), withheld(HOUR - 7200)]
    today = chart(fake_shop, "mood").rows[-1]
    assert today.values == (6, 16, 10, 2)
    assert today.more[1:] == ("2", "1")
    assert noise_within(0.5) < int(today.more[0].strip("± ")) < 2 * noise_within(0.5)


@given(st.lists(hour_views, max_size=20), st.integers(0, 200))
def test_no_chart_depends_on_a_withheld_hour(hours: list[HourView], anything: int) -> None:
    def drawn(found: list[HourView]) -> list[tuple[Chart, ...]]:
        shop = FakeShop()
        shop.say(node_view("floor-1", "Ceramics", "Textiles", "Lamps"))
        shop.hours = found
        return [
            charts_of(past(shop, span_of(by, TODAY), UTC), zones_of(shop), by, whole=True)  # type: ignore[arg-type]
            for by in ("hour", "day")
        ]

    others = [
        replace(hour, negative=anything, neutral=anything, positive=anything, unknown=anything)
        if hour.suppressed
        else hour
        for hour in hours
    ]
    assert drawn(others) == drawn(hours)


def test_one_zone_has_its_own_charts_and_the_shops_waits(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.hours = [told(HOUR), replace(told(HOUR), zone=1, positive=77)]
    fake_shop.put(replace(nudge("helped", 12.0), id=1, opened_s=NOW_S - 100, taken_s=NOW_S - 88, zone=1))
    html = client_of("owner").get("/owner/history?zone=floor-1:0").text
    assert ">77<" not in html
    assert "by zone</h3>" not in html
    waits = html[html.index('data-chart="waits"') :]
    assert '<td class="num">1</td>' in waits
    assert "it is counted for no zone and no person" in waits
    assert client_of("owner").get("/owner/history?zone=nowhere:3").status_code == 404


def test_every_chart_has_a_table_and_a_csv_of_it(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.hours = [told(HOUR), withheld(HOUR - 86_400)]
    fake_shop.put(replace(nudge("helped", 12.0), id=1, opened_s=NOW_S - 100, taken_s=NOW_S - 88))
    owner = client_of("owner")
    for by in ("hour", "day", "week"):
        html = owner.get(f"/owner/history?by={by}").text
        names = re.findall(r'data-chart="([a-z-]+)"', html)
        assert names == [name for name in CHARTS if name != "stays" or by != "hour"]
        for name in names:
            answer = owner.get(f"/owner/history.csv?by={by}&chart={name}")
            assert answer.headers["content-type"] == "text/csv; charset=utf-8"
            rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
            assert len({len(row) for row in rows}) == 1
            figure = html[html.index(f'data-chart="{name}"') :].split("</figure>")[0]
            if "data-bare" not in figure:
                assert figure.count("<tr data-label") == len(rows) - 1
    mood = owner.get("/owner/history.csv?by=day&chart=mood").text
    assert "Tuesday 17 November 2026,,,,,,0,1,not enough people" in mood
    assert "Wednesday 18 November 2026,3,8,5,1,± " in mood
    assert owner.get("/owner/history.csv?chart=faces").status_code == 404


def test_a_name_that_a_spreadsheet_would_run_is_only_text() -> None:
    rows = (Row("=1", '=HYPERLINK("http://x")', (1,)), Row("a", "+cmd", None, FEW))
    text = as_csv(Chart("c", "C", "zone", "visits", (("pleased", "sea"),), rows))
    cells = [row[0] for row in csv.reader(io.StringIO(text))]
    assert cells == ["zone", '\'=HYPERLINK("http://x")', "'+cmd"]


def test_the_future_is_not_asked_for(client_of: ClientOf) -> None:
    html = client_of("owner").get("/owner/history?by=hour&until=2031-01-01").text
    assert "Wednesday 18 November 2026, by the hour" in html
    assert "Later" not in html
    assert "Later" in client_of("owner").get("/owner/history?by=hour&until=2026-11-01").text


def test_nobody_of_the_staff_is_in_the_history(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(NudgeView(1, "floor-1", 0, "Ceramics", 2, (), "taken", NOW_S - 9, NOW_S - 3, taken_by="5e55104d"))
    owner = client_of("owner")
    for path in ("/owner/history", "/owner/history?by=hour&zone=floor-1:0", "/owner/history.csv?chart=nudges"):
        assert "5e55104d" not in owner.get(path).text
    assert b"5e55104d" not in owner.get("/owner/week.pdf?of=2026-11-18").content


def test_the_week_is_two_sheets_that_say_what_the_page_says(fake_shop: FakeShop) -> None:
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed (extra dev)")
    fake_shop.say(replace(node_view("window-2", "Window"), state="degraded", reason="throttled"))
    day_s = begins_s(TODAY, UTC)
    fake_shop.hours = [told(int(day_s) + 3600 * hour) for hour in range(9, 13)] + [withheld(int(day_s) + 3600 * 13)]
    for number in range(6):
        fake_shop.put(replace(nudge("helped", 9.0), id=number, opened_s=day_s + 39_000, taken_s=day_s + 39_009))
    body = print_week(fake_shop, week_of(TODAY), Settings("Miller & Daughters"), NOW_S)
    pages = list(pdfium.PdfDocument(body))
    text = re.sub(r"\s+", " ", " ".join(page.get_textpage().get_text_range() for page in pages))
    assert len(pages) == 2
    for words in (
        "Miller & Daughters", "The week from 16 to 22 November 2026", "6 of 6", "1 more had not enough people",
        "How visits felt", "Ceramics", "Node window-2: it slows itself down, and looks less often: check its fan",
        "19 times in 20",
    ):  # fmt: skip
        assert words in text


@given(st.integers(4, 10**6))
def test_an_axis_ends_at_a_round_number_that_holds_every_bar(most: int) -> None:
    assert most <= _round_up(most) <= 2 * most + 2
    assert _round_up(most) % 2 == 0


def test_a_day_by_the_hour_leaves_out_the_night(fake_shop: FakeShop) -> None:
    def hours(*told_at: int) -> list[str]:
        fake_shop.hours = [told(int(begins_s(TODAY, UTC)) + 3600 * hour) for hour in told_at]
        return [slot.label for slot in past(fake_shop, span_of("hour", TODAY), UTC).slots]

    assert len(hours()) == 24
    assert hours(9, 20) == [f"{hour:02}:00" for hour in range(9, 21)]
    assert len(hours(12)) >= 10
    assert hours(23)[-1] == "23:00"
    assert hours(0)[0] == "00:00"


@pytest.mark.parametrize("series", [MOOD, VISITS, STAYS, NUDGES, WAITS], ids=lambda series: series[0][0])
def test_colour_is_never_the_only_signal_in_a_chart(series: tuple[tuple[str, Fill], ...]) -> None:
    css = (Path(charts.__file__).parent / "static" / "charts.css").read_text(encoding="utf-8")
    drawn = dict(re.findall(r"\.fill-(\w+) \{([^}]*)\}", css))
    patterns = {name: re.sub(r"var\(--\w+\)|--fill:[^;]*;", "", body) for name, body in drawn.items()}
    assert len({patterns[fill] for _, fill in series}) == len(series)
