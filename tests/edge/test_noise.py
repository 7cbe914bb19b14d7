"""Discrete Laplace noise: the right distribution, from integers alone."""

from __future__ import annotations

import itertools
import math
import random
from bisect import bisect_left
from collections import Counter
from fractions import Fraction

import pytest

from edge.config import Privacy
from edge.eye.gate import Budget, Gate, Spent, hour
from edge.eye.noise import discrete_laplace
from edge.record import HourRecord
from edge.values import Tally

DRAWS = 20_000


@pytest.mark.parametrize("epsilon", [Fraction(1, 2), Fraction(1), Fraction(3, 2)])
def test_draws_follow_the_discrete_laplace_law(epsilon: Fraction) -> None:
    rng = random.Random(7)
    counts = Counter(discrete_laplace(epsilon, rng.randrange) for _ in range(DRAWS))
    e = math.exp(-float(epsilon))
    scale = (1 - e) / (1 + e)
    for value in range(-3, 4):
        expected = DRAWS * scale * e ** abs(value)
        assert abs(counts[value] - expected) < 5 * math.sqrt(expected)


SEEN_BY_CHANCE = 4.5  # standard errors; about 60 events are looked at


def measured_loss(stated: Fraction, drawn_with: Fraction, draws: int, seed: int, visits: int) -> tuple[float, float]:
    """The largest privacy loss between two hours that differ in one visit, over all tails of the count it changes.

    The whole gate is run; the other groups get no noise of theirs, which is independent and the same in both hours.
    Returns the loss, less what chance explains, and the loss as it is.
    """
    rng = random.Random(seed)
    privacy = Privacy(epsilon=float(stated))

    def released(positive: int) -> list[int]:
        calls = itertools.count()

        def noise(_: Fraction) -> int:
            return discrete_laplace(drawn_with, rng.randrange) if next(calls) % 4 == 2 else 0

        counts = []
        for _ in range(draws):
            told = hour(Tally(0, 0, 99, 0, 0, positive, 40), Gate(privacy, 45.0, {}, 0, Budget(), Spent(), noise), 0)
            assert isinstance(told, HourRecord)
            counts.append(told.positive)
        return sorted(counts)

    one, two = released(visits), released(visits + 1)
    sure, plain = 0.0, 0.0
    for value in range(visits - 8, visits + 10):
        for upper in (False, True):
            a, b = (bisect_left(counts, value) for counts in (one, two))
            a, b = (draws - a, draws - b) if upper else (a, b)
            if min(a, b) > 500:
                loss, error = abs(math.log(a / b)), math.sqrt(1 / a + 1 / b - 2 / draws)
                sure, plain = max(sure, loss - SEEN_BY_CHANCE * error), max(plain, loss)
    return sure, plain


def test_hours_that_differ_in_one_visit_stay_under_the_stated_epsilon() -> None:
    sure, plain = measured_loss(Fraction(1, 2), Fraction(1, 2), 100_000, seed=8, visits=20)
    assert sure <= 0.5
    assert plain <= 0.5 + 0.05


@pytest.mark.parametrize(("drawn_with", "draws"), [(Fraction(1), 5_000), (Fraction(3, 5), 30_000)])
def test_noise_of_the_wrong_scale_is_caught(drawn_with: Fraction, draws: int) -> None:
    sure, _ = measured_loss(Fraction(1, 2), drawn_with, draws, seed=9, visits=20)
    assert sure > 0.5


def test_opendp_agrees_on_the_law_and_on_what_it_costs() -> None:
    """OpenDP as the oracle: in the development environment only, where it has a wheel."""
    dp = pytest.importorskip("opendp.prelude", reason="OpenDP is not installed: pip install opendp")
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    oracle = dp.m.make_laplace(*space, scale=2.0)
    assert oracle.map(1) == pytest.approx(0.5)
    rng = random.Random(10)
    ours = Counter(discrete_laplace(Fraction(1, 2), rng.randrange) for _ in range(DRAWS))
    theirs = Counter(oracle([0] * DRAWS))
    for value in range(-6, 7):
        error = math.sqrt(ours[value] + theirs[value])
        assert abs(ours[value] - theirs[value]) < 5 * error
