"""A day as the hub really lived it, and the same day replayed from what its store kept."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub import recorded
from hub.batch import Batch
from hub.learn import taught
from hub.nudge_types import Answered, Open, Quiet, Rules, State, TakenBy
from hub.reads import StoreReads
from hub.replay import replay
from hub.store import FILE, Store
from hub.views import Outcome
from tests.hub.node import WALL_S, Node, message

HOURS = 2
OUTCOMES: tuple[Outcome, ...] = ("helped", "browsing", "nobody")


class Day:
    """A hub's batches, one after the other, by a clock that goes second by second."""

    def __init__(self, folder: Path, rules: Rules) -> None:
        self.store, self.reads = Store(folder / FILE), StoreReads(folder / FILE)
        self.own, self.rules, self.state = rules, rules, State()
        self.nodes = (Node(), Node(name="window", boot="00c0ffee-000002"))
        self.seqs = dict.fromkeys(self.nodes, 0)

    def close(self) -> None:
        self.reads.close()
        self.store.close()

    def batch(self, at_s: float) -> Batch:
        batch = Batch(self.store, self.rules, self.state, WALL_S + at_s, at_s)
        batch.act(batch.tick(), WALL_S + at_s)
        return batch

    def let_pass(self, since_s: float, until_s: float) -> None:
        """A tick a second, as while nothing comes."""
        for second in range(1, int(until_s - since_s) + 1):
            if since_s + second < until_s:
                self.state = self.batch(since_s + second).state

    def need(self, at_s: float, node: Node, zone: int, level: int, late: bool) -> None:
        self.seqs[node] += 1
        event = node.assist(self.seqs[node], level, zone=zone)
        batch = self.batch(at_s)
        batch.take_in(message(event, mono_s=at_s), event, None if late else at_s)
        self.state = batch.state

    def pause(self, at_s: float, node: Node) -> None:
        for status in (node.status("paused", "switch"), node.status()):
            batch = self.batch(at_s)
            batch.take_in(message(status, mono_s=at_s), status, None)
            self.state = batch.state

    def tap(self, at_s: float, dice: random.Random) -> None:
        """Staff take whatever is open, or say how it went."""
        zones = [zone for zone in self.state.zones.values() if not hasattr(zone, "since_s")]
        if not zones:
            return
        zone = dice.choice(sorted(zones, key=lambda one: one.id))
        taken = TakenBy(zone.id, "till") if isinstance(zone, Open) else Answered(zone.id, dice.choice(OUTCOMES))
        batch = self.batch(at_s)
        batch.obey(taken, WALL_S + at_s)
        self.state = batch.state

    def live(self, seed: int) -> float:
        """Hours of chance; returns when they end."""
        dice, at_s = random.Random(seed), 0.0
        while at_s < HOURS * 3_600:
            then_s = at_s + dice.expovariate(1 / 9)
            with self.store.batch():
                self.let_pass(at_s, then_s)
                at_s = then_s
                match dice.random():
                    case part if part < 0.25:
                        self.tap(at_s, dice)
                    case part if part < 0.26:
                        self.pause(at_s, dice.choice(self.nodes))
                    case part:
                        level = dice.choice((0, 0, 1, 1, 2, 2, 3))
                        self.need(at_s, dice.choice(self.nodes), dice.randrange(2), level, late=part > 0.97)
            self.rules = taught(self.own, self.reads.answers())[0]
        return at_s


RULES = Rules(
    level_from=1, learns=True, rest_s=60, rest_browsing_s=240, per_hour=40, expires_s=90, hand_over_s=20,
    quiet=(Quiet(11 * 60 + 50, 12 * 60),),
)  # fmt: skip


@pytest.fixture(params=[RULES, replace(RULES, learns=False, level_from=2, per_hour=12)], ids=["learning", "capped"])
def day(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Day]:
    day = Day(tmp_path, request.param)
    yield day
    day.close()


def test_a_day_replayed_under_its_own_rules_raises_exactly_the_nudges_that_were_raised(day: Day) -> None:
    ended_s = day.live(seed=7)
    kept = recorded.read(day.reads, WALL_S + ended_s + 1)
    really = [
        (nudge.opened_s, (nudge.node, nudge.zone)) for nudge in day.reads.nudges_between(WALL_S, WALL_S + ended_s + 1)
    ]
    assert len(really) >= 20
    assert [(one.at_s, one.zone) for one in replay(day.own, kept)] == really
    assert replay(replace(day.own, rest_s=600), kept) != replay(day.own, kept)


def test_only_the_last_day_is_replayed_and_older_answers_have_taught_already(day: Day) -> None:
    ended_s = day.live(seed=3)
    answers = len(day.reads.answers())
    later = recorded.read(day.reads, WALL_S + ended_s + 86_401)
    assert answers > 5
    assert (later.day, len(later.answers), replay(day.own, later)) == ((), answers, ())


def test_what_was_paused_is_silence_in_the_replay_too(day: Day) -> None:
    node = day.nodes[0]
    with day.store.batch():
        day.need(10, node, 0, 3, late=False)
        day.pause(20, node)
        day.let_pass(20, 85)
        day.need(90, node, 0, 3, late=False)
        day.state = day.batch(100).state
    kept = recorded.read(day.reads, WALL_S + 110)
    assert [one.at_s - WALL_S for one in replay(day.own, kept)] == [10, 90]
