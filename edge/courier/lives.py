"""The lives of the eye as the courier sees them begin: one that keeps ending soon is let wait before it may look.

Rules:
- A life that ends within `SOON_S` of its answer was no good one. After a few of those in a row each next one waits
  longer for its answer (`contract.restarts`), with no camera open, and is told all at once then.
- An eye that fails for a reason it knows rests by itself, for longer than that, and waits for nothing here.

Left out: who starts it again, and what it is told (`edge.courier.control`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from contract.restarts import rest_s

SOON_S: Final = 8.0


@dataclass(slots=True)
class Lives:
    """``rests`` is whether anybody is let wait at all. Units: moments on the monotonic clock."""

    rests: bool = False
    short: int = 0
    answered_s: float | None = None
    due_s: float | None = None

    @property
    def waits(self) -> bool:
        """Whether an eye is there that may not begin yet."""
        return self.due_s is not None

    def greeted(self, now_s: float) -> None:
        """The next life is there."""
        short = self.answered_s is not None and now_s - self.answered_s < SOON_S
        self.short = self.short + 1 if short or self.waits else 0
        rest = rest_s(self.short) if self.rests else 0.0
        self.answered_s, self.due_s = (None, now_s + rest) if rest else (now_s, None)

    def answer(self, now_s: float) -> bool:
        """Whether one that waits is answered now."""
        if self.due_s is None or now_s < self.due_s:
            return False
        self.answered_s, self.due_s = now_s, None
        return True
