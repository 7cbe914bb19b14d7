"""Differencing: what a hub can learn of a cell under its threshold by asking for everything with it and without it.

Two shops are played through the real windows and the real gate, with the same noise. They differ only where a cell is
under its threshold: in every moment at which fewer than k contributed, and in every zone and hour with too few people
or visits to tell. Lives of the eye, their configs and what they name a zone change on the way. A query is a sum over
some zones, hours, windows, configs and fields of what was told, asked with one cell and without it. Whatever it says
of the one shop it must say of the other.

    python -m tests.edge.differencing --queries 100000
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.events import ZoneSpec
from edge.clock import ClipClock
from edge.config import Privacy
from edge.eye.gate import Budget, Gate, Spent, release
from edge.eye.noise import discrete_laplace
from edge.eye.window import tumble
from edge.record import DWELL, PEOPLE, HourRecord, MoodRecord, Record
from edge.values import Moment, Mood, Reading, Tally, Tumbled, Visit

ZONES: Final = tuple(
    ZoneSpec(id=zone, name=f"Zone {zone}", polygon=((zone / 3, 0.0), (zone / 3 + 0.3, 0.0), (zone / 3, 1.0)))
    for zone in range(3)
)
PRIVACY: Final = Privacy()
HOURS: Final = 5
STEP_S: Final = 20.0
Crowds = list[list[int]]  # by moment and zone
Answers = dict[tuple[object, ...], NDArray[np.float64]]
Leak = Callable[[Sequence[Tumbled]], Answers]


@dataclass(frozen=True, slots=True)
class Shop:
    """One day: who was there, whose visits ended when, and at which moments a new life of the eye began."""

    crowds: Crowds
    visits: dict[int, tuple[Visit, ...]]
    lives: tuple[int, ...]


def shop(rng: random.Random) -> Shop:
    """A day on which crowds come and go; some zones and hours are busy, others nearly empty."""
    moments = int(HOURS * 3600 / STEP_S)
    crowds: Crowds = [[0] * len(ZONES) for _ in range(moments)]
    for zone in range(len(ZONES)):
        at = 0
        while at < moments:
            until = min(at + rng.randrange(3, 60), moments)
            people = rng.choice((0, 0, 1, 2, 4, 5, 6, 12))
            for moment in range(at, until):
                crowds[moment][zone] = people
            at = until
    visits = {}
    busy = {(zone, hour): rng.choice((0.002, 0.01, 0.03, 0.3)) for zone in range(len(ZONES)) for hour in range(HOURS)}
    for moment in range(moments):
        hour = int(moment * STEP_S // 3600)
        visits[moment] = tuple(_visit(rng, z) for z in range(len(ZONES)) if rng.random() < busy[z, hour])
    return Shop(crowds, visits, (0, *sorted(rng.sample(range(1, moments), 2)), moments))


def play(day: Shop, seed: int) -> tuple[list[Record], list[Tumbled]]:
    """What the eye says of a day, life after life; the noise is of the seed alone."""
    spent, said, seen = Spent(), [], []
    moods = random.Random(seed)
    for config, (first, last) in enumerate(pairwise(day.lives)):
        noise = random.Random(f"{seed} {config}")
        gate = Gate(
            PRIVACY, 45.0, {}, config, Budget(), spent, lambda e, noise=noise: discrete_laplace(e, noise.randrange)
        )
        steps = list(tumble(_moments(day, first, last, config, moods), ZONES, ClipClock(first * STEP_S), PRIVACY))
        seen += steps
        quiet = (Tumbled(step.t_s, step.closed, step.hours, ()) for step in steps)  # needs speak of one, and say so
        said += [record for record in release(quiet, gate, flush=True) if record is not None]
    return said, seen


def _moments(day: Shop, first: int, last: int, config: int, moods: random.Random) -> Iterator[Moment]:
    """``config`` names the zones anew: the crowd of one is the crowd of another in the next life."""
    for at in range(first, last):
        crowd = [day.crowds[at][(zone + config) % len(ZONES)] for zone in range(len(ZONES))]
        loud = random.Random(f"{at}")  # those that count feel the same in both shops
        readings = tuple(
            Reading(zone, 10.0, 0.0, False, _mood(loud if people >= PRIVACY.k else moods), False)
            for zone, people in enumerate(crowd)
            for _ in range(people)
        )
        visits = tuple(Visit((v.zone - config) % len(ZONES), v.mood) for v in day.visits[at])
        yield Moment((at - first) * STEP_S, readings, frozenset(), visits)


def other(day: Shop, said: Sequence[Record], rng: random.Random) -> tuple[Shop, int]:
    """The same day with whatever was under a threshold drawn anew, and how many hours that emptied.

    A thin moment of an hour that is told keeps its number, which that hour's people count, and changes its moods.
    """
    told = {(record.head.config, record.head.zone, record.hour) for record in said if isinstance(record, HourRecord)}
    hidden = set()

    def open_(at: int, place: int) -> bool:
        config = sum(at >= life for life in day.lives[1:-1])
        cell = (config, (place - config) % len(ZONES), int(at * STEP_S // 3600))
        if cell not in told:
            hidden.add(cell)
        return cell in told

    crowds = [
        [
            people if open_(at, place) or people >= PRIVACY.k else rng.randrange(PRIVACY.k)
            for place, people in enumerate(row)
        ]
        for at, row in enumerate(day.crowds)
    ]
    kept = {at: tuple(visit for visit in visits if open_(at, visit.zone)) for at, visits in day.visits.items()}
    return Shop(crowds, kept, day.lives), len(hidden)


def answers(said: Sequence[Record]) -> Answers:
    """Everything that a hub has to ask of: each cell with its numbers, or without any where it is suppressed."""
    found: Answers = {}
    for number, record in enumerate(said):
        head = record.head
        cell = (type(record).__name__, head.zone, head.config, head.t_mono_s, getattr(record, "hour", number))
        found[cell] = np.asarray(_numbers(record))
    return found


def _numbers(record: Record) -> list[float]:
    match record:
        case HourRecord():
            return [1, record.negative, record.neutral, record.positive, record.unknown, record.epsilon_milli, 0, 0]
        case MoodRecord():
            shares = (record.negative, record.neutral, record.positive)
            words = (PEOPLE.index(record.people), DWELL.index(record.dwell))
            return [2, *shares, record.valence, record.arousal, *words]
        case _:
            return [3, 0, 0, 0, getattr(record, "epsilon_milli", 0), 0, 0, 0]


def differences(one: Answers, two: Answers, queries: int, rng: np.random.Generator) -> int:
    """How many of the queries, with a cell and without it, tell the two shops apart."""
    cells = sorted({*one, *two}, key=repr)
    nothing = np.full(8, -1.0)
    a, b = (np.stack([shop.get(cell, nothing) for cell in cells]) for shop in (one, two))
    keys = np.array([[int(str(part)) for part in (cell[1], cell[2], int(str(cell[3])) // 3600)] for cell in cells])
    column = rng.integers(0, 3, queries)
    alike = keys[rng.integers(0, len(cells), queries), column][:, None] == keys[:, column].T  # one zone, config or hour
    asked = rng.random((queries, len(cells))) < rng.random((queries, 1))
    asked &= alike | (rng.random((queries, 1)) < 0.5)
    target, each = rng.integers(0, len(cells), queries), np.arange(queries)
    weights = rng.integers(-3, 4, (queries, 8)).astype(float)
    said = []
    for with_it in (True, False):
        asked[each, target] = with_it
        said.append([((asked @ shop) * weights).sum(axis=1) for shop in (a, b)])
    (with_a, with_b), (without_a, without_b) = said
    return int(np.sum((with_a != with_b) | (with_a - without_a != with_b - without_b)))


def run(queries: int, shops: int, seed: int, leak: Leak = lambda steps: {}) -> dict[str, int]:
    """Plays shops and asks. ``leak`` adds what a faulty node would say too, so that a test can see it caught."""
    rng, chance = random.Random(seed), np.random.default_rng(seed)
    total = {"queries": 0, "cells": 0, "hidden": 0, "apart": 0}
    for number in range(shops):
        day = shop(rng)
        said, steps = play(day, number)
        changed, hidden = other(day, said, rng)
        said_again, steps_again = play(changed, number)
        share = queries // shops + (number < queries % shops)
        one, two = answers(said) | leak(steps), answers(said_again) | leak(steps_again)
        total["apart"] += differences(one, two, share, chance)
        total["queries"] += share
        total["cells"] += len(one)
        total["hidden"] += hidden
    return total


def exact_totals(steps: Sequence[Tumbled]) -> Answers:
    """What no node says: a zone's visits of the whole day, suppressed hours included."""
    tallies = [tally for step in steps for tally in step.hours]
    sums = {zone: sum(_visits(tally) for tally in tallies if tally.zone == zone) for zone in range(len(ZONES))}
    return {("total", zone, 0, 0): np.full(8, float(count)) for zone, count in sums.items()}


def thin_windows(steps: Sequence[Tumbled]) -> Answers:
    """What no node says: how many people a window had at once, those under k included."""
    closed = [window for step in steps for window in step.closed]
    return {("window", w.zone, 0, number): np.full(8, float(w.people)) for number, w in enumerate(closed)}


def _visits(tally: Tally) -> int:
    counts = asdict(tally)
    return sum(counts[group] for group in ("negative", "neutral", "positive", "unknown"))


def _visit(rng: random.Random, zone: int) -> Visit:
    return Visit(zone, rng.choice((None, _mood(rng))))


def _mood(rng: random.Random) -> Mood:
    parts = [rng.random() + 0.01 for _ in range(3)]
    return Mood(*(part / sum(parts) for part in parts), rng.uniform(-1, 1), rng.uniform(-1, 1))


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.edge.differencing", description=__doc__)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--shops", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    found = run(options.queries, options.shops, options.seed)
    print(", ".join(f"{name} {count}" for name, count in found.items()))
    return 1 if found["apart"] else 0


if __name__ == "__main__":
    sys.exit(main())
