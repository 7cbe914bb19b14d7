"""Days summed once: the sums are those of the rows, whatever comes late, and nothing outlives what it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hub import roll
from hub.days import begins_s, day_of
from hub.history import DAYS, Span, past, span_of
from hub.reads import StoreReads
from hub.store import FILE, Store
from hub.tally import Tally
from tests.hub.conftest import NOW_S
from tests.hub.node import Node, message
from tests.hub.seed import Past, seed

VIENNA = ZoneInfo("Europe/Vienna")
SHOP = Past(days=12, until_s=NOW_S, zones=3, timezone=VIENNA, nudges_a_day=20)
TODAY = day_of(NOW_S, VIENNA)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / FILE)
    yield opened
    opened.close()


@pytest.fixture
def reads(store: Store, tmp_path: Path) -> Iterator[StoreReads]:
    opened = StoreReads(tmp_path / FILE)
    yield opened
    opened.close()


def roll_all(store: Store, timezone: ZoneInfo = VIENNA, now_s: float = NOW_S, keep_days: int = 396) -> list[date]:
    """Sums all that there is; which days that were."""
    summed: list[date] = []
    with pytest.MonkeyPatch.context() as patch:
        known = roll._sum
        patch.setattr(roll, "_sum", lambda store, day, zone: (summed.append(day), known(store, day, zone)))
        while roll.roll(store, timezone, now_s, keep_days):
            pass
    return summed


def bare(tally: Tally) -> tuple[object, ...]:
    """Without what only whole days have."""
    return (tally.hours, tally.moods, round(tally.noise_var, 6), tally.nudges)


@pytest.mark.parametrize("by", ["day", "week"])
def test_summed_days_say_what_their_rows_say(store: Store, reads: StoreReads, by: str) -> None:
    seed(store, SHOP)
    span = span_of(by, TODAY)  # type: ignore[arg-type]
    zone = ("floor-1", 1)
    before = [past(reads, span, VIENNA), past(reads, span, VIENNA, zone)]
    assert len(roll_all(store)) == 12
    assert reads.rolled_to() == TODAY.toordinal()
    after = [past(reads, span, VIENNA), past(reads, span, VIENNA, zone)]
    for raw, summed in zip(before, after, strict=True):
        assert list(map(bare, raw.tallies)) == list(map(bare, summed.tallies))
        assert raw.waits == summed.waits
        assert {key: bare(tally) for key, tally in raw.zones.items()} == {
            key: bare(tally) for key, tally in summed.zones.items()
        }
        assert sum(sum(tally.stays) for tally in summed.tallies) > 0


def test_nothing_is_summed_twice(store: Store) -> None:
    seed(store, SHOP)
    assert roll.roll(store, VIENNA, NOW_S, 396)
    assert len(roll_all(store)) == 12 - roll.DAYS_AT_ONCE
    assert roll_all(store, now_s=NOW_S + 3600) == []


def test_what_comes_late_is_summed_again_in_its_own_day(store: Store, reads: StoreReads) -> None:
    seed(store, SHOP)
    roll_all(store)
    day = date.fromordinal(TODAY.toordinal() - 3)
    span = Span(day, 1, 1)
    before = past(reads, span, VIENNA).tallies[0]
    hour_s = int(begins_s(day, VIENNA)) + 22 * 3600
    late = Node("floor-1").hour(7, zone=2, hour_start_s=hour_s)
    with store.batch():
        assert store.add(message(late), late, late=True) == "new"
    assert roll_all(store, now_s=NOW_S + 60) == [day]
    after = past(reads, span, VIENNA).tallies[0]
    assert after.told == before.told + 1
    assert after.moods[1] == before.moods[1] + 8


def test_today_is_summed_when_it_is_over(store: Store, reads: StoreReads) -> None:
    seed(store, SHOP)
    roll_all(store)
    midnight_s = begins_s(date.fromordinal(TODAY.toordinal() + 1), VIENNA)
    assert roll_all(store, now_s=midnight_s - 1) == []
    assert roll_all(store, now_s=midnight_s + 1) == [TODAY]
    assert reads.rolled_to() == TODAY.toordinal() + 1


def test_a_shop_that_moves_its_clock_sums_anew(store: Store, reads: StoreReads) -> None:
    seed(store, SHOP)
    roll_all(store)
    span = span_of("day", TODAY)
    assert len(roll_all(store, ZoneInfo("Pacific/Auckland"))) >= 12
    raw = past(reads, span, UTC)
    assert sum(tally.told for tally in raw.tallies) > 0


def test_sums_go_when_their_day_is_of_age(store: Store, reads: StoreReads) -> None:
    seed(store, SHOP)
    roll_all(store)
    roll_all(store, keep_days=5)
    oldest = TODAY.toordinal() - 4
    assert store.run("SELECT min(day) FROM history_days").fetchone()[0] >= oldest
    assert store.run("SELECT min(day) FROM history_waits").fetchone()[0] >= oldest
    assert not any(tally.told for tally in past(reads, span_of("day", TODAY), VIENNA).tallies[: DAYS - 5])


def test_an_empty_hub_has_nothing_to_sum(store: Store, reads: StoreReads) -> None:
    assert roll_all(store) == []
    assert reads.rolled_to() == 0
    assert not any(tally.told for tally in past(reads, span_of("week", TODAY), VIENNA).tallies)
