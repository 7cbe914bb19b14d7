"""Tells other systems what happened: one thread a channel, which nothing waits for.

Rules:
- Who is slow or gone delays nobody: neither the writer, nor staff, nor another channel.
- An answer other than 2xx is a failure; a redirect is one too and is not followed. Answers are not read.
- Plain http goes to an address of this machine or its network only, and to the very address that was looked at.
- The environment's proxies and credentials are not used.

Left out: what is sent (`hub.connect.channels`), what waits (`hub.connect.outbox`).
"""

from __future__ import annotations

import logging
import secrets
import socket
import sqlite3
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Protocol

import httpx

from contract.errors import LinkError, StoreError
from hub import schema
from hub.connect.channels import Channel, Parcel
from hub.connect.happened import Happened, happened
from hub.connect.outbox import LATE_S, Outbox, Standing
from hub.connect.settings import is_local
from hub.views import Changes

TIMEOUT_S: Final = 5.0
LOOK_S: Final = 30.0
AFTER_ERROR_S: Final = 5.0
STOP_S: Final = 2.0
log = logging.getLogger(__name__)


class Post(Protocol):
    """Sends one parcel. Raises: LinkError, a sentence, when it did not arrive."""

    def __call__(self, parcel: Parcel) -> str: ...


def post(parcel: Parcel) -> str:
    """By the network: what was answered, in words."""
    url = httpx.URL(parcel.url)
    headers = {"User-Agent": "attune-hub", **parcel.headers}
    if url.scheme == "http":
        headers["Host"] = url.netloc.decode()
        url = url.copy_with(host=_local_address(url.host, url.port or 80))
    try:
        with (
            httpx.Client(timeout=TIMEOUT_S, verify=_trusted(), follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, content=parcel.body, headers=headers) as answer,
        ):
            code = answer.status_code
    except httpx.TimeoutException:
        raise LinkError(f"It did not answer within {TIMEOUT_S:.0f} s.") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise LinkError(f"It cannot be reached: {error or type(error).__name__}.") from None
    if not 200 <= code < 300:
        more = ", a redirect, which is not followed" if 300 <= code < 400 else ""
        raise LinkError(f"It answered {code}{more}.")
    return f"It answered {code}."


@cache
def _trusted() -> ssl.SSLContext:
    """This machine's own authorities, a shop's own among them."""
    return ssl.create_default_context()


def _local_address(host: str, port: int) -> str:
    try:
        found = {str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:
        raise LinkError(f"There is no {host} on this network.") from None
    if not found or not all(map(is_local, found)):
        raise LinkError(f"{host} is not on this machine or its network: use https.")
    return min(found, key=lambda address: (":" in address, address))


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """A channel as the owner's page shows it; ``host`` without path, in which a secret may stand."""

    name: str
    host: str
    standing: Standing


class Sender:
    """Every channel's thread.

    ``store`` is the hub's database, read and never written. Units: ``clock`` since the epoch.
    """

    def __init__(
        self,
        store: Path,
        outbox: Outbox,
        channels: tuple[Channel, ...],
        changes: Changes,
        clock: Callable[[], float],
        send: Post = post,
    ) -> None:
        self._store, self._outbox, self._channels, self._changes = store, outbox, channels, changes
        self._clock, self._send = clock, send
        self._bells = {channel.name: threading.Event() for channel in channels}
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._deaf: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to tell."""
        self._deaf = self._changes.listen(self._ring)
        for channel in self._channels:
            thread = threading.Thread(target=self._run, args=(channel,), name=f"connect-{channel.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End; a try that is under way is not waited for long, and is repeated after the next start."""
        self._stopping.set()
        self._deaf()
        self._ring()
        for thread in self._threads:
            thread.join(STOP_S)

    def lines(self) -> tuple[ChannelLine, ...]:
        """How it stands with every channel."""
        return tuple(
            ChannelLine(channel.name, channel.host, self._outbox.standing(channel.name)) for channel in self._channels
        )

    def test(self, name: str) -> bool:
        """Send a test now and keep how it went; False where there is no such channel."""
        channel = next((channel for channel in self._channels if channel.name == name), None)
        if channel is None:
            return False
        now_s = self._clock()
        try:
            said, well = self._send(channel.test(f"test_{secrets.token_hex(12)}", now_s)), True
        except LinkError as error:
            said, well = str(error), False
        self._outbox.result(name, well=well, said=f"A test: {said}", now_s=now_s)
        return True

    def _ring(self) -> None:
        for bell in self._bells.values():
            bell.set()

    # --- a channel's own thread -------------------------------------------------------------------------------------

    def _run(self, channel: Channel) -> None:
        bell, wait_s = self._bells[channel.name], 0.0
        db: sqlite3.Connection | None = None
        while not self._stopping.is_set():
            bell.wait(wait_s)
            bell.clear()
            try:
                db = db or schema.open_for_reading(self._store)
                wait_s = self._look(channel, db)
            except (StoreError, sqlite3.Error) as error:
                if not self._stopping.is_set():
                    log.error("Channel %s waits: %s", channel.name, error)
                wait_s = AFTER_ERROR_S
        if db is not None:
            db.close()

    def _look(self, channel: Channel, db: sqlite3.Connection) -> float:
        """Tell what is due first; how long to wait then."""
        now_s = self._clock()
        known = {event.id: event for event in happened(db, now_s - LATE_S) if channel.wants(event)}
        self._outbox.keep(channel.name, known, now_s)
        due = self._outbox.due(channel.name, now_s)
        if due:  # one, and then look again: what was deleted meanwhile is told to nobody
            self._tell(channel, known[due[0]])
        if len(due) > 1:
            return 0.0
        next_s = self._outbox.next_s(channel.name)
        return LOOK_S if next_s is None else min(LOOK_S, max(0.05, next_s - self._clock()))

    def _tell(self, channel: Channel, event: Happened) -> None:
        try:
            said = self._send(channel.parcel(event, self._clock()))
        except LinkError as error:
            self._outbox.failed(channel.name, event.id, str(error), self._clock())
        else:
            self._outbox.told(channel.name, event.id, said, self._clock())
