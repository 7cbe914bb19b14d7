"""What comes from the wire: taken or refused, live or late, and the one MQTT client that brings it.

Rules:
- Everything under ``attune/`` is heard, so that a node cannot say something beside the contract unseen; what is not
  in the contract is refused with the reason, and nothing is guessed.
- A refused zone event still counts as received when its (node, boot, seq) can be read, so that it blocks no outbox.
- A message is acknowledged to the broker, and vouched for to its node, only after its commit.
- A node's clock is learnt per boot, and first from a birth or health that the broker did not retain: the shortest
  way any message took is taken for no time at all. An event of a boot whose clock is unknown is late.

Left out: what is done with what was taken (`hub.writer`), who may publish (the broker's rules).
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from pydantic import BaseModel, ConfigDict, ValidationError

from contract import wire
from contract.errors import ConfigError, WireError
from contract.events import Birth, Health, OfLedgers, SelfTest, Status
from contract.fields import Boot, Name, Seq
from hub.store import FromNode, Message, OfItself

LATE_S: Final = 10.0
KEEPALIVE_S: Final = 20  # a connection of which one end is gone is found within twice that
DRIFT: Final = 500e-6  # how much faster than the hub's a node's clock may run before it is learnt anew
AHEAD_BYTES: Final = 65_536
Run = tuple[int, int]


class _Tag(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    node: Name
    boot: Boot
    seq: Seq


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that is not in the contract; ``tag`` where it says whose it is."""

    code: str
    reason: str
    tag: tuple[str, str, int] | None


def judge(message: Message, store: str) -> FromNode | Refused | None:
    """The event that a message is, or why it is none; None for what a hub itself says."""
    try:
        where = wire.parse_topic(message.topic)
        if where.kind in wire.FROM_HUB or (where.node == wire.HUB and where.kind in wire.OF_LEDGERS):
            return None
        if where.store != store:
            raise WireError("store", f"The topic names the store {where.store!r}; this hub is of {store!r}.")
        event = wire.decode(message.topic, message.payload)
    except WireError as error:
        return Refused(error.code, str(error), _tag(message))
    assert isinstance(event, FromNode)
    return event


def _tag(message: Message) -> tuple[str, str, int] | None:
    try:
        where = wire.parse_topic(message.topic)
        body = json.loads(message.payload) if len(message.payload) <= wire.OTHER_BYTES_MAX else None
        tag = _Tag.model_validate(body)
    except (WireError, ValidationError, ValueError, RecursionError):
        return None
    return (tag.node, tag.boot, tag.seq) if where.kind in wire.ZONE_KINDS and tag.node == where.node else None


def runs(seqs: Iterable[int]) -> tuple[Run, ...]:
    """Numbers as runs without a gap, both ends with, in order."""
    found: list[Run] = []
    for seq in sorted(set(seqs)):
        if found and found[-1][1] == seq - 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return tuple(found)


@dataclass(slots=True)
class _Clock:
    boot: str
    offset_s: float
    learnt_s: float
    seqs: dict[int, int] = field(default_factory=dict)

    def offset_at_s(self, mono_s: float) -> float:
        return self.offset_s + max(0.0, mono_s - self.learnt_s) * DRIFT


@dataclass(slots=True)
class NodeClocks:
    """How each node's monotonic clock stands to the hub's."""

    _by_node: dict[str, _Clock] = field(default_factory=dict)

    def learn(self, message: Message, event: FromNode) -> None:
        """Take what a message says of its node's clock."""
        if message.retained or isinstance(event, Status | SelfTest | OfLedgers):
            return
        clock = self._by_node.get(event.node)
        offset_s = message.received_mono_s - event.t_mono_s
        if clock is None or clock.boot != event.boot:
            if isinstance(event, Birth | Health):
                self._by_node[event.node] = _Clock(event.boot, offset_s, message.received_mono_s)
        elif offset_s <= clock.offset_at_s(message.received_mono_s):
            clock.offset_s, clock.learnt_s = offset_s, message.received_mono_s

    def left_s(self, message: Message, event: FromNode) -> float | None:
        """When an event left its node, on the hub's monotonic clock; None where nobody can tell.

        Of an event that comes after a later one of its zone nobody can tell either.
        """
        clock = self._by_node.get(event.node)
        if isinstance(event, OfItself) or message.retained or clock is None or clock.boot != event.boot:
            return None
        if event.seq < clock.seqs.get(event.zone, 0):
            return None
        clock.seqs[event.zone] = event.seq
        return event.t_mono_s + clock.offset_at_s(message.received_mono_s)


class Receipt(Protocol):
    """Tells the broker that a message is safe. Any thread."""

    def __call__(self) -> None: ...


class Deliver(Protocol):
    """Takes a message and its receipt; may block while there is too much to do."""

    def __call__(self, message: Message, receipt: Receipt) -> None: ...


class Clocks(Protocol):
    """The hub's own clocks. Units: seconds; ``wall_s`` since the epoch."""

    def wall_s(self) -> float: ...

    def mono_s(self) -> float: ...


class _Client(mqtt.Client):
    """paho, reading ahead: it asks the socket for each message in four pieces, half of what a message costs it.

    `_sock_recv` is paho's inside, there is nothing public for it. Without this class the hub is only slower.
    """

    def __init__(self) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, manual_ack=True)
        self._ahead, self._taken = b"", 0

    def reconnect(self) -> MQTTErrorCode:
        self._ahead, self._taken = b"", 0
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        said = super().loop_read(max_packets)
        while said == MQTTErrorCode.MQTT_ERR_SUCCESS and self._taken < len(self._ahead):
            said = super().loop_read(max_packets)
        return said

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._taken >= len(self._ahead):
            self._ahead, self._taken = super()._sock_recv(max(bufsize, AHEAD_BYTES)), 0
        piece = self._ahead[self._taken : self._taken + bufsize]
        self._taken += len(piece)
        return piece


class MqttLink:
    """The hub's MQTT client: hears ``attune/#``, retries for ever, acknowledges when told to."""

    def __init__(self, broker: Broker, deliver: Deliver, clocks: Clocks) -> None:
        self._broker, self._deliver, self._clocks = broker, deliver, clocks
        self._lives = 0
        self._client = client = _Client()
        client.reconnect_delay_set(1, 15)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        if broker.tls is not None:
            client.tls_set_context(broker.tls)

    def start(self) -> None:
        """Connect, now or as soon as there is a broker."""
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    def stop(self) -> None:
        """Say goodbye; nothing is delivered once this has returned."""
        self._client.disconnect()
        self._client.loop_stop()

    def trouble(self) -> str | None:
        """One sentence while there is no broker."""
        if self._client.is_connected():
            return None
        return f"The hub cannot reach the broker at {self._broker.url}: no news from the nodes; it keeps trying."

    def say(self, topic: str, payload: bytes) -> bool:
        """Publish once; without a broker nothing is said, for whoever needs it will ask again."""
        if not self._client.is_connected():
            return False
        self._client.publish(topic, payload, qos=1, retain=topic.rpartition("/")[2] in wire.RETAINED)
        return True

    def _on_connect(self, client: mqtt.Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if not reason.is_failure:
            self._lives += 1
            client.subscribe(f"{wire.ROOT}/#", qos=1)

    def _on_message(self, client: mqtt.Client, _: Any, came: mqtt.MQTTMessage) -> None:
        life = self._lives

        def receipt() -> None:
            if life == self._lives:
                client.ack(came.mid, came.qos)

        try:
            topic = came.topic
        except UnicodeDecodeError:
            topic = "(not UTF-8)"
        message = Message(topic, bytes(came.payload), self._clocks.wall_s(), self._clocks.mono_s(), bool(came.retain))
        self._deliver(message, receipt)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is."""

    url: str
    host: str
    port: int
    tls: ssl.SSLContext | None = None


def parse_broker(url: str, ca: Path | None = None, certificate: Path | None = None, key: Path | None = None) -> Broker:
    """Raises: ConfigError when the URL is none of a broker, or a certificate cannot be read."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path or parts.username:
        raise ConfigError(f"The broker {url!r} cannot be used: write mqtt://HOST:PORT or mqtts://HOST:PORT.")
    if parts.scheme == "mqtt":
        return Broker(url, parts.hostname, port or 1883)
    try:
        tls = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            tls.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"A certificate for the broker {url} cannot be read ({error}): check [broker].") from None
    return Broker(url, parts.hostname, port or 8883, tls)
