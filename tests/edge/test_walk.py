"""A walk tells of one person at a time, in numbers, and senses nobody."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.walk import WALK_COLUMNS
from edge.config import NodeConfig
from edge.eye.badge import NO_READER, NOT_LEGIBLE, ON_PROBATION, leave_out
from edge.eye.faces import BlazeFace, detect
from edge.eye.gate import EYE_GAP_S, ZONE_GAP_S, Budget
from edge.eye.tags import TagReader
from edge.eye.tracks import Tracking, follow
from edge.eye.walk import NEXT_S, Walking, set_aside
from edge.optics import READ_PX
from edge.order import StartWalk
from edge.record import WalkRecord
from edge.scene.camera import SceneCamera
from edge.scene.cast import script
from edge.scene.script import CERAMICS, ZONES
from edge.values import Face, Frame, Person, Visitors

FPS = 5
PICTURE = np.full((360, 640), 128, np.uint8)


def someone(x: float = 320.0, y: float = 180.0, face_px: float = 50.0, turned: float = 0.0, track: int = 1) -> Person:
    eyes = ((x - 10, y), (x + 10, y))
    points = (*eyes, (x + 20 * turned, y + 5), (x, y + 10), (x - 20, y), (x + 20, y))
    face = Face((x - face_px / 2, y - face_px / 2, face_px, face_px), 0.9, points)
    return Person(face, track, 0.0, None, 0.0, 0.0, False)


def moment(index: int, *visitors: Person, excluded: int = 0, luma: int = 128) -> Visitors:
    frame = Frame(index, index / FPS, np.full_like(PICTURE, luma))
    return Visitors(frame, visitors, (), tuple((someone(), "staff") for _ in range(excluded)), frozenset())


def unread(index: int, why: str, who: Person) -> Visitors:
    """Somebody who may not be read yet."""
    return replace(moment(index), unread=((who, why),))


def walked(moments: list[Visitors], seconds: int = 20, walking: Walking | None = None) -> list[WalkRecord]:
    """All that is said of one walk through these moments, at the gate's pace."""
    walking = walking or Walking(config=3)
    walking.begin(StartWalk(2, seconds))
    budget, said = Budget(), []
    for passed in set_aside(moments, walking):
        assert not (passed.visitors or passed.unread or passed.excluded or passed.attended) or not walking.on
        if (record := walking.say(passed.frame.t_s, budget.take)) is not None:
            said.append(record)
    return said


def steady(seconds: int, *visitors: Person, luma: int = 128) -> list[Visitors]:
    return [moment(index, *visitors, luma=luma) for index in range(seconds * FPS + 1)]


def test_a_walk_alone_in_view_is_told_in_full_once_it_is_over() -> None:
    said = walked(steady(41, someone()), seconds=40)
    assert [record.over for record in said] == [False, False, True]
    assert said[-1] == WalkRecord(said[-1].head, 40, 40, 0, 48, 10, "good", True, (4 * WALK_COLUMNS + 8,))
    assert all(record.cells == () for record in said[:-1])


@pytest.mark.parametrize(
    ("who", "luma", "told"),
    [
        (someone(turned=0.6), 128, (48, 0, "good")),
        (someone(face_px=23), 128, (20, 10, "good")),
        (someone(face_px=3), 128, (0, 10, "good")),
        (someone(), 20, (48, 10, "dark")),
        (someone(), 240, (48, 10, "bright")),
    ],
)
def test_size_yaw_and_light_are_told_in_steps(who: Person, luma: int, told: tuple[int, int, str]) -> None:
    last = walked(steady(21, who, luma=luma))[-1]
    assert (last.face_px, last.frontal, last.light) == told


def test_of_a_second_with_two_people_nothing_is_told_but_that_there_were_more() -> None:
    first = [moment(index, someone()) for index in range(10 * FPS)]
    second = [moment(index, someone(100), someone(500)) for index in range(10 * FPS, 21 * FPS)]
    last = walked(first + second)[-1]
    assert (last.steps, last.seen, last.crowded) == (20, 10, 10)
    assert last.cells == (4 * WALK_COLUMNS + 8,)


@pytest.mark.parametrize(("excluded", "crowded"), [(1, 0), (2, 20)])
def test_of_staff_and_of_people_who_opted_out_nothing_is_told(excluded: int, crowded: int) -> None:
    last = walked([moment(index, excluded=excluded) for index in range(21 * FPS)])[-1]
    assert (last.seen, last.crowded, last.cells) == (0, crowded, ())


@pytest.mark.parametrize("before", [ON_PROBATION, NOT_LEGIBLE, None])
def test_what_was_seen_of_a_wearer_before_the_badge_was_is_not_told_either(before: str | None) -> None:
    at_first = [unread(i, before, someone()) if before else moment(i, someone()) for i in range(12 * FPS)]
    worn = [replace(moment(i), excluded=((someone(), "opted out"),)) for i in range(12 * FPS, 21 * FPS)]
    said = walked(at_first + worn)
    assert (said[-1].seen, said[-1].face_px, said[-1].cells) == (0, 0, ())
    assert {record.seen for record in said} == {0}, "nor meanwhile"


def test_of_who_is_too_far_for_a_badge_to_be_read_figures_are_told_at_the_end_and_never_where_the_face_was() -> None:
    said = walked([unread(index, NOT_LEGIBLE, someone(face_px=26)) for index in range(41 * FPS)], seconds=40)
    assert len(said) > 1
    assert {record.seen for record in said if not record.over} == {0}
    assert (said[-1].seen, said[-1].face_px, said[-1].cells) == (40, 24, ())


def test_who_is_cleared_was_it_from_the_first_moment_on() -> None:
    far = [unread(index, NOT_LEGIBLE, someone(100)) for index in range(5 * FPS)]
    near = [moment(index, someone(500)) for index in range(5 * FPS, 21 * FPS)]
    last = walked(far + near)[-1]
    assert (last.seen, len(last.cells)) == (20, 2)


def test_while_the_badge_reader_does_not_work_nothing_is_told_of_anybody() -> None:
    last = walked([unread(index, NO_READER, someone()) for index in range(21 * FPS)])[-1]
    assert (last.steps, last.seen, last.face_px, last.cells) == (20, 0, 0, ())


def test_walks_that_follow_at_once_are_no_way() -> None:
    """A hub that asks for another zone every few seconds learns nothing."""
    walking, budget, said = Walking(config=1), Budget(), []
    for index in range(100 * FPS):
        if index % (10 * FPS) == 0:
            walking.begin(StartWalk(index // (10 * FPS), 20))
        walking.see(moment(index, someone(6.0 * index / FPS)))
        said.append(walking.say(index / FPS, budget.take))
    assert not any(said)


def test_the_next_walk_ends_the_one_before_which_is_still_told() -> None:
    walking = Walking(config=3)
    walking.begin(StartWalk(2, 60))
    for one in steady(30, someone()):
        walking.see(one)
    walking.begin(StartWalk(5, 60))
    said = walking.say(30.2, Budget().take)
    assert said is not None
    assert (said.head.zone, said.steps, said.over) == (2, 30, True)
    assert walking.on
    assert not walking.finished(31.0)


def test_a_walk_that_is_over_waits_for_the_next_one_and_then_ends() -> None:
    walking = Walking(config=3)
    assert not walking.finished(1e9)
    said = walked(steady(21, someone()), walking=walking)
    assert said[-1].over
    assert walking.on
    assert not walking.finished(20 + NEXT_S - 1)
    assert walking.finished(21 + NEXT_S)


def test_a_walk_that_is_called_off_ends_at_once() -> None:
    walking = Walking(config=3)
    walking.begin(StartWalk(2, 60))
    walking.end()
    assert walking.finished(0.0)


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(20, 240), st.integers(1, 400)), max_size=8))
def test_walks_keep_the_gates_pace(orders: list[tuple[int, int, int]]) -> None:
    walking, budget, index = Walking(config=1), Budget(), 0
    said: list[tuple[float, WalkRecord]] = []
    for zone, seconds, moments in orders:
        walking.begin(StartWalk(zone, seconds))
        for _ in range(moments):
            index += 1
            walking.see(moment(index, someone()))
            if (record := walking.say(index / FPS, budget.take)) is not None:
                said.append((index / FPS, record))
    moments_s = [at_s for at_s, _ in said]
    assert all(later - sooner >= EYE_GAP_S for sooner, later in pairwise(moments_s))
    for zone in range(12):
        of_zone = [at_s for at_s, record in said if record.head.zone == zone]
        assert all(later - sooner >= ZONE_GAP_S for sooner, later in pairwise(of_zone))


def test_without_a_walk_nothing_changes() -> None:
    moments = steady(2, someone())
    assert list(set_aside(moments, Walking(config=1))) == moments


def test_a_walker_alone_in_the_drawn_shop_is_seen_as_in_a_zone_that_passes() -> None:
    camera = SceneCamera(script("walk"), fps=FPS, realtime=False, seconds=28)
    faces = detect(camera.frames(), BlazeFace(NodeConfig(node="shop").models.faces))
    people = follow(faces, Tracking(), ZONES)
    last = walked(list(leave_out(people, TagReader(), (), ZONES)), seconds=26)[-1]
    assert last.crowded == 0
    assert last.seen >= 0.8 * last.steps
    assert last.face_px >= READ_PX
    ceramics = ZONES[CERAMICS].polygon
    column = [(cell % WALK_COLUMNS + 0.5) / WALK_COLUMNS for cell in last.cells]
    assert all(min(x for x, _ in ceramics) <= x <= max(x for x, _ in ceramics) for x in column)
