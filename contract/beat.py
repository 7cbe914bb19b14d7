"""Signs of life to whoever started this process: systemd, or nobody.

Rules:
- Ready is said once, when the work has begun; alive is said from inside the loop that does the work, so that a loop
  that hangs is a process that is started again.
- The socket is opened when this is made, before any wall stands; after that only bytes are sent.

Left out: what systemd does about silence (``WatchdogSec=`` of the units).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from sdnotify import SystemdNotifier

EVERY_S: Final = 3.0


@dataclass(slots=True)
class Beat:
    """Called as often as the loop goes round; says something every few seconds. Units: seconds, monotonic."""

    every_s: float = EVERY_S
    _said_s: float | None = None
    _systemd: SystemdNotifier = field(default_factory=SystemdNotifier)

    def __call__(self) -> None:
        now_s = time.monotonic()
        if self._said_s is None:
            self._systemd.notify("READY=1")
        if self._said_s is None or now_s - self._said_s >= self.every_s:
            self._said_s = now_s
            self._systemd.notify("WATCHDOG=1")
