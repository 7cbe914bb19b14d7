"""Between eye and courier: passes every packet on, and keeps what the eye said, to be searched and counted.

Rules:
- Rule 1's bound: one record of a kind and zone in 10 s (25.6 bit/s), one of any kind a second (256 bit/s). The eye's
  first word and its farewell are of its state and counted with the rest.
- What a record carries is counted twice: as the 256 bits that it is, and as the entropy of what its bytes were, an
  upper bound on what those records told.

Left out: what a record means (`edge.record`).
"""

from __future__ import annotations

import math
import selectors
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from contract.wire import ZONE_KINDS
from edge.record import RECORD_BYTES

KINDS: Final = {1: "mood", 2: "hour", 3: "assist", 4: "pulse", 5: "state", 6: "neutral", 7: "walk"}
KIND_BOUND_BIT_S: Final = 25.6
EYE_BOUND_BIT_S: Final = 256.0
_BITS: Final = 8 * RECORD_BYTES
_PACKET_MAX: Final = 4096
_PATIENCE_S: Final = 20.0

Packet = tuple[float, bytes]


class Tap:
    """Listens where the eye will look for its courier, and passes on to the courier. One eye, one connection."""

    def __init__(self, eye_side: Path, courier_side: Path) -> None:
        self.said: list[Packet] = []
        self._courier_side = courier_side
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(eye_side))
        self._listener.listen(1)
        self._news = threading.Condition()
        self._ending, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="tap", daemon=True)
        self._thread.start()

    def heard(self, true: Callable[[Sequence[Packet]], bool], patience_s: float) -> bool:
        """Waits until what the eye said makes it true; whether it did in time."""
        with self._news:
            return self._news.wait_for(lambda: true(self.said), patience_s)

    def close(self) -> None:
        self._end.send(b"!")
        self._thread.join()
        for end in (self._listener, self._ending, self._end):
            end.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._listener, selectors.EVENT_READ)
            ready.register(self._ending, selectors.EVENT_READ)
            if any(key.fileobj is self._ending for key, _ in ready.select()):
                return
        eye, _ = self._listener.accept()
        courier = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with eye, courier:
            until_s = time.monotonic() + _PATIENCE_S
            while courier.connect_ex(str(self._courier_side)):
                if time.monotonic() > until_s:
                    return
                time.sleep(0.05)
            self._pass_on(eye, courier)

    def _pass_on(self, eye: socket.socket, courier: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            for end in (eye, courier, self._ending):
                ready.register(end, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is self._ending:
                        return
                    one, other = (eye, courier) if key.fileobj is eye else (courier, eye)
                    try:
                        packet = one.recv(_PACKET_MAX)
                        if one is eye and packet:
                            with self._news:
                                self.said.append((time.monotonic(), packet))
                                self._news.notify_all()
                        if not packet:
                            return
                        other.send(packet)
                    except OSError:
                        return


@dataclass(frozen=True, slots=True)
class Carried:
    """What one kind of record carried. ``entropy_bits`` of all its records together, at most."""

    kind: str
    records: int
    per_minute: float
    bit_s: float
    entropy_bits: float


@dataclass(frozen=True, slots=True)
class Budgeted:
    """The channel over a time, against its bound. ``busiest`` is how many records of one kind and zone there were;
    ``strangers`` how many packets that are no record at all.
    """

    seconds: float
    kinds: tuple[Carried, ...]
    busiest: int
    strangers: int

    @property
    def records(self) -> int:
        return sum(kind.records for kind in self.kinds)

    @property
    def bit_s(self) -> float:
        return round(_BITS * self.records / self.seconds, 2)

    @property
    def busiest_bit_s(self) -> float:
        return round(_BITS * self.busiest / self.seconds, 2)

    @property
    def held(self) -> bool:
        """Whether the bound held; each bucket may be full once, at the beginning."""
        allowed = (KIND_BOUND_BIT_S * self.seconds / _BITS + 1, EYE_BOUND_BIT_S * self.seconds / _BITS + 1)
        return not self.strangers and self.busiest <= allowed[0] and self.records <= allowed[1]

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "bit_s": self.bit_s,
            "busiest_bit_s": self.busiest_bit_s,
            "bounds_bit_s": [KIND_BOUND_BIT_S, EYE_BOUND_BIT_S],
            "held": self.held,
        }


def budget(packets: Sequence[Packet], seconds: float) -> Budgeted:
    """Counts what was said in that time."""
    by_kind: dict[int, list[bytes]] = defaultdict(list)
    zones: Counter[tuple[int, int]] = Counter()
    strangers = 0
    for _, packet in packets:
        if len(packet) != RECORD_BYTES or (kind := packet[0] & 0x0F) not in KINDS:
            strangers += 1
            continue
        by_kind[kind].append(packet)
        zones[kind, packet[1]] += KINDS[kind] in ZONE_KINDS
    kinds = tuple(_carried(KINDS[kind], records, seconds) for kind, records in sorted(by_kind.items()))
    return Budgeted(round(seconds, 1), kinds, max(zones.values(), default=0), strangers)


def _carried(kind: str, records: Sequence[bytes], seconds: float) -> Carried:
    count = len(records)
    rates = round(60 * count / seconds, 2), round(_BITS * count / seconds, 2)
    return Carried(kind, count, *rates, round(entropy_bits(records), 1))


def entropy_bits(records: Sequence[bytes]) -> float:
    """An upper bound on what the records told: the entropy of each byte's values, added up, times their number."""
    total = 0.0
    for column in zip(*records, strict=True):
        for count in Counter(column).values():
            total += count * math.log2(len(records) / count)
    return total
