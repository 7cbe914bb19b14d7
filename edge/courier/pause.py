"""Whether the node may sense now: by the word of the hub and by the switch on its case. Either one stops it.

Rules:
- Told to the eye first and written down after: no disk, hub or ledger keeps anybody from stopping it.
- Who and when stand in the ledger: a command with the room that it came from, a turn of the switch as a note.
- What the hub said last is kept over restarts, in the outbox and, for a day on which that is damaged or full, as an
  empty file beside it. Where nobody can say any more, the node stays paused. The switch says anew what it is.

Left out: the pins (`edge.courier.panel`), and the eye's own part, which is to stop within the frame (`edge.eye.life`).
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contract.events import Trouble
from edge.courier.outbox import Outbox
from edge.courier.panel import NoPanel, Panel, heard
from edge.courier.watch import EyeWatch

MARK: Final = "paused"


def mark(folder: Path, *, paused: bool) -> None:
    """Leaves or takes away the empty file; a disk that refuses even that keeps nobody from stopping."""
    with suppress(OSError):
        if paused:
            (folder / MARK).touch()
        else:
            (folder / MARK).unlink(missing_ok=True)


def remembered(outbox: Outbox) -> bool:
    """Whether the hub's last word was to stop, as far as anything here says so."""
    said = outbox.recall("paused")
    lost = said is None and outbox.put_aside is not None
    return said == "pause" or lost or (outbox.folder / MARK).exists()


@dataclass(slots=True)
class Pause:
    """``commanded`` is what the hub said last; ``closed`` is how the switch was when it was last looked at."""

    commanded: bool = False
    panel: Panel = field(default_factory=NoPanel)
    closed: bool = field(init=False)

    def __post_init__(self) -> None:
        self.closed = self.panel.closed()

    def __bool__(self) -> bool:
        return self.commanded or not self.closed

    def trouble(self) -> Trouble | None:
        """What the switch has to say; the hub's word comes back from the eye."""
        return None if self.closed else "switch"

    def turned(self) -> bytes | None:
        """A line for the ledger when the switch was turned since the last look."""
        heard(self.panel)
        closed, self.closed = self.closed, self.panel.closed()
        return None if closed == self.closed else json.dumps({"switch": "on" if self.closed else "off"}).encode()

    def show(self, watch: EyeWatch) -> None:
        """The light: on from when the eye says that it begins until it says, or shows by its end, that it stopped."""
        self.panel.light(on=watch.senses)
