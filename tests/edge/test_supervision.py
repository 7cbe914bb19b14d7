"""Faults of a node, one after the other: what it says on the wire, what it does meanwhile, and that it recovers alone.

docs/supervision.md is the same as a table.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from contract.events import Status
from contract.export import export
from contract.verify import verify
from edge.config import NodeConfig
from edge.courier import care, health
from edge.courier.care import Board, Comeback, Timekeeper, set_lately
from edge.courier.outbox import NAME
from edge.courier.watch import EyeWatch
from edge.eye.life import AGAIN
from edge.order import Afresh, Ease, Pause, Resume
from edge.record import PulseRecord, StateRecord
from edge.supervisor import SILENT_S, Child
from edge.tflite import Tflite
from edge.values import Face, Frame
from tests.brokers import mosquitto
from tests.edge.clips import with_a_face
from tests.edge.hubside import ListeningHub
from tests.edge.test_courier import ASSIST, HEAD, MOOD, PATIENCE_S, Desk, desk, joined, states
from tests.edge.test_life import ActingCamera, NobodyThere, Stage
from tests.edge.test_tflite import model, plug_in
from tests.edge.test_tracks import face
from tests.systemd.test_beat import node

__all__ = ["desk", "model"]  # fixtures
YEAR_S = 365.25 * 86_400.0


def status(desk: Desk) -> tuple[str, str | None]:
    """What the node says of itself after one more step."""
    desk.courier.step()
    said = desk.courier.status()
    return said.state, said.reason


# --- the camera -------------------------------------------------------------------------------------------------------

IMPATIENT = """
import sys
from functools import partial
import edge.eye.life as life
from edge.__main__ import main
life.Eye = partial(life.Eye, rest_s=0.2)
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def kept_alive(child: Child) -> Iterator[None]:
    """Supervised, as `edge.supervisor.supervise` does it."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(0.05):
            child.step(time.monotonic())

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        child.end()


def test_a_camera_that_is_unplugged_is_said_and_seen_again_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real eye, courier and broker; the camera is a short clip, so that it ends, is gone, and comes back."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # the eye here loads numpy before its walls
    camera, drawer, meeting = with_a_face(tmp_path / "face.avi", 12), tmp_path / "drawer.avi", tmp_path / "eye.sock"
    with mosquitto(tmp_path) as broker:
        config = node(tmp_path, camera)
        config.write_text(config.read_text().replace("mqtt://127.0.0.1:1", broker.url))
        shared = ("--config", str(config), "--socket", str(meeting))
        hub = ListeningHub(broker.url)
        courier = subprocess.Popen((sys.executable, "-m", "edge", "courier", *shared), stderr=subprocess.DEVNULL)
        eye = Child("eye", (sys.executable, "-c", IMPATIENT, "eye", *shared))
        try:
            with kept_alive(eye):
                hub.awaits(lambda: ("online", None) in states(hub), "sensing")
                camera.rename(drawer)
                hub.awaits(lambda: states(hub)[-1] == ("degraded", "camera_lost"), "camera_lost")
                before = len(states(hub))
                drawer.rename(camera)
                hub.awaits(lambda: ("online", None) in states(hub)[before:], "sensing again")
        finally:
            hub.stop()
            courier.kill()
            courier.wait()


HANGS = """
import time
from contract.beat import Beat
Beat()()
time.sleep(600)
"""


def test_an_eye_that_hangs_is_killed_and_started_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ears:
        ears.bind(str(tmp_path / "alive"))
        child = Child("eye", (sys.executable, "-c", HANGS), ears=ears)
        try:
            child.step(0.0)
            hung = child.process
            assert hung is not None
            ears.settimeout(PATIENCE_S)
            assert ears.recv(64) == b"READY=1"
            assert ears.recv(64, socket.MSG_PEEK) == b"WATCHDOG=1"
            ears.settimeout(None)
            child.step(1.0)
            child.step(1.0 + SILENT_S)
            assert hung.poll() is None  # not yet
            child.step(1.1 + SILENT_S)
            assert hung.wait(PATIENCE_S) == -9
            child.step(2.0 + SILENT_S)
            child.step(10.0 + SILENT_S)
            assert child.process not in (None, hung)
            assert child.heard_s is None
        finally:
            child.end()
    assert "the eye hangs; it is killed" in capfd.readouterr().err


# --- the Coral --------------------------------------------------------------------------------------------------------


def test_a_coral_that_is_gone_is_said_and_looked_for_by_a_new_life(desk: Desk) -> None:
    eye = joined(desk)
    eye.orders(PATIENCE_S)
    eye.send(StateRecord(HEAD, "accelerator_lost"))
    assert status(desk) == ("degraded", "accelerator_lost")
    desk.courier.care.comeback.pause_s = 0.0
    desk.courier.care.comeback._at_s = None
    desk.courier.step()
    desk.courier.step()
    assert eye.orders(PATIENCE_S) == [Afresh()]
    eye.send(StateRecord(HEAD, None))
    eye.send(PulseRecord(HEAD, 10.0, 5.0, 1.0, 1.0, 2.0, 1.0, 120, True))
    assert status(desk) == ("online", None)


def test_a_coral_that_stays_away_is_looked_for_less_and_less_often() -> None:
    watch, comeback = EyeWatch(), Comeback()
    watch.heard(StateRecord(HEAD, "accelerator_lost"), 0.0)
    tries = [now_s for now_s in range(30_000) if comeback.due(watch, float(now_s))]
    gaps = [after - before for before, after in pairwise(tries)]
    assert tries[0] == 60
    assert gaps == sorted(gaps)
    assert gaps[0] > 100
    assert 3_600 <= gaps[-1] <= 3_610
    watch.heard(StateRecord(HEAD, None), 30_000.0)
    watch.heard(PulseRecord(HEAD, 10.0, 5.0, 1.0, 1.0, 2.0, 1.0, 120, True), 30_060.0)
    assert not comeback.due(watch, 30_060.0)
    assert comeback.pause_s == care.AGAIN_MIN_S


def test_an_eye_that_is_asked_to_begin_afresh_ends_its_life_and_closes_the_camera() -> None:
    stage = Stage()
    stage.order(Resume())
    stage.camera = ActingCamera(lambda: stage.order(Afresh()))
    assert stage.eye.live() == AGAIN
    assert stage.camera.closed


def test_a_new_life_takes_the_coral_that_came_back(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(model.parent, monkeypatch, 'if (getenv("UNPLUGGED")) return 0;')
    monkeypatch.setenv("UNPLUGGED", "1")
    assert (Tflite(model).accelerator, Tflite(model).lost) == ("cpu", True)
    monkeypatch.delenv("UNPLUGGED")
    os.unsetenv("UNPLUGGED")
    assert (Tflite(model).accelerator, Tflite(model).lost) == ("edgetpu", False)


# --- heat and power ---------------------------------------------------------------------------------------------------


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> partial[None]:
    """Says how warm the board is, and what vcgencmd answers."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(care, "LOOK_S", 0.0)
    monkeypatch.setattr(care, "CALM_S", 0.0)

    def be(milli_c: int, throttled: str) -> None:
        (tmp_path / "temp").write_text(f"{milli_c}\n")
        (tmp_path / "vcgencmd").write_text(f"#!/bin/sh\necho throttled={throttled}\n")
        (tmp_path / "vcgencmd").chmod(0o755)

    be(55_000, "0x0")
    return partial(be)


@pytest.mark.parametrize(
    ("milli_c", "bits", "reason"),
    [
        (83_000, "0x0", "hot"),
        (60_000, "0x50005", "throttled"),
        (84_000, "0xe0008", "throttled"),
        (60_000, "0x50000", None),
    ],
)
def test_a_hot_or_throttled_board_says_so_looks_less_often_and_recovers(
    desk: Desk, board: partial[None], tmp_path: Path, milli_c: int, bits: str, reason: str | None
) -> None:
    desk.courier.care.board = Board(temp_c=partial(health.temp_c, tmp_path / "temp"))
    eye = joined(desk)
    eye.orders(PATIENCE_S)
    assert status(desk) == ("online", None)
    board(milli_c, bits)
    assert status(desk) == (("degraded", reason) if reason else ("online", None))
    assert [one for one in eye.orders() if isinstance(one, Ease)] == ([Ease(True)] if reason else [])
    board(60_000, "0x50000")  # what was, since the board was started, ails nobody now
    assert status(desk) == ("online", None)
    assert [one for one in eye.orders() if isinstance(one, Ease)] == ([Ease(False)] if reason else [])


def test_a_board_at_its_limit_does_not_change_its_mind_all_the_time() -> None:
    warm_c = 81.0
    board, said = Board(temp_c=lambda: warm_c, throttled=lambda: None), []
    for minute in range(30):
        warm_c = 79.0 if minute % 2 else 81.0
        board.look(minute * 60.0)
        said.append(board.trouble)
    assert said == ["hot"] * 30
    warm_c = 70.0
    for minute in range(30, 33):
        board.look(minute * 60.0)
    assert board.trouble is None


def test_an_eye_at_ease_looks_about_four_times_a_second() -> None:
    looked: list[Frame] = []

    class Counting(NobodyThere):
        def detect(self, frame: Frame) -> tuple[Face, ...]:
            looked.append(frame)
            return (face(80.0),)

    stage = Stage()
    stage.order(Ease(True), Resume())
    stage.patience = 600
    stage.camera = ActingCamera(lambda: None)
    stage.eye.open_senses = lambda config: replace(stage.open(config), detector=Counting())
    stage.eye.live()
    gaps = [after.t_s - before.t_s for before, after in pairwise(looked)]
    assert len(gaps) > 20
    assert 0.2 < min(gaps) <= max(gaps) < 0.4


# --- the disk ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, where this user may mount one."""
    folder = tmp_path / "outbox"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            (mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)), capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("mounting a small tmpfs is refused here")
    try:
        yield folder
    finally:
        subprocess.run(("umount", "-l", str(folder)), check=True)


def fill(filler: Path) -> None:
    """To the last byte."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass


def test_a_full_disk_is_said_while_work_goes_on_and_what_waited_is_stored_once_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    desk = Desk(tmp_path, NodeConfig(node="n1"))
    eye = joined(desk)
    filler = small_disk / "filler"
    fill(filler)
    for _ in range(40):
        eye.send(MOOD)
        desk.courier.step()
    eye.send(ASSIST)
    assert status(desk) == ("degraded", "disk_full")
    waiting = len(desk.courier.keep.held)
    assert waiting > 0
    assert any(isinstance(one, Status) and one.reason == "disk_full" for one in desk.said("status"))
    filler.unlink()
    assert status(desk) == ("online", None)
    assert not desk.courier.keep.held
    assert len(desk.outbox) >= waiting
    assert desk.outbox.dropped == 0
    desk.courier.intake.drop()
    desk.courier.intake.listener.close()
    desk.outbox.close()


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.fixture
def off(monkeypatch: pytest.MonkeyPatch) -> Iterator[partial[None]]:
    """Sets the wall clock off by so many seconds; nothing else ever sets it."""
    true = time.time
    monkeypatch.setattr(care, "SYNCHRONIZED", Path("/nonexistent"))
    yield partial(lambda seconds: monkeypatch.setattr(time, "time", lambda: true() + seconds))
    monkeypatch.undo()


@pytest.mark.parametrize("seconds", [10 * YEAR_S, -10 * YEAR_S])
def test_a_clock_that_jumps_by_ten_years_is_said_the_eye_rests_nothing_is_forgotten_and_it_recovers(
    desk: Desk, off: partial[None], monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    eye = joined(desk)
    eye.send(ASSIST)
    eye.send(MOOD)
    desk.courier.step()
    eye.orders(PATIENCE_S)
    assert len(desk.outbox) == 2
    entries = len(desk.logged("assist", "mood", "health"))

    off(seconds)
    assert status(desk) == ("degraded", "clock_jumped")
    assert eye.orders(PATIENCE_S)[-1] == Pause()
    desk.courier.sign_s = 0.0
    desk.courier.step()
    desk.outbox.sign(now=True)
    assert len(desk.outbox) == 2
    assert len(desk.logged("assist", "mood", "health")) >= entries
    assert desk.eye().orders(PATIENCE_S)[-1] == Pause()  # nor does the next life sense

    off(0.0)
    eye = desk.eye()
    eye.send(StateRecord(HEAD, None))
    desk.courier.step()
    assert isinstance(eye.orders(PATIENCE_S)[-1], Resume)
    assert status(desk) == ("degraded", "clock_jumped")  # said for a while, so that somebody may look
    monkeypatch.setattr(care, "STEP_SAID_S", 0.0)
    assert status(desk) == ("online", None)
    note = desk.outbox.sign(now=True)
    assert len(desk.outbox) == 2
    export(desk.outbox.folder, NAME, desk.outbox.folder / "out.zip")
    assert verify(desk.outbox.folder / "out.zip", note).status == 0  # times that go back harm no ledger


def test_a_start_with_a_clock_ten_years_off_rests_from_the_first_word(tmp_path: Path, off: partial[None]) -> None:
    first = Desk(tmp_path, NodeConfig(node="n1"))
    first.courier.step()
    first.courier.step()
    first.courier.intake.listener.close()
    first.outbox.close()
    off(10 * YEAR_S)
    (tmp_path / "eye.sock").unlink()
    second = Desk(tmp_path, NodeConfig(node="n1"))
    assert second.eye().orders(PATIENCE_S)[-1] == Pause()
    assert second.outbox.nothing_of_age
    second.courier.intake.drop()
    second.courier.intake.listener.close()
    second.outbox.close()


def test_a_clock_that_the_network_has_set_is_believed_however_far_it_went(tmp_path: Path) -> None:
    place = tmp_path / "synchronized"
    clock = Timekeeper(0.0, lambda wall_s: set_lately(wall_s, place))
    clock.look(10 * YEAR_S, 0.0)
    assert clock.doubted
    place.touch()
    os.utime(place, (10 * YEAR_S, 10 * YEAR_S))
    clock.look(10 * YEAR_S + 60, 60.0)
    assert not clock.doubted
    clock.look(20 * YEAR_S, 120.0)  # set by hand since
    assert clock.doubted


def test_where_nothing_ever_sets_the_clock_the_doubt_ends_after_a_day() -> None:
    clock = Timekeeper(0.0, lambda _: False)
    for hour in range(24):
        clock.look(10 * YEAR_S + hour * 3600, hour * 3600.0)
        assert clock.doubted
    clock.look(10 * YEAR_S + 90_000, 90_000.0)
    assert not clock.doubted


@pytest.mark.parametrize(("seconds", "doubted"), [(3600.0, False), (-3600.0, False), (40 * 86_400.0, True)])
def test_an_hour_is_a_step_that_is_said_and_work_goes_on(seconds: float, doubted: bool) -> None:
    clock = Timekeeper(1e9, lambda _: False)
    clock.look(1e9 + 1, 1.0)
    assert clock.trouble(1.0) is None
    clock.look(1e9 + 2 + seconds, 2.0)
    assert (clock.trouble(2.0), clock.doubted) == ("clock_jumped", doubted)


@pytest.mark.parametrize(("by_network", "kept"), [(False, True), (True, False)])
def test_nothing_is_of_age_for_hours_after_a_step_that_the_network_did_not_make(by_network: bool, kept: bool) -> None:
    clock = Timekeeper(1e9, lambda _: by_network)
    clock.look(1e9 + 1, 1.0)
    assert not clock.nothing_of_age
    clock.look(1e9 + 2 + 2 * 86_400.0, 2.0)
    assert (clock.doubted, clock.nothing_of_age) == (False, kept)
    clock.look(1e9 + 3 + 2 * 86_400.0 + care.SETTLE_S, 3.0 + care.SETTLE_S)
    assert not clock.nothing_of_age
