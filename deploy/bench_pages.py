"""From an event on the broker to 200 staff pages at once, some of them frozen; broker and hub as processes.

Rules:
- This process speaks as a node: an eye's own budget would allow one need in seven seconds.
- A page here is the stream that a page holds, read to the end of the event that shows the card. Drawing it is not in
  these figures: `deploy.bench_latency` measures the way into a real browser.
- A frozen page has asked for its stream and reads no byte of it, with the smallest buffer that the kernel gives; when
  nothing more goes into its socket for 10 s, the hub drops it, as it does in a shop.
- Every page that reads must get every card; one that does not ends the bench.
"""

from __future__ import annotations

import asyncio
import http.client
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contract import wire
from contract.errors import LinkError
from contract.events import Assist, Health, Level, Reason
from deploy.bench_latency import MOST, SETTINGS, TTL_S, quantile
from deploy.demo import shop
from hub.ingest import parse_broker

PATIENCE_S: Final = 30.0
_NODE: Final = "bench"
_MODEL: Final = "ab" * 32
_ZONES: Final = 12
_OPEN: Final = b'data-state="open"'
_EVENT_ENDS: Final = b"\r\n\r\n"
_EVENT_BYTES_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Reach:
    """Units: milliseconds, over every card on every page that reads."""

    pages: int
    frozen: int
    needs: int
    p50_ms: float
    p99_ms: float
    most_ms: float


@dataclass(slots=True)
class Crowd:
    """Many pages of one hub, and when each of them last came to show a card, or none any more."""

    address: tuple[str, int]
    cookie: str
    _shows: dict[int, tuple[bool, float]] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def request(self) -> bytes:
        """What a page asks its stream with."""
        host, port = self.address
        return f"GET /staff/events HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {self.cookie}\r\n\r\n".encode()

    async def page(self, number: int) -> None:
        """One page that reads. Runs until cancelled. Raises: LinkError when the hub ends its stream."""
        reader, writer = await asyncio.open_connection(*self.address, limit=_EVENT_BYTES_MAX)
        writer.write(self.request())
        try:
            while True:
                event = await reader.readuntil(_EVENT_ENDS)
                if b"event: board" in event:
                    self._note(number, _OPEN in event)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise LinkError("The hub ended the stream of a page that reads: see its log.") from None
        finally:
            writer.close()

    def _note(self, number: int, shows: bool) -> None:
        with self._news:
            if self._shows.get(number, (None, 0.0))[0] is not shows:
                self._shows[number] = (shows, time.time())
                self._news.notify_all()

    def all_show(self, shows: bool, pages: int) -> list[float]:
        """When each page came to show a card, or none. Raises: LinkError when some do not in `PATIENCE_S`."""

        def there() -> bool:
            return sum(shown is shows for shown, _ in self._shows.values()) == pages

        with self._news:
            if not self._news.wait_for(there, PATIENCE_S):
                missing = pages - sum(shown is shows for shown, _ in self._shows.values())
                raise LinkError(f"{missing} of {pages} pages never showed what the hub said: see its log.")
            return [at_s for _, at_s in self._shows.values()]


def measure(needs: int, pages: int = 200, frozen: int = 20) -> Reach:
    """``frozen`` of the ``pages`` read nothing. Raises: LinkError when a page misses a card or a part is not up."""
    reading, took_ms = pages - frozen, list[float]()
    with (
        shop(0, "quiet", None, history=False, eye=False, settings=SETTINGS) as running,
        _speaking(running.broker) as say,
        gathered(running.links["staff"], reading, frozen) as crowd,
    ):
        crowd.all_show(False, reading)
        for number in range(min(needs, MOST)):
            time.sleep(random.uniform(0.05, 0.3))
            sent_s = time.time()
            say(number % _ZONES, 2)
            took_ms += [(at_s - sent_s) * 1000 for at_s in crowd.all_show(True, reading)]
            say(number % _ZONES, 0)
            crowd.all_show(False, reading)
    took_ms.sort()
    return Reach(pages, frozen, min(needs, MOST), quantile(took_ms, 0.5), quantile(took_ms, 0.99), took_ms[-1])


@contextmanager
def _speaking(broker: str) -> Iterator[Callable[[int, Level], None]]:
    """What says of a zone, as a node, that there is a need or that it is over."""
    where, sequence = parse_broker(broker), count(1)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=_NODE)
    client.connect(where.host, where.port)
    client.loop_start()

    def label() -> dict[str, Any]:
        return {"node": _NODE, "boot": "0be0c4e5-000001", "t_mono_s": int(time.monotonic()), "t_wall": int(time.time())}

    def publish(event: Assist | Health) -> None:
        client.publish(str(wire.Topic(store="shop", node=_NODE, kind=event.kind)), wire.encode(event), qos=1)

    def say(zone: int, level: Level) -> None:
        reasons: tuple[Reason, ...] = ("long_dwell",) if level else ()
        which = {"zone": zone, "seq": next(sequence), "model": _MODEL, "config": 1}
        publish(Assist(**label(), **which, level=level, reasons=reasons, ttl_s=TTL_S))

    # By this the hub learns how the node's clock stands to its own.
    publish(
        Health(
            **label(), fps=10.0, stage_ms={}, temp_c=None, throttled=False, eye_mb=100, courier_mb=50, outbox_depth=0,
            outbox_dropped=0, model=_MODEL,
        )
    )  # fmt: skip
    yield say
    client.disconnect()
    client.loop_stop()


@contextmanager
def gathered(way_in: str, reading: int, frozen: int) -> Iterator[Crowd]:
    """So many pages of the hub whose link this is, opened at once and read until the block is left."""
    where = urlsplit(way_in)
    crowd = Crowd((str(where.hostname), int(where.port or 80)), _come_in(way_in))
    stuck = [_frozen(crowd) for _ in range(frozen)]
    loop = asyncio.new_event_loop()

    async def read() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(reading):
                group.create_task(crowd.page(number))

    readers = loop.create_task(read())

    def run() -> None:
        with suppress(asyncio.CancelledError, BaseExceptionGroup):  # a page that ended is missed by `all_show`
            loop.run_until_complete(readers)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield crowd
    finally:
        loop.call_soon_threadsafe(readers.cancel)
        thread.join()
        loop.close()
        for one in stuck:
            one.close()


def _come_in(way_in: str) -> str:
    """The cookie of a tablet that opened this link."""
    where = urlsplit(way_in)
    (key,) = parse_qs(where.query)["key"]
    door = http.client.HTTPConnection(where.netloc, timeout=PATIENCE_S)
    headers = {"Origin": f"{where.scheme}://{where.netloc}", "Content-Type": "application/x-www-form-urlencoded"}
    door.request("POST", where.path, f"key={key}", headers)
    cookie = door.getresponse().getheader("set-cookie") or ""
    door.close()
    if not cookie:
        raise LinkError("The hub let no page in: run the bench again.")
    return cookie.partition(";")[0]


def _frozen(crowd: Crowd) -> socket.socket:
    page = socket.socket()
    page.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    page.settimeout(PATIENCE_S)
    page.connect(crowd.address)
    page.sendall(crowd.request())
    return page
