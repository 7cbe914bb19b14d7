"""What waits for the disk: records, words to remember and lines for the ledger, in order, until it takes them.

Rules:
- What the disk refuses stays here and is tried again; of too many records the oldest goes, and is counted.
- What is over a budget (`edge.courier.debit`) goes no further; how much there was of it is noted and told.
- Trouble is said once, and is over when the disk has taken everything.

Left out: what is worth keeping (`edge.courier.courier`), and the file (`edge.courier.outbox`).
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from contract.errors import StoreError, WireError
from contract.events import Kind
from contract.wire import encode
from edge.courier.debit import SLACK_S, Rate, Refusals
from edge.courier.forget import Note
from edge.courier.intake import ZoneRecord, cell_of, event_of, kind_of
from edge.courier.outbox import Damaged, Outbox

HELD_MAX: Final = 1000


@dataclass(slots=True)
class Keep:
    """``full`` while the disk takes nothing; ``unfit`` counts records that were no events.

    Units: ``held`` records with the seconds since the epoch at which they came.
    """

    outbox: Outbox
    node: str
    model: str
    epsilon_per_day: float
    held: deque[tuple[ZoneRecord, int]] = field(default_factory=deque)
    lines: deque[tuple[Kind | Note, bytes]] = field(default_factory=lambda: deque(maxlen=HELD_MAX))
    words: dict[str, str] = field(default_factory=dict)
    rate: Rate = field(default_factory=Rate)
    refusals: Refusals = field(default_factory=Refusals)
    unfit: int = 0
    full: bool = False

    def __post_init__(self) -> None:
        self.rate.seen(self.outbox.said_since(time.time() - SLACK_S), time.monotonic())

    def take(self, record: ZoneRecord, now_s: float) -> None:
        """A record of the eye, if its budget allows."""
        if not self.rate.take(kind_of(record), record.head.zone, now_s):
            self.refusals.add(kind_of(record), record.head.zone, "too many at once")
            return
        if len(self.held) >= HELD_MAX:
            self.held.popleft()
            self.outbox.give_up()
        self.held.append((record, int(time.time())))

    def write(self) -> None:
        """Writes whatever waits. Raises: Damaged when the outbox broke."""
        try:
            while self.words:
                key = next(iter(self.words))
                self.outbox.memo(key, self.words[key])
                del self.words[key]
            while self.held:
                self._store(*self.held[0])
                self.held.popleft()
            if lines := self.refusals.note(time.monotonic()):
                self.lines.append(("refusal", json.dumps({"refused": lines}).encode()))
            while self.lines:
                self.outbox.log(*self.lines[0])
                self.lines.popleft()
            if self.full:
                self.outbox.memo("retried", str(int(time.time())))
            self.full = False
        except StoreError as error:
            self.refused(error)

    def _store(self, record: ZoneRecord, t_wall: int) -> None:
        def payload_of(seq: int) -> bytes:
            event = event_of(record, node=self.node, boot=self.outbox.boot, seq=seq, t_wall=t_wall, model=self.model)
            return encode(event)

        cell = cell_of(record)
        if cell is not None and (why := self.outbox.overdrawn(cell, self.epsilon_per_day)):
            self.refusals.add("hour", cell.zone, why)
            return
        try:
            self.outbox.append(kind_of(record), payload_of, cell)
        except WireError as error:
            self.unfit += 1
            complain(str(error))

    def refused(self, why: StoreError) -> None:
        """The disk takes nothing now. Raises: Damaged where no later try will do."""
        if isinstance(why, Damaged):
            raise why
        if not self.full:
            complain(str(why))
        self.full = True


def complain(sentence: str) -> None:
    """One line for the log of this machine."""
    sys.stderr.write(f"attune-edge courier: {sentence}\n")
