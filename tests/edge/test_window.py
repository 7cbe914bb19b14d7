"""What windows may claim: people counted so that no one person can pass for two."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from contract.events import ZoneSpec
from edge.clock import ClipClock
from edge.config import Privacy
from edge.eye.window import tumble
from edge.values import Moment, Mood, Reading, Tumbled, Visit, Window

HALVES = (
    ZoneSpec(id=0, name="Left", polygon=((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))),
    ZoneSpec(id=1, name="Right", polygon=((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))),
)
HAPPY = Mood(0.125, 0.25, 0.625, 0.5, 0.25)  # eighths, so that means are exact
SAD = Mood(0.75, 0.125, 0.125, -0.5, 0.125)


def reading(mood: Mood | None = HAPPY, zone: int = 0, dwell_s: float = 10.0, abstained: bool = False) -> Reading:
    return Reading(zone, dwell_s, 0.0, False, mood, abstained)


def moments(crowds: Iterable[tuple[Reading, ...]], start_s: float = 0.0) -> list[Moment]:
    """One moment a second."""
    return [Moment(start_s + i, crowd, frozenset()) for i, crowd in enumerate(crowds)]


def run(stream: list[Moment], privacy: Privacy | None = None, wall_s: float = 0.0, flush: bool = True) -> list[Tumbled]:
    return list(tumble(stream, HALVES, ClipClock(wall_s), privacy or Privacy(), flush=flush))


def windows(tumbled: list[Tumbled], zone: int = 0) -> list[Window]:
    return [window for step in tumbled for window in step.closed if window.zone == zone]


def test_five_people_at_once_are_five() -> None:
    (window,) = windows(run(moments([(reading(),) * 5] * 10)))
    assert window.people == 5
    assert window.mood == HAPPY


def test_five_people_one_after_another_are_one_for_they_might_be_one() -> None:
    (window,) = windows(run(moments([(reading(dwell_s=float(i % 10)),) for i in range(50)])))
    assert window.people == 1
    assert window.mood is None


@settings(max_examples=50)
@given(st.lists(st.booleans(), min_size=100, max_size=400))
def test_one_lingering_shopper_however_often_lost_is_never_more_than_one(seen: list[bool]) -> None:
    for window in windows(run(moments([(reading(),) if there else () for there in seen]))):
        assert window.people <= 1


def test_a_ghost_of_one_frame_is_not_a_person() -> None:
    stream = [Moment(i / 10, (reading(),) * (5 if i == 20 else 4), frozenset()) for i in range(100)]
    (window,) = windows(run(stream))
    assert window.people == 4


def test_people_whose_mood_was_not_read_do_not_make_up_the_k() -> None:
    (window,) = windows(run(moments([(reading(),) * 4 + (reading(mood=None),)] * 10)))
    assert window.people == 4


def test_who_stays_while_the_others_leave_adds_nothing_when_alone() -> None:
    crowd = (reading(SAD), *(reading(HAPPY),) * 4)
    (window,) = windows(run(moments([crowd] * 10 + [(reading(SAD),)] * 200)))
    assert window.mood is not None
    assert abs(window.mood.negative - (SAD.negative + 4 * HAPPY.negative) / 5) < 1e-9


def test_a_window_with_enough_people_closes_at_its_length() -> None:
    closed = windows(run(moments([(reading(),) * 5] * 601), flush=False))
    assert [window.length_s for window in closed] == [300, 300]


def test_a_thin_window_is_extended_to_thirty_minutes_and_no_further() -> None:
    closed = windows(run(moments([(reading(),)] * 1801), flush=False))
    assert [window.length_s for window in closed] == [1800]
    assert closed[0].people == 1


def test_a_window_that_fills_late_closes_at_the_next_edge() -> None:
    stream = moments([(reading(),)] * 400 + [(reading(),) * 6] * 201)
    closed = windows(run(stream, flush=False))
    assert [(window.length_s, window.people) for window in closed] == [(600, 6)]


def test_a_zone_knows_nothing_of_its_neighbour() -> None:
    tumbled = run(moments([(*(reading(zone=0),) * 3, *(reading(zone=1),) * 3)] * 10))
    assert [window.people for window in (*windows(tumbled, 0), *windows(tumbled, 1))] == [3, 3]


def test_abstentions_and_dwell_are_of_the_moments_that_count() -> None:
    crowd = (reading(),) * 5 + (reading(mood=None, abstained=True),) * 5
    (window,) = windows(run(moments([crowd] * 10 + [(reading(dwell_s=500.0),)] * 100)))
    assert window.abstained == 0.5
    assert window.dwell == "0-30"


def test_every_hour_closes_for_every_zone_also_an_empty_one() -> None:
    stream = moments([()] * 20)
    stream[3] = Moment(3, (), frozenset(), (Visit(0, SAD), Visit(0, HAPPY), Visit(0, None), Visit(9, HAPPY)))
    hours = [tally for step in run(stream, wall_s=3590) for tally in step.hours]
    assert [(tally.zone, tally.hour_index) for tally in hours] == [(0, 0), (1, 0)]
    assert (hours[0].negative, hours[0].neutral, hours[0].positive, hours[0].unknown) == (1, 0, 1, 1)


def people_of_the_hour(stream: list[Moment]) -> int:
    (tally,) = (tally for step in run(stream, flush=False) for tally in step.hours if tally.zone == 0)
    return tally.people


def test_an_hours_people_are_those_at_once_and_those_who_came_when_nobody_had_just_gone() -> None:
    nobody: list[tuple[Reading, ...]] = [()]
    assert people_of_the_hour(moments([(reading(),) * 11] * 5)) == 11
    assert people_of_the_hour(moments(([(reading(),)] * 5 + nobody * 20) * 12)) == 12
    assert people_of_the_hour(moments(([(reading(),)] * 5 + nobody * 14) * 12)) == 1
    assert people_of_the_hour(moments(([(reading(),) * 3] + [(reading(),) * 2] * 14) * 12)) == 3


def test_who_may_not_be_read_yet_is_not_of_the_hours_people_for_it_may_be_staff() -> None:
    unread = reading(mood=None, dwell_s=0.0)
    assert people_of_the_hour(moments(([(unread,)] + [()] * 20) * 15)) == 0
    assert people_of_the_hour(moments(([(reading(), unread)] + [(reading(),)] * 20) * 15)) == 1


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 14)), max_size=60))
def test_one_who_is_lost_and_found_is_one_of_the_hour(gaps: list[tuple[int, int]]) -> None:
    stream = [crowd for seen, lost in gaps for crowd in [(reading(),)] * seen + [()] * lost]
    assert people_of_the_hour(moments([*stream, ()])) <= 1


def test_the_live_mood_needs_three_at_once_for_a_while_and_goes_when_they_go() -> None:
    crowds = [(reading(SAD),) * 2] * 5 + [(reading(SAD),) * 3] * 5 + [(reading(SAD),)] * 10 + [()] * 5
    live = [step.now[0].mood for step in run(moments(crowds), flush=False) if step.now]
    assert live[:7] == [None] * 7
    assert live[7:10] == [SAD] * 3
    assert live[10:] == [None] * 15


def test_a_lone_shopper_never_carries_the_mood_of_those_who_left() -> None:
    crowds = [(reading(SAD),) * 3] * 5 + [(reading(HAPPY, dwell_s=200.0),)] * 250
    live = [step.now[0].mood for step in run(moments(crowds), flush=False) if step.now]
    assert live[4] == SAD
    assert live[5:] == [None] * 250


def test_the_live_mood_is_forgotten_after_five_minutes() -> None:
    crowds = [(reading(SAD),) * 3] * 5 + [()] * 310 + [(reading(HAPPY),) * 3] * 5
    live = [step.now[0].mood for step in run(moments(crowds), flush=False) if step.now]
    assert live[-1] == HAPPY


def test_who_may_not_be_read_yet_dilutes_neither_dwell_nor_abstention() -> None:
    unread = (reading(mood=None, dwell_s=0.0),) * 6
    (window,) = windows(run(moments([(reading(dwell_s=400.0),) * 5 + unread] * 10)))
    assert window.dwell == "300+"
    assert window.abstained == 0


def test_no_affect_counts_live_in_the_dwell_only_profile() -> None:
    tumbled = run(moments([(reading(SAD),) * 9] * 5), Privacy(profile="dwell-only"))
    assert all(zone.mood is None for step in tumbled for zone in step.now)


def test_when_a_live_eye_ends_its_hour_so_far_is_closed_and_its_open_windows_go() -> None:
    stream = moments([(reading(),) * 6] * 20)
    stream[3] = Moment(3, (), frozenset(), (Visit(0, HAPPY),))
    last = run(stream, flush=False)[-1]
    assert [(tally.zone, tally.positive) for tally in last.hours] == [(0, 1), (1, 0)]
    assert last.closed == ()


def test_a_recorded_clip_closes_its_windows_and_no_hour() -> None:
    last = run(moments([(reading(),) * 6] * 20))[-1]
    assert [window.people for window in last.closed] == [6, 0]
    assert last.hours == ()
