"""Rule 3: staff and opted-out people are never read, nobody is read before a legible look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.badges import MASK_IDS, OPT_OUT_IDS, STAFF_IDS, meaning
from contract.events import ZoneSpec
from edge.eye.affect import read_affect
from edge.eye.badge import ATTENDED_S, HEIR_S, LOOKS, NO_READER, NOT_LEGIBLE, leave_out
from edge.eye.tracks import Tracking, follow
from edge.fakes import FakeBadgeReader
from edge.values import Face, Frame, Person, Point, Tag, Visitors
from tests.edge.test_affect import EYES, HAPPY, NOISE, Scripted

FPS = 10.0
PICTURE = np.full((360, 640), 128, np.uint8)
LEFT = ZoneSpec(id=0, name="Left", polygon=((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
RIGHT = ZoneSpec(id=1, name="Right", polygon=((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)))

Moment = tuple[Person, ...]


def someone(track: int, x: float = 200.0, y: float = 100.0, face_px: float = 50.0, zone: int | None = 0) -> Person:
    box = (x - face_px / 2, y - face_px / 2, face_px, face_px)
    return Person(Face(box, 0.9, ()), track, 0.0, zone, 0.0, 0.0, False)


def worn_by(person: Person, number: int = STAFF_IDS.start, aside: float = 0.0) -> Tag:
    x, y = person.face.centre_px
    face_px = person.face.box_px[2]
    return Tag(number, (x + aside * face_px, y + 1.6 * face_px), 0.43 * face_px)


def run(
    moments: Sequence[Moment], reader: FakeBadgeReader | None, masks: Sequence[Sequence[Point]] = ()
) -> list[Visitors]:
    frames = ((Frame(i, i / FPS, PICTURE), moment) for i, moment in enumerate(moments))
    return list(leave_out(frames, reader, masks, (LEFT, RIGHT)))


def read_tracks(said: Iterable[Visitors]) -> set[int]:
    return {person.track for v in said for person in v.visitors}


def test_nobody_is_read_before_enough_legible_looks() -> None:
    said = run([(someone(1),)] * 30, FakeBadgeReader())
    first = next(i for i, v in enumerate(said) if v.visitors)
    assert first >= LOOKS
    assert all(v.visitors for v in said[first:])
    assert all(len(v.unread) == 1 for v in said[:first])


def test_somebody_never_legible_is_never_read_but_counts_as_present() -> None:
    said = run([(someone(1),)] * 50, FakeBadgeReader(clear=lambda frame, person: False))
    assert all(not v.visitors and [why for _, why in v.unread] == [NOT_LEGIBLE] for v in said)


@pytest.mark.parametrize(("number", "why"), [(STAFF_IDS.start, "staff"), (OPT_OUT_IDS.start, "opted out")])
def test_a_badge_seen_once_excludes_the_track_for_the_rest_of_its_life(number: int, why: str) -> None:
    person = someone(1)
    said = run([(person,)] * 200, FakeBadgeReader(tags={40: (worn_by(person, number),)}))
    assert all(v.visitors or v.unread for v in said[:40])
    assert all([w for _, w in v.excluded] == [why] and not v.visitors and not v.unread for v in said[40:])


@given(
    seen_at=st.integers(0, 40),
    legible=st.lists(st.booleans(), min_size=60, max_size=60),
    aside=st.floats(-0.5, 0.5),
    steps=st.lists(st.floats(-8, 8), min_size=60, max_size=60),
)
def test_no_one_is_read_from_the_frame_on_in_which_their_badge_was_seen(
    seen_at: int, legible: list[bool], aside: float, steps: list[float]
) -> None:
    path = np.clip(200 + np.cumsum(steps), 60, 580)
    moments = [(someone(1, float(x)),) for x in path]
    tags = {seen_at: (worn_by(moments[seen_at][0], aside=aside),)}
    said = run(moments, FakeBadgeReader(tags, clear=lambda frame, person: legible[frame.index]))
    assert not read_tracks(said[seen_at:])


@given(legible=st.lists(st.booleans(), min_size=40, max_size=40))
def test_being_read_takes_that_many_legible_looks_first(legible: list[bool]) -> None:
    said = run([(someone(1),)] * 40, FakeBadgeReader(clear=lambda frame, person: legible[frame.index]))
    for i, v in enumerate(said):
        if v.visitors:
            assert sum(legible[: i + 1]) >= LOOKS


def test_a_new_track_in_the_place_of_a_lost_excluded_one_is_excluded_too() -> None:
    person = someone(1)
    gone = int(HEIR_S * FPS) - 10
    moments: list[Moment] = [(person,)] * 5 + [()] * gone + [(someone(2, 210.0),)] * 30
    said = run(moments, FakeBadgeReader(tags={0: (worn_by(person),)}))
    assert 2 not in read_tracks(said)


def test_a_new_track_elsewhere_or_much_later_is_not_taken_for_the_lost_one() -> None:
    person = someone(1)
    later: list[Moment] = [(person,)] * 5 + [()] * int(HEIR_S * FPS + 20) + [(someone(2),)] * 30
    elsewhere: list[Moment] = [(person,)] * 5 + [()] * 5 + [(someone(2, 500.0),)] * 30
    for moments in (later, elsewhere):
        assert read_tracks(run(moments, FakeBadgeReader(tags={0: (worn_by(person),)}))) == {2}


def test_two_faces_that_meet_go_back_on_probation() -> None:
    apart: Moment = (someone(1), someone(2, 300.0))
    close: Moment = (someone(1), someone(2, 225.0))
    said = run([*[apart] * 20, close, *[apart] * 20], FakeBadgeReader())
    assert {p.track for p in said[19].visitors} == {1, 2}
    assert not said[20].visitors
    assert not said[21].visitors
    assert {p.track for p in said[40].visitors} == {1, 2}


def test_two_faces_that_pass_each_other_between_two_looks_go_back_on_probation() -> None:
    apart = [(someone(1, 200), someone(2, 340))] * 20
    past = [(someone(1, 340), someone(2, 200))] * 20
    said = run(apart + past, FakeBadgeReader())
    assert len(said[19].visitors) == 2
    assert not said[20].visitors
    beside = [(someone(1, 200), someone(2, 340, y=200))] * 20 + [(someone(1, 340), someone(2, 200, y=200))] * 20
    assert len(run(beside, FakeBadgeReader())[20].visitors) == 2  # a face and more below


def test_a_track_that_was_away_goes_back_on_probation() -> None:
    said = run([*[(someone(1),)] * 20, *[()] * 10, (someone(1),)], FakeBadgeReader())
    assert said[19].visitors
    assert not said[30].visitors


def test_a_fast_face_gives_no_look_that_counts() -> None:
    moments: list[Moment] = [(someone(1, 60.0 + 12.0 * i),) for i in range(40)]
    assert not read_tracks(run(moments, FakeBadgeReader()))


def test_a_chest_behind_somebody_nearer_gives_no_look_that_counts() -> None:
    behind, before = someone(1, 200.0, 90.0, 45.0), someone(2, 250.0, 140.0, 70.0)
    assert read_tracks(run([(behind, before)] * 40, FakeBadgeReader())) == {2}


def test_a_cleared_visitor_is_not_read_at_sizes_where_no_badge_would_be_legible() -> None:
    near, far = someone(1), someone(1, face_px=36.0)
    said = run([*[(near,)] * 20, *[(far,)] * 5, *[(near,)] * 5], FakeBadgeReader())
    assert said[19].visitors
    assert said[29].visitors
    assert all(not v.visitors and v.unread for v in said[20:25])


def test_a_tag_between_two_chests_excludes_both_and_a_clear_one_only_its_wearer() -> None:
    one, other = someone(1, 200.0), someone(2, 250.0)
    halfway = worn_by(one, aside=0.5)
    assert not read_tracks(run([(one, other)] * 30, FakeBadgeReader(tags={0: (halfway,)})))
    apart = someone(2, 330.0)
    assert read_tracks(run([(one, apart)] * 30, FakeBadgeReader(tags={0: (worn_by(one),)}))) == {2}


def test_a_tag_of_the_wrong_size_for_a_chest_is_nobodys() -> None:
    person = someone(1)
    x, y = person.face.centre_px
    poster = Tag(STAFF_IDS.start, (x, y + 80.0), 60.0)
    assert read_tracks(run([(person,)] * 30, FakeBadgeReader(tags={0: (poster,)}))) == {1}


@pytest.mark.parametrize("reader", [None, FakeBadgeReader(broken=True)], ids=["absent", "broken"])
def test_without_a_working_reader_nobody_is_read(reader: FakeBadgeReader | None) -> None:
    said = run([(someone(1),)] * 30, reader)
    assert all(not v.visitors and [why for _, why in v.unread] == [NO_READER] for v in said)


def test_a_reader_that_breaks_later_stops_all_reading_until_it_works() -> None:
    reader = FakeBadgeReader()

    def frames() -> Iterable[tuple[Frame, Moment]]:
        for i in range(60):
            reader.broken = 30 <= i < 40
            yield Frame(i, i / FPS, PICTURE), (someone(1),)

    said = list(leave_out(frames(), reader, ()))
    assert [bool(v.visitors) for v in said[25:45]] == [True] * 5 + [False] * 10 + [True] * 5


def test_a_face_in_a_mask_is_neither_read_nor_looked_at() -> None:
    reader = FakeBadgeReader()
    mask = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    said = run([(someone(1, 200.0), someone(2, 500.0))] * 30, reader, [mask])
    assert read_tracks(said) == {2}
    assert all([(p.track, why) for p, why in v.excluded] == [(1, "masked")] for v in said)
    assert all(1 not in tracks for _, tracks in reader.asked)


@pytest.mark.parametrize("masked", [True, False])
def test_the_affect_model_is_never_called_for_faces_in_a_mask(masked: bool) -> None:
    frames = ((Frame(i, i / FPS, NOISE), (Face((76.0 + i, 76.0, 48.0, 48.0), 0.9, EYES),)) for i in range(24))
    mask = ((0.0, 0.0), (0.6, 0.0), (0.6, 1.0), (0.0, 1.0))
    tracked, model = follow(frames, Tracking(), (LEFT, RIGHT)), Scripted(HAPPY)
    seen = leave_out(tracked, FakeBadgeReader(), [mask] if masked else [], (LEFT, RIGHT))
    moments = list(read_affect(seen, model))
    assert (model.asked == 0) == masked
    assert all(moment.readings == () for moment in moments) == masked


def test_staff_attend_their_zone_and_for_a_while_after() -> None:
    staff = someone(1)
    stays, after = 10, int(ATTENDED_S * FPS)
    moments: list[Moment] = [(staff,)] * stays + [()] * (after + 20)
    said = run(moments, FakeBadgeReader(tags={0: (worn_by(staff),)}))
    assert all(v.attended == {0} for v in said[: stays + after - 1])
    assert said[-1].attended == frozenset()


def test_a_badge_without_a_face_attends_the_zone_under_its_wearers_head() -> None:
    tag = Tag(STAFF_IDS.start, (480.0, 200.0), 20.0)
    assert run([()], FakeBadgeReader(tags={0: (tag,)}))[0].attended == {1}


def test_an_opted_out_customer_attends_nothing() -> None:
    person = someone(1)
    said = run([(person,)] * 5, FakeBadgeReader(tags={0: (worn_by(person, OPT_OUT_IDS.start),)}))
    assert all(v.attended == frozenset() for v in said)


def test_everyone_in_the_frame_is_in_exactly_one_list() -> None:
    people = tuple(someone(i, 60.0 + 60 * i, face_px=30.0 + 4 * i) for i in range(8))
    tags = {3: (worn_by(people[4]),), 9: (worn_by(people[6], OPT_OUT_IDS.start),)}
    for v in run([people] * 30, FakeBadgeReader(tags)):
        listed = [p.track for p in v.visitors] + [p.track for p, _ in (*v.unread, *v.excluded)]
        assert sorted(listed) == [p.track for p in people]


def test_the_ranges_of_printed_numbers_do_not_overlap() -> None:
    said = [meaning(number) for number in range(587)]
    assert [said.count(m) for m in ("staff", "opted_out", "mask")] == [
        len(r) for r in (STAFF_IDS, OPT_OUT_IDS, MASK_IDS)
    ]
