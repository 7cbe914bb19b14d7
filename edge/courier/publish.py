"""The node's MQTT client, behind a small port: what is said out, what the hub says in.

Rules:
- The last will says offline, retained; a broker that is away is no error, and is looked for with a growing pause.
- paho runs its own thread; everything it hears is handed to the courier's one thread through a queue, with a nudge on
  a socket so that nobody polls.

Left out: what to send and when to send it again (`edge.courier.courier`).
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contract.errors import ConfigError
from contract.events import Event, Kind, Status
from contract.wire import RETAINED, Topic, encode, qos
from edge.config import Broker

KEEPALIVE_S: Final = 20
PAUSE_MIN_S: Final = 1
PAUSE_MAX_S: Final = 60
HEARD_KINDS: Final[tuple[Kind, ...]] = ("config", "command", "stored")


@dataclass(frozen=True, slots=True)
class Joined:
    """The broker is there and what the hub says will be heard."""


@dataclass(frozen=True, slots=True)
class Parted:
    """The broker is away."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message from the hub, as it came."""

    topic: str
    payload: bytes


News = Joined | Parted | Heard


class Hub(Protocol):
    """The way to the hub."""

    def news(self) -> list[News]: ...

    def publish(self, kind: Kind, payload: bytes) -> None: ...


class MqttHub:
    """The `Hub` over paho.

    ``woken`` becomes readable when there is news.

    Raises: ConfigError when certificate, key or CA cannot be used.
    """

    def __init__(self, broker: Broker, store: str, node: str, will: Status) -> None:
        self._topics = {kind: str(Topic(store=store, node=node, kind=kind)) for kind in (*HEARD_KINDS, *_SAID)}
        self._news: SimpleQueue[News] = SimpleQueue()
        self.woken, self._wake = socket.socketpair()
        self.woken.setblocking(False)
        self._wake.setblocking(False)
        url = urlsplit(broker.url)
        self._host, self._tls = url.hostname or "", url.scheme == "mqtts"
        self._port = url.port or (8883 if self._tls else 1883)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{store}-{node}")
        self._client.reconnect_delay_set(PAUSE_MIN_S, PAUSE_MAX_S)
        self._client.max_queued_messages_set(1000)
        self._client.will_set(self._topics["status"], encode(will), qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self._tell(Parted())
        self._client.on_message = lambda _, __, came: self._tell(Heard(came.topic, bytes(came.payload)))
        if self._tls:
            self._client.tls_set_context(_tls(broker))

    def start(self) -> None:
        """Begins to look for the broker; returns at once."""
        self._client.connect_async(self._host, self._port, KEEPALIVE_S)
        self._client.loop_start()

    def stop(self, farewell: Status) -> None:
        """Says goodbye, where there is somebody to hear it."""
        if self._client.is_connected():
            self._client.publish(self._topics["status"], encode(farewell), qos=1, retain=True).wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def news(self) -> list[News]:
        """Everything since the last call, in order."""
        while True:
            try:
                self.woken.recv(4096)
            except BlockingIOError:
                break
        found = []
        while not self._news.empty():
            found.append(self._news.get())
        return found

    def publish(self, kind: Kind, payload: bytes) -> None:
        """One message to the hub; without a broker it is not said, for the outbox will say it again."""
        if self._client.is_connected():
            self._client.publish(self._topics[kind], payload, qos=qos(kind), retain=kind in RETAINED)

    def say(self, event: Event) -> None:
        """One event that is not kept in the outbox."""
        self.publish(event.kind, encode(event))

    def _on_connect(self, client: mqtt.Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if not reason.is_failure:
            client.subscribe([(self._topics[kind], 1) for kind in HEARD_KINDS])
            self._tell(Joined())

    def _tell(self, news: News) -> None:
        self._news.put(news)
        try:
            self._wake.send(b"!")
        except BlockingIOError:
            return  # enough nudges wait already


_SAID: Final[tuple[Kind, ...]] = ("mood", "hour", "assist", "status", "birth", "health")


def _tls(broker: Broker) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=broker.ca)
        if broker.certificate is not None:
            context.load_cert_chain(broker.certificate, broker.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"The certificate, key or CA under [broker] cannot be used ({error}): mend the paths."
        ) from error
    return context
