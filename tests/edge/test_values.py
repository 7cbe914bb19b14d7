"""The values of the eye: pixels cannot be carried off, and nothing after the affect stage can single anybody out."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import typing
from pathlib import Path

import numpy as np
import pytest

from edge import values
from edge.values import Frame, Moment, Mood, Reading, Tally, Tumbled, Visit, Window, ZoneNow

AFTER_AFFECT = (Mood, Reading, Visit, Moment, Window, ZoneNow, Tally, Tumbled)
PLAIN = {int, float, bool, str, type(None)}
FRAME = Frame(0, 0.0, np.full((4, 4), 137, np.uint8))


def test_a_frame_cannot_be_pickled_or_copied() -> None:
    for carry in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never leaves the eye"):
            carry(FRAME)


def test_a_frame_shows_no_pixel() -> None:
    assert "137" not in repr(FRAME)


def leaves(kind: object) -> typing.Iterator[object]:
    """Every plain type that a field can hold, through tuples, unions and our own values."""
    if dataclasses.is_dataclass(kind):
        for hint in typing.get_type_hints(kind).values():
            yield from leaves(hint)
    elif typing.get_origin(kind) is typing.Literal:
        yield str
    elif typing.get_args(kind):
        for part in typing.get_args(kind):
            yield from leaves(part)
    elif kind is not Ellipsis:
        yield kind


@pytest.mark.parametrize("kind", AFTER_AFFECT, ids=lambda kind: kind.__name__)
def test_no_value_after_affect_holds_an_array(kind: type) -> None:
    assert set(leaves(kind)) <= PLAIN


@pytest.mark.parametrize("kind", AFTER_AFFECT, ids=lambda kind: kind.__name__)
def test_no_value_after_affect_holds_a_track_a_face_or_a_place(kind: type) -> None:
    names = {field.name for field in dataclasses.fields(kind)}
    assert not names & {"track", "face", "person", "box_px", "keypoints_px", "luma", "crop", "number", "id"}


def test_the_list_of_what_comes_after_affect_is_whole() -> None:
    source = Path(values.__file__).read_text(encoding="utf-8")
    below = source.split("pixels die above this line")[1]
    assert {kind.__name__ for kind in AFTER_AFFECT} == {
        line.split()[1].rstrip(":") for line in below.splitlines() if line.startswith("class ")
    }
