"""Everything that connects the hub to other systems, in one place: made from the settings, begun and ended together.

Rules:
- Without a setting there is no thread, no file and no connection; API keys alone are always possible.

Left out: each of the ways itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Literal

from hub.connect.channels import channels
from hub.connect.home_assistant import Home, HomeAssistant
from hub.connect.keys import Keys
from hub.connect.outbox import FILE, Outbox
from hub.connect.sender import ChannelLine, Sender
from hub.connect.settings import ConnectPart
from hub.ingest import Broker
from hub.views import Changes, Reads

HomeLine = Literal["off", "connected", "away"]


@dataclass(frozen=True, slots=True)
class Connections:
    """What pages and routes need of them."""

    keys: Keys
    part: ConnectPart
    sender: Sender | None = None
    home: HomeAssistant | None = None

    def lines(self) -> tuple[ChannelLine, ...]:
        """Everybody who is told, and how it stands."""
        return self.sender.lines() if self.sender else ()

    def test(self, name: str) -> bool:
        """Send a test; False where there is no such channel."""
        return self.sender is not None and self.sender.test(name)

    def home_line(self) -> HomeLine:
        """How it stands with Home Assistant's broker."""
        if self.home is None:
            return "off"
        return "connected" if self.home.connected() else "away"


def connect(
    stack: ExitStack,
    part: ConnectPart,
    *,
    doors: Path,
    store: Path,
    shop: tuple[str, str],
    reads: Reads,
    changes: Changes,
    broker: Broker,
    clock: Callable[[], float],
    timezone: tzinfo,
) -> Connections:
    """Begin all that the owner asked for; ``stack`` ends it. ``shop`` is its name in topics and on pages.

    Raises: StoreError when a file cannot be opened.
    """
    keys = Keys.open(doors, clock)
    stack.callback(keys.close)
    sender, home = None, None
    if wanted := channels(part):
        outbox = Outbox.open(store.with_name(FILE))
        stack.callback(outbox.close)
        sender = Sender(store, outbox, wanted, changes, clock)
        sender.start()
        stack.callback(sender.stop)
    if part.home_assistant.enabled:
        home = HomeAssistant(broker, Home(*shop, part.home_assistant.prefix), reads, changes, clock, timezone)
        home.start()
        stack.callback(home.stop)
    return Connections(keys, part, sender, home)
