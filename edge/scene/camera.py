"""The simulated shop as a camera: it gives the newest moment, drops what is late, and never queues."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from edge.scene.heads import PORTRAITS
from edge.scene.render import Painter
from edge.scene.script import Script
from edge.values import Frame

FPS: Final = 15.0


class SceneCamera:
    """Implements `edge.ports.Camera` on a script.

    Live (``realtime``), a tick is ``1 / fps`` seconds of the wall and ``speed / fps`` seconds of the scene, and
    ticks that pass while the eye is busy are lost. Otherwise every tick is given, ``1 / fps`` of the scene apart,
    as fast as they are taken, until ``seconds``. ``Frame.index`` is the tick: `edge.scene.truth` counts alike.
    ``Frame.t_s`` counts from the clock's reading when live, as a real camera's does, and from 0 otherwise.

    Everything on disk is read here, so that the camera works behind the eye's walls.

    Raises: CameraError when a portrait is missing or unreadable.
    """

    def __init__(
        self,
        script: Script,
        *,
        fps: float = FPS,
        speed: float = 1.0,
        realtime: bool = True,
        seconds: float | None = None,
        portraits: Path = PORTRAITS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._script = script
        self._fps = fps
        self._step_s = (speed if realtime else 1.0) / fps
        self._ticks = float("inf") if seconds is None else int(seconds / self._step_s)
        self._next = self._live if realtime else self._every
        self._clock, self._sleep = clock, sleep
        self._painter = Painter(portraits)
        self._closed = False

    def frames(self) -> Iterator[Frame]:
        start_s, tick = self._clock(), -1
        base_s = start_s if self._next == self._live else 0.0
        while not self._closed:
            tick = self._next(tick, start_s)
            if tick >= self._ticks:
                return
            t_s = tick * self._step_s
            yield Frame(tick, base_s + t_s, self._painter.paint(self._script.poses(t_s), tick))

    def close(self) -> None:
        self._closed = True

    def _every(self, tick: int, start_s: float) -> int:
        return tick + 1

    def _live(self, tick: int, start_s: float) -> int:
        """Waits for the next tick, or jumps to the newest one that has passed."""
        now = (self._clock() - start_s) * self._fps
        if now < tick + 1:
            self._sleep((tick + 1 - now) / self._fps)
        return max(tick + 1, int(now))
