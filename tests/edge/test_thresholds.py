"""What stays under a threshold stays unknown: to who asks with a cell and without it, and however the tracker errs."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from edge.clock import ClipClock
from edge.config import NodeConfig
from edge.eye.affect import read_affect
from edge.eye.badge import leave_out
from edge.eye.gate import Budget, Gate, Spent, release
from edge.eye.tracks import Tracking, follow
from edge.eye.window import LOST_S, tumble
from edge.fakes import FakeBadgeReader
from edge.record import HourRecord, HourSuppressedRecord, MoodRecord, MoodSuppressedRecord
from edge.values import Face, Frame, Tumbled
from tests.edge.differencing import Leak, exact_totals, run, thin_windows
from tests.edge.test_affect import HAPPY, NOISE, Scripted
from tests.edge.test_tracks import face

FPS = 4.0
GAPS = 100


def test_no_query_tells_a_cell_under_its_threshold() -> None:
    found = run(queries=100_000, shops=8, seed=2)
    assert found["queries"] == 100_000
    assert found["hidden"] > 80
    assert found["apart"] == 0


@pytest.mark.parametrize("leak", [exact_totals, thin_windows])
def test_a_total_or_a_thin_window_that_was_said_would_be_found(leak: Leak) -> None:
    assert run(queries=1_000, shops=1, seed=3, leak=leak)["apart"] > 100


def lingering(rng: random.Random) -> Iterator[tuple[Frame, tuple[Face, ...]]]:
    """One shopper who is lost a hundred times within the hour and found anywhere in the zone."""
    seen: list[tuple[float, float] | None] = []
    for _ in range(GAPS):
        place = rng.uniform(60, 580), rng.uniform(60, 140)
        seen += [place] * int(FPS * rng.uniform(6, 24)) + [None] * int(FPS * rng.uniform(1.6, LOST_S - 0.5))
    for i, place in enumerate(seen):
        found = () if place is None else (face(place[0] + rng.uniform(-2, 2), place[1], 50.0),)
        yield Frame(i, i / FPS, NOISE), found


@pytest.mark.parametrize("seed", range(2))
def test_one_lingering_shopper_with_a_hundred_gaps_reaches_neither_k_nor_eleven(seed: int) -> None:
    config = NodeConfig(node="n1")
    people = follow(lingering(random.Random(seed)), Tracking(), config.zones)
    moments = read_affect(leave_out(people, FakeBadgeReader(), (), config.zones), Scripted(HAPPY))
    steps: list[Tumbled] = list(tumble(moments, config.zones, ClipClock(0.0), config.privacy))
    tallies = [tally for step in steps for tally in step.hours]
    assert sum(tally.positive + tally.unknown for tally in tallies) > 30  # what the tracker took for visits
    assert max(window.people for step in steps for window in step.closed) == 1
    assert max(tally.people for tally in tallies) <= 1
    gate = Gate(config.privacy, 45.0, {}, 0, Budget(), Spent(), lambda _: 100)
    said = [record for record in release(steps, gate, flush=True) if record is not None]
    assert {MoodSuppressedRecord, HourSuppressedRecord} <= {type(record) for record in said}
    assert not [record for record in said if isinstance(record, MoodRecord | HourRecord)]
