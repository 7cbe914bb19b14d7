"""Latency, loss, partitions and resets between everybody and the broker, by a proxy; and connections that are half
open.

Rules:
- What is lost on the way of a TCP stream comes later: a piece waits as long as a retransmission takes.
- In a partition nothing passes and nobody is told; what was on its way comes when it ends, or never.
- Half open is a connection that carries nothing any more though both ends hold it, while a new one would work.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from bench.faults.count import counted
from bench.faults.running import Shop, awaited, shop

NODES: Final = 2
ROUND: Final = 25
FOUND_MAX_S: Final = 60.0
_LOOK_S: Final = 0.05


@dataclass(slots=True)
class Proxy:
    """Between everybody and the broker's port. ``loss`` is the share of pieces that have to be sent again."""

    to: int
    latency_s: float = 0.0
    loss: float = 0.0
    parted: bool = False
    taken: int = 0
    dead: set[int] = field(default_factory=set)
    _open: dict[int, tuple[socket.socket, socket.socket]] = field(default_factory=dict)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Begins to take connections, in threads that end with this process or `close`."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Takes no more, and resets what there is."""
        self._listener.close()
        self.reset()

    def reset(self) -> None:
        """Cuts every connection, and both ends hear of it."""
        for ends in list(self._open.values()):
            for end in ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def half_open(self) -> None:
        """The connections that there are carry nothing any more."""
        self.dead |= set(self._open)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.to), timeout=5)
                except OSError:  # no broker now
                    near.close()
                    continue
                far.settimeout(None)
                self.taken += 1
                number = self.taken
                self._open[number] = near, far
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(number, *ends), daemon=True).start()

    def _pump(self, number: int, source: socket.socket, target: socket.socket) -> None:
        chance = random.Random(number)
        with suppress(OSError):
            while data := source.recv(65_536):
                time.sleep(self.latency_s + (chance.uniform(0.2, 1.0) if chance.random() < self.loss else 0.0))
                while self.parted or number in self.dead:
                    if number not in self._open:
                        return
                    time.sleep(_LOOK_S)
                target.sendall(data)
        if number not in self.dead:  # of what is half open the other end does not hear
            with suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)
            if self._open.pop(number, None) is not None:
                target.close()


def disturbed(times: int, seed: int, folder: Path, *, half_open: bool = True) -> dict[str, float]:
    """One round: so many disturbances, then half-open connections, then the count."""
    chance = random.Random(seed)
    proxies: list[Proxy] = []

    def through(port: int) -> int:
        proxies.append(Proxy(port))
        proxies[0].start()
        return proxies[0].port

    with shop(folder, NODES, through=through) as running:
        proxy = proxies[0]
        for _ in range(times):
            _disturb(proxy, running, chance)
        found_s = _found_half_open(proxy, running) if half_open else 0.0
        found = counted(running)
    proxy.close()
    well = found.well and found_s <= FOUND_MAX_S
    return {"tried": times, **asdict(found), "found_s": round(found_s, 1), "well": well}


def _disturb(proxy: Proxy, running: Shop, chance: random.Random) -> None:
    what: Callable[[], None] = chance.choice((proxy.reset, lambda: None))
    proxy.latency_s = chance.choice((0.0, 0.05, 0.5))
    proxy.loss = chance.choice((0.0, 0.05, 0.3))
    running.runs_for(chance.uniform(0.2, 2.0))
    proxy.parted = chance.random() < 0.5
    running.runs_for(chance.uniform(0.2, 6.0))
    what()
    proxy.parted, proxy.latency_s, proxy.loss = False, 0.0, 0.0


def _found_half_open(proxy: Proxy, running: Shop) -> float:
    """How long until everybody had a new connection."""
    running.runs_for(5.0)
    proxy.half_open()
    before = proxy.taken
    return awaited(lambda: proxy.taken - before > NODES, "New connections", 3 * FOUND_MAX_S, running.kept)
