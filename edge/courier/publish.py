"""The way to the hub: one MQTT connection after another, and which events are on it.

Rules:
- The last will says offline, retained; a goodbye that the broker did not confirm is left to it.
- A broker that is away is no error: it is looked for with a growing pause, cut at random so that nodes do not come
  back all at once. Whatever is wrong with a certificate file is an error at the start.
- A new client for each connection, so that nothing unsent lingers in the old one: what must arrive is in the outbox.
- paho and the dialling have threads of their own; everything heard is handed to the courier's one thread through a
  queue, with a nudge on a socket so that nobody polls.

Left out: what else is said, and when (`edge.courier.courier`).
"""

from __future__ import annotations

import random
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contract.errors import ConfigError
from contract.events import KINDS, Kind
from contract.wire import FROM_HUB, OF_LEDGERS, RETAINED, Topic, every_node, qos
from edge.config import Broker
from edge.courier.outbox import Outbox

KEEPALIVE_S: Final = 20
PAUSE_MIN_S: Final = 1.0
PAUSE_MAX_S: Final = 60.0
FAREWELL_S: Final = 2.0
FLYING_MAX: Final = 200
AGAIN_MIN_S: Final = 10.0
AGAIN_MAX_S: Final = 60.0
_BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class Joined:
    """The broker is there, and what the hub says will be heard."""


@dataclass(frozen=True, slots=True)
class Parted:
    """The broker is away, with the reason."""

    why: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, as it came; ``retained`` when it is what the broker kept from before."""

    topic: str
    payload: bytes
    retained: bool = False


News = Joined | Parted | Heard


class Hub(Protocol):
    """The way to the hub."""

    def news(self) -> list[News]:
        """Everything heard since the last call, in order."""

    def publish(self, kind: Kind, payload: bytes) -> bool:
        """Whether one message is on its way; that it arrives is another matter."""


@dataclass(slots=True)
class FakeHub:
    """A `Hub` that keeps what it is told; ``away`` it takes nothing."""

    said: list[tuple[Kind, bytes]] = field(default_factory=list)
    waiting: list[News] = field(default_factory=list)
    away: bool = False

    def news(self) -> list[News]:
        waiting, self.waiting = self.waiting, []
        return waiting

    def publish(self, kind: Kind, payload: bytes) -> bool:
        if not self.away:
            self.said.append((kind, payload))
        return not self.away


@dataclass(slots=True)
class Window:
    """Which kept events are on their way: sent in order, at most `FLYING_MAX` that nobody has vouched for.

    When the oldest has waited too long for the hub's word, all are sent again; longer each time, while there is none.
    """

    outbox: Outbox
    hub: Hub
    _last_id: int = 0
    _flying: dict[tuple[str, int], float] = field(default_factory=dict)
    _patience_s: float = AGAIN_MIN_S

    def restart(self) -> None:
        """Everything kept is to be sent again: the connection is a new one."""
        self._rewind()
        self._patience_s = AGAIN_MIN_S

    def stored(self, boot: str, since: int, until: int) -> None:
        """The hub vouches for a run of events. Raises: StoreError when the disk refuses to let them go."""
        self.outbox.stored(boot, since, until)
        for sent in [sent for sent in self._flying if sent[0] == boot and since <= sent[1] <= until]:
            del self._flying[sent]
        self._patience_s = AGAIN_MIN_S

    def send(self, now_s: float) -> None:
        """Puts as many on their way as may be. Raises: StoreError when the outbox cannot be read."""
        if self._flying and now_s - next(iter(self._flying.values())) > self._patience_s:
            self._rewind()
            self._patience_s = min(self._patience_s * 2, AGAIN_MAX_S)
        while room := FLYING_MAX - len(self._flying):
            batch = self.outbox.after(self._last_id, min(room, _BATCH))
            for kept in batch:
                if not self.hub.publish(kept.kind, kept.payload):
                    return
                self._flying[kept.boot, kept.seq] = now_s
                self._last_id = kept.id
            if not batch:
                return

    def _rewind(self) -> None:
        self._last_id = 0
        self._flying.clear()


class MqttHub:
    """The `Hub` over paho, MQTT 3.1.1.

    ``woken`` becomes readable when there is news.

    Raises: ConfigError when the URL, certificate, key or CA cannot be used.
    """

    def __init__(self, broker: Broker, store: str, node: str, will: bytes) -> None:
        self._topics = {kind: str(Topic(store=store, node=node, kind=kind)) for kind in KINDS}
        self._of_ledgers = [every_node(store, kind) for kind in sorted(OF_LEDGERS)]
        self._name, self._will = f"{store}-{node}", will
        self._broker = broker
        self._host, self._port, self._tls = address(broker)
        self._news: SimpleQueue[News] = SimpleQueue()
        self.woken, self._wake = socket.socketpair()
        self.woken.setblocking(False)
        self._wake.setblocking(False)
        self._joined: mqtt.Client | None = None
        self._ending = Flag()
        self._thread = Thread(target=self._keep_dialling, name="dialling", daemon=True)

    def start(self) -> None:
        """Begins to look for the broker; returns at once."""
        self._thread.start()

    def stop(self, farewell: bytes) -> None:
        """Says goodbye where there is somebody to hear it; one not confirmed in time is left to the will.

        The will speaks when the process ends, and with it the connection.
        """
        self._ending.set()
        client = self._joined
        if client is not None:
            said = client.publish(self._topics["status"], farewell, qos=1, retain=True)
            with suppress(ValueError, RuntimeError):  # paho's words for what could not be sent
                said.wait_for_publish(FAREWELL_S)
            if said.rc == mqtt.MQTT_ERR_SUCCESS and said.is_published():
                client.disconnect()
                self._thread.join(FAREWELL_S)

    def redial(self) -> None:
        """Leaves the connection for a new one, with the certificate that now stands on disk."""
        if (client := self._joined) is not None:
            client.disconnect()

    def news(self) -> list[News]:
        """Everything heard since the last call, in order."""
        with suppress(BlockingIOError):
            while self.woken.recv(4096):
                pass
        found: list[News] = []
        with suppress(Empty):
            while True:
                found.append(self._news.get_nowait())
        return found

    def publish(self, kind: Kind, payload: bytes) -> bool:
        """Whether one message is on its way; without a broker it is not, for then it would come late."""
        client = self._joined
        if client is None:
            return False
        said = client.publish(self._topics[kind], payload, qos=qos(kind), retain=kind in RETAINED)
        return said.rc == mqtt.MQTT_ERR_SUCCESS

    def _keep_dialling(self) -> None:
        pause_s = PAUSE_MIN_S
        while not self._ending.is_set():
            began_s = time.monotonic()
            with suppress(ConfigError):  # of a certificate that is being replaced, or was spoilt: the old one will do
                self._host, self._port, self._tls = address(self._broker)
            over = Flag()
            client = self._client(over)
            try:
                client.connect(self._host, self._port, KEEPALIVE_S)
            except (OSError, ValueError) as error:  # ValueError: a host name that no resolver takes
                self._tell(Parted(str(error)))
            else:
                client.loop_start()
                over.wait()  # its thread ends by itself then
            pause_s = pause_before_s(pause_s, time.monotonic() - began_s)
            self._ending.wait(pause_s * random.uniform(0.5, 1))
            pause_s = min(pause_s * 2, PAUSE_MAX_S)

    def _client(self, over: Flag) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._name, reconnect_on_failure=False)
        client.max_inflight_messages_set(0)  # `Window` bounds them
        client.will_set(self._topics["status"], self._will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_message = lambda _, __, came: self._tell(Heard(came.topic, bytes(came.payload), came.retain))

        def on_disconnect(_: mqtt.Client, __: Any, ___: Any, reason: Any, ____: Any) -> None:
            self._joined = None
            self._tell(Parted(str(reason)))
            over.set()

        client.on_disconnect = on_disconnect
        if self._tls is not None:
            client.tls_set_context(self._tls)
        return client

    def _on_connect(self, client: mqtt.Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if reason.is_failure:
            self._tell(Parted(str(reason)))
            return
        own = [self._topics[kind] for kind in sorted(FROM_HUB)]
        client.subscribe([(topic, 1) for topic in (*own, *self._of_ledgers)])
        self._joined = client
        self._tell(Joined())

    def _tell(self, news: News) -> None:
        self._news.put(news)
        with suppress(BlockingIOError):  # enough nudges wait already
            self._wake.send(b"!")


def pause_before_s(pause_s: float, held_s: float) -> float:
    """Before the next try: short again after a connection that held, as one does that is half open in the end."""
    return PAUSE_MIN_S if held_s > KEEPALIVE_S else pause_s


def address(broker: Broker) -> tuple[str, int, ssl.SSLContext | None]:
    """Host, port, and how to check who answers.

    Raises: ConfigError when the URL, certificate, key or CA cannot be used.
    """
    try:
        url = urlsplit(broker.url)
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    if not host or url.username is not None:
        raise ConfigError("broker.url names no broker: write mqtt://HOST:PORT or mqtts://HOST:PORT, and nothing more.")
    if url.scheme == "mqtt":
        return host, port or 1883, None
    return host, port or 8883, _tls(broker)


def _tls(broker: Broker) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=broker.ca)
        if broker.certificate is not None:
            context.load_cert_chain(broker.certificate, broker.key, _no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"The certificate, key or CA under [broker] cannot be used ({error}): mend the paths."
        ) from error
    return context


def _no_password() -> str:
    """An encrypted key is refused: nobody is there to be asked."""
    return ""
