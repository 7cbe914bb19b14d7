"""The short version of ``make soak``."""

from __future__ import annotations

import itertools

from bench.soak import HOUR_S, Soaked, Worn, report, soak, traffic
from contract.events import Assist, MoodReleased


def test_traffic_follows_from_its_seed_in_order_and_numbers_every_event_of_a_zone_once() -> None:
    said = traffic(3, seed=1)
    assert said == traffic(3, seed=1)
    assert said != traffic(3, seed=2)
    assert all(one[0] <= other[0] for one, other in itertools.pairwise(said))
    numbered = [(event.boot, event.seq) for _, _, event in said if isinstance(event, Assist | MoodReleased)]
    assert len(numbered) == len(set(numbered)) > 100


def test_what_a_few_nodes_say_is_stored_and_timed() -> None:
    found = soak(2, tablets=3, minutes=0.05, seed=1)
    assert found.messages == len(traffic(2, 1))
    assert found.faster == HOUR_S / 3
    assert 0 < found.p50_ms <= found.p99_ms
    assert found.cpu_ms > 0
    assert found.end_mb > 50


def test_the_report_tells_every_size_and_what_was_worn() -> None:
    told = report([Soaked(20, 200, 3_920, 20.0, 1.0, 2.0, 2.5, 1.5, 0.4, 150, 151)], [Worn("a node", 5, 12.34)])
    assert "| 20 | 3,920 | 20× | 1.0 | 2.0 | 2.5 / 1.5 | 0.40 | 150 / 151 |" in told
    assert "| a node | 5 min | 12.3 |" in told
