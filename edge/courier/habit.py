"""The site's own neutral as the eye last said it: kept over restarts, given back to the next eye, told to nobody
but for whether it has drifted.

Rules:
- It is taken once an hour at most, less a minute's slack: an eye that says more is refused.
- It belongs to one model: another one's answers say nothing of this one's.

Left out: what it is and what it is for (`edge.eye.neutral`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from contract.errors import WireError
from edge.order import SiteNeutral
from edge.record import NeutralRecord, decode, encode

TAKEN_EVERY_S: Final = 3_540.0


@dataclass(slots=True)
class Habit:
    """Units: ``taken_s`` on the monotonic clock."""

    model: str
    newest: NeutralRecord | None = None
    taken_s: float = float("-inf")

    @classmethod
    def recalled(cls, memo: str | None, model: str) -> Habit:
        """From what `takes` gave to keep; nothing where that is of another model or cannot be read."""
        of, _, data = (memo or "").partition(" ")
        try:
            found = decode(bytes.fromhex(data)) if of == model else None
        except (ValueError, WireError):
            found = None
        return cls(model, found if isinstance(found, NeutralRecord) else None)

    def takes(self, record: NeutralRecord, now_s: float) -> str | None:
        """What to keep on disk, or None when it comes too soon and is refused."""
        if now_s - self.taken_s < TAKEN_EVERY_S:
            return None
        self.newest, self.taken_s = record, now_s
        return f"{self.model} {encode(record).hex()}"

    def orders(self) -> tuple[SiteNeutral, ...]:
        """For an eye that begins anew."""
        return () if self.newest is None else (SiteNeutral(self.newest.tracks, self.newest.shares),)

    def told(self) -> dict[str, Any]:
        """Its part of `health`."""
        return {} if self.newest is None else {"drift": self.newest.drift}
