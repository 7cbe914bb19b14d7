"""Who is the same from frame to frame, from place and size alone; for how long, and never for longer than allowed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.events import ZoneSpec
from edge.eye.tracks import Tracking, follow, yaw
from edge.values import Face, Frame, Person

LUMA = np.zeros((360, 640), np.uint8)
HALVES = (
    ZoneSpec(id=0, name="Left", polygon=((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))),
    ZoneSpec(id=1, name="Right", polygon=((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))),
)
FPS = 10.0


def face(x: float, y: float = 100.0, width: float = 40.0, turned: float = 0.0) -> Face:
    """A face centred at (x, y); ``turned`` moves the nose by so many eye distances."""
    apart = 0.42 * width
    keypoints = ((x - apart / 2, y), (x + apart / 2, y), (x + turned * apart, y + 8), (x, y + 16), (x, y), (x, y))
    return Face((x - width / 2, y - width / 2, width, width), 0.9, keypoints)


def played(frames: Sequence[Sequence[Face]], tracking: Tracking | None = None) -> list[tuple[Person, ...]]:
    stream = ((Frame(i, i / FPS, LUMA), tuple(faces)) for i, faces in enumerate(frames))
    return [people for _, people in follow(stream, tracking or Tracking(), HALVES)]


def test_someone_who_walks_keeps_an_id() -> None:
    people = played([[face(100 + 6 * i)] for i in range(30)])
    assert len({person.track for seen in people for person in seen}) == 1


def test_two_who_pass_each_other_keep_theirs() -> None:
    people = played([[face(100 + 8 * i, y=100), face(340 - 8 * i, y=150)] for i in range(30)])
    assert people[0][0].track == people[-1][0].track
    assert people[0][1].track == people[-1][1].track


def test_a_face_that_is_lost_for_a_moment_keeps_its_id() -> None:
    people = played([[face(100)]] * 10 + [[]] * 8 + [[face(104)]])
    assert people[-1][0].track == people[0][0].track


def test_who_looks_at_a_shelf_for_seconds_gets_a_new_id_and_keeps_the_dwell() -> None:
    people = played([[face(100)]] * 50 + [[]] * 80 + [[face(104)]])
    assert people[-1][0].track != people[0][0].track
    assert people[-1][0].dwell_s == pytest.approx(13.0)
    assert people[-1][0].age_s == 0
    assert not people[-1][0].returning


def test_who_comes_back_after_a_minute_is_returning_with_a_new_dwell() -> None:
    people = played([[face(100)]] * 50 + [[]] * 600 + [[face(104)]])
    assert people[-1][0].returning
    assert people[-1][0].dwell_s == 0


def test_another_place_is_somebody_else() -> None:
    people = played([[face(100)]] * 50 + [[]] * 600 + [[face(250)]])
    assert not people[-1][0].returning
    assert people[-1][0].track != people[0][0].track


def test_an_id_lives_at_most_its_life_and_the_dwell_goes_on() -> None:
    people = played([[face(100)]] * 100, Tracking(life_max_s=3.0))
    tracks = [seen[0].track for seen in people]
    assert len(set(tracks)) == 4
    assert max(tracks.count(track) for track in set(tracks)) / FPS <= 3.0
    assert people[-1][0].dwell_s == pytest.approx(9.9)


def test_ids_are_drawn_at_random_each_time() -> None:
    assert played([[face(100)]])[0][0].track != played([[face(100)]])[0][0].track


def test_a_zone_is_entered_after_a_second_and_its_dwell_counts_from_the_border() -> None:
    people = played([[face(300)]] * 10 + [[face(330)]] * 15)
    assert [seen[0].zone for seen in people[:19]] == [0] * 19
    assert people[-1][0].zone == 1
    assert people[-1][0].dwell_s == pytest.approx(1.4)


def test_a_border_does_not_flap() -> None:
    people = played([[face(318 if i % 2 else 322)] for i in range(40)])
    assert len({seen[0].zone for seen in people}) == 1


def test_sweeps_of_the_head_are_turns_and_a_steady_look_is_none() -> None:
    searching = played([[face(100, turned=0.5 if i // 10 % 2 else -0.5)] for i in range(300)])
    steady = played([[face(100, turned=0.5)] for i in range(300)])
    assert searching[-1][0].turns_per_min == 58
    assert steady[-1][0].turns_per_min == 0


def test_yaw_is_the_noses_offset_in_eye_distances() -> None:
    assert yaw(face(100)) == 0
    assert yaw(face(100, turned=0.4)) == pytest.approx(0.4)


places = st.lists(st.tuples(st.floats(20, 620), st.floats(20, 340), st.floats(16, 90)), max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.lists(places, max_size=25))
def test_every_face_is_one_person_and_no_id_is_in_a_frame_twice(frames: list[list[tuple[float, float, float]]]) -> None:
    for faces, people in zip(frames, played([[face(*place) for place in seen] for seen in frames]), strict=True):
        assert len(people) == len(faces)
        assert len({person.track for person in people}) == len(people)
        assert all(person.dwell_s >= 0 and person.age_s >= 0 for person in people)
