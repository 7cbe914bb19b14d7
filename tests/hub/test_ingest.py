from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from queue import Queue

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from contract import events, wire
from contract.errors import ConfigError
from contract.events import Command, Stored
from contract.wire import Topic
from hub.broker import RunningBroker, start_broker
from hub.clocks import SystemClocks
from hub.ingest import DRIFT, MqttLink, NodeClocks, Receipt, Refused, judge, parse_broker, runs
from hub.store import Message
from tests.hub.node import Node, message, raw

NODE = Node()
TAG = ("aisle", NODE.boot, 7)


def changed(**fields: object) -> bytes:
    body = json.loads(wire.encode(NODE.mood(7)))
    return json.dumps(body | fields).encode()


def test_every_kind_that_a_node_says_is_taken() -> None:
    said = (NODE.mood(1), NODE.nothing(2), NODE.hour(3), NODE.assist(4), NODE.status(), NODE.birth(), NODE.health())
    assert [judge(message(event), "shop") for event in said] == list(said)


@pytest.mark.parametrize(
    ("topic", "payload", "code", "tag"),
    [
        ("attune/1/shop/aisle/mood", changed(face="x"), "field", TAG),
        ("attune/1/shop/aisle/mood", changed(v=2), "version", TAG),
        ("attune/1/shop/aisle/mood", changed(people="1-4"), "value", TAG),
        ("attune/1/shop/aisle/mood", changed(node="window"), "node", None),
        ("attune/1/shop/aisle/mood", changed(seq="7"), "value", None),
        ("attune/1/shop/aisle/mood", changed(seq=-1), "value", None),
        ("attune/1/shop/aisle/mood", changed(extra="x" * 1000), "oversize", TAG),
        ("attune/1/shop/aisle/mood", b"[" * 5000, "oversize", None),
        ("attune/1/shop/aisle/health", b"[" * 9000, "json", None),
        ("attune/1/shop/aisle/mood", b"\xff\xfe", "json", None),
        ("attune/1/north/aisle/mood", changed(), "store", TAG),
        ("attune/2/shop/aisle/mood", changed(v=2), "version", None),
        ("attune/1/shop/aisle/picture", b"GIF89a", "topic", None),
        ("attune/hello", b"", "topic", None),
    ],
)
def test_what_is_not_in_the_contract_is_refused_with_a_reason_and_its_number_where_it_has_one(
    topic: str, payload: bytes, code: str, tag: object
) -> None:
    refused = judge(raw(topic, payload), "shop")
    assert isinstance(refused, Refused)
    assert (refused.code, refused.tag) == (code, tag)
    assert refused.reason.endswith(".")


def test_what_a_hub_says_is_nobodys_event() -> None:
    topic = str(Topic(store="shop", node="aisle", kind="stored"))
    assert judge(raw(topic, wire.encode(Stored(boot=NODE.boot, since=1, seq=2))), "shop") is None
    topic = str(Topic(store="shop", node="aisle", kind="command"))
    assert judge(raw(topic, wire.encode(Command(command="pause"))), "shop") is None


@given(st.lists(st.integers(1, 60)))
def test_runs_are_the_numbers_and_no_others(seqs: list[int]) -> None:
    found = runs(seqs)
    assert [seq for since, last in found for seq in range(since, last + 1)] == sorted(set(seqs))
    assert all(after[0] > before[1] + 1 for before, after in pairwise(found))


def left_s(clocks: NodeClocks, event: events.Assist, mono_s: float, *, retained: bool = False) -> float | None:
    came = message(event, mono_s=mono_s, retained=retained)
    clocks.learn(came, event)
    return clocks.left_s(came, event)


def knowing(event: events.Birth | events.Health, mono_s: float, *, retained: bool = False) -> NodeClocks:
    clocks = NodeClocks()
    clocks.learn(message(event, mono_s=mono_s, retained=retained), event)
    return clocks


def test_of_a_boot_that_said_nothing_live_nobody_can_tell_when_an_event_left() -> None:
    assert left_s(NodeClocks(), NODE.assist(1), 1000) is None
    retained = knowing(NODE.birth(t_mono_s=100), 1000, retained=True)
    assert left_s(retained, NODE.assist(1, t_mono_s=100), 1000) is None
    other = knowing(replace(NODE, boot="00c0ffee-000002").birth(t_mono_s=5), 1000)
    assert left_s(other, NODE.assist(1, t_mono_s=100), 1001) is None


@pytest.mark.parametrize("said", [NODE.birth(t_mono_s=100), NODE.health(t_mono_s=100)], ids=["birth", "health"])
def test_an_event_left_when_its_nodes_clock_says_so(said: events.Birth | events.Health) -> None:
    clocks = knowing(said, 1000.0)
    assert left_s(clocks, NODE.assist(1, t_mono_s=105), 1040.0) == pytest.approx(1005.0, abs=40 * DRIFT)


def test_the_fastest_message_teaches_the_clock_also_when_it_is_an_event() -> None:
    clocks = knowing(NODE.birth(t_mono_s=100), 1008.0)
    assert left_s(clocks, NODE.assist(1, t_mono_s=110), 1010.0) == 1010.0
    assert left_s(clocks, NODE.assist(2, t_mono_s=100), 1010.0) == 1000.0


def test_a_node_whose_clock_runs_slow_is_not_late_after_a_week() -> None:
    week_s, slow = 7 * 86_400, 100e-6
    clocks = knowing(NODE.birth(t_mono_s=0), 1000.0)
    for at_s in range(60, week_s, 3600):
        health = NODE.health(t_mono_s=int(at_s * (1 - slow)))
        clocks.learn(message(health, mono_s=1000.0 + at_s), health)
    left = left_s(clocks, NODE.assist(1, t_mono_s=int(week_s * (1 - slow))), 1000.0 + week_s)
    assert left == pytest.approx(1000.0 + week_s, abs=3.0)


def test_an_event_that_a_later_one_of_its_zone_overtook_is_of_unknown_age() -> None:
    clocks = knowing(NODE.birth(t_mono_s=100), 1000.0)
    assert left_s(clocks, NODE.assist(5, t_mono_s=101), 1001.0) is not None
    assert left_s(clocks, NODE.assist(4, t_mono_s=101), 1001.0) is None
    assert left_s(clocks, NODE.assist(4, zone=1, t_mono_s=101), 1001.0) is not None
    assert left_s(clocks, NODE.assist(6, t_mono_s=101), 1001.0, retained=True) is None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "127.0.0.1:1883", "mqtt://", "mqtt://host:x", "mqtt://host/path", "mqtt://host:99999"]
)
def test_a_url_that_is_no_brokers_is_said_in_one_sentence(url: str) -> None:
    with pytest.raises(ConfigError, match="write mqtt://HOST:PORT or mqtts://HOST:PORT"):
        parse_broker(url)


def test_broker_urls_have_their_usual_ports() -> None:
    assert (parse_broker("mqtt://hub").port, parse_broker("mqtts://hub").port) == (1883, 8883)
    assert parse_broker("mqtts://hub:18883").tls is not None


def test_a_certificate_that_is_missing_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"certificate .* cannot be read"):
        parse_broker("mqtts://hub", ca=tmp_path / "ca.pem")


@pytest.fixture(scope="module", params=["mosquitto", "amqtt"])
def broker(request: pytest.FixtureRequest) -> Iterator[RunningBroker]:
    running = start_broker(request.param)
    if running.flavour != request.param:
        running.stop()
        pytest.skip("mosquitto is not installed")
    yield running
    running.stop()


@pytest.fixture
def came() -> Queue[tuple[Message, Receipt]]:
    return Queue()


@pytest.fixture
def link(broker: RunningBroker, came: Queue[tuple[Message, Receipt]]) -> Iterator[MqttLink]:
    link = MqttLink(parse_broker(broker.url), lambda message, receipt: came.put((message, receipt)), SystemClocks())
    link.start()
    yield link
    link.stop()


@pytest.fixture
def node(broker: RunningBroker) -> Iterator[mqtt.Client]:
    where = parse_broker(broker.url)
    node = mqtt.Client(CallbackAPIVersion.VERSION2)
    node.connect(where.host, where.port)
    node.loop_start()
    yield node
    node.disconnect()
    node.loop_stop()


def test_everything_under_attune_is_heard_with_whether_it_was_retained(
    broker: RunningBroker, node: mqtt.Client, came: Queue[tuple[Message, Receipt]]
) -> None:
    node.publish("attune/1/shop/aisle/status", b"first", qos=1, retain=True).wait_for_publish(10)
    link = MqttLink(parse_broker(broker.url), lambda message, receipt: came.put((message, receipt)), SystemClocks())
    link.start()
    first, receipt = came.get(timeout=10)
    receipt()
    node.publish("attune/1/shop/aisle/status", b"second", qos=1, retain=True)
    node.publish("attune/anything/else", b"third", qos=1)
    second, third = came.get(timeout=10)[0], came.get(timeout=10)[0]
    assert [(one.payload, one.retained) for one in (first, second, third)] == [
        (b"first", True), (b"second", False), (b"third", False),
    ]  # fmt: skip
    assert link.trouble() is None
    link.stop()
    node.publish("attune/1/shop/aisle/status", b"", qos=1, retain=True).wait_for_publish(10)


def test_what_the_hub_says_reaches_its_node(link: MqttLink, node: mqtt.Client, came: Queue[object]) -> None:
    heard: Queue[tuple[str, bytes]] = Queue()
    ready = threading.Event()
    node.on_message = lambda _, __, message: heard.put((message.topic, message.payload))
    node.on_subscribe = lambda *_: ready.set()
    node.subscribe("attune/1/shop/aisle/stored", qos=1)
    assert ready.wait(10)
    until_s = time.monotonic() + 10
    while came.empty() and time.monotonic() < until_s:  # until the hub has subscribed too
        node.publish("attune/1/shop/aisle/mood", b"x", qos=1).wait_for_publish(10)
        time.sleep(0.05)
    assert not came.empty()
    link.say("attune/1/shop/aisle/stored", b"y")
    assert heard.get(timeout=10) == ("attune/1/shop/aisle/stored", b"y")


def test_of_many_messages_at_once_each_is_heard_whole_and_in_order(
    link: MqttLink, node: mqtt.Client, came: Queue[tuple[Message, Receipt]]
) -> None:
    topic = "attune/1/shop/aisle/mood"
    until_s = time.monotonic() + 10
    while came.empty() and time.monotonic() < until_s:  # until the hub has subscribed
        node.publish(topic, b"first", qos=1).wait_for_publish(10)
        time.sleep(0.05)
    said = [b"%d " % number + b"x" * (number * 37 % 3_000) for number in range(400)]  # more than a socket gives
    for payload in said:
        node.publish(topic, payload, qos=1)
    heard = []
    while len(heard) < len(said):
        message, receipt = came.get(timeout=10)
        if message.payload != b"first":
            heard.append(message.payload)
        receipt()
    assert heard == said


def test_without_a_broker_it_says_so_and_connects_when_there_is_one(came: Queue[tuple[Message, Receipt]]) -> None:
    gone = start_broker()
    gone.stop()
    where = parse_broker(gone.url)
    link = MqttLink(where, lambda message, receipt: came.put((message, receipt)), SystemClocks())
    link.start()
    assert gone.url in (link.trouble() or "")
    link.say("attune/1/shop/aisle/stored", b"nobody hears this")
    back = start_broker(port=where.port)
    node = mqtt.Client(CallbackAPIVersion.VERSION2)
    node.connect(where.host, where.port)
    node.loop_start()
    node.publish("attune/1/shop/aisle/status", b"here", qos=1, retain=True)
    assert came.get(timeout=30)[0].payload == b"here"
    assert link.trouble() is None
    node.disconnect()
    node.loop_stop()
    link.stop()
    back.stop()
