"""What the wall clock says at a moment of the frame clock."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WallClock:
    """The node's own clock, whatever the frame clock reads: a Pi's may jump when the time is set."""

    def wall_s(self, t_s: float) -> float:
        return time.time()


@dataclass(frozen=True, slots=True)
class ClipClock:
    """The clock of a recording: its first frame is at ``start_s``."""

    start_s: float = 0.0

    def wall_s(self, t_s: float) -> float:
        return self.start_s + t_s
