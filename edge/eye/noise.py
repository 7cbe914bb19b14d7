"""Discrete Laplace noise, exact: integers and coin flips only, so that no rounding leaks.

Source: Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", 2020 (arXiv:2004.00010),
Algorithms 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from secrets import randbelow

Below = Callable[[int], int]


def discrete_laplace(epsilon: Fraction, below: Below = randbelow) -> int:
    """One draw with P(x) proportional to exp(−ε·|x|).

    Units: ``epsilon`` > 0 for a count that one visit changes by one. ``below(n)`` is uniform on 0 to n − 1.
    """
    while True:
        remainder = below(epsilon.denominator)
        if not _exp_flip(Fraction(remainder, epsilon.denominator), below):
            continue
        whole = 0
        while _exp_flip(Fraction(1), below):
            whole += 1
        magnitude = (remainder + epsilon.denominator * whole) // epsilon.numerator
        negative = below(2) == 1
        if negative and magnitude == 0:
            continue
        return -magnitude if negative else magnitude


def _exp_flip(gamma: Fraction, below: Below) -> bool:
    """True with probability exp(−γ), for 0 ≤ γ ≤ 1 (von Neumann's alternating series)."""
    k = 1
    while below(gamma.denominator * k) < gamma.numerator:
        k += 1
    return k % 2 == 1
