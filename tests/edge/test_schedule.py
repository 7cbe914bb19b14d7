"""When the eye looks: no reading is old, nothing that moves waits, and a faster camera costs no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Models
from edge.eye.badge import LOOK_GAP_S, LOOKS, leave_out
from edge.eye.camera import open_camera
from edge.eye.faces import BlazeFace, detect
from edge.eye.schedule import ASLEEP_S, AWAKE_S, STALE_S, Schedule, moved, thumbnail
from edge.eye.tracks import Tracking, follow
from edge.fakes import FakeBadgeReader
from edge.values import Face, Frame, Luma
from tests.edge.test_tracks import HALVES, face

GREY = np.full((90, 160), 90, np.uint8)
HAIR_S = 1e-6


def cinema(times_s: Iterable[float], picture: Luma = GREY) -> list[Frame]:
    return [Frame(i, t_s, picture) for i, t_s in enumerate(times_s)]


def looks(frames: Iterable[Frame], faces: int) -> list[float]:
    """When the schedule wants frames in which there are so many faces looked at."""
    schedule, at_s = Schedule(), []
    for frame in frames:
        if schedule.due(frame):
            schedule.looked(frame, faces)
            at_s.append(frame.t_s)
    return at_s


def oldest_s(frames: Iterable[Frame], at_s: Iterable[float]) -> float:
    """How old the newest look is, at the worst, just before a frame is dealt with."""
    done, ages_s = sorted(at_s), [0.0]
    for frame in frames:
        before = [t_s for t_s in done if t_s < frame.t_s]
        if before:
            ages_s.append(frame.t_s - before[-1])
    return max(ages_s)


@given(st.floats(5.0, 60.0), st.floats(0.0, 1e5))
def test_no_reading_is_older_than_a_fifth_of_a_second_at_any_rate(fps: float, began_s: float) -> None:
    frames = cinema(began_s + i / fps for i in range(int(3 * fps)))
    assert oldest_s(frames, looks(frames, faces=1)) <= STALE_S + HAIR_S


@given(st.lists(st.floats(0.01, 0.5), min_size=2, max_size=80))
def test_a_reading_is_older_only_when_the_camera_falters(gaps_s: list[float]) -> None:
    """A gap that nobody could foresee adds to the age; one as long as those before it does not."""
    times_s = np.cumsum(gaps_s).tolist()
    at_s = set(looks(cinema(times_s), faces=1))
    last_s = times_s[0]
    for i, (before_s, now_s) in enumerate(pairwise(times_s)):
        foreseen_s = max(gaps_s[max(i - 7, 1) : i + 1], default=0.0)
        surprise_s = max(now_s - before_s - foreseen_s, 0.0)
        assert now_s - last_s <= max(STALE_S, now_s - before_s) + surprise_s + HAIR_S
        last_s = now_s if now_s in at_s else last_s


@given(st.floats(5.0, 60.0), st.integers(0, 1))
def test_a_faster_camera_costs_no_more_looks(fps: float, faces: int) -> None:
    seconds = 6.0
    frames = cinema(i / fps for i in range(int(seconds * fps)))
    per_s = len(looks(frames, faces)) / seconds
    assert per_s <= (2 / STALE_S if faces else 2 / ASLEEP_S + 1 / STALE_S * AWAKE_S / seconds * 2) + 1 / seconds


@given(st.floats(5.0, 60.0), st.integers(20, 300), st.integers(0, 30), st.integers(0, 60))
def test_what_moves_in_an_empty_shop_is_looked_at_in_the_very_frame(fps: float, at: int, row: int, column: int) -> None:
    frames = cinema(i / fps for i in range(at))
    came = GREY.copy()
    came[row * 2 : row * 2 + 30, column * 2 : column * 2 + 12] = 180
    schedule = Schedule()
    for frame in frames:
        if schedule.due(frame):
            schedule.looked(frame, 0)
    entered = Frame(at, at / fps, came)
    asleep = entered.t_s >= schedule.awake_until_s
    assert schedule.due(entered) or not asleep
    if asleep:
        schedule.looked(entered, 0)
        assert schedule.awake_until_s > entered.t_s  # and goes on looking, whether a face was found or not


def test_light_and_grain_are_no_movement_and_an_empty_shop_is_looked_at_once_a_second() -> None:
    chance = np.random.default_rng(7)
    frames = [
        Frame(i, i / 10, np.clip(90 + i / 4 + chance.normal(0, 4, GREY.shape), 0, 255).astype(np.uint8))
        for i in range(200)
    ]
    at_s = [t_s for t_s in looks(frames, faces=0) if t_s > 2 * AWAKE_S]
    assert all(ASLEEP_S - 0.1 - HAIR_S <= after - before <= ASLEEP_S + HAIR_S for before, after in pairwise(at_s))
    assert len(at_s) > 15


def test_a_picture_of_another_size_is_movement() -> None:
    assert moved(thumbnail(GREY), thumbnail(np.full((300, 500), 90, np.uint8)))
    assert not moved(thumbnail(GREY), thumbnail(GREY))


@pytest.mark.parametrize("size", [(1, 1), (90, 160), (1080, 1920), (2160, 3840)])
def test_a_thumbnail_is_small_whatever_the_picture(size: tuple[int, int]) -> None:
    small = thumbnail(np.zeros(size, np.uint8))
    assert small.size >= 1
    assert all(have <= 2 * want for have, want in zip(small.shape, (45, 80), strict=True))


class OneFace:
    """A `Detector` that finds one face in every frame it is given, and keeps which."""

    def __init__(self) -> None:
        self.looked: list[int] = []

    def detect(self, frame: Frame) -> tuple[Face, ...]:
        self.looked.append(frame.index)
        return (face(80.0, 40.0, 44.0),)


@given(st.floats(5.0, 60.0))
def test_nobody_is_read_before_badges_were_looked_for_in_as_many_looks_and_as_long_as_ever(fps: float) -> None:
    frames, detector, reader = cinema(i / fps for i in range(int(3 * fps))), OneFace(), FakeBadgeReader()
    people = follow(detect(frames, detector, Schedule()), Tracking(), HALVES)
    read = [one.frame for one in leave_out(people, reader, (), HALVES) if one.visitors]
    asked = [index for index, tracks in reader.asked if tracks and index < read[0].index + 1]
    assert len(asked) >= LOOKS
    assert read[0].t_s >= (LOOKS - 1) * LOOK_GAP_S - HAIR_S
    assert {frame.index for frame in read} <= set(detector.looked)  # who was not looked at is not read


def test_what_is_not_looked_at_reaches_nobody() -> None:
    detector = OneFace()
    given_frames: Iterator[Frame] = iter(cinema(i / 30 for i in range(90)))
    told = [frame.index for frame, _ in detect(given_frames, detector, Schedule())]
    assert told == detector.looked
    assert len(told) < 20


def test_nobody_is_lost_by_looking_less_often(footage_dir: Path) -> None:
    """In the frames that are looked at there are as many people as when all are."""
    if not Models().faces.exists():
        pytest.skip("the face detector is not there: python -m models.fetch")
    counts = []
    for schedule in (None, Schedule()):
        camera = open_camera(str(footage_dir / "face-demographics-walking-and-pause.gif"), realtime=False)
        people = follow(detect(camera.frames(), BlazeFace(Models().faces), schedule), Tracking(), HALVES)
        counts.append({frame.index: len(present) for frame, present in people})
    every, scheduled = counts
    assert len(scheduled) <= len(every) / 2 + 1
    assert sum(scheduled.values()) == sum(every[index] for index in scheduled)
