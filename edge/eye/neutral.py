"""The site's own neutral: what the model answers here over many faces, and what it should answer of resting ones.

A camera that looks down, or light from above, makes resting faces read as sad or angry. Over many visitors that shows
as too little neutral beside the unpleasant labels, and is taken back by the ratio of the two.

Rules:
- A track counts once, with the mean of its readings. Nothing of a single track is kept: two means and a count are all.
- Only neutral's share among neutral and the unpleasant labels is looked at; who smiles or is surprised says nothing of
  the camera, and keeps what the model gave relative to each other.
- It raises neutral or does nothing: a shop with more resting faces than the reference is no fault of its camera.
- Under `TRACKS_MIN` tracks, and at a site like the reference, it changes nothing.

Left out: whether the visitors of a site are in truth sadder than the reference, which nobody can tell from here.

Source: Saerens, Latinne and Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities", 2002
(the ratio of priors; here one of mean answers); Lin, "Divergence Measures Based on the Shannon Entropy", 1991.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log2, sqrt
from typing import Final

from edge.manifest import LABELS
from edge.order import SiteNeutral
from edge.record import TRACKS, Head, NeutralRecord

Shares = tuple[float, ...]

# The shipped model's mean answer on the 3,199 faces of FER+ valid, to a tenth of a percent, in the order of LABELS.
REFERENCE: Final[Shares] = (0.360, 0.280, 0.133, 0.120, 0.081, 0.005, 0.019, 0.002)
STRENGTH: Final = 1.0
FACTOR_MAX: Final = 2.0
TRACKS_MIN: Final = 50
LONG_RUN: Final = 2_000  # tracks: a busy week
RECENT: Final = 200
DRIFT: Final = 0.09  # set on simulated streams (docs/affect-model.md, "The site's own neutral")
SAID_EVERY_S: Final = 3_600.0
ADDED_MIN: Final = 11
_RESTING: Final = LABELS.index("neutral")
_UNPLEASANT: Final = tuple(LABELS.index(name) for name in ("sadness", "anger", "disgust", "fear", "contempt"))


@dataclass(frozen=True, slots=True)
class Neutral:
    """The mean answer over tracks. Shapes: eight ``shares`` in the order of `LABELS`, together 1."""

    shares: Shares = REFERENCE
    tracks: int = 0

    def plus(self, track: Shares, memory: int = LONG_RUN) -> Neutral:
        """With one more track; once there are ``memory`` of them each new one counts as one in that many."""
        tracks = self.tracks + 1
        weight = 1.0 / min(tracks, memory)
        return Neutral(tuple(old + weight * (new - old) for old, new in zip(self.shares, track, strict=True)), tracks)


def corrected(probabilities: Shares, neutral: Neutral, strength: float = STRENGTH) -> Shares:
    """What the model would have answered of this face at a site like the reference.

    Shapes: eight to eight, which sum to 1. No label's odds against another change by more than `FACTOR_MAX` squared.
    """
    total = sum(probabilities)
    if neutral.tracks < TRACKS_MIN or total <= 0.0:
        return probabilities
    factors = _factors(neutral.shares, strength)
    if all(factor == 1.0 for factor in factors):
        return probabilities
    shifted = [p * factor for p, factor in zip(probabilities, factors, strict=True)]
    whole = sum(shifted)
    return tuple(p / whole for p in shifted)


def _factors(site: Shares, strength: float) -> Shares:
    """Neutral's is 1 to `FACTOR_MAX`, an unpleasant label's its inverse to 1, any other's 1."""
    group = (_RESTING, *_UNPLEASANT)
    here, there = sum(site[i] for i in group), sum(REFERENCE[i] for i in group)
    factors = [1.0] * len(LABELS)
    # A label that was never given here cannot be too much: its factor is not needed.
    ratios = {i: (REFERENCE[i] / there) / (site[i] / here) if site[i] > 0.0 else FACTOR_MAX for i in group}
    if here <= 0.0 or ratios[_RESTING] <= 1.0:
        return tuple(factors)
    factors[_RESTING] = min(ratios[_RESTING] ** strength, FACTOR_MAX)
    for i in _UNPLEASANT:
        factors[i] = min(max(ratios[i] ** strength, 1.0 / FACTOR_MAX), 1.0)
    return tuple(factors)


def distance(one: Shares, other: Shares) -> float:
    """Jensen–Shannon distance. Units: 0 (the same) to 1 (nothing in common)."""
    divergence = 0.0
    for a, b in zip(one, other, strict=True):
        middle = (a + b) / 2
        divergence += sum(p / 2 * log2(p / middle) for p in (a, b) if p > 0.0)
    return sqrt(max(divergence, 0.0))


def drifted(recent: Neutral, long_run: Neutral) -> bool:
    """Whether the last tracks read unlike those of long before, once there are enough of both."""
    enough = recent.tracks >= RECENT and long_run.tracks >= 2 * RECENT
    return enough and distance(recent.shares, long_run.shares) > DRIFT


@dataclass(slots=True)
class Site:
    """What one life of an eye knows of its site. Units: ``said_s`` on the monotonic clock."""

    said_s: float
    long_run: Neutral = field(default_factory=Neutral)
    recent: Neutral = field(default_factory=Neutral)
    added: int = 0

    def remember(self, before: SiteNeutral) -> None:
        """What earlier lives found. The recent tracks begin there too, so that a new life alone is no drift."""
        if whole := sum(before.shares):
            self.long_run = Neutral(tuple(step / whole for step in before.shares), before.tracks)
            self.recent, self.added = self.long_run, 0

    def count(self, track: Shares) -> None:
        """One more track has been read."""
        self.long_run, self.recent = self.long_run.plus(track), self.recent.plus(track, RECENT)
        self.added += 1

    def corrected(self, probabilities: Shares) -> Shares:
        return corrected(probabilities, self.long_run)

    @property
    def drift(self) -> bool:
        return drifted(self.recent, self.long_run)

    def say(self, head: Head, now_s: float, k: int) -> NeutralRecord | None:
        """What may be said now, if anything: of `TRACKS_MIN` tracks, at least `ADDED_MIN` and k of them new."""
        early = now_s - self.said_s < SAID_EVERY_S or self.long_run.tracks < TRACKS_MIN
        if early or self.added < max(ADDED_MIN, k):
            return None
        self.said_s, self.added = now_s, 0
        steps = tuple(round(255 * share) for share in self.long_run.shares)
        tracks = max(step for step in TRACKS if step <= self.long_run.tracks)
        return NeutralRecord(head, steps, tracks, self.drift)
