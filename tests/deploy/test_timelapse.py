"""The demo's simulated yesterday: through the real windows and the real gate."""

from __future__ import annotations

import time

from contract.events import ZoneSpec
from deploy.timelapse import CLOSES_H, OPENS_H, STEP_S, Stay, hours, moments, opened
from edge.record import HourRecord, HourSuppressedRecord
from edge.values import Mood

ZONES = tuple(
    ZoneSpec(id=zone, name=f"Zone {zone}", polygon=((zone / 3, 0.0), (zone / 3 + 0.3, 0.0), (zone / 3, 1.0)))
    for zone in range(3)
)
MOOD = Mood(0.2, 0.5, 0.3, 0.1, 0.2)


def test_every_zone_has_each_hour_released_or_suppressed() -> None:
    opening_s, told = 498_000 * 3600.0, list(hours(ZONES, 498_000 * 3600.0, 3 * 3600.0, seed=1))
    first = int(opening_s // 3600)
    said = {(record.head.zone, record.hour) for record in told}
    assert said >= {(zone.id, first + hour) for zone in ZONES for hour in range(3)}
    assert {type(record) for record in told} <= {HourRecord, HourSuppressedRecord}
    assert any(isinstance(record, HourRecord) for record in told)


def test_one_who_stays_is_there_until_the_end_and_is_one_visit() -> None:
    seen = list(moments([Stay(1, 10.0, 62.0, MOOD)], 100.0))
    assert [moment.t_s for moment in seen if moment.readings] == [10.0 + STEP_S * step for step in range(11)]
    assert [visit.zone for moment in seen for visit in moment.visits] == [1]


def test_only_whole_hours_that_are_over_are_told() -> None:
    noon_s = time.mktime((2026, 6, 10, 12, 30, 0, 0, 0, -1))
    (yesterday_s, whole_s), (today_s, part_s) = opened(noon_s)
    assert whole_s == (CLOSES_H - OPENS_H) * 3600
    assert part_s == 3 * 3600
    assert today_s - yesterday_s == 86_400
    early_s = time.mktime((2026, 6, 10, OPENS_H, 20, 0, 0, 0, -1))
    assert len(opened(early_s)) == 1
