"""Printed tags in pictures: read where they must be, and a look counts only where one would have been read."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.badges import OPT_OUT_IDS, STAFF_IDS
from contract.errors import BadgeError
from edge.eye.tags import CHEST_FACES, SIDE_FACES, SIDE_MIN_PX, TagReader, percentile, side_px
from edge.scene.heads import PORTRAITS
from edge.scene.render import Painter
from edge.scene.script import Pose, Role, Shopper, Stop, face_y_px
from edge.values import Face, Frame, Luma, Person

needs_portraits = pytest.mark.skipif(
    not (PORTRAITS / "astronaut.png").exists(), reason="no portraits: python -m models.fetch --portraits"
)


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter()


def standing(look: int, face_px: float, role: Role, x: float = 320.0) -> Pose:
    shopper = Shopper("somebody", look, 0.0, (Stop(0.5, face_px, 1.0),), role)
    return Pose(shopper, (x, min(face_y_px(face_px), 150.0)), face_px, 0.0, 0.0, False)


def seen(pose: Pose) -> Person:
    return Person(Face(pose.box_px, 0.9, ()), 1, 0.0, 0, 0.0, 0.0, False)


def lit(picture: Luma, gain: float, seed: int) -> Luma:
    noise = np.random.default_rng(seed).normal(0, 2, picture.shape)
    return np.clip(picture * gain + noise, 0, 255).astype(np.uint8)


def blurred(picture: Luma, sigma_px: float) -> Luma:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8)


@needs_portraits
@pytest.mark.parametrize("role", ["staff", "opted_out"])
@pytest.mark.parametrize("gain", [1.0, 0.6, 0.3])
def test_a_badge_is_read_at_every_size_from_which_people_are_read(painter: Painter, role: Role, gain: float) -> None:
    reader, numbers = TagReader(), STAFF_IDS if role == "staff" else OPT_OUT_IDS
    for look in range(14):
        pose = standing(look, SIDE_MIN_PX / SIDE_FACES + 2.9 * look, role)
        frame = Frame(0, 0.0, lit(painter.paint([pose], look), gain, look))
        tags = reader.look(frame, (seen(pose),))
        assert [tag.number for tag in tags] == [numbers.start]
        x, y = pose.centre_px
        assert abs(tags[0].centre_px[0] - x) < CHEST_FACES[0] * pose.face_px
        assert CHEST_FACES[1] * pose.face_px < tags[0].centre_px[1] - y < CHEST_FACES[2] * pose.face_px


@needs_portraits
def test_no_badge_is_read_where_there_is_none(painter: Painter) -> None:
    reader = TagReader()
    for look in range(16):
        poses = [standing(look + i, 42.0 + 6 * i, "visitor", 100.0 + 140 * i) for i in range(4)]
        frame = Frame(look, look / 10, painter.paint(poses, look))
        assert reader.look(frame, tuple(seen(pose) for pose in poses)) == ()


@needs_portraits
def test_a_look_in_light_and_focus_is_legible(painter: Painter) -> None:
    reader = TagReader()
    for look in range(20):
        pose = standing(look, 42.0 + look, "visitor")
        assert reader.legible(Frame(0, 0.0, painter.paint([pose], look)), seen(pose))


@needs_portraits
@pytest.mark.parametrize("spoilt", ["dark", "out of focus", "flat"])
def test_a_look_in_which_no_badge_could_be_read_is_not_legible(painter: Painter, spoilt: str) -> None:
    reader = TagReader()
    for look in range(20):
        pose = standing(look, 46.0 + look, "staff")
        picture = painter.paint([pose], look)
        picture = {
            "dark": lit(picture, 0.03, look),
            "out of focus": blurred(picture, 0.06 * pose.face_px),
            "flat": np.full_like(picture, 120),
        }[spoilt]
        frame = Frame(0, 0.0, picture)
        assert not reader.legible(frame, seen(pose))


@needs_portraits
def test_a_chest_that_leaves_the_picture_or_is_too_far_is_not_legible(painter: Painter) -> None:
    reader = TagReader()
    for place in [(320.0, 300.0), (15.0, 150.0), (630.0, 150.0)]:
        pose = Pose(standing(1, 60.0, "visitor").shopper, place, 60.0, 0.0, 0.0, False)
        assert not reader.legible(Frame(0, 0.0, painter.paint([pose], 0)), seen(pose))
    far = standing(1, 38.0, "visitor")
    assert side_px(seen(far)) < SIDE_MIN_PX
    assert not reader.legible(Frame(0, 0.0, painter.paint([far], 0)), seen(far))


@needs_portraits
def test_a_badge_whose_wearer_shows_no_face_is_found_within_a_round(painter: Painter) -> None:
    reader, pose = TagReader(), standing(4, 50.0, "staff", 210.0)
    picture = painter.paint([pose], 0)
    found = [tag for i in range(6) for tag in reader.look(Frame(i, i / 2, picture), ())]
    assert STAFF_IDS.start in {tag.number for tag in found}


def test_a_detector_that_refuses_is_said_in_one_sentence() -> None:
    reader = TagReader()
    with pytest.raises(BadgeError, match="does not work"):
        reader.look(Frame(0, 0.0, np.zeros((360, 640), np.float64)), ())


@given(st.binary(min_size=1, max_size=600), st.integers(0, 100))
def test_percentiles_of_counted_grey_levels_are_those_of_sorted_ones(levels: bytes, percent: int) -> None:
    grey = np.frombuffer(levels, np.uint8)[None].copy()
    assert percentile(grey, percent) == pytest.approx(float(np.percentile(grey, percent)), abs=1e-9)
