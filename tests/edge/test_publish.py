"""The way to the hub, over a real broker; and which events are on it."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from contract.errors import ConfigError
from contract.events import Command, Status, Stored
from contract.wire import encode
from edge.config import Broker
from edge.courier.outbox import Outbox
from edge.courier.publish import (
    AGAIN_MAX_S,
    AGAIN_MIN_S,
    FLYING_MAX,
    KEEPALIVE_S,
    PAUSE_MAX_S,
    PAUSE_MIN_S,
    FakeHub,
    Heard,
    Joined,
    MqttHub,
    Parted,
    Window,
    pause_before_s,
)
from tests.brokers import Certificates, Mosquitto, certificates, mosquitto
from tests.edge.hubside import BOOT, ListeningHub

PATIENCE_S = 30.0
WILL = encode(Status(node="n1", boot=BOOT, state="offline", reason="link_lost"))
FAREWELL = encode(Status(node="n1", boot=BOOT, state="offline", reason="stopped"))
ONLINE = encode(Status(node="n1", boot=BOOT, state="online"))
News = TypeVar("News", Joined, Parted, Heard)


def awaited(hub: MqttHub, wanted: type[News]) -> News:
    """The first such news."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        select.select([hub.woken], [], [], 1)
        for news in hub.news():
            if isinstance(news, wanted):
                return news
    raise AssertionError(f"no {wanted.__name__} within {PATIENCE_S} s")


@contextmanager
def hub_at(broker: Broker) -> Iterator[MqttHub]:
    hub = MqttHub(broker, "shop", "n1", WILL)
    hub.start()
    try:
        yield hub
    finally:
        hub.stop(FAREWELL)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


def test_status_is_retained_events_are_not_and_a_goodbye_is_the_last_word(running: Mosquitto) -> None:
    with hub_at(Broker(url=running.url)) as hub:
        awaited(hub, Joined)
        assert hub.publish("status", ONLINE)
        assert hub.publish("mood", b"{}")
    late = ListeningHub(running.url)
    late.awaits(lambda: bool(late.heard), "the retained status")
    late.stop()
    assert late.heard == [("status", FAREWELL, True)]


def test_what_the_hub_says_is_heard_also_after_the_broker_was_gone(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, hub_at(Broker(url=broker.url)) as hub:
        awaited(hub, Joined)
        broker.stop()
        awaited(hub, Parted)
        assert not hub.publish("mood", b"{}")
        broker.start()
        awaited(hub, Joined)
        other = ListeningHub(broker.url)
        other.say(Command(command="pause"))
        heard = awaited(hub, Heard)
        other.stop()
    assert (heard.topic, heard.payload) == ("attune/1/shop/n1/command", encode(Command(command="pause")))


def test_nothing_unsent_of_an_old_connection_comes_over_the_new(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, hub_at(Broker(url=broker.url)) as hub:
        awaited(hub, Joined)
        broker.stop()
        while hub.publish("mood", b'{"old":1}'):
            select.select([hub.woken], [], [], 0.01)
        broker.start()
        other = ListeningHub(broker.url)
        awaited(hub, Joined)
        hub.publish("mood", b'{"new":1}')
        other.awaits(lambda: b'{"new":1}' in other.of("mood"), "the new event")
        other.stop()
    assert other.of("mood") == [b'{"new":1}']


def test_a_broker_that_is_away_is_no_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        with hub_at(Broker(url=f"mqtt://127.0.0.1:{taken.getsockname()[1]}")) as hub:
            assert "refused" in awaited(hub, Parted).why
            assert not hub.publish("status", ONLINE)


def test_a_broker_that_does_not_let_us_in_says_why(tmp_path: Path) -> None:
    with mosquitto(tmp_path, "allow_anonymous false") as broker, hub_at(Broker(url=broker.url)) as hub:
        assert awaited(hub, Parted).why == "Not authorized"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"), "broker", "n1")


@pytest.fixture(scope="module")
def secure(made: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that asks for a certificate, as a shop's does, and how to reach it."""
    settings = (
        f"cafile {made.ca}",
        f"certfile {made.certificate('broker')}",
        f"keyfile {made.key('broker')}",
        "require_certificate true",
        "use_identity_as_username true",
    )
    with mosquitto(tmp_path_factory.mktemp("broker"), *settings) as broker:
        url = f"mqtts://127.0.0.1:{broker.port}"
        yield Broker(url=url, ca=made.ca, certificate=made.certificate("n1"), key=made.key("n1"))


def test_a_node_with_its_certificate_gets_in(secure: Broker) -> None:
    with hub_at(secure) as hub:
        awaited(hub, Joined)
        assert hub.publish("status", ONLINE)


def test_a_broker_of_another_ca_is_not_spoken_to(secure: Broker, tmp_path: Path) -> None:
    with hub_at(secure.model_copy(update={"ca": certificates(tmp_path).ca})) as hub:
        assert "certificate verify failed" in awaited(hub, Parted).why


def test_a_node_without_a_certificate_is_not_let_in(secure: Broker) -> None:
    with hub_at(secure.model_copy(update={"certificate": None, "key": None})) as hub:
        awaited(hub, Parted)
        assert not hub.publish("status", ONLINE)


def test_files_that_are_no_certificates_are_one_sentence(made: Certificates, tmp_path: Path) -> None:
    junk, locked = tmp_path / "junk.pem", tmp_path / "locked.key"
    junk.write_text("not a certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    good = Broker(url="mqtts://127.0.0.1", ca=made.ca, certificate=made.certificate("n1"), key=made.key("n1"))
    wrong: dict[str, Path] = {"ca": tmp_path / "none", "certificate": junk, "key": locked}
    for name, path in (*wrong.items(), ("ca", junk), ("key", made.key("broker"))):
        with pytest.raises(ConfigError, match="mend the paths"):
            MqttHub(good.model_copy(update={name: path}), "shop", "n1", WILL)


@pytest.mark.parametrize("url", ["mqtt://host:99999", "mqtt://:1883", "mqtt://me:secret@host"])
def test_a_url_that_names_no_broker_is_one_sentence(url: str) -> None:
    with pytest.raises(ConfigError, match="write mqtt://HOST:PORT"):
        MqttHub(Broker(url=url), "shop", "n1", WILL)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path, 1000, "shop", "n1")
    yield opened
    opened.close()


def fill(outbox: Outbox, count: int) -> None:
    for _ in range(count):
        outbox.append("hour", lambda seq: f"{seq}".encode())


def seqs(hub: FakeHub) -> list[int]:
    found = [int(payload) for _, payload in hub.said]
    hub.said.clear()
    return found


def test_events_go_in_order_and_only_so_many_at_once(outbox: Outbox) -> None:
    hub = FakeHub()
    window = Window(outbox, hub)
    fill(outbox, FLYING_MAX + 3)
    window.send(0)
    window.send(1)
    assert seqs(hub) == list(range(1, FLYING_MAX + 1))
    window.stored(outbox.boot, 2, 3)
    window.send(2)
    assert seqs(hub) == [FLYING_MAX + 1, FLYING_MAX + 2]
    assert len(outbox) == FLYING_MAX + 1


def test_what_nobody_vouched_for_is_sent_again_less_and_less_often(outbox: Outbox) -> None:
    hub = FakeHub()
    window = Window(outbox, hub)
    fill(outbox, 3)
    sent_s = []
    for now_s in range(300):
        window.send(now_s)
        if seqs(hub):
            sent_s.append(now_s)
    waits_s = [b - a for a, b in pairwise(sent_s)]
    assert waits_s[0] == AGAIN_MIN_S + 1
    assert waits_s == sorted(waits_s)
    assert waits_s[-1] == AGAIN_MAX_S + 1
    window.stored(outbox.boot, 2, 2)
    window.send(301 + AGAIN_MAX_S)
    assert seqs(hub) == [1, 3]


def test_a_new_connection_sends_everything_anew(outbox: Outbox) -> None:
    hub = FakeHub()
    window = Window(outbox, hub)
    fill(outbox, 2)
    window.send(0)
    window.restart()
    window.send(0)
    assert seqs(hub) == [1, 2, 1, 2]


def test_what_a_broker_does_not_take_is_sent_when_it_does(outbox: Outbox) -> None:
    hub = FakeHub(away=True)
    window = Window(outbox, hub)
    fill(outbox, 2)
    window.send(0)
    hub.away = False
    window.send(1)
    assert seqs(hub) == [1, 2]


def test_a_hub_that_vouches_for_more_than_there_ever_was_holds_nothing_up(outbox: Outbox) -> None:
    window = Window(outbox, FakeHub())
    fill(outbox, 2)
    window.send(0)
    word = Stored(boot=outbox.boot, since=1, seq=2**53)
    window.stored(word.boot, word.since, word.seq)
    assert len(outbox) == 0


def test_a_connection_that_held_is_looked_for_at_once_and_one_that_did_not_later_and_later() -> None:
    found_half_open_s = 2.0 * KEEPALIVE_S
    assert pause_before_s(PAUSE_MAX_S, found_half_open_s) == PAUSE_MIN_S
    assert pause_before_s(16.0, 0.1) == 16.0
