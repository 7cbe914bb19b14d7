"""What ails the board, and what is done about it: heat, power, a clock that nobody believes, a Coral that is gone.

Rules:
- A board that is hot or throttled looks less often, until it has been well for a while.
- A wall clock that steps against the monotonic one is said for a while, and work goes on.
- A clock is doubted when it is far from the last time that was believed and nothing has set it by the network since.
  Then nobody knows whether the shop is open: the eye rests. And nothing is of age: nothing is forgotten.
- Nor is anything of age for `SETTLE_S` after a step that the network did not make: a day ahead would forget all needs.
- A doubt ends when the clock is back or was set by the network, and at the latest after a day.
- A lost Coral is tried again by the eye's next life, after longer and longer pauses: only that can open a device.

Left out: what the eye does with its orders (`edge.eye.life`), and who reads of it (`edge.courier.courier`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contract.events import Trouble
from edge.courier import health
from edge.courier.watch import EyeWatch
from edge.order import Afresh, Ease, Order

HOT_C: Final = 80.0  # a Pi begins to slow itself down here
COOL_C: Final = 75.0
LOOK_S: Final = 10.0
CALM_S: Final = 120.0
STEP_S: Final = 60.0
STEP_SAID_S: Final = 600.0
AHEAD_MAX_S: Final = 31 * 86_400.0
BEHIND_MAX_S: Final = 86_400.0
DOUBT_MAX_S: Final = 86_400.0
SET_LATELY_S: Final = 86_400.0
SETTLE_S: Final = 6 * 3_600.0
#: Touched by systemd-timesyncd each time that it has set the clock.
SYNCHRONIZED: Final = Path("/run/systemd/timesync/synchronized")
AGAIN_MIN_S: Final = 60.0
AGAIN_MAX_S: Final = 3_600.0


@dataclass(slots=True)
class Board:
    """``trouble`` is hot, throttled or None. Units: moments on the monotonic clock, degrees Celsius."""

    temp_c: Callable[[], float | None] = lambda: health.temp_c()
    throttled: Callable[[], bool | None] = lambda: health.throttled()
    trouble: Trouble | None = None
    _look_s: float = 0.0
    _calm_s: float = 0.0

    def look(self, now_s: float) -> None:
        """Now and then asks the board."""
        if now_s < self._look_s:
            return
        self._look_s = now_s + LOOK_S
        warm_c = self.temp_c()
        hot = warm_c is not None and warm_c >= (COOL_C if self.trouble == "hot" else HOT_C)
        found: Trouble | None = "throttled" if self.throttled() else "hot" if hot else None
        if found is not None:
            self._calm_s = now_s + CALM_S
        if found is not None or now_s >= self._calm_s:
            self.trouble = found


def set_lately(wall_s: float, place: Path = SYNCHRONIZED) -> bool:
    """Whether the network has set this very time: a file of another decade says nothing of it."""
    try:
        return abs(wall_s - place.stat().st_mtime) < SET_LATELY_S
    except OSError:
        return False


@dataclass(slots=True)
class Timekeeper:
    """``believed_s`` is the last wall time that was believed, kept over restarts; None on the first day of all.

    Units: ``wall_s`` since the epoch, ``now_s`` on the monotonic clock.
    """

    believed_s: float | None = None
    set_lately: Callable[[float], bool] = set_lately
    doubted: bool = False
    nothing_of_age: bool = False
    _ahead_s: float | None = None
    _stepped_s: float | None = None
    _doubted_s: float = 0.0

    @classmethod
    def recalled(cls, kept: str | None) -> Timekeeper:
        """What an earlier life believed, and a first look."""
        clock = cls(float(kept) if kept is not None and kept.isdecimal() else None)
        clock.look(time.time(), time.monotonic())
        return clock

    def look(self, wall_s: float, now_s: float) -> None:
        """Compares the clocks."""
        ahead_s = wall_s - now_s
        if self._ahead_s is not None and abs(ahead_s - self._ahead_s) > STEP_S:
            self._stepped_s = now_s
        self._ahead_s = ahead_s
        off_s = 0.0 if self.believed_s is None else wall_s - self.believed_s
        if -BEHIND_MAX_S < off_s < AHEAD_MAX_S or self.set_lately(wall_s):
            self.doubted = False
        elif not self.doubted:
            self.doubted, self._doubted_s = True, now_s
        elif now_s - self._doubted_s > DOUBT_MAX_S:
            self.doubted = False
        if not self.doubted:
            self.believed_s = wall_s
        stepped = self._stepped_s is not None and now_s - self._stepped_s < SETTLE_S
        self.nothing_of_age = self.doubted or (stepped and not self.set_lately(wall_s))

    def trouble(self, now_s: float) -> Trouble | None:
        """Whether to say so."""
        stepped = self._stepped_s is not None and now_s - self._stepped_s < STEP_SAID_S
        return "clock_jumped" if self.doubted or stepped else None


@dataclass(slots=True)
class Comeback:
    """When the eye should begin anew because its accelerator may be there again. Units: monotonic seconds."""

    pause_s: float = AGAIN_MIN_S
    _at_s: float | None = None

    def due(self, watch: EyeWatch, now_s: float) -> bool:
        """True once for each try."""
        if watch.accelerator_lost:
            if self._at_s is None:
                self._at_s = now_s + self.pause_s
            elif now_s >= self._at_s:
                self._at_s, self.pause_s = None, min(2 * self.pause_s, AGAIN_MAX_S)
                return True
        elif watch.pulse is not None:  # a minute without a loss
            self._at_s, self.pause_s = None, AGAIN_MIN_S
        return False


@dataclass(slots=True)
class Care:
    """The three together."""

    clock: Timekeeper = field(default_factory=Timekeeper)
    board: Board = field(default_factory=Board)
    comeback: Comeback = field(default_factory=Comeback)

    @property
    def eased(self) -> bool:
        """Whether the eye should look less often."""
        return self.board.trouble is not None

    def look(self, watch: EyeWatch, wall_s: float, now_s: float) -> list[Order]:
        """What to tell the eye."""
        eased = self.eased
        self.clock.look(wall_s, now_s)
        self.board.look(now_s)
        said: list[Order] = [] if eased == self.eased else [Ease(self.eased)]
        return [*said, Afresh()] if self.comeback.due(watch, now_s) else said

    def trouble(self, eye: Trouble | None, now_s: float) -> Trouble | None:
        """What the node says: a doubted clock before what ails the eye, which rests for it; the rest after."""
        if self.clock.doubted:
            return "clock_jumped"
        return eye or self.board.trouble or self.clock.trouble(now_s)
