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

from edge.record import RECORD_BYTES

KINDS: Final = {1: "mood", 2: "hour", 3: "assist", 4: "pulse", 5: "state"}
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
    """The channel over a time, against its bound. ``worst`` is the busiest kind and zone, in bit/s."""

    seconds: float
    kinds: tuple[Carried, ...]
    bit_s: float
    worst_bit_s: float
    strangers: int

    @property
    def held(self) -> bool:
        """Whether the bound held, each bucket counted as full once at the beginning."""
        return self.strangers == 0 and _over(self.bit_s, EYE_BOUND_BIT_S, self.seconds) <= 0 and _over(
            self.worst_bit_s, KIND_BOUND_BIT_S, self.seconds
        ) <= 0  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "held": self.held, "bounds_bit_s": [KIND_BOUND_BIT_S, EYE_BOUND_BIT_S]}


def _over(bit_s: float, bound_bit_s: float, seconds: float) -> float:
    return bit_s - bound_bit_s - _BITS / max(seconds, 1.0)


def budget(packets: Sequence[Packet], seconds: float) -> Budgeted:
    """Counts what was said in that time. ``strangers``: packets that are no record at all."""
    by_kind: dict[int, list[bytes]] = defaultdict(list)
    zones: Counter[tuple[int, int]] = Counter()
    strangers = 0
    for _, packet in packets:
        kind = packet[0] & 0x0F
        if len(packet) != RECORD_BYTES or kind not in KINDS:
            strangers += 1
            continue
        by_kind[kind].append(packet)
        zones[kind, packet[1]] += KINDS[kind] in ("mood", "hour", "assist")
    kinds = tuple(
        Carried(
            KINDS[kind],
            len(some),
            round(60 * len(some) / seconds, 2),
            round(_BITS * len(some) / seconds, 2),
            round(entropy_bits(some), 1),
        )
        for kind, some in sorted(by_kind.items())
    )
    worst = max(zones.values(), default=0)
    total = sum(map(len, by_kind.values()))
    return Budgeted(
        round(seconds, 1), kinds, round(_BITS * total / seconds, 2), round(_BITS * worst / seconds, 2), strangers
    )


def entropy_bits(records: Sequence[bytes]) -> float:
    """An upper bound on what the records told: the entropy of each byte's values, added up, times their number."""
    total = 0.0
    for column in zip(*records, strict=True):
        for count in Counter(column).values():
            total += count * math.log2(len(records) / count)
    return total
