"""When the eye may sense: never before the notice, outside opening hours, or while paused."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from contract.errors import ConfigError
from contract.events import OpenHours, Trouble
from contract.jurisdiction import Jurisdiction
from edge.config import NodeConfig, Privacy
from edge.eye.hours import barred, is_open

WEEK = tuple(
    OpenHours(day=day, opens="09:00", closes="18:30")
    for day in ("mon", "tue", "wed", "thu", "fri")
)  # fmt: skip


def wall_s(text: str, timezone: str = "Europe/Vienna") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone)).timestamp()


@pytest.mark.parametrize(
    ("when", "open_"),
    [
        ("2026-11-23T08:59", False),
        ("2026-11-23T09:00", True),
        ("2026-11-23T18:29", True),
        ("2026-11-23T18:30", False),
        ("2026-11-22T12:00", False),
        ("2026-10-26T09:00", True),  # the first opening after summer time
    ],
)
def test_the_shop_is_open_by_its_own_clock(when: str, open_: bool) -> None:
    assert is_open(WEEK, wall_s(when), "Europe/Vienna") is open_


def test_no_hours_at_all_means_never() -> None:
    assert not is_open((), wall_s("2026-11-23T12:00"), "UTC")


def test_midnight_closes_the_day() -> None:
    late = (OpenHours(day="sat", opens="20:00", closes="24:00"),)
    assert is_open(late, wall_s("2026-11-21T23:59", "UTC"), "UTC")
    assert not is_open(late, wall_s("2026-11-22T00:00", "UTC"), "UTC")


def test_sensing_is_off_until_the_notice_is_acknowledged_and_a_dpia_named_and_while_paused() -> None:
    noon = wall_s("2026-11-23T12:00", "UTC")
    config = NodeConfig(node="n1", hours=WEEK)
    assert barred(config, noon, paused=False) == "no_notice"
    noticed = config.model_copy(update={"notice_acknowledged": True})
    assert barred(noticed, noon, paused=False) == "no_dpia"
    shown = noticed.model_copy(update={"privacy": Privacy(dpia_reference="D-1")})
    assert barred(shown, noon, paused=True) == "command"
    assert barred(shown, wall_s("2026-11-23T20:00", "UTC"), paused=False) == "closed"
    assert barred(shown, noon, paused=False) is None


@pytest.mark.parametrize(
    ("jurisdiction", "express_consent", "why"),
    [
        ("eu", "", None),
        ("uk", "", None),
        ("us", "", None),
        ("other", "", None),
        ("us-il", "", "no_consent"),
        ("us-tx", "", "no_consent"),
        ("ca-qc", "", "no_consent"),
        ("ca-qc", "   ", "no_consent"),
        ("us-il", "signed form at the door", None),
    ],
)
def test_where_the_law_asks_for_express_consent_nothing_is_sensed_without(
    jurisdiction: Jurisdiction, express_consent: str, why: Trouble | None
) -> None:
    config = NodeConfig(
        node="n1",
        hours=WEEK,
        notice_acknowledged=True,
        privacy=Privacy(dpia_reference="D-1"),
        jurisdiction=jurisdiction,
        express_consent=express_consent,
    )
    assert barred(config, wall_s("2026-11-23T12:00", "UTC"), paused=False) == why


def test_an_unknown_timezone_is_refused_with_an_example() -> None:
    with pytest.raises(ConfigError, match="Europe/Vienna"):
        is_open(WEEK, 0.0, "Mars/Olympus")
