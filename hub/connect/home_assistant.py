"""Home Assistant's MQTT discovery: nodes and zones as its devices and sensors, over the shop's own broker.

Rules:
- Off by default. What is said is what staff see: whether a node senses, and how much help a zone may welcome. No mood,
  no history, nobody.
- What cannot be seen is unavailable, never 0; when the hub is gone, the broker says so (its last will).
- Everything is retained, and what no longer exists is taken back.
- Nothing is said under ``attune/``, which is the nodes' own.

Source: Home Assistant's documentation of MQTT discovery (one retained config an entity,
``PREFIX/COMPONENT/NODE_ID/OBJECT_ID/config``).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contract.errors import StoreError
from hub.connect.metrics import need_levels
from hub.days import day_start_s
from hub.ingest import Broker
from hub.views import Changes, NodeView, NudgeView, Reads
from hub.words import node_title, staff_line

STATE_ROOT: Final = "attune-home"
LOOK_S: Final = 30.0
STATES: Final = ("online", "degraded", "paused", "offline")
Said = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Home:
    """Where it is said: the shop's name in topics and on pages, and Home Assistant's own prefix."""

    store: str
    shop_name: str
    prefix: str = "homeassistant"

    @property
    def here(self) -> str:
        """Where the hub says whether it is there."""
        return f"{STATE_ROOT}/{self.store}/hub"

    @property
    def mine(self) -> str:
        """The filter of every config that this hub may have left at the broker."""
        return f"{self.prefix}/+/attune_{self.store}/+/config"

    def said(
        self, nodes: tuple[NodeView, ...], standing: tuple[NudgeView, ...], nudges_today: int, now_s: float
    ) -> Said:
        """Every topic and what stands there, configs first."""
        parts = [self._shop(nodes, nudges_today, now_s)]
        parts += [self._node(node, now_s) for node in nodes]
        levels = need_levels(nodes, standing, now_s)
        parts += [
            self._zone(node, zone.id, zone.name, levels.get((node.name, zone.id, zone.name)))
            for node in nodes
            if node.birth
            for zone in node.birth.zones
        ]
        return {topic: body for topics in zip(*parts, strict=True) for part in topics for topic, body in part.items()}

    def _shop(self, nodes: tuple[NodeView, ...], nudges_today: int, now_s: float) -> tuple[Said, Said]:
        device = {"identifiers": [f"attune_{self.store}"], "name": self.shop_name, "model": "Attune hub"}
        configs, states = {}, {}
        for part, words, icon, value in (
            ("nudges_today", "Nudges today", "mdi:hand-wave", nudges_today),
            ("nodes_sensing", "Cameras sensing", "mdi:cctv", sum(staff_line(node, now_s).sees for node in nodes)),
        ):
            topic = f"{STATE_ROOT}/{self.store}/{part}"
            more = {"name": words, "icon": icon, "state_class": "measurement"}
            configs.update(self._config("sensor", f"hub_{part}", device, topic, more, [self.here]))
            states[topic] = str(value).encode()
        return configs, states

    def _node(self, node: NodeView, now_s: float) -> tuple[Said, Said]:
        line, root = staff_line(node, now_s), f"{STATE_ROOT}/{self.store}/node/{node.name}"
        reached = node.state != "offline" and line.state != "out of reach"
        device = self._device(node)
        configs = self._config(
            "binary_sensor",
            f"{node.name}_connected",
            device,
            f"{root}/connected",
            {"name": "Connected", "device_class": "connectivity", "entity_category": "diagnostic"},
            [self.here],
        ) | self._config(
            "sensor",
            f"{node.name}_state",
            device,
            f"{root}/state",
            {"name": "State", "device_class": "enum", "options": list(STATES), "entity_category": "diagnostic"},
            [self.here],
        )
        return configs, {
            f"{root}/connected": b"ON" if reached else b"OFF",
            f"{root}/state": (node.state if reached else "offline").encode(),
            f"{root}/sees": b"online" if line.sees else b"offline",
        }

    def _zone(self, node: NodeView, zone: int, name: str, level: int | None) -> tuple[Said, Said]:
        root = f"{STATE_ROOT}/{self.store}/node/{node.name}"
        topic = f"{root}/zone/{zone}"
        more = {"name": f"{name}: help that may be welcome", "icon": "mdi:hand-wave", "state_class": "measurement"}
        seen = [self.here, f"{root}/sees"]
        configs = self._config("sensor", f"{node.name}_zone_{zone}", self._device(node), topic, more, seen)
        return configs, {} if level is None else {topic: str(level).encode()}

    def _device(self, node: NodeView) -> dict[str, Any]:
        return {
            "identifiers": [f"attune_{self.store}_{node.name}"],
            "name": f"{node_title(node.name)} camera",
            "model": "Attune node",
            "via_device": f"attune_{self.store}",
        }

    def _config(
        self, component: str, part: str, device: dict[str, Any], topic: str, more: dict[str, Any], needs: list[str]
    ) -> Said:
        body = {
            "unique_id": f"attune_{self.store}_{part}",
            "state_topic": topic,
            "availability": [{"topic": one} for one in needs],
            "availability_mode": "all",
            "device": {"manufacturer": "Attune", **device},
            "origin": {"name": "Attune"},
            **more,
        }
        where = f"{self.prefix}/{component}/attune_{self.store}/{part}/config"
        return {where: json.dumps(body, ensure_ascii=False).encode()}


@dataclass(slots=True)
class _Told:
    """What stands at the broker as far as this life of the connection knows."""

    bodies: Said = field(default_factory=dict)
    found: set[str] = field(default_factory=set)


class HomeAssistant:
    """The client that says it: a connection and a thread of its own, which nothing waits for."""

    def __init__(
        self,
        broker: Broker,
        home: Home,
        reads: Reads,
        changes: Changes,
        clock: Callable[[], float],
        timezone: tzinfo = UTC,
    ) -> None:
        self._timezone = timezone
        self._broker, self._home, self._reads, self._changes, self._clock = broker, home, reads, changes, clock
        self._bell, self._stopping, self._lock, self._told = threading.Event(), False, threading.Lock(), _Told()
        self._client = client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.reconnect_delay_set(1, 15)
        client.will_set(home.here, b"offline", qos=1, retain=True)
        client.on_connect, client.on_message = self._on_connect, self._on_message
        if broker.tls is not None:
            client.tls_set_context(broker.tls)
        self._thread = threading.Thread(target=self._run, name="home-assistant", daemon=True)
        self._deaf: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Connect, now or as soon as there is a broker."""
        self._deaf = self._changes.listen(self._bell.set)
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=30)
        self._client.loop_start()
        self._thread.start()

    def stop(self) -> None:
        """Say that the hub is gone, and go."""
        self._stopping = True
        self._deaf()
        self._bell.set()
        self._thread.join()
        if self._client.is_connected():
            self._client.publish(self._home.here, b"offline", qos=1, retain=True).wait_for_publish(1.0)
        self._client.disconnect()
        self._client.loop_stop()

    def connected(self) -> bool:
        """Whether there is a broker."""
        return self._client.is_connected()

    def _on_connect(self, client: mqtt.Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if not reason.is_failure:
            with self._lock:
                self._told = _Told()
            client.subscribe(self._home.mine, qos=1)
            self._bell.set()

    def _on_message(self, _: mqtt.Client, __: Any, came: mqtt.MQTTMessage) -> None:
        if came.payload:
            with self._lock:
                self._told.found.add(came.topic)
            self._bell.set()

    def _run(self) -> None:
        while not self._stopping:
            self._bell.wait(LOOK_S)
            self._bell.clear()
            if self._client.is_connected() and not self._stopping:
                try:
                    self._say()
                except StoreError:
                    continue  # the pages say it; nothing new is known

    def _say(self) -> None:
        now_s = self._clock()
        today = len(self._reads.nudges_between(day_start_s(now_s, self._timezone), now_s + 1))
        wanted = self._home.said(self._reads.nodes(), self._reads.nudges_now(now_s), today, now_s)
        wanted[self._home.here] = b"online"
        with self._lock:
            told = self._told
            over = (told.found | told.bodies.keys()) - wanted.keys()
            news = {topic: body for topic, body in wanted.items() if told.bodies.get(topic) != body}
            told.bodies, told.found = wanted, set()
        for topic, body in (*news.items(), *((topic, b"") for topic in sorted(over))):
            self._client.publish(topic, body, qos=1, retain=True)
