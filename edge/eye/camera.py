"""Cameras behind one port: clips, USB and RTSP through OpenCV; the Pi's own and the simulated shop beside.

Rules:
- Luma only: colour is dropped at once.
- A clip gives every frame in clip time. A live camera gives its newest frame: what is late is dropped, never queued.
- Everything is opened in the constructor, before the eye's walls go up; the thread that empties a live camera
  starts with the first frame asked for, so that it stands behind the walls too.
- Errors name no credentials of an RTSP address.

Left out: the Pi's camera (`edge.eye.picamera`), and the capture process that brings RTSP to an eye without network.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from contract.errors import CameraError
from edge.ports import Camera
from edge.values import Frame, Luma

# Read by OpenCV when it first opens a clip: FFmpeg's own complaints stay off the terminal.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

STALL_S: Final = 5.0
_FALLBACK_FPS: Final = 25.0


class Capture(Protocol):
    """The part of OpenCV's ``VideoCapture`` that is used."""

    def read(self) -> tuple[bool, Any]: ...

    def get(self, prop: int, /) -> float: ...

    def release(self) -> None: ...


def open_camera(
    spec: str,
    *,
    fps: float = 10.0,
    size_px: tuple[int, int] = (640, 360),
    realtime: bool = True,
    speed: float = 1.0,
    seconds: float | None = None,
) -> Camera:
    """The camera that ``spec`` names: ``pi``, ``usb:0``, ``rtsp://…``, ``scene:quiet``, ``scene:42@6`` or a file.

    A scene may be given a speed after ``@``: so many of its seconds pass in one.

    ``realtime`` False gives a clip's or scene's frames as fast as they are taken; ``speed`` and ``seconds`` are the
    scene's alone.

    Raises: CameraError, one sentence, when it cannot be opened.
    """
    scheme, _, rest = spec.partition(":")
    match scheme:
        case "pi" if not rest:
            from edge.eye.picamera import PiCamera

            return PiCamera(fps=fps, size_px=size_px)
        case "scene":
            from edge.scene.camera import SceneCamera
            from edge.scene.cast import script

            name, _, faster = rest.partition("@")
            speed *= _speed(faster)
            return SceneCamera(script(name), fps=fps, speed=speed, realtime=realtime, seconds=seconds)
        case "canary":
            from edge.prove.canary import CanaryCamera

            return CanaryCamera(spec, fps=fps, size_px=size_px)
        case "usb":
            return LiveCamera(f"The USB camera {rest}", _usb(rest, fps, size_px), fps=fps)
        case "rtsp" | "rtsps":
            return LiveCamera(f"The network camera {_without_secrets(spec)}", _rtsp(spec), fps=fps)
        case _:
            return ClipCamera(Path(spec), realtime=realtime)


def _speed(text: str) -> float:
    try:
        speed = float(text or 1)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 100:
        raise CameraError(f"A scene cannot be played at speed '{text}': give a number up to 100, as in scene:day@6.")
    return speed


class ClipCamera:
    """A video file or GIF: every frame, at the time the file gives it.

    With ``realtime`` the clip plays at its own pace, and frames whose time has passed are dropped.

    Raises: CameraError when the file is missing, no video, or holds no frame.
    """

    def __init__(
        self,
        path: Path,
        *,
        realtime: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not path.is_file():
            raise CameraError(f"There is no clip {path}: check the name and the folder.")
        cv2 = _cv2()
        capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise CameraError(f"The clip {path} cannot be read as video: it is damaged, or of an unknown form.")
        self._capture: Capture = capture
        self._first = _luma(capture.read())
        if self._first is None:
            capture.release()
            raise CameraError(f"The clip {path} holds no frame that can be decoded: it is empty or damaged.")
        self._pos, fps = cv2.CAP_PROP_POS_MSEC, float(capture.get(cv2.CAP_PROP_FPS))
        self._step_s = 1 / fps if 0 < fps < 1000 else 1 / _FALLBACK_FPS
        self._realtime, self._clock, self._sleep = realtime, clock, sleep

    def frames(self) -> Iterator[Frame]:
        return self._paced() if self._realtime else self._every()

    def close(self) -> None:
        self._capture.release()

    def _every(self) -> Iterator[Frame]:
        luma, t_s, index = self._first, 0.0, 0
        while luma is not None:
            yield Frame(index, t_s, luma)
            luma = _luma(self._capture.read())
            told_s = self._capture.get(self._pos) / 1000
            t_s = told_s if told_s > t_s else t_s + self._step_s
            index += 1

    def _paced(self) -> Iterator[Frame]:
        start_s = self._clock()
        for frame in self._every():
            early_s = frame.t_s - (self._clock() - start_s)
            if early_s > 0:
                self._sleep(early_s)
            if early_s > -self._step_s:
                yield frame


class LiveCamera:
    """A camera that OpenCV reads, emptied by a thread that keeps only the newest frame.

    Units: ``fps`` at most so many frames a second are given; ``Frame.t_s`` is monotonic time.

    Raises: CameraError from `frames` when none came for `STALL_S`, or the camera ended.
    """

    def __init__(
        self,
        what: str,
        capture: Capture,
        *,
        fps: float,
        clock: Callable[[], float] = time.monotonic,
        stall_s: float = STALL_S,
    ) -> None:
        self._what, self._capture, self._clock, self._stall_s = what, capture, clock, stall_s
        self._gap_s = 0.9 / fps
        self._news = threading.Condition()
        self._newest: tuple[float, Luma] | None = None
        self._ended = False

    def frames(self) -> Iterator[Frame]:
        threading.Thread(target=self._empty, name="camera", daemon=True).start()
        index, last_s = 0, -self._gap_s
        while True:
            with self._news:
                came = self._news.wait_for(lambda: self._newest is not None or self._ended, self._stall_s)
                taken, self._newest = self._newest, None
            if taken is None:
                raise CameraError(
                    f"{self._what} stopped giving frames: check its cable, power and network."
                    if self._ended or not came
                    else f"{self._what} gave an empty frame."
                )
            t_s, luma = taken
            if t_s - last_s >= self._gap_s:
                yield Frame(index, t_s, luma)
                index, last_s = index + 1, t_s

    def close(self) -> None:
        with self._news:
            self._ended = True

    def _empty(self) -> None:
        """Reads for as long as frames come; the thread alone touches the capture, and lets go of it."""
        while not self._ended and (luma := _luma(self._capture.read())) is not None:
            with self._news:
                self._newest = (self._clock(), luma)
                self._news.notify()
        self._capture.release()
        with self._news:
            self._ended = True
            self._news.notify()


def _cv2() -> Any:
    """OpenCV, told to keep its own complaints off the terminal: ours are one sentence."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


def _luma(read: tuple[bool, Any]) -> Luma | None:
    ok, picture = read
    if not ok or picture is None or picture.size == 0:
        return None
    if picture.ndim == 2:
        return np.asarray(picture, np.uint8)
    cv2 = _cv2()
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _usb(number: str, fps: float, size_px: tuple[int, int]) -> Capture:
    if not number.isdecimal():
        raise CameraError(f"A USB camera is named by its number, as in usb:0, not 'usb:{number}'.")
    cv2 = _cv2()
    wanted = [cv2.CAP_PROP_FRAME_WIDTH, size_px[0], cv2.CAP_PROP_FRAME_HEIGHT, size_px[1]]
    wanted += [cv2.CAP_PROP_FPS, round(fps), cv2.CAP_PROP_BUFFERSIZE, 1]
    capture = cv2.VideoCapture(int(number), cv2.CAP_V4L2)
    if not capture.isOpened():
        raise CameraError(
            f"The USB camera {number} cannot be opened: it is not plugged in, or another program uses it "
            f"(fuser /dev/video{number} names it)."
        )
    for prop, value in zip(wanted[::2], wanted[1::2], strict=True):
        capture.set(prop, value)
    return _checked(capture)


def _rtsp(url: str) -> Capture:
    cv2 = _cv2()
    limit_ms = int(STALL_S * 1000)
    capture = cv2.VideoCapture(
        url, cv2.CAP_FFMPEG, [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
    )
    if not capture.isOpened():
        raise CameraError(
            f"The network camera {_without_secrets(url)} does not answer: check its address, name and password, "
            "and that it is on."
        )
    return _checked(capture)


def _checked(capture: Any) -> Capture:
    """Gives the capture its type; OpenCV's has none."""
    checked: Capture = capture
    return checked


def _without_secrets(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)
