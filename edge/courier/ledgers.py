"""The courier's part in `contract.witness`: offers the node's checkpoint, and answers those of others.

Rules:
- Written down first, then said: a witness that forgot what it signed could sign a fork.
- Each name is heard at a rate that no honest one needs more of.

Left out: what is cosigned and what is a fork (`contract.witness`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from contract.ledger_events import Checkpoint, Cosignature
from contract.witness import NAMES_MAX
from edge.courier.debit import Rate
from edge.courier.outbox import Outbox


@dataclass(slots=True)
class Ledgers:
    """``offered`` is the note that the others have been told of."""

    outbox: Outbox
    node: str
    offered: str | None = None
    _rates: dict[str, Rate] = field(default_factory=dict)

    def due(self) -> Checkpoint | None:
        """A checkpoint that the others have not heard yet. Raises: StoreError when the disk refuses."""
        with self.outbox.witness() as party:
            newest = party.offer()
        return newest if newest is not None and newest.note != self.offered else None

    def answer(self, said: Checkpoint | Cosignature, *, stale: bool) -> Checkpoint | Cosignature | None:
        """What to say to it, if anything.

        Raises: StoreError when the disk refuses; ValueError when it is not what it says it is.
        """
        if isinstance(said, Cosignature) and said.log != self.node:
            return None  # to somebody else
        who = f"{said.node} {said.kind}"
        if who not in self._rates and len(self._rates) >= 2 * NAMES_MAX:
            return None
        if not self._rates.setdefault(who, Rate()).take(said.kind, 0, time.monotonic()):
            return None
        with self.outbox.witness() as party:
            answer = party.takes(said, time.time(), stale=stale)
        if answer is None and isinstance(said, Cosignature) and said.word == "behind":
            self.offered = None  # it is offered again with the next health, until they agree or say that they do not
        return answer

    def accept(self, log: str) -> None:
        """Somebody's ledger was begun anew, says a person. Raises: StoreError when the disk refuses."""
        with self.outbox.witness() as party:
            party.accept(log, time.time())
