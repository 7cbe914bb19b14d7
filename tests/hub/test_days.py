"""The shop's days: by its own time zone, over both changes of the clocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from hub.app import create_app
from hub.auth import Doors
from hub.days import begins_s, day_of, day_start_s, monday_of
from hub.fakes import FakeShop
from hub.views import NudgeView, Settings
from tests.hub.conftest import NOW_S, ORIGIN, Clock

BERLIN = ZoneInfo("Europe/Berlin")
AUCKLAND = ZoneInfo("Pacific/Auckland")


def utc_s(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 23), 24)]
)
def test_a_day_has_as_many_hours_as_the_clocks_give_it(day: date, hours: int) -> None:
    after = date.fromordinal(day.toordinal() + 1)
    assert begins_s(after, BERLIN) - begins_s(day, BERLIN) == hours * 3600


def test_midnight_is_the_shops_and_not_greenwichs() -> None:
    now_s = utc_s("2026-11-23T22:30")
    assert day_start_s(now_s, UTC) == utc_s("2026-11-23T00:00")
    assert day_start_s(now_s, BERLIN) == utc_s("2026-11-22T23:00")
    assert day_start_s(now_s, AUCKLAND) == utc_s("2026-11-23T11:00")
    assert day_of(now_s, AUCKLAND) == date(2026, 11, 24)


def test_a_week_begins_on_monday() -> None:
    assert {monday_of(date(2026, 11, day)) for day in range(23, 30)} == {date(2026, 11, 23)}


@pytest.fixture
def owner_in(fake_shop: FakeShop, doors: Doors, page_clock: Clock) -> Callable[[ZoneInfo], TestClient]:
    def come_in(timezone: ZoneInfo) -> TestClient:
        app = create_app(
            reads=fake_shop, desk=fake_shop, doors=doors, changes=fake_shop.changes,
            settings=Settings(timezone=timezone), clock=page_clock,
        )  # fmt: skip
        client = TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN}, client=("127.0.0.1", 50_000))
        client.post("/enter", data={"key": doors.mint("owner")})
        return client

    return come_in


def test_pages_tell_the_shops_time_and_count_its_day(
    owner_in: Callable[[ZoneInfo], TestClient], fake_shop: FakeShop
) -> None:
    at = datetime.fromtimestamp(NOW_S, UTC)
    early_s = at.replace(hour=0, minute=7, second=0, microsecond=0).timestamp()  # yesterday in New York
    fake_shop.put(NudgeView(1, "floor-1", 0, "Ceramics", 2, (), "expired", early_s, None, early_s + 120))
    fake_shop.put(replace(fake_shop.nudges[1], id=2, opened_s=NOW_S - 60))
    greenwich = owner_in(ZoneInfo("UTC")).get("/owner").text
    new_york = owner_in(ZoneInfo("America/New_York")).get("/owner").text
    local = datetime.fromtimestamp(NOW_S - 60, ZoneInfo("America/New_York")).strftime("%H:%M")
    assert "<td>00:07</td>" in greenwich
    assert f"<td>{local}</td>" in new_york
    assert "<td>00:07</td>" not in new_york
    assert datetime.fromtimestamp(early_s, ZoneInfo("America/New_York")).strftime("<td>%H:%M</td>") not in new_york
