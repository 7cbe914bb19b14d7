"""What waits to be written: messages from the wire, and what somebody asked for at a page, in the order they came.

Rules:
- What comes while the writer is busy waits in a bounded queue, and then at the broker.
- A disk is worn by commits more than by bytes. So what nobody waits for (`PATIENT`) is gathered for a few seconds and
  written, and vouched for, at once; shorter than a courier waits before it says it again. Whatever else comes, a need
  above all, is written now, with what was gathered before it: the order is kept.
- A backlog is written as it comes: `MANY` are enough for a commit, fewer than a broker lets be on their way to a
  client that has not vouched for any (20, where nobody set it), and for a moment after them nothing is gathered.
- Who asked at a page waits until it is written down, and hears the reason when it cannot be.

Left out: what is done with it (`hub.writer`).
"""

from __future__ import annotations

import math
import queue
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from contract.errors import StoreError
from hub.batch import Order
from hub.ingest import Receipt
from hub.store import Message

BATCH_MAX: Final = 200
QUEUE_MAX: Final = 10_000
TICK_S: Final = 1.0
PATIENT: Final = frozenset(("mood", "hour", "health", "checkpoint", "cosignature"))
GATHER_S: Final = 7.0
MANY: Final = 16
BACKLOG_S: Final = 1.0
ASK_S: Final = 10.0
LOOK_S: Final = 0.2
FULL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Came:
    """A message, and how to tell the broker that it is safe."""

    message: Message
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for at a page. Units: ``now_s`` since the epoch."""

    event: Order
    now_s: float
    done: Future[None]


class Inbox:
    """Filled from any thread, emptied by the writer's. ``trouble`` is why nothing can be written, while nothing can.

    ``gather_s`` is for how long what is patient is gathered.
    """

    def __init__(self, gather_s: float) -> None:
        self.trouble: str | None = None
        self.closed = threading.Event()
        self._queue: queue.SimpleQueue[Came | Asked | None] = queue.SimpleQueue()  # bounded by those who fill it
        self._gather_s = gather_s
        self._held: list[Came | Asked] = []
        self._due_s = math.inf  # when what is held is to be written, on the process's monotonic clock
        self._backlog_until_s = 0.0

    def close(self) -> None:
        """Take nothing more; what has come is still to be written."""
        self.closed.set()
        self._queue.put(None)

    def done(self) -> bool:
        """Whether it is closed and everything was taken out."""
        return self.closed.is_set() and self._queue.empty() and not self._held

    def deliver(self, message: Message, receipt: Receipt) -> None:
        """Take a message; blocks while the queue is full, and forgets it when the writer has ended."""
        while self._queue.qsize() >= QUEUE_MAX:
            if self.closed.wait(FULL_S):
                return
        if not self.closed.is_set():
            self._queue.put(Came(message, receipt))

    def ask(self, event: Order, now_s: float) -> None:
        """Wait until it is written down. Raises: StoreError when it could not be."""
        asked = Asked(event, now_s, Future())
        until_s = time.monotonic() + ASK_S
        self._queue.put(asked)
        while time.monotonic() < until_s and not (self.trouble or self.closed.is_set()):
            with suppress(TimeoutError):
                asked.done.result(timeout=LOOK_S)
                return
        if asked.done.cancel():
            raise StoreError(self.trouble or "The hub is too busy to write this down: try again.")
        asked.done.result(timeout=ASK_S)

    def next(self) -> list[Came | Asked]:
        """What is to be written now, up to `BATCH_MAX`; nothing at a tick, and while it is gathered."""
        with suppress(queue.Empty):
            item = self._queue.get(timeout=max(0.0, min(TICK_S, self._due_s - time.monotonic())))
            while item is not None:
                if isinstance(item, Came) or item.done.set_running_or_notify_cancel():
                    self._hold(item)
                item = self._queue.get_nowait() if len(self._held) < BATCH_MAX else None
        now_s = time.monotonic()
        if len(self._held) >= MANY:
            self._backlog_until_s = now_s + BACKLOG_S
        elif self._backlog_until_s <= now_s < self._due_s and not self.closed.is_set():
            return []
        held, self._held, self._due_s = self._held, [], math.inf
        return held

    def _hold(self, item: Came | Asked) -> None:
        patient = isinstance(item, Came) and item.message.topic.rpartition("/")[2] in PATIENT
        self._held.append(item)
        self._due_s = min(self._due_s, time.monotonic() + (self._gather_s if patient else 0.0))
