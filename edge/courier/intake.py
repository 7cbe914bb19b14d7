"""Records from the eye: off the socket, and into the words of the wire.

Rules:
- One eye at a time; a new connection takes the place of the old one.
- What is not a record is refused and counted, and never goes further.

Left out: where events are kept (`edge.courier.outbox`), and what an eye is told (`edge.courier.control`).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from pydantic import ValidationError

from contract.errors import WireError
from contract.events import (
    Assist,
    HourReleased,
    HourSuppressed,
    Kind,
    MoodReleased,
    MoodSuppressed,
    Shares,
    ZoneEvent,
)
from contract.walk import Walk
from edge.courier.debit import Cell
from edge.courier.lives import Lives
from edge.order import Order, encode_order
from edge.record import (
    RECORD_BYTES,
    AssistRecord,
    HourRecord,
    HourSuppressedRecord,
    MoodRecord,
    MoodSuppressedRecord,
    NeutralRecord,
    PulseRecord,
    Record,
    StateRecord,
    WalkRecord,
    decode,
)

AT_ONCE_MAX: Final = 256
ZoneRecord = MoodRecord | MoodSuppressedRecord | HourRecord | HourSuppressedRecord | AssistRecord | WalkRecord


def event_of(record: Record, *, node: str, boot: str, seq: int, t_wall: int, model: str) -> ZoneEvent:
    """The wire's event of one zone record.

    Raises: WireError when the record's values are not in the contract, or it is of no zone.
    """
    if isinstance(record, PulseRecord | StateRecord | NeutralRecord):
        raise WireError("record", "A record of the eye's own state is no zone event.")
    head: dict[str, Any] = {
        "node": node,
        "boot": boot,
        "seq": seq,
        "zone": record.head.zone,
        "t_mono_s": record.head.t_mono_s,
        "t_wall": t_wall,
        "model": model,
        "config": record.head.config,
    }
    try:
        return _event(record, head)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise WireError("record", f"A record from the eye is refused: its {place or 'values'} cannot be.") from error


def kind_of(record: ZoneRecord) -> Kind:
    """The kind of event that `event_of` would make."""
    match record:
        case MoodRecord() | MoodSuppressedRecord():
            return "mood"
        case HourRecord() | HourSuppressedRecord():
            return "hour"
        case AssistRecord():
            return "assist"
        case WalkRecord():
            return "walk"


def cell_of(record: ZoneRecord) -> Cell | None:
    """What an hour spends; None for what is no hour."""
    if isinstance(record, HourRecord | HourSuppressedRecord):
        return Cell(record.head.zone, record.hour, record.epsilon_milli)
    return None


def _event(record: ZoneRecord, head: dict[str, Any]) -> ZoneEvent:
    match record:
        case MoodSuppressedRecord():
            return MoodSuppressed(**head)
        case MoodRecord():
            return MoodReleased(
                **head,
                window_s=record.window_s,
                people=record.people,
                shares=Shares(negative=record.negative, neutral=record.neutral, positive=record.positive),
                valence=record.valence / 10,
                arousal=record.arousal / 10,
                dwell_s=record.dwell,
                abstained=record.abstained,
            )
        case HourSuppressedRecord():
            return HourSuppressed(**head, hour_start=record.hour * 3600, epsilon=record.epsilon_milli / 1000)
        case HourRecord():
            return HourReleased(
                **head,
                hour_start=record.hour * 3600,
                negative=record.negative,
                neutral=record.neutral,
                positive=record.positive,
                unknown=record.unknown,
                epsilon=record.epsilon_milli / 1000,
            )
        case AssistRecord():
            return Assist(**head, level=record.level, reasons=record.reasons, ttl_s=record.ttl_s)
        case WalkRecord():
            return Walk(
                **head,
                steps=record.steps,
                seen=record.seen,
                crowded=record.crowded,
                face_px=record.face_px,
                frontal=record.frontal,
                light=record.light,
                over=record.over,
                cells=record.cells,
            )


class Intake:
    """The courier's end of the eye's socket. Nothing here blocks: call when the socket is ready.

    ``eye`` is None while there is none; ``refused`` counts what was no record.
    """

    def __init__(self, listener: socket.socket, *, rests: bool = False) -> None:
        listener.setblocking(False)
        self.listener = listener
        self.eye: socket.socket | None = None
        self.refused = 0
        self.lives = Lives(rests)

    def accept(self) -> bool:
        """Takes the new eye in place of the old; whether there was one."""
        try:
            eye, _ = self.listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False
        self.drop()
        eye.setblocking(False)
        self.eye = eye
        self.lives.greeted(time.monotonic())
        return True

    def answer(self, orders: Callable[[], Sequence[Order]]) -> None:
        """Tells an eye that was let wait all that it has to know, once it may begin (`edge.courier.lives`)."""
        if self.lives.answer(time.monotonic()):
            self.tell(orders())

    def records(self) -> list[Record]:
        """What the eye has said, at most `AT_ONCE_MAX` packets of it; an eye that has ended is let go."""
        found: list[Record] = []
        for _ in range(AT_ONCE_MAX):
            if (data := self._packet()) is None:
                break
            try:
                found.append(decode(data))
            except WireError:
                self.refused += 1
        return found

    def _packet(self) -> bytes | None:
        if self.eye is None:
            return None
        try:
            data = self.eye.recv(RECORD_BYTES + 1)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            self.drop()
        return data or None

    def tell(self, orders: Sequence[Order]) -> None:
        """Orders to the eye, if there is one and it is not let wait; an eye that does not listen is let go."""
        if self.lives.waits:
            return
        try:
            for order in orders:
                if self.eye is not None:
                    self.eye.send(encode_order(order))
        except OSError:
            self.drop()

    def drop(self) -> None:
        """Lets go of the eye."""
        if self.eye is not None:
            self.eye.close()
            self.eye = None
