"""The hub's end, as little of it as a courier can tell apart: it listens, and vouches for what it heard if asked to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contract.events import Event, Kind, Stored
from contract.wire import ZONE_KINDS, Topic, encode, parse_topic

BOOT = "0123abcd-000001"
PATIENCE_S = 30.0


class ListeningHub:
    """Hears everything of one store's one node. ``vouches``: says stored for each zone event that it hears."""

    def __init__(self, url: str, *, vouches: bool = False) -> None:
        self.heard: list[tuple[Kind, bytes, bool]] = []
        self.vouches = vouches
        self._news = threading.Condition()
        self._ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("attune/1/shop/n1/#", qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        where = urlsplit(url)
        self._client.connect_async(where.hostname or "", where.port or 0)
        self._client.loop_start()
        assert self._ready.wait(PATIENCE_S)

    def say(self, event: Event, *, retain: bool = False) -> None:
        """One word to the node."""
        self._client.publish(topic(event.kind), encode(event), qos=1, retain=retain)

    def say_raw(self, kind: Kind, payload: bytes) -> None:
        """Bytes that need not be of the contract."""
        self._client.publish(topic(kind), payload, qos=1)

    def of(self, kind: Kind) -> list[bytes]:
        """Every payload of one kind, in the order in which it came."""
        return [payload for heard, payload, _ in self.heard if heard == kind]

    def awaits(self, true: Callable[[], bool], what: str) -> None:
        """Waits until something that was heard makes it true."""
        until_s = time.monotonic() + PATIENCE_S
        with self._news:
            while not true():
                assert self._news.wait(until_s - time.monotonic()), f"{what} within {PATIENCE_S} s: {self.heard[-5:]}"

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _: mqtt.Client, __: object, came: mqtt.MQTTMessage) -> None:
        kind = parse_topic(came.topic).kind
        payload = bytes(came.payload)
        if self.vouches and kind in ZONE_KINDS:
            body = json.loads(payload)
            self.say(Stored(boot=body["boot"], since=body["seq"], seq=body["seq"]))
        with self._news:
            self.heard.append((kind, payload, bool(came.retain)))
            self._news.notify_all()


def topic(kind: Kind) -> str:
    return str(Topic(store="shop", node="n1", kind=kind))
