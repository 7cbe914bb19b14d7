"""What a message is, when it left its node, and whether its node has said too much to be listened to.

Rules:
- A node is heard for `BYTES_A_SECOND`, which is more than an eye may ever say (`edge.prove.channel`), and for
  `BYTES_AT_ONCE` when it comes back with what it kept. What is over that is dropped: neither kept nor vouched for, so
  that an honest node would send it again, and a node that somebody took over cannot fill the disk.
- What is not in the contract counts alike, for all who say such things together.
- At most `NODES_MAX` are counted each for itself, and all others together, so that names fill no memory.

Left out: what is done with what was heard (`hub.writer`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from hub.ingest import NodeClocks, Refused, judge
from hub.store import FromNode, Message

BYTES_A_SECOND: Final = 1_000.0
BYTES_AT_ONCE: Final = 50e6
NODES_MAX: Final = 1_000
QUIET_S: Final = 300.0  # so long after the last message that was dropped it is no trouble any more
STRANGERS: Final = ""


@dataclass(slots=True)
class _Share:
    """How much a node may still say. Units: ``left`` bytes, as of ``at_s`` on the hub's monotonic clock."""

    left: float
    at_s: float

    def takes(self, size: int, now_s: float) -> bool:
        self.left = min(BYTES_AT_ONCE, self.left + max(0.0, now_s - self.at_s) * BYTES_A_SECOND)
        self.at_s = now_s
        if self.left < size:
            return False
        self.left -= size
        return True


@dataclass(slots=True)
class Hearing:
    """The ears of the hub of one store. ``dropped`` counts messages by node, "" for those of nobody in particular."""

    store: str
    dropped: Counter[str] = field(default_factory=Counter)
    _clocks: NodeClocks = field(default_factory=NodeClocks)
    _shares: dict[str, _Share] = field(default_factory=dict)
    _flooded: tuple[str, float] | None = None

    def hear(self, message: Message) -> tuple[FromNode | Refused | None, float | None]:
        """What it is and when it left on the hub's monotonic clock; None for what is dropped or a hub's own."""
        event = judge(message, self.store)
        if event is None:
            return None, None
        node = STRANGERS if isinstance(event, Refused) else event.node
        if not self._takes(node, message):
            return None, None
        if isinstance(event, Refused):
            return event, None
        self._clocks.learn(message, event)
        return event, self._clocks.left_s(message, event)

    def trouble(self, now_s: float) -> str | None:
        """One sentence while messages are dropped. Units: ``now_s`` on the hub's monotonic clock."""
        if self._flooded is None or now_s - self._flooded[1] > QUIET_S:
            return None
        node = self._flooded[0]
        if node == STRANGERS:
            return "Somebody sends this hub more rubbish than it keeps: look at who may speak to the broker."
        return f"{node} says more than any honest node would; the rest is dropped: look at that node, or revoke it."

    def _takes(self, node: str, message: Message) -> bool:
        who = node if node in self._shares or len(self._shares) < NODES_MAX else STRANGERS
        share = self._shares.setdefault(who, _Share(BYTES_AT_ONCE, message.received_mono_s))
        if share.takes(len(message.topic) + len(message.payload), message.received_mono_s):
            return True
        self.dropped[who] += 1
        self._flooded = who, message.received_mono_s
        return False
