"""This machine's clocks, where `hub.ingest.Clocks` is asked for, and whether something else keeps them right."""

from __future__ import annotations

import ctypes
import sys
import time
from dataclasses import dataclass
from typing import Final

_TIMEX_BYTES: Final = 512  # more than the kernel's struct timex; modes = 0 asks and sets nothing
_TIME_ERROR: Final = 5


@dataclass(frozen=True, slots=True)
class SystemClocks:
    """This machine's clocks."""

    def wall_s(self) -> float:
        return time.time()

    def mono_s(self) -> float:
        return time.monotonic()


def synchronised() -> bool:
    """Whether the kernel says that its clock is kept right from outside (NTP); False where nobody can tell.

    Source: adjtimex(2).
    """
    if not sys.platform.startswith("linux"):
        return False
    state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return 0 <= state < _TIME_ERROR
