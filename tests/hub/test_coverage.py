"""What passes, what does not, and what is said of it."""

from __future__ import annotations

import pytest
from hypothesis import given

from contract.events import ZoneSpec
from edge import optics
from hub.coverage import FOUND_PX, READ_PX, STEPS_MIN, judge, judge_all, passed, whole
from tests.contract.events import EVENTS
from tests.hub.walks import walk

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
SHELF = ZoneSpec(id=0, name="Shelf", polygon=WHOLE)


def test_the_sizes_are_those_of_the_optics() -> None:
    assert (round(optics.READ_PX), optics.FOUND_PX) == (READ_PX, FOUND_PX)


def test_a_good_zone_passes_and_no_zone_does_not() -> None:
    assert judge(SHELF, walk()).verdict == "passed"
    assert passed((judge(SHELF, walk()),))
    assert not passed(())
    assert not whole(())


@pytest.mark.parametrize(
    ("worse", "says"),
    [
        ({"face_px": 20}, "2.0 times as long"),
        ({"face_px": 0}, "under 12 px wide"),
        ({"cells": ()}, "badge under the face could not be looked for"),
        ({"cells": (), "light": "dark"}, "put light"),
        ({"light": "dark"}, "put light"),
        ({"light": "bright"}, "turn the camera away"),
        ({"frontal": 4}, "4 of 10"),
        ({"seen": 40}, "40 of 60 s"),
        ({"seen": 0, "face_px": 0, "frontal": 0, "cells": ()}, "No face was seen"),
    ],
)
def test_each_fault_fails_with_one_sentence_that_says_what_to_do(worse: dict[str, object], says: str) -> None:
    judged = judge(SHELF, walk(**worse))
    assert judged.verdict == "failed"
    assert len(judged.advice) == 1
    assert says in judged.advice[0]


def test_a_zone_that_is_drawn_elsewhere_than_where_people_stand_fails() -> None:
    elsewhere = SHELF.model_copy(update={"polygon": ((0.7, 0.0), (1.0, 0.0), (1.0, 1.0), (0.7, 1.0))})
    judged = judge(elsewhere, walk())
    assert judged.verdict == "failed"
    assert "0 of the 15 places" in judged.advice[0]


@pytest.mark.parametrize(
    "little", [{"steps": 19, "seen": 19}, {"crowded": 41, "seen": 19}, {"over": False, "cells": ()}], ids=str
)
def test_a_zone_walked_too_little_or_among_others_is_neither_passed_nor_failed(little: dict[str, object]) -> None:
    judged = judge(SHELF, walk(**little))
    assert judged.verdict == "walk more"
    assert not passed((judge(SHELF, walk()), judged))
    assert not whole((judge(SHELF, walk()), judged))


def test_a_walk_of_zones_as_they_were_before_counts_for_nothing() -> None:
    (judged,) = judge_all((SHELF,), {0: walk()}, config=2)
    assert (judged.verdict, judged.walk) == ("walk it", None)


@given(EVENTS["walk"])
def test_no_numbers_pass_that_break_a_bound(told: object) -> None:
    judged = judge(SHELF, told)  # type: ignore[arg-type]
    if judged.verdict == "passed":
        walked = judged.walk
        assert walked is not None
        alone_s = walked.steps - walked.crowded
        assert alone_s >= STEPS_MIN
        assert walked.seen >= 0.8 * alone_s
        assert walked.face_px >= READ_PX
        assert (walked.light, walked.over, bool(walked.cells)) == ("good", True, True)
    else:
        assert judged.advice
