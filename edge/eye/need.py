"""The need score: would someone in this zone welcome a hand?

Rules:
- Behaviour first, mood a minor term: dwell beyond what is usual, searching, returning; mood only where enough
  people contributed (the window decides that).
- Monotone: more dwell, more searching or a lower mood never lowers the score; an attended zone scores 0.
- Each term that counts is named by a reason flag that staff can understand.

Left out: when a level is said and for how long (`edge.eye.gate`).

Source: behaviour predicts the wish for help better than faces (Popa et al., ICIP 2012; Kanda et al., 2009).
Weights and levels were set on simulated shops (docs/need-score.md); no real shop has tested them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from contract.events import Reason
from edge.values import ZoneNow

DWELL_WEIGHT: Final = 0.40
SEARCHING_WEIGHT: Final = 0.45
RETURNING_WEIGHT: Final = 0.05
MOOD_WEIGHT: Final = 0.10
LEVELS: Final = (0.35, 0.50, 0.70)

_DWELL_FROM, _DWELL_FULL = 1.0, 2.0  # times what is usual
_TURNS_FROM, _TURNS_FULL = 4.0, 12.0  # sweeps of the head a minute
_VALENCE_FROM, _VALENCE_FULL = -0.1, -0.6


@dataclass(frozen=True, slots=True)
class Need:
    """Units: ``score`` 0 to 1."""

    score: float
    reasons: tuple[Reason, ...]


def score(zone: ZoneNow, usual_dwell_s: float) -> Need:
    """The need of one zone now, with the reasons that make it up."""
    if zone.attended or zone.people == 0:
        return Need(0.0, ())
    terms: dict[Reason, float] = {
        "long_dwell": DWELL_WEIGHT * _ramp(zone.dwell_s / usual_dwell_s, _DWELL_FROM, _DWELL_FULL),
        "searching": SEARCHING_WEIGHT * _ramp(zone.turns_per_min, _TURNS_FROM, _TURNS_FULL),
        "returning": RETURNING_WEIGHT * zone.returning,
        "mood_low": MOOD_WEIGHT * (_ramp(zone.mood.valence, _VALENCE_FROM, _VALENCE_FULL) if zone.mood else 0.0),
    }
    reasons = tuple(reason for reason, term in terms.items() if term > 0)
    return Need(sum(terms.values()), (*reasons, "unattended") if reasons else ())


def level(need_score: float, thresholds: tuple[float, float, float] = LEVELS) -> int:
    """0 to 3: how many thresholds the score has reached."""
    return sum(need_score >= threshold for threshold in thresholds)


def _ramp(value: float, start: float, full: float) -> float:
    """0 at ``start``, 1 at ``full``, straight between; either may be the larger."""
    return min(max((value - start) / (full - start), 0.0), 1.0)
