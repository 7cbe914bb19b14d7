"""One life of the eye, with a real socket to a courier that has already said its orders."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import get_args

import numpy as np
import pytest

from contract.errors import CameraError, ModelError, WallError
from contract.events import OpenHours, Trouble
from edge.clock import ClipClock
from edge.config import SHIPPED, NodeConfig, Privacy
from edge.eye import life
from edge.eye.life import AGAIN, Eye
from edge.eye.link import Link
from edge.eye.neutral import REFERENCE
from edge.eye.pipeline import Senses
from edge.fakes import FakeBadgeReader, FakeCamera
from edge.order import ApplyConfig, BeginConfig, Order, Pause, Resume, SetZone, SiteNeutral, StartWalk, encode_order
from edge.record import (
    RECORD_BYTES,
    Head,
    HourSuppressedRecord,
    NeutralRecord,
    PulseRecord,
    Record,
    StateRecord,
    WalkRecord,
    decode,
)
from edge.tflite import Tflite
from edge.values import Face, Frame, Luma

DAYS = get_args(OpenHours.model_fields["day"].annotation)
ALWAYS = tuple(OpenHours(day=day, opens="00:00", closes="24:00") for day in DAYS)
CONFIG = NodeConfig(node="n1", notice_acknowledged=True, hours=ALWAYS, privacy=Privacy(dpia_reference="D-1"))
PICTURE = np.zeros((120, 160), np.uint8)
TRIANGLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))


class NobodyThere:
    """A `Detector` that finds nobody."""

    def detect(self, frame: Frame) -> tuple[Face, ...]:
        return ()


class NoMood:
    """An `AffectModel` that nobody asks."""

    abstain_below = 0.5

    def read(self, crop: Luma) -> tuple[float, ...]:
        raise AssertionError("nobody was there to be read")


@dataclass(slots=True)
class ActingCamera:
    """Gives pictures without end, and does something once, at the third."""

    act: Callable[[], object]
    began_s: float = 0.0
    closed: bool = False

    def frames(self) -> Iterator[Frame]:
        for index in range(1_000_000):
            if index == 2:
                self.act()
            yield Frame(index, self.began_s + index / 10, PICTURE)

    def close(self) -> None:
        self.closed = True


@dataclass(slots=True)
class Stage:
    """An eye's life and the courier's end of its socket."""

    config: NodeConfig = CONFIG
    camera: FakeCamera | ActingCamera = field(default_factory=lambda: FakeCamera([PICTURE] * 3))
    did: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    over: bool = False
    models: tuple[Tflite, ...] = ()
    patience: int = 1_000_000
    rest_s: float = 0.0
    courier: socket.socket = field(init=False)
    eye: Eye = field(init=False)

    def __post_init__(self) -> None:
        self.courier, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.courier.setblocking(False)
        self.eye = Eye(
            self.config, Link(theirs), self.open, self.walls, self.ended, self.said.append, rest_s=self.rest_s
        )

    def open(self, config: NodeConfig) -> Senses:
        self.did.append("open")
        return Senses(self.camera, NobodyThere(), None, NoMood(), ClipClock(), models=self.models)

    def walls(self) -> None:
        self.did.append("walls")

    def ended(self) -> bool:
        """Asked to end, or out of patience after so many questions."""
        self.patience -= 1
        return self.over or self.patience <= 0

    def end(self) -> None:
        self.over = True

    def order(self, *orders: Order) -> None:
        for order in orders:
            self.courier.send(encode_order(order))

    def records(self) -> list[Record]:
        found = []
        with suppress(BlockingIOError):
            while data := self.courier.recv(RECORD_BYTES + 1):
                found.append(decode(data))
        return found

    def states(self) -> list[Trouble | None]:
        return [record.trouble for record in self.records() if isinstance(record, StateRecord)]


def test_an_eye_greets_opens_raises_its_walls_and_only_then_says_that_it_senses() -> None:
    stage = Stage()
    stage.camera = ActingCamera(stage.end)
    stage.order(Resume())
    assert stage.eye.live() == 0
    assert stage.did == ["open", "walls"]
    assert stage.states() == ["eye_stopped", None]
    assert stage.camera.closed


@pytest.mark.parametrize("breaks", [True, False], ids=["breaks", "ends"])
def test_a_camera_that_stops_is_said_and_the_next_life_recovers(breaks: bool) -> None:
    stage = Stage(camera=FakeCamera([PICTURE] * 3, breaks=breaks))
    stage.order(Resume())
    assert stage.eye.live() == AGAIN
    assert stage.states() == ["eye_stopped", None, "camera_lost"]
    assert stage.camera.closed
    assert len(stage.said) == 1
    following = Stage()
    following.camera = ActingCamera(following.end)
    following.order(Resume())
    assert following.eye.live() == 0
    assert following.states() == ["eye_stopped", None]


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (ModelError("The model is altered: install it again."), "model_refused"),
        (CameraError("There is no camera: plug it in."), "camera_lost"),
    ],
)
def test_what_cannot_be_opened_is_said_on_the_wire_and_in_the_log(error: Exception, trouble: Trouble) -> None:
    stage = Stage()

    def refuse(config: NodeConfig) -> Senses:
        raise error

    stage.eye.open_senses = refuse
    stage.order(Resume())
    assert stage.eye.live() == AGAIN
    assert stage.states() == ["eye_stopped", trouble]
    assert stage.said == [str(error)]


def test_the_rest_before_a_new_try_ends_when_the_eye_is_asked_to() -> None:
    stage = Stage(camera=FakeCamera([]), rest_s=1e9, patience=6)
    stage.order(Resume())
    assert stage.eye.live() == 0
    assert stage.states()[-1] == "camera_lost"


def test_the_rest_before_a_new_try_ends_when_the_courier_does() -> None:
    stage = Stage(camera=FakeCamera([]), rest_s=1e9)
    stage.order(Resume())
    stage.eye.complain = lambda sentence: stage.courier.close()
    assert stage.eye.live() == AGAIN


@pytest.mark.parametrize(
    ("config", "order", "trouble"),
    [
        (CONFIG.model_copy(update={"notice_acknowledged": False}), Resume(), "no_notice"),
        (CONFIG.model_copy(update={"privacy": Privacy()}), Resume(), "no_dpia"),
        (CONFIG.model_copy(update={"jurisdiction": "us-il"}), Resume(), "no_consent"),
        (CONFIG.model_copy(update={"hours": ()}), Resume(), "closed"),
        (CONFIG, Pause(), "command"),
    ],
)
def test_no_camera_is_opened_while_sensing_is_not_allowed(config: NodeConfig, order: Order, trouble: Trouble) -> None:
    stage = Stage(config=config, patience=4)
    stage.order(order)
    assert stage.eye.live() == 0
    assert stage.did == []
    assert stage.states() == ["eye_stopped", trouble]


def test_a_pause_closes_the_camera_and_is_said() -> None:
    stage = Stage()
    stage.camera = ActingCamera(lambda: stage.order(Pause()))
    stage.order(Resume())
    assert stage.eye.live() == AGAIN
    assert stage.camera.closed
    assert stage.states() == ["eye_stopped", None, "command"]


def test_new_zones_end_the_life_and_the_config_that_came_with_the_greeting_does_not() -> None:
    stage = Stage()
    first = (BeginConfig(4), SetZone(0, TRIANGLE), ApplyConfig(4))
    stage.camera = ActingCamera(lambda: stage.order(BeginConfig(5), SetZone(1, TRIANGLE), ApplyConfig(5)))
    stage.order(*first, Resume())
    assert stage.eye.live() == AGAIN
    assert stage.camera.closed
    assert stage.eye.config.version == 5
    assert {record.head.config for record in stage.records() if isinstance(record, StateRecord)} == {0, 4}


def test_a_courier_that_goes_ends_the_life_and_closes_the_camera() -> None:
    stage = Stage()
    stage.camera = ActingCamera(stage.courier.close)
    stage.order(Resume())
    assert stage.eye.live() == AGAIN
    assert stage.camera.closed


def test_without_an_answer_to_its_greeting_the_eye_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "GREETING_S", 0.01)
    stage = Stage()
    assert stage.eye.live() == AGAIN
    assert stage.did == []


def test_without_its_walls_the_eye_ends_and_closes_the_camera() -> None:
    stage = Stage()

    def fall() -> None:
        raise WallError("A wall does not stand: use a newer kernel.")

    stage.eye.raise_late = fall
    stage.order(Resume())
    with pytest.raises(WallError):
        stage.eye.live()
    assert stage.camera.closed
    assert stage.states() == ["eye_stopped"]


def test_while_it_senses_it_gives_a_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "PULSE_S", 1e-9)
    stage = Stage(camera=FakeCamera([PICTURE] * 3, fps=5.0))
    stage.order(Resume())
    stage.eye.live()
    pulses = [record for record in stage.records() if isinstance(record, PulseRecord)]
    assert len(pulses) == 3
    assert all(pulse.memory_mb > 0 for pulse in pulses)


def test_the_site_s_neutral_is_said_in_a_pulse_s_place_and_begins_with_what_was_said_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(life, "PULSE_S", 1e-9)
    before = SiteNeutral(200, (90, 70, 30, 40, 20, 1, 4, 0))
    stage = Stage()
    stage.eye.site.said_s = float("-inf")
    stage.order(before)
    stage.order(Resume())
    stage.eye.raise_late = lambda: [stage.eye.site.count(REFERENCE) for _ in range(11)]
    stage.eye.live()
    said = stage.records()
    (neutral,) = (record for record in said if isinstance(record, NeutralRecord))
    assert neutral.tracks == 200
    assert neutral.shares[3] == pytest.approx(before.shares[3], abs=2)
    assert any(isinstance(record, PulseRecord) for record in said)


def test_an_accelerator_that_is_lost_is_said_once_and_the_eye_goes_on() -> None:
    model = Tflite(SHIPPED / "affect" / "affect.tflite")
    lost = ActingCamera(lambda: setattr(model, "lost", True))
    stage = Stage(camera=lost, models=(model,), patience=400)
    stage.order(Resume())
    assert stage.eye.live() == 0
    troubles = [record.trouble for record in stage.records() if isinstance(record, StateRecord)]
    assert troubles[-3:] == [None, "accelerator_lost", None]  # the last when it was asked to end
    assert troubles.count("accelerator_lost") == 1


def test_what_is_left_when_it_must_stop_is_said_after_the_camera_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    camera = stage.camera = ActingCamera(lambda: stage.order(Pause()))
    left = HourSuppressedRecord(Head(0, 0, 1), 500_000, 500)

    def look(senses: Senses, *_: object, **__: object) -> Iterator[Record | None]:
        for _frame in senses.camera.frames():
            yield None
        assert camera.closed
        yield left

    monkeypatch.setattr(life, "look", look)
    monkeypatch.setattr(life, "EYE_GAP_S", 0.0)
    stage.order(Resume())
    assert stage.eye.live() == AGAIN
    said = stage.records()
    assert left in said
    assert said.index(left) > [getattr(record, "trouble", None) for record in said].index("command")


@dataclass(slots=True)
class OneThere:
    """A `Detector` that finds the same face in every picture."""

    def detect(self, frame: Frame) -> tuple[Face, ...]:
        points = ((85.0, 55.0), (115.0, 55.0), (100.0, 65.0), (100.0, 75.0), (80.0, 60.0), (120.0, 60.0))
        return (Face((75.0, 40.0, 50.0, 50.0), 0.9, points),)


def test_a_walk_is_told_nobody_is_sensed_meanwhile_and_the_life_ends_with_it() -> None:
    stage = Stage()
    stage.camera = ActingCamera(lambda: stage.order(StartWalk(3, 40)), began_s=time.monotonic())
    open_ = stage.open
    stage.eye.open_senses = lambda config: replace(open_(config), detector=OneThere(), badges=FakeBadgeReader())
    stage.order(Resume())
    assert stage.eye.live() == AGAIN
    records = stage.records()
    walks = [record for record in records if isinstance(record, WalkRecord)]
    assert [(walk.head.zone, walk.over) for walk in walks][-1] == (3, True)
    assert len(walks) > 1
    assert all(not walk.cells for walk in walks[:-1])
    last = walks[-1]
    assert (last.steps, last.seen, last.crowded, last.face_px, last.frontal, last.light) == (40, 40, 0, 48, 10, "dark")
    assert last.cells == (4 * 16 + 10,)
    states = [record.trouble for record in records if isinstance(record, StateRecord)]
    assert states == ["eye_stopped", None, "commissioning", None]


def test_a_walk_before_the_eye_looks_is_none() -> None:
    stage = Stage()
    stage.camera = ActingCamera(stage.end)
    stage.order(StartWalk(3, 40), Resume())
    assert stage.eye.live() == 0
    assert stage.states() == ["eye_stopped", None]
