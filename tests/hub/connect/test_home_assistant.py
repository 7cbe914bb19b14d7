"""Home Assistant's discovery: at a real broker, and where it is installed in the real Home Assistant.

``ATTUNE_HOMEASSISTANT`` names a Python in which ``homeassistant`` is installed: 2025.4.4 was looked at, on Python 3.13.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from hub.broker import RunningBroker, start_broker
from hub.connect.home_assistant import STATE_ROOT, Home, HomeAssistant
from hub.fakes import FakeShop
from hub.ingest import parse_broker
from hub.views import HourView, NudgeView
from tests.hub.conftest import NOW_S, Clock, node_view

WAIT_S = 30.0
HOME = Home("shop", "Corner Shop")
CERAMICS = "homeassistant/sensor/attune_shop/floor-1_zone_0/config"
LEVEL = "attune-home/shop/node/floor-1/zone/0"
#: Keys of Home Assistant's documentation of MQTT discovery, for `sensor` and `binary_sensor`.
DOCUMENTED: Final = {
    "availability", "availability_mode", "device", "device_class", "entity_category", "icon", "name", "options",
    "origin", "state_class", "state_topic", "unique_id",
}  # fmt: skip
DEVICE: Final = {"identifiers", "name", "manufacturer", "model", "via_device"}


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    running = start_broker()
    yield running
    running.stop()


class Retained:
    """What stands at the broker, as a subscriber learns it."""

    def __init__(self, url: str) -> None:
        where = parse_broker(url)
        self.topics: dict[str, str] = {}
        self._news: queue.Queue[None] = queue.Queue()
        self._client = client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.on_connect = lambda *_: client.subscribe([("homeassistant/#", 1), (f"{STATE_ROOT}/#", 1)])
        client.on_message = self._came
        client.connect(where.host, where.port)
        client.loop_start()

    def _came(self, _: Any, __: Any, came: mqtt.MQTTMessage) -> None:
        self.topics[came.topic] = came.payload.decode()
        if not came.payload:
            del self.topics[came.topic]
        self._news.put(None)

    def until(self, is_so: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        while not is_so(self.topics):
            self._news.get(timeout=WAIT_S)
        return dict(self.topics)

    def end(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def retained(broker: RunningBroker) -> Iterator[Retained]:
    seen = Retained(broker.url)
    yield seen
    for topic in list(seen.topics):
        seen._client.publish(topic, b"", qos=1, retain=True).wait_for_publish(WAIT_S)
    seen.end()


@contextmanager
def telling(broker: RunningBroker, shop: FakeShop, clock: Clock, home: Home = HOME) -> Iterator[HomeAssistant]:
    client = HomeAssistant(parse_broker(broker.url), home, shop, shop.changes, clock)
    client.start()
    try:
        yield client
    finally:
        client.stop()


def nudge(level: int = 2, **more: Any) -> NudgeView:
    return replace(NudgeView(1, "floor-1", 0, "Ceramics", level, ("long_dwell",), "open", NOW_S - 9), **more)


def test_levels_appear_change_and_go_with_the_nudge(
    broker: RunningBroker, retained: Retained, fake_shop: FakeShop, page_clock: Clock
) -> None:
    with telling(broker, fake_shop, page_clock):
        retained.until(lambda topics: topics.get(LEVEL) == "0")
        fake_shop.put(nudge(3))
        retained.until(lambda topics: topics.get(LEVEL) == "3")
        fake_shop.put(nudge(3, state="withdrawn", closed_s=NOW_S))
        stands = retained.until(lambda topics: topics.get(LEVEL) == "0")
    assert stands["attune-home/shop/nudges_today"] == "1"


def test_what_cannot_be_seen_has_no_level_and_is_unavailable(
    broker: RunningBroker, retained: Retained, fake_shop: FakeShop, page_clock: Clock
) -> None:
    sees = "attune-home/shop/node/floor-1/sees"
    with telling(broker, fake_shop, page_clock):
        retained.until(lambda topics: topics.get(sees) == "online" and LEVEL in topics)
        fake_shop.say(replace(node_view("floor-1", "Ceramics", "Textiles"), state="paused", reason="command"))
        stands = retained.until(lambda topics: topics.get(sees) == "offline" and LEVEL not in topics)
    assert stands["attune-home/shop/node/floor-1/state"] == "paused"
    assert stands["attune-home/shop/node/floor-1/connected"] == "ON"
    needs = [one["topic"] for one in json.loads(stands[CERAMICS])["availability"]]
    assert needs == [HOME.here, sees]


def test_when_the_hub_goes_or_dies_everything_is_unavailable(
    broker: RunningBroker, retained: Retained, fake_shop: FakeShop, page_clock: Clock
) -> None:
    with telling(broker, fake_shop, page_clock):
        retained.until(lambda topics: topics.get(HOME.here) == "online")
    retained.until(lambda topics: topics.get(HOME.here) == "offline")
    with telling(broker, fake_shop, page_clock) as client:
        retained.until(lambda topics: topics.get(HOME.here) == "online")
        sock = client._client.socket()
        assert sock is not None
        client._client.reconnect_delay_set(100, 100)
        sock.shutdown(2)  # no goodbye: the broker says the last will
        retained.until(lambda topics: topics.get(HOME.here) == "offline")


def test_what_no_longer_exists_is_taken_back_even_from_an_earlier_life(
    broker: RunningBroker, retained: Retained, fake_shop: FakeShop, page_clock: Clock
) -> None:
    fake_shop.say(node_view("old", "Lamps"))
    old = "homeassistant/sensor/attune_shop/old_zone_0/config"
    with telling(broker, fake_shop, page_clock):
        retained.until(lambda topics: old in topics and HOME.here in topics)
    fake_shop.node_views = [node for node in fake_shop.node_views if node.name != "old"]
    with telling(broker, fake_shop, page_clock):
        retained.until(lambda topics: old not in topics and topics.get(HOME.here) == "online")
        fake_shop.delete_everything(NOW_S)
        retained.until(lambda topics: CERAMICS not in topics and LEVEL not in topics)


def test_nothing_is_said_of_mood_or_anybody_nor_under_the_nodes_own_topics(fake_shop: FakeShop) -> None:
    fake_shop.hours.append(HourView("floor-1", 0, "Ceramics", int(NOW_S) // 3600 * 3600, False, 0.5, 3, 4321, 2, 1))
    said = HOME.said(fake_shop.nodes(), (nudge(state="taken", taken_by="8badf00d"),), 1, NOW_S)
    text = " ".join([*said, *(body.decode() for body in said.values())])
    assert not re.search(r"mood|negative|positive|4321|8badf00d|long_dwell", text)
    assert not any(topic.startswith("attune/") for topic in said)


def configs(shop: FakeShop) -> dict[str, Any]:
    shop.say(node_view("entry-2", "Küche & Bad", 'A "quoted" zone'))
    said = HOME.said(shop.nodes(), (nudge(),), 1, NOW_S)
    return {topic: json.loads(body) for topic, body in said.items() if topic.endswith("/config")}


def test_configs_use_documented_keys_and_ids_of_their_own(fake_shop: FakeShop) -> None:
    found = configs(fake_shop)
    assert len({body["unique_id"] for body in found.values()}) == len(found) == 10
    for topic, body in found.items():
        assert re.fullmatch(r"homeassistant/(binary_)?sensor/[\w-]+/[\w-]+/config", topic)
        assert set(body) <= DOCUMENTED
        assert set(body["device"]) <= DEVICE


# --- the real Home Assistant ----------------------------------------------------------------------------------------


@pytest.fixture
def real_home() -> Callable[..., subprocess.Popen[str]]:
    python = os.environ.get("ATTUNE_HOMEASSISTANT")
    if not python:
        pytest.skip("ATTUNE_HOMEASSISTANT names no Python in which homeassistant is installed")
    script = Path(__file__).with_name("real_home.py")

    def run(*words: str) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([python, str(script), *words], text=True, **pipes)  # type: ignore[call-overload]

    return run


def test_home_assistant_s_own_schemas_take_every_config_whole(
    real_home: Callable[..., subprocess.Popen[str]], fake_shop: FakeShop
) -> None:
    found = configs(fake_shop)
    said, _ = real_home("schema").communicate(json.dumps(found), timeout=60)
    assert json.loads(said) == list(found)


def test_home_assistant_shows_the_shop_and_follows_it(
    real_home: Callable[..., subprocess.Popen[str]],
    broker: RunningBroker,
    retained: Retained,
    fake_shop: FakeShop,
    page_clock: Clock,
) -> None:
    home = real_home("live", broker.url.rpartition(":")[2])
    lines: queue.Queue[str] = queue.Queue()
    assert home.stdout
    reader = threading.Thread(target=lambda: [lines.put(line) for line in home.stdout or ()], daemon=True)
    reader.start()

    def until(is_so: Callable[[dict[str, str]], bool]) -> dict[str, Any]:
        while True:
            shown: dict[str, Any] = json.loads(lines.get(timeout=WAIT_S))
            if is_so(shown["states"]):
                return shown

    zone = "sensor.floor_1_camera_ceramics_help_that_may_be_welcome"
    camera = "binary_sensor.floor_1_camera_connected"
    try:
        with telling(broker, fake_shop, page_clock):
            shown = until(lambda states: states.get(zone) == "0" and states.get(camera) == "on")
            assert shown["devices"] == ["Corner Shop", "Floor 1 camera"]
            assert shown["states"]["sensor.floor_1_camera_state"] == "online"
            fake_shop.put(nudge(3))
            until(lambda states: states[zone] == "3" and states["sensor.corner_shop_nudges_today"] == "1")
            fake_shop.say(replace(node_view("floor-1", "Ceramics"), state="paused", reason="switch"))
            shown = until(lambda states: states[zone] == "unavailable")
            assert shown["states"][camera] == "on"
        until(lambda states: states and set(states.values()) == {"unavailable"})
    finally:
        home.kill()
        home.communicate()
