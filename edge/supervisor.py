"""Runs eye and courier as two processes and keeps both alive, where systemd does not.

Rules:
- A child that was alive and says nothing for long hangs (a camera may, for ever): it is killed, which starts it again.
- A child that ends is started again: at once when it asked to be (exit 75), after a growing pause when it crashed.
- A child that cannot run at all (exit 78: config, models, walls) ends the whole, with its sentence already said.
- When this ends, both children end.

Left out: what the children do. It imports neither, so that no side can reach the other through it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

AGAIN: Final = 75
UNFIT: Final = 78
PAUSE_MIN_S: Final = 0.5
PAUSE_MAX_S: Final = 30.0
STEADY_S: Final = 60.0
END_S: Final = 8.0
SILENT_S: Final = 30.0
_POLL_S: Final = 0.1


@dataclass(slots=True)
class Child:
    """One process to keep alive. ``ears``, if any, hear its signs of life (`contract.beat`).

    Units: ``pause_s`` before the next start after a crash.
    """

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    pause_s: float = PAUSE_MIN_S
    start_at_s: float = 0.0
    ears: socket.socket | None = None
    heard_s: float | None = None

    def step(self, now_s: float) -> int | None:
        """Starts or restarts the process when it is time. Returns an exit code that ends the whole, else None."""
        if self.process is None:
            if now_s >= self.start_at_s:
                self._hear(now_s)
                self.heard_s = None  # what an earlier life said
                told = {} if self.ears is None else {"NOTIFY_SOCKET": str(self.ears.getsockname())}
                self.process = subprocess.Popen(self.command, env={**os.environ, **told})
                self.started_s = now_s
            return None
        code = self.process.poll()
        if code is None:
            self._hear(now_s)
            if self.heard_s is not None and now_s - self.heard_s > SILENT_S:
                print(f"attune-edge: the {self.name} hangs; it is killed.", file=sys.stderr)
                self.process.kill()
                self.heard_s = None
            return None
        self.process = None
        if code == UNFIT:
            return code
        if code == AGAIN or now_s - self.started_s > STEADY_S:
            self.pause_s = PAUSE_MIN_S
        self.start_at_s = now_s + self.pause_s
        if code != AGAIN:
            print(f"attune-edge: the {self.name} ended with {code}; starting it again.", file=sys.stderr)
            self.pause_s = min(self.pause_s * 2, PAUSE_MAX_S)
        return None

    def _hear(self, now_s: float) -> None:
        with suppress(BlockingIOError):
            while self.ears is not None and self.ears.recv(4096, socket.MSG_DONTWAIT):
                self.heard_s = now_s

    def end(self) -> None:
        """Asks the process to end, and ends it when it does not."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def supervise(children: Sequence[Child]) -> int:
    """Keeps the children alive until SIGTERM or SIGINT, or until one says that it cannot run."""
    asked = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    with tempfile.TemporaryDirectory(prefix="attune-alive-") as folder:
        try:
            for child in children:
                child.ears = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                child.ears.bind(str(Path(folder) / child.name))
            while not asked.is_set():
                for child in children:
                    if (code := child.step(time.monotonic())) is not None:
                        return code
                asked.wait(_POLL_S)
            return 0
        finally:
            for child in reversed(children):
                child.end()
                if child.ears is not None:
                    child.ears.close()
