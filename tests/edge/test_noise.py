"""Discrete Laplace noise: the right distribution, from integers alone."""

from __future__ import annotations

import math
import random
from collections import Counter
from fractions import Fraction

import pytest

from edge.eye.noise import discrete_laplace

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


def test_neighbouring_counts_stay_under_epsilon_and_a_wrong_scale_would_not() -> None:
    rng = random.Random(8)

    def loss(drawn_with: Fraction) -> float:
        """The largest measured privacy loss between a count of 11 and of 12, over well-filled cells."""
        one = Counter(11 + discrete_laplace(drawn_with, rng.randrange) for _ in range(DRAWS))
        two = Counter(12 + discrete_laplace(drawn_with, rng.randrange) for _ in range(DRAWS))
        return max(abs(math.log(one[v] / two[v])) for v in one if one[v] > 500 and two[v] > 500)

    assert loss(Fraction(1, 2)) < 0.5 + 0.15
    assert loss(Fraction(1)) > 0.5 + 0.15
