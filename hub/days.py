"""Days and weeks of the shop's own calendar, by ``timezone`` in hub.toml and never by the machine's.

Rules:
- A day runs from local midnight to the next one: 23, 24 or 25 hours, as the clocks are changed.
- A week begins on Monday.

Left out: the shop's opening hours, which the nodes know.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

DAY: Final = timedelta(days=1)


def day_of(at_s: float, timezone: tzinfo) -> date:
    """The shop's date at a moment."""
    return datetime.fromtimestamp(at_s, timezone).date()


def begins_s(day: date, timezone: tzinfo) -> float:
    """When a day begins."""
    return datetime.combine(day, time(), timezone).timestamp()


def day_start_s(now_s: float, timezone: tzinfo) -> float:
    """The last midnight of the shop."""
    return begins_s(day_of(now_s, timezone), timezone)


def monday_of(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())
