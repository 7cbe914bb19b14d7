"""How long a program that keeps ending unasked rests before it begins again.

Rules:
- Two such starts within `WINDOW_S` go on at once, so that one kill costs nothing; each one more rests twice as long as
  the last, up to `MOST_S`.
- Who was asked to end leaves no note, and begins the next time as if nothing had been.
- A disk that refuses the note keeps nothing from starting, and neither does a clock that jumps.

Left out: who starts it again (systemd, at its own steady pace), and a watchdog's patience.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STARTS: Final = "starts.json"
WINDOW_S: Final = 300.0
FREE: Final = 2
MOST_S: Final = 32.0
_KEPT: Final = 16


def rest_s(unasked: int) -> float:
    """Before a start that so many unasked ends came before. Units: seconds."""
    return 0.0 if unasked <= FREE else min(2.0 ** min(unasked - FREE, _KEPT), MOST_S)


@dataclass(frozen=True, slots=True)
class Restarts:
    """The note of one program's starts. Units: ``now_s`` since the epoch."""

    path: Path

    def begin(self, now_s: float) -> float:
        """Notes this start, and says how long to rest first."""
        before = [at_s for at_s in self._noted() if 0 <= now_s - at_s < WINDOW_S][-_KEPT:]
        with suppress(OSError):
            self.path.write_text(json.dumps([*before, now_s]))
        return rest_s(len(before))

    def ended(self) -> None:
        """As it was asked to."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _noted(self) -> list[float]:
        try:
            return [float(at_s) for at_s in json.loads(self.path.read_bytes())]
        except (OSError, ValueError, TypeError, RecursionError):
            return []
