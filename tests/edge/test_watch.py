"""What the courier makes of what the eye says, and of its silence."""

from __future__ import annotations

from contract.events import Trouble
from edge.courier.watch import GRACE_S, SILENT_S, EyeWatch
from edge.record import Head, PulseRecord, StateRecord

HEAD = Head(zone=0, config=0, t_mono_s=0)
PULSE = PulseRecord(HEAD, 10.0, 5.0, 1.0, 1.0, 2.0, 1.0, 120)


def says(watch: EyeWatch, trouble: Trouble | None, now_s: float) -> None:
    watch.heard(StateRecord(HEAD, trouble), now_s)


def test_before_any_eye_has_come_there_is_none() -> None:
    assert EyeWatch().trouble(100) == "eye_stopped"


def test_an_eye_that_comes_back_at_once_was_never_away() -> None:
    watch = EyeWatch()
    says(watch, None, 100)
    watch.gone(110)
    assert watch.trouble(110 + GRACE_S - 1) is None
    says(watch, "eye_stopped", 112)  # how each life greets
    says(watch, None, 113)
    assert watch.trouble(200) is None


def test_an_eye_that_stays_away_has_stopped() -> None:
    watch = EyeWatch()
    says(watch, None, 100)
    watch.heard(PULSE, 105)
    watch.gone(110)
    watch.gone(112)
    assert watch.trouble(110 + GRACE_S) == "eye_stopped"
    assert watch.pulse is None


def test_why_an_eye_ended_stands_while_it_comes_back() -> None:
    watch = EyeWatch()
    says(watch, "camera_lost", 100)
    watch.gone(100)
    says(watch, "eye_stopped", 101)
    assert watch.trouble(102) == "camera_lost"


def test_an_eye_that_senses_and_says_nothing_has_a_camera_that_hangs_until_it_speaks() -> None:
    watch = EyeWatch()
    says(watch, None, 100)
    assert watch.trouble(100 + SILENT_S) is None
    assert watch.trouble(101 + SILENT_S) == "camera_lost"
    watch.heard(PULSE, 300)
    assert watch.trouble(301) is None


def test_an_eye_that_is_paused_may_be_silent() -> None:
    watch = EyeWatch()
    says(watch, "command", 100)
    assert watch.trouble(100 + 10 * SILENT_S) == "command"
