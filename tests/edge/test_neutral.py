"""The site's own neutral: what a biased camera does to many faces is taken back, and nothing else is."""

from __future__ import annotations

from math import isclose

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.eye.neutral import (
    ADDED_MIN,
    DRIFT,
    FACTOR_MAX,
    LONG_RUN,
    RECENT,
    REFERENCE,
    SAID_EVERY_S,
    TRACKS_MIN,
    Neutral,
    Site,
    corrected,
    distance,
    drifted,
)
from edge.manifest import LABELS
from edge.order import SiteNeutral
from edge.record import Head, decode, encode

HEAD = Head(0, 1, 2)
RESTING, SMILE, SURPRISE = 0, 1, 2
UNPLEASANT = range(3, 8)


def whole(parts: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(part / sum(parts) for part in parts)


def gloomy(taken: float) -> tuple[float, ...]:
    """The reference with so much of neutral read as sadness."""
    moved = REFERENCE[RESTING] * taken
    return tuple(share - moved * (i == RESTING) + moved * (LABELS[i] == "sadness") for i, share in enumerate(REFERENCE))


shares = st.tuples(*[st.floats(0.001, 1.0)] * 8).map(whole)
seen = st.integers(TRACKS_MIN, 5_000)


@given(shares, shares, seen, st.floats(0.0, 1.0))
def test_a_corrected_answer_sums_to_one_and_no_odds_move_too_far(
    answer: tuple[float, ...], site: tuple[float, ...], tracks: int, strength: float
) -> None:
    found = corrected(answer, Neutral(site, tracks), strength)
    assert isclose(sum(found), 1.0, abs_tol=1e-9)
    moved = [after / before for after, before in zip(found, answer, strict=True)]
    assert max(moved) / min(moved) <= FACTOR_MAX**2 + 1e-9


@given(shares, shares, st.integers(0, TRACKS_MIN - 1))
def test_too_few_tracks_change_nothing(answer: tuple[float, ...], site: tuple[float, ...], tracks: int) -> None:
    assert corrected(answer, Neutral(site, tracks)) == answer


@given(shares, seen)
def test_a_site_like_the_reference_changes_nothing(answer: tuple[float, ...], tracks: int) -> None:
    assert corrected(answer, Neutral(REFERENCE, tracks)) == answer


@given(shares, st.floats(0.1, 0.9))
def test_a_site_where_more_people_smile_changes_nothing(answer: tuple[float, ...], smiling: float) -> None:
    others = 1.0 - REFERENCE[SMILE]
    site = tuple(smiling if i == SMILE else (1 - smiling) * share / others for i, share in enumerate(REFERENCE))
    assert corrected(answer, Neutral(site, 500)) == pytest.approx(answer)


@given(shares, shares, seen)
def test_neutral_is_never_made_less_and_the_unpleasant_never_more(
    answer: tuple[float, ...], site: tuple[float, ...], tracks: int
) -> None:
    found = corrected(answer, Neutral(site, tracks))
    assert found[RESTING] >= answer[RESTING] - 1e-9
    assert sum(found[i] for i in UNPLEASANT) <= sum(answer[i] for i in UNPLEASANT) + 1e-9
    assert found[SMILE] / found[SURPRISE] == pytest.approx(answer[SMILE] / answer[SURPRISE])


@given(shares, st.floats(0.0, 0.9), st.floats(0.0, 0.9))
def test_the_gloomier_the_site_reads_the_more_neutral_is_raised(
    answer: tuple[float, ...], one: float, other: float
) -> None:
    less, more = sorted((one, other))
    little, much = (corrected(answer, Neutral(gloomy(taken), 500)) for taken in (less, more))
    assert much[RESTING] >= little[RESTING] - 1e-9


@given(shares, shares, st.integers(0, 7), st.floats(1.0, 5.0))
def test_a_label_that_the_model_gives_more_stays_more(
    answer: tuple[float, ...], site: tuple[float, ...], label: int, times: float
) -> None:
    louder = whole(tuple(p * (times if i == label else 1.0) for i, p in enumerate(answer)))
    neutral = Neutral(site, 500)
    assert corrected(louder, neutral)[label] >= corrected(answer, neutral)[label] - 1e-9


@given(shares, shares)
def test_a_distance_is_the_same_both_ways_and_none_to_itself(one: tuple[float, ...], other: tuple[float, ...]) -> None:
    assert distance(one, other) == pytest.approx(distance(other, one))
    assert 0.0 <= distance(one, other) <= 1.0
    assert distance(one, one) == 0.0


def streams(days: int, shifted_from: int, taken: float, shops: int = 100, per_day: int = 500) -> NDArray[np.float64]:
    """The largest distance of each day in many shops, tracks drawn at random around the reference.

    Each track is as sure as the model is of single faces, so that means wander more than those of whole tracks do.
    """
    rng = np.random.default_rng(7)
    long_run = np.zeros((shops, 8))
    recent, worst, tracks = long_run.copy(), np.zeros((days, shops)), 0
    for day in range(days):
        mean = np.array(gloomy(taken) if day >= shifted_from else REFERENCE)
        drawn = rng.gamma(mean * 0.3, size=(per_day, shops, 8)) + 1e-12
        for track in drawn / drawn.sum(axis=2, keepdims=True):
            tracks += 1
            long_run += (track - long_run) / min(tracks, LONG_RUN)
            recent += (track - recent) / min(tracks, RECENT)
            if tracks >= 2 * RECENT and tracks % 10 == 0:
                middle = (long_run + recent) / 2
                both = sum(p / 2 * np.log2(np.maximum(p, 1e-12) / middle) for p in (long_run, recent))
                worst[day] = np.maximum(worst[day], np.sqrt(np.maximum(both.sum(axis=1), 0.0)))
    return worst


def test_fewer_than_one_day_in_a_hundred_of_a_steady_site_is_called_drift() -> None:
    worst = streams(days=8, shifted_from=8, taken=0.0)
    assert (worst > DRIFT).mean() < 0.01


def test_half_of_the_resting_faces_read_as_sad_is_found_within_the_day() -> None:
    worst = streams(days=5, shifted_from=4, taken=0.5)
    assert (worst[4] > DRIFT).mean() > 0.99


def test_drift_needs_enough_tracks_of_both() -> None:
    far, usual = gloomy(0.9), REFERENCE
    assert drifted(Neutral(far, RECENT), Neutral(usual, 2 * RECENT))
    assert not drifted(Neutral(far, RECENT - 1), Neutral(usual, 2 * RECENT))
    assert not drifted(Neutral(far, RECENT), Neutral(usual, 2 * RECENT - 1))


def test_a_site_finds_its_own_drift_and_a_new_life_begins_without_one() -> None:
    site = Site(0.0)
    for _ in range(2 * RECENT):
        site.count(REFERENCE)
    assert not site.drift
    for _ in range(RECENT):
        site.count(gloomy(0.7))
    assert site.drift
    said = site.say(HEAD, SAID_EVERY_S, k=5)
    assert said is not None
    assert said.drift
    again = Site(0.0)
    again.remember(SiteNeutral(said.tracks, said.shares))
    assert not again.drift


def test_nothing_is_said_within_the_hour_or_of_fewer_than_eleven_or_k_more_tracks() -> None:
    site = Site(0.0, Neutral(REFERENCE, TRACKS_MIN))
    for _ in range(ADDED_MIN - 1):
        site.count(REFERENCE)
    assert site.say(HEAD, 2 * SAID_EVERY_S, k=5) is None
    site.count(REFERENCE)
    assert site.say(HEAD, SAID_EVERY_S - 1, k=5) is None
    assert site.say(HEAD, SAID_EVERY_S, k=20) is None
    assert site.say(HEAD, SAID_EVERY_S, k=5) is not None
    assert site.say(HEAD, 9 * SAID_EVERY_S, k=5) is None
    assert Site(0.0, Neutral(REFERENCE, TRACKS_MIN - 1), added=49).say(HEAD, SAID_EVERY_S, k=5) is None


@settings(max_examples=30)
@given(shares, st.integers(TRACKS_MIN, 300))
def test_what_is_said_and_given_back_corrects_nearly_as_before(track: tuple[float, ...], tracks: int) -> None:
    site, again = Site(0.0), Site(0.0)
    for _ in range(tracks):
        site.count(track)
    said = site.say(HEAD, SAID_EVERY_S, k=5)
    assert said is not None
    assert decode(encode(said)) == said
    again.remember(SiteNeutral(said.tracks, said.shares))
    assert again.long_run.tracks <= tracks
    assert again.long_run.shares == pytest.approx(site.long_run.shares, abs=8 / 255)
    assert again.long_run.tracks >= TRACKS_MIN


def test_a_neutral_of_nothing_is_not_remembered() -> None:
    site = Site(0.0)
    site.remember(SiteNeutral(1600, (0,) * 8))
    assert site.long_run == Neutral()
