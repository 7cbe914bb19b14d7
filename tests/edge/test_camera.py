"""Cameras behind one port: clip time, newest frame first, one sentence when something is wrong."""

from __future__ import annotations

import itertools
import pickle
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contract.errors import CameraError
from edge.eye.camera import ClipCamera, LiveCamera, open_camera
from edge.eye.picamera import PiCamera
from edge.fakes import FakeCamera


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twenty grey frames at 8 frames per second, each of its own brightness."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 8.0, (64, 48))
    for i in range(20):
        writer.write(np.full((48, 64, 3), 10 * i, np.uint8))
    writer.release()
    return path


def gif(path: Path, delays_s: list[float]) -> Path:
    animation = cv2.Animation()
    animation.frames = [np.full((32, 48, 3), 40 * i, np.uint8) for i in range(len(delays_s))]
    animation.durations = np.array([round(d * 1000) for d in delays_s], np.int32)
    assert cv2.imwriteanimation(str(path), animation)
    return path


def test_a_clip_gives_every_frame_in_clip_time_and_luma_only(clip: Path) -> None:
    frames = list(open_camera(str(clip), realtime=False).frames())
    assert [f.index for f in frames] == list(range(20))
    assert [round(f.t_s, 3) for f in frames] == [i / 8 for i in range(20)]
    assert all(f.luma.shape == (48, 64) and f.luma.dtype == np.uint8 for f in frames)
    assert all(abs(float(f.luma.mean()) - 10 * f.index) < 3 for f in frames)


def test_a_gif_is_played_at_its_own_frame_times(tmp_path: Path) -> None:
    path = gif(tmp_path / "clip.gif", [0.1, 0.3, 0.1, 0.2])
    assert [round(f.t_s, 2) for f in open_camera(str(path), realtime=False).frames()] == [0.0, 0.1, 0.4, 0.5]


def test_real_footage_keeps_its_frames_and_times(footage_dir: Path) -> None:
    frames = list(ClipCamera(footage_dir / "face-demographics-walking-and-pause.gif").frames())
    assert (len(frames), frames[0].luma.shape) == (41, (270, 480))
    assert [round(f.t_s, 2) for f in frames[:4]] == [0.0, 0.08, 0.17, 0.25]


def test_a_clip_played_live_drops_the_frames_that_the_eye_was_too_slow_for(clip: Path) -> None:
    now_s = [100.0]

    def sleep(seconds: float) -> None:
        now_s[0] += seconds

    given = []
    for frame in ClipCamera(clip, realtime=True, clock=lambda: now_s[0], sleep=sleep).frames():
        given.append(frame.index)
        now_s[0] += 0.29
    assert given == [0, 2, 4, 6, 9, 11, 13, 16, 18]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.mp4", None, "no clip"),
        ("empty.mp4", b"", "cannot be read as video"),
        ("noise.gif", b"this is no video" * 100, "cannot be read as video"),
        ("folder", "folder", "no clip"),
    ],
)
def test_a_clip_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, content: bytes | str | None, says: str
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "folder":
        path.mkdir()
    with pytest.raises(CameraError, match=says) as caught:
        open_camera(str(path))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("usb:x", "named by its number"),
        ("usb:97", "not plugged in, or another program uses it"),
        ("scene:nowhere", "no scene called 'nowhere'"),
        ("pi", "needs picamera2"),
    ],
)
def test_a_camera_that_is_not_there_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, spec: str, says: str
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(CameraError, match=says):
        open_camera(spec)


def test_an_rtsp_error_names_no_password() -> None:
    with pytest.raises(CameraError, match="does not answer") as caught:
        open_camera("rtsp://shop:secret@127.0.0.1:9/door")
    assert "secret" not in str(caught.value)
    assert "rtsp://127.0.0.1:9/door" in str(caught.value)


class FakeCapture:
    """Gives pictures when told to, as a device does; ends when ``last`` pictures were given."""

    def __init__(self, last: int) -> None:
        self.given = 0
        self.last = last
        self.go = threading.Semaphore(0)
        self.read_again = threading.Semaphore(0)
        self.released = threading.Event()

    def read(self) -> tuple[bool, Any]:
        self.read_again.release()
        self.go.acquire()
        if self.given == self.last:
            return False, None
        self.given += 1
        return True, np.full((4, 4), self.given, np.uint8)

    def get(self, prop: int, /) -> float:
        return 0.0

    def release(self) -> None:
        self.released.set()

    def take(self, pictures: int) -> None:
        """Lets the reader have so many, and waits until it asks for one more."""
        for _ in range(pictures):
            self.go.release()
            self.read_again.acquire()


def test_a_live_camera_gives_the_newest_frame_and_queues_none() -> None:
    capture, ticks = FakeCapture(7), itertools.count(1.0)
    camera = LiveCamera("The test camera", capture, fps=30, clock=lambda: next(ticks))
    frames = camera.frames()
    hand = threading.Thread(target=lambda: (capture.read_again.acquire(), capture.take(1)))
    hand.start()
    assert int(next(frames).luma[0, 0]) == 1
    hand.join()
    capture.take(5)
    assert int(next(frames).luma[0, 0]) == 6
    capture.go.release()
    seventh = next(frames)
    assert (seventh.index, int(seventh.luma[0, 0])) == (2, 7)
    capture.go.release()
    with pytest.raises(CameraError, match="The test camera stopped giving frames"):
        next(frames)
    assert capture.released.wait(5)


def test_a_live_camera_that_hangs_is_given_up() -> None:
    camera = LiveCamera("The test camera", FakeCapture(1), fps=30, stall_s=0.01)
    with pytest.raises(CameraError, match="stopped giving frames"):
        next(camera.frames())


class FakeRequest:
    def __init__(self, picamera: FakePicamera2) -> None:
        self._of = picamera

    def get_metadata(self) -> dict[str, int]:
        return {"SensorTimestamp": 5_000_000_000 + 100_000_000 * self._of.taken}

    def make_array(self, stream: str) -> Any:
        assert stream == "lores"
        width, height = self._of.config["lores"]["size"]
        yuv = np.full((height * 3 // 2, width + 32), 128, np.uint8)
        yuv[:height, :width] = self._of.taken
        return yuv

    def release(self) -> None:
        self._of.held -= 1


class FakePicamera2:
    """As much of picamera2 0.3 as the eye uses; gives three frames, then its cable is pulled."""

    busy = False

    def __init__(self) -> None:
        if FakePicamera2.busy:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.taken = 0
        self.held = 0
        self.running = False
        self.config: dict[str, Any] = {}

    def create_video_configuration(self, **config: Any) -> dict[str, Any]:
        return config

    def configure(self, config: dict[str, Any]) -> None:
        self.config = config

    def start(self) -> None:
        self.running = True

    def capture_request(self, *, wait: float) -> FakeRequest:
        assert wait > 0
        if self.taken == 3:
            raise TimeoutError
        self.taken += 1
        self.held += 1
        return FakeRequest(self)

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        assert not self.running


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakePicamera2]]:
    module = types.ModuleType("picamera2")
    module.Picamera2 = FakePicamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    yield FakePicamera2
    FakePicamera2.busy = False


def test_the_pi_gives_the_y_plane_as_it_is_until_its_cable_is_lost(picamera2: type[FakePicamera2]) -> None:
    camera = PiCamera(fps=10, size_px=(640, 360))
    frames = camera.frames()
    first, second, third = (next(frames) for _ in range(3))
    assert [(f.index, round(f.t_s, 1), int(f.luma.min()), int(f.luma.max())) for f in (first, second, third)] == [
        (0, 5.1, 1, 1),
        (1, 5.2, 2, 2),
        (2, 5.3, 3, 3),
    ]
    assert first.luma.shape == (360, 640)
    assert first.luma.base is None
    with pytest.raises(CameraError, match="stopped giving frames"):
        next(frames)
    fake: FakePicamera2 = camera._camera
    assert fake.held == 0
    assert fake.config["queue"] is False
    camera.close()


def test_a_busy_pi_camera_is_refused_in_one_sentence(picamera2: type[FakePicamera2]) -> None:
    picamera2.busy = True
    with pytest.raises(CameraError, match="cannot be started"):
        open_camera("pi")


def test_a_frame_never_leaves_its_process_and_shows_no_pixel() -> None:
    frame = next(FakeCamera([np.full((2, 2), 77, np.uint8)]).frames())
    assert "77" not in repr(frame)
    with pytest.raises(TypeError, match="never leaves the eye"):
        pickle.dumps(frame)
