"""When the eye looks: often enough that nothing it knows of anybody is old, and no oftener.

Rules:
- A look is all of it, on one frame: faces are found, followed, looked at for badges, and those that may be read are
  read. A frame without a look goes no further, so it is evidence of nothing: no box is guessed, no probation passes,
  no reading is repeated. Whatever is counted later is counted by looks or by time.
- Awake (there was a face or a movement within `AWAKE_S`) the eye looks as late as it can so that no look is older than
  `STALE_S` when the next frame comes: how much it does in a second does not grow with the camera's rate.
- Asleep it looks once in `ASLEEP_S`, and compares each frame with the last that it looked at: one in which something
  moved is looked at there and then.
- A camera that is slower than `STALE_S` is looked at in every frame; a clock that goes backwards is looked at too.

Left out: the board that is too hot (`edge.eye.life` gives fewer frames), and what a look is (`edge.eye.pipeline`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.values import Frame, Luma

STALE_S: Final = 0.2
ASLEEP_S: Final = 1.0
AWAKE_S: Final = 1.0
_HAIR_S: Final = 1e-6  # what a sum of frame times may be off
_GAPS: Final = 8  # the longest of so many gaps between frames is what the next is taken to be

CELLS: Final = (45, 80)  # rows and columns of the picture that are compared
LEVELS_MIN: Final = 24  # grey levels: more than a camera's grain
MOVED_MIN: Final = 8  # cells: about what a person far away covers


@dataclass(slots=True)
class Schedule:
    """What it takes to know whether a frame is looked at. Units: seconds of the frame clock."""

    looked_s: float = -inf
    awake_until_s: float = -inf
    frame_s: float = -inf
    gaps_s: deque[float] = field(default_factory=lambda: deque(maxlen=_GAPS))
    thumbnail: NDArray[np.int16] | None = field(default=None, repr=False)

    def due(self, frame: Frame) -> bool:
        """Whether to look at this frame. Ask for every frame, in order."""
        t_s, gap_s = frame.t_s, frame.t_s - self.frame_s
        self.frame_s = t_s
        if not 0 < gap_s < inf:
            return True
        self.gaps_s.append(gap_s)
        if overdue(t_s, self.looked_s, max(self.gaps_s), STALE_S if t_s < self.awake_until_s else ASLEEP_S):
            return True
        return t_s >= self.awake_until_s and self._moved(thumbnail(frame.luma))

    def looked(self, frame: Frame, faces: int) -> None:
        """This frame was looked at, and so many faces were found in it."""
        self.looked_s = frame.t_s
        if faces:
            self.awake_until_s, self.thumbnail = frame.t_s + AWAKE_S, None
            return
        small = thumbnail(frame.luma)
        if self._moved(small):
            self.awake_until_s = frame.t_s + AWAKE_S
        self.thumbnail = small

    def _moved(self, small: NDArray[np.int16]) -> bool:
        return self.thumbnail is None or moved(self.thumbnail, small)


def overdue(t_s: float, looked_s: float, gap_s: float, stale_s: float) -> bool:
    """Whether the last look would be older than ``stale_s`` if this frame, too, were let go by."""
    return t_s + gap_s - looked_s > stale_s + _HAIR_S


def thumbnail(luma: Luma) -> NDArray[np.int16]:
    """Single pixels of the picture, evenly spread. Shapes: at most twice `CELLS`, in rows and in columns."""
    rows, columns = (max(have // want, 1) for have, want in zip(luma.shape, CELLS, strict=True))
    return luma[rows // 2 :: rows, columns // 2 :: columns].astype(np.int16)


def moved(before: NDArray[np.int16], now: NDArray[np.int16]) -> bool:
    """Whether more changed than light and grain do: the light's share is taken off first."""
    if before.shape != now.shape:
        return True
    change = now - before
    change -= round(float(change.mean()))
    return int(np.count_nonzero(np.abs(change) >= LEVELS_MIN)) >= MOVED_MIN
