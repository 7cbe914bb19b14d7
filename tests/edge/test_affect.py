"""From visitors to moments: who is read, how moods fuse, and what is left when the pixels are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import ModelError
from edge.clock import ClipClock
from edge.config import SHIPPED, Privacy
from edge.crop import Quality
from edge.eye.affect import APART_S, CIRCUMPLEX, Fusion, TfliteAffect, mood_of, read_affect, unfit
from edge.eye.neutral import Neutral, Site
from edge.eye.window import tumble
from edge.manifest import LABELS
from edge.values import Face, Frame, Luma, Moment, Mood, Person, Visitors
from tests.edge.test_tracks import HALVES

NOISE = np.random.default_rng(1).integers(60, 200, (360, 640), dtype=np.uint8)
EYES = ((90.0, 96.0), (110.0, 96.0), (100.0, 104.0), (100.0, 112.0), (80.0, 100.0), (120.0, 100.0))
FACE = Face((76.0, 76.0, 48.0, 48.0), 0.9, EYES)
HAPPY = tuple(0.93 if label == "happiness" else 0.01 for label in LABELS)
SAD = tuple(0.93 if label == "sadness" else 0.01 for label in LABELS)
UNSURE = (0.125,) * 8


class Scripted:
    """Gives the next of its answers at each reading."""

    abstain_below = 0.5

    def __init__(self, *answers: tuple[float, ...]) -> None:
        self.answers, self.asked = answers, 0

    def read(self, crop: Luma) -> tuple[float, ...]:
        assert crop.shape == (48, 48)
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def person(track: int = 1, dwell_s: float = 10.0, zone: int | None = 0, returning: bool = False) -> Person:
    return Person(FACE, track, dwell_s, zone, dwell_s, 0.0, returning)


def seen(t_s: float, *people: Person, unread: Sequence[Person] = (), excluded: Sequence[Person] = ()) -> Visitors:
    return Visitors(
        Frame(round(t_s * 10), t_s, NOISE),
        people,
        tuple((one, "on probation") for one in unread),
        tuple((one, "staff") for one in excluded),
        frozenset(),
    )


def moments(visitors: Sequence[Visitors], *answers: tuple[float, ...]) -> list[Moment]:
    return list(read_affect(visitors, Scripted(*answers)))


def kind(mood: Mood) -> str:
    return max(("negative", "neutral", "positive"), key=lambda name: getattr(mood, name))


def test_the_first_reading_gives_no_mood_and_the_second_does() -> None:
    moods = [moment.readings[0].mood for moment in moments([seen(0.0, person()), seen(1.0, person())], HAPPY)]
    assert moods[0] is None
    assert moods[1] is not None
    assert moods[1].positive > 0.9


def test_one_odd_frame_changes_no_mood() -> None:
    visitors = [seen(float(t), person()) for t in range(12)]
    answers = [HAPPY] * 6 + [SAD] + [HAPPY] * 5
    moods = [moment.readings[0].mood for moment in moments(visitors, *answers)]
    assert all(mood is not None and mood.positive > max(mood.negative, mood.neutral) for mood in moods[1:])


def test_an_old_mood_fades_with_its_half_life() -> None:
    visitors = [seen(float(t), person()) for t in range(20)]
    moods = [moment.readings[0].mood for moment in moments(visitors, *[SAD] * 5, *[HAPPY] * 15)]
    assert moods[4] is not None
    assert moods[4].negative > 0.9
    assert moods[-1] is not None
    assert moods[-1].negative < 0.15


def test_a_face_is_read_at_each_look() -> None:
    model = Scripted(HAPPY)
    list(read_affect([seen(i / 10, person()) for i in range(50)], model))
    assert model.asked == 50


def test_a_face_that_is_read_oftener_is_not_known_sooner_or_better() -> None:
    stream = [seen(i / 10, person()) for i in range(80)]
    moods = [moment.readings[0].mood for moment in moments(stream, *[SAD] * 40, *[HAPPY] * 40)]
    assert moods.index(next(mood for mood in moods if mood is not None)) == 5  # half a second, as with two readings
    turned = next(t for t, mood in enumerate(moods) if mood is not None and mood.positive > mood.negative)
    slowly = [seen(i / 2, person()) for i in range(16)]
    rarely = [moment.readings[0].mood for moment in moments(slowly, *[SAD] * 8, *[HAPPY] * 8)]
    later = next(t for t, mood in enumerate(rarely) if mood is not None and mood.positive > mood.negative)
    assert turned / 10 == pytest.approx(later / 2, abs=0.5)


def test_an_abstention_changes_no_mood_and_is_told() -> None:
    (*_, last) = moments([seen(float(t), person()) for t in range(4)], HAPPY, HAPPY, UNSURE)
    assert last.readings[0].abstained
    assert last.readings[0].mood is not None
    assert last.readings[0].mood.positive > 0.9


def test_skipped_and_unsure_readings_count_in_the_window_s_share_of_abstentions() -> None:
    tiny = replace(FACE, box_px=(76.0, 76.0, 8.0, 8.0))
    readable = [person(track) for track in range(5)]
    small = [replace(person(track), face=tiny) for track in range(5, 10)]

    def abstained(people: Sequence[Person], *answers: tuple[float, ...]) -> float:
        stream = [seen(float(t), *people) for t in range(20)]
        steps = tumble(moments(stream, *answers), HALVES, ClipClock(0.0), Privacy(), flush=True)
        (found,) = (closed for step in steps for closed in step.closed if closed.zone == 0)
        return found.abstained

    assert abstained(readable, HAPPY) == 0.0
    assert abstained([*readable, *small], HAPPY) == pytest.approx(0.5, abs=0.05)
    assert abstained(readable, *[HAPPY] * 50, UNSURE) == pytest.approx(0.5, abs=0.05)


GLOOMY = (0.15, 0.283, 0.129, 0.334, 0.079, 0.004, 0.020, 0.001)


def told_site(stream: Sequence[Visitors], *answers: tuple[float, ...]) -> Site:
    site = Site(0.0)
    list(read_affect(stream, Scripted(*answers), site=site))
    return site


def test_a_site_that_reads_gloomy_is_corrected_before_fusion_and_the_trace_shows_what_was_answered() -> None:
    doubt = (0.40, 0.02, 0.02, 0.52, 0.01, 0.01, 0.01, 0.01)
    stream = [seen(float(t), person()) for t in range(4)]
    told: list[dict[str, Any]] = []
    site = Site(0.0, Neutral(GLOOMY, 500))
    (*_, raw) = read_affect(stream, Scripted(doubt))
    (*_, mended) = read_affect(stream, Scripted(doubt), told.append, site=site)
    assert raw.readings[0].mood is not None
    assert mended.readings[0].mood is not None
    assert raw.readings[0].mood.negative > 0.5 > mended.readings[0].mood.negative
    assert told[0]["faces"][0]["affect"]["sadness"] == 0.52


def test_a_track_counts_once_for_the_site_when_it_stays_or_when_it_ends() -> None:
    stays = [seen(float(t), person(dwell_s=float(t))) for t in range(60)]
    leaves = [seen(float(t), person(dwell_s=float(t))) for t in range(5)] + [seen(5.0 + t) for t in range(5)]
    assert told_site(stays, HAPPY).long_run.tracks == 1
    found = told_site(leaves, HAPPY, UNSURE).long_run
    assert found.tracks == 1
    assert found.shares[1] == pytest.approx((HAPPY[1] + 4 * UNSURE[1]) / 5)


def test_staff_one_reading_and_who_was_counted_before_say_nothing_of_the_site() -> None:
    staff = [seen(float(t), person(dwell_s=float(t))) for t in range(8)] + [seen(8.0, excluded=[person()]), seen(20.0)]
    once = [seen(0.0, person(dwell_s=0.0)), seen(5.0)]
    again = [seen(float(t), person(dwell_s=30.0 + t)) for t in range(5)] + [seen(20.0)]
    returning = [seen(float(t), person(dwell_s=float(t), returning=True)) for t in range(5)] + [seen(20.0)]
    assert [told_site(stream, HAPPY).long_run.tracks for stream in (staff, once, again, returning)] == [0] * 4


def test_who_is_on_probation_is_present_and_nothing_more() -> None:
    model = Scripted(HAPPY)
    (moment,) = read_affect([seen(0.0, unread=[person(dwell_s=500.0, returning=True)])], model)
    (reading,) = moment.readings
    assert (reading.dwell_s, reading.turns_per_min, reading.returning, reading.mood) == (0.0, 0.0, False, None)
    assert model.asked == 0


def test_staff_are_never_read_and_leave_no_reading() -> None:
    model = Scripted(HAPPY)
    stream = [seen(i / 2, excluded=[person()]) for i in range(20)]
    assert all(moment.readings == () and moment.visits == () for moment in read_affect(stream, model))
    assert model.asked == 0


def test_a_badge_seen_late_takes_the_whole_track_with_it() -> None:
    stream = [seen(i / 2, person(dwell_s=i / 2)) for i in range(8)]
    stream += [seen(4 + i / 2, excluded=[person(dwell_s=4 + i / 2)]) for i in range(20)]
    assert [visit for moment in moments(stream, HAPPY) for visit in moment.visits] == []


def test_who_is_not_cleared_for_long_and_then_shows_a_badge_was_no_visit() -> None:
    stream = [seen(float(t), unread=[person(dwell_s=float(t))]) for t in range(100)]
    told = [visit for moment in moments([*stream, seen(101.0), seen(104.0)], HAPPY) for visit in moment.visits]
    assert len(told) == 1
    stream += [seen(100.0 + t, excluded=[person(dwell_s=100.0 + t)]) for t in range(10)]
    assert [visit for moment in moments(stream, HAPPY) for visit in moment.visits] == []


def test_a_visit_is_told_once_when_it_ends() -> None:
    stream = [seen(float(t), person(dwell_s=float(t))) for t in range(10)] + [seen(10.0 + t) for t in range(5)]
    visits = [visit for moment in moments(stream, HAPPY) for visit in moment.visits]
    assert [visit.zone for visit in visits] == [0]
    assert visits[0].mood is not None


def test_a_long_visit_is_told_once_while_it_lasts() -> None:
    stream = [seen(float(t), person(dwell_s=float(t))) for t in range(60)] + [seen(60.0 + t) for t in range(5)]
    assert sum(len(moment.visits) for moment in moments(stream, HAPPY)) == 1


@pytest.mark.parametrize(("dwell_s", "returning"), [(3.0, False), (10.0, True)])
def test_a_glance_and_a_return_are_no_new_visit(dwell_s: float, returning: bool) -> None:
    steps = int(dwell_s) + 1
    stream = [seen(float(t), person(dwell_s=float(t), returning=returning)) for t in range(steps)]
    stream += [seen(steps + float(t)) for t in range(5)]
    assert sum(len(moment.visits) for moment in moments(stream, HAPPY)) == 0


def test_another_zone_is_another_visit() -> None:
    stream = [seen(float(t), person(dwell_s=float(t))) for t in range(10)]
    stream += [seen(10.0 + t, person(dwell_s=float(t), zone=1)) for t in range(10)]
    stream += [seen(20.0 + t) for t in range(5)]
    assert [visit.zone for moment in moments(stream, HAPPY) for visit in moment.visits] == [0, 1]


def test_who_goes_on_with_anothers_dwell_is_no_new_visit() -> None:
    stream = [seen(float(t), person(track=2, dwell_s=12.0 + t)) for t in range(10)] + [seen(10.0 + t) for t in range(5)]
    assert sum(len(moment.visits) for moment in moments(stream, HAPPY)) == 0


def test_a_trace_tells_every_face_of_every_frame() -> None:
    told: list[dict[str, Any]] = []
    stream = [seen(i / 10, person(1), unread=[person(2)], excluded=[person(3)]) for i in range(3)]
    list(read_affect(stream, Scripted(HAPPY), told.append))
    assert [frame["frame"] for frame in told] == [0, 1, 2]
    for frame in told:
        read, probation, staff = sorted(frame["faces"], key=lambda face: face["track"])
        assert (read["skipped"], read["excluded"], set(read["affect"])) == (None, False, set(LABELS))
        assert (probation["skipped"], probation["excluded"], probation["affect"]) == ("on probation", False, None)
        assert (staff["skipped"], staff["excluded"], staff["affect"]) == ("staff", True, None)
        assert read["box"] == [76.0, 76.0, 48.0, 48.0]


def test_every_face_is_counted_at_each_look_by_what_became_of_it() -> None:
    small = Face((90.0, 96.0, 20.0, 20.0), 0.9, EYES)
    away = Face(FACE.box_px, 0.9, (*EYES[:2], (120.0, 104.0), *EYES[3:]))
    dark = np.full_like(NOISE, 20)
    told: Counter[str] = Counter()
    stream = [seen(float(t), person()) for t in range(4)]
    stream += [seen(4.0 + t, replace(person(), face=face)) for t, face in enumerate((small, away, away))]
    stream += [replace(seen(7.0, person()), frame=Frame(70, 7.0, dark))]
    stream += [seen(8.0 + t / 10, unread=[person(2)], excluded=[person(3)]) for t in range(10)]
    list(read_affect(stream, Scripted(HAPPY, UNSURE, HAPPY), tally=lambda what: told.update([what])))
    assert told == {"read": 3, "not sure": 1, "too small": 1, "turned away": 2, "too dark": 1, "on probation": 10}


@given(
    st.lists(st.floats(0.7, 1.0), min_size=3, max_size=8),
    st.lists(st.floats(0.0, 1.0), min_size=8, max_size=8).filter(lambda parts: sum(parts) > 0.1),
    st.sampled_from(range(8)),
)
def test_after_three_readings_of_a_kind_no_odd_one_changes_it(sure: list[float], odd: list[float], top: int) -> None:
    """Whatever the odd reading says, at the pace at which faces are read."""
    fusion = Fusion()
    for i, p in enumerate(sure):
        fusion.add(tuple(p if label == top else (1 - p) / 7 for label in range(8)), i * APART_S)
    t_s = len(sure) * APART_S
    before = fusion.mood(t_s)
    fusion.add(tuple(part / sum(odd) for part in odd), t_s)
    after = fusion.mood(t_s)
    assert before is not None
    assert after is not None
    assert kind(after) == kind(before)


GOOD = Quality(size_px=40.0, brightness=120.0, contrast=35.0, sharpness=1.6)


@pytest.mark.parametrize(
    ("found", "turned", "why"),
    [
        (GOOD, 0.0, None),
        (Quality(20.0, 120.0, 35.0, 1.6), 0.0, "too small"),
        (Quality(40.0, 20.0, 35.0, 1.6), 0.0, "too dark"),
        (Quality(40.0, 240.0, 35.0, 1.6), 0.0, "too bright"),
        (Quality(40.0, 120.0, 5.0, 1.6), 0.0, "flat"),
        (Quality(40.0, 120.0, 35.0, 0.8), 0.0, "blurred"),
        (GOOD, 0.7, "turned away"),
        (GOOD, -0.7, "turned away"),
    ],
)
def test_a_face_that_cannot_be_read_well_is_skipped_with_its_reason(
    found: Quality, turned: float, why: str | None
) -> None:
    assert unfit(found, turned) == why


@given(st.lists(st.floats(0.001, 1), min_size=8, max_size=8))
def test_a_mood_is_an_expectation_over_the_labels(parts: list[float]) -> None:
    mood = mood_of(tuple(parts))
    assert mood.negative + mood.neutral + mood.positive == pytest.approx(1)
    assert min(v for v, _ in CIRCUMPLEX.values()) <= mood.valence <= max(v for v, _ in CIRCUMPLEX.values())
    assert min(a for _, a in CIRCUMPLEX.values()) <= mood.arousal <= max(a for _, a in CIRCUMPLEX.values())


def test_every_label_has_its_place_on_the_circumplex() -> None:
    assert tuple(CIRCUMPLEX) == LABELS


def test_the_places_of_the_words_are_their_source_s_to_a_tenth() -> None:
    """Source: Russell and Mehrabian, 1977: pleasure and arousal."""
    stated = {
        "happiness": (0.81, 0.51),
        "surprise": (0.40, 0.67),
        "sadness": (-0.63, -0.27),
        "anger": (-0.51, 0.59),
        "disgust": (-0.60, 0.35),
        "fear": (-0.64, 0.60),
    }
    for label, place in stated.items():
        assert CIRCUMPLEX[label] == pytest.approx(place, abs=0.0501)


def test_the_shipped_model_gives_probabilities() -> None:
    model = TfliteAffect(SHIPPED / "affect" / "affect.tflite")
    flat, noisy = model.read(np.full((48, 48), 128, np.uint8)), model.read(NOISE[:48, :48].copy())
    for probabilities in (flat, noisy):
        assert len(probabilities) == 8
        assert sum(probabilities) == pytest.approx(1, abs=0.05)
    assert flat != noisy


def test_an_altered_model_is_refused(tmp_path: Path) -> None:
    for name in ("affect.tflite", "manifest.json"):
        (tmp_path / name).write_bytes((SHIPPED / "affect" / name).read_bytes())
    altered = bytearray((tmp_path / "affect.tflite").read_bytes())
    altered[5000] ^= 1
    (tmp_path / "affect.tflite").write_bytes(altered)
    with pytest.raises(ModelError):
        TfliteAffect(tmp_path / "affect.tflite")
