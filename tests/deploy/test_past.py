"""The made-up weeks of the pictures: whole enough that every page has something to show."""

from __future__ import annotations

import time
from pathlib import Path

from deploy.past import remember
from hub import experiment_rows, sales
from hub.nudge_types import Rules
from hub.plan import Plan
from hub.store import FILE, Store


def test_the_weeks_give_every_page_something_to_show_and_hold_no_nudge_just_now(tmp_path: Path) -> None:
    store, now_s = Store(tmp_path / FILE), time.time()
    remember(store, now_s, 9)

    def rows(sql: str, *values: object) -> list[tuple[object, ...]]:
        return store.run(sql, *values).fetchall()

    trial = experiment_rows.newest(rows)
    assert trial is not None
    assert trial.ended_s is None
    assert len(experiment_rows.hours(rows, trial).waits) > 100
    assert len(sales.told(rows, trial).units) > 60
    assert rows("SELECT count(*) FROM nudges WHERE state = 'answered'") > [(50,)]
    assert rows("SELECT count(*) FROM need_hours") > [(50,)]
    assert Plan.model_validate_json(str(rows("SELECT said FROM plan")[0][0])).view("aisle")
    drawn = experiment_rows.holding(Rules(), rows).hold_out
    assert drawn is not None
    assert not any(drawn.holds(("aisle", zone), now_s) for zone in range(3))
    store.close()
