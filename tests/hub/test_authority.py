"""Who may speak to the broker: certificates, the access list, and a real broker that reads both."""

from __future__ import annotations

import contextlib
import signal
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from paho.mqtt.enums import CallbackAPIVersion

from contract.errors import ConfigError
from contract.events import KINDS
from contract.wire import FROM_HUB, HUB, OF_LEDGERS
from hub.authority import BROKER, CA, CA_KEY, CRL, Authority, access_list, private_pem
from hub.enrol_commands import certify
from tests.brokers import Mosquitto, mosquitto

NODES = [f"node-{number}" for number in range(50)]
PATIENCE_S = 60.0


def certified(authority: Authority, name: str) -> Path:
    """A certificate with its key in one file, as a node keeps it."""
    key = ec.generate_private_key(ec.SECP256R1())
    path = authority.folder / f"{name}.both"
    path.write_bytes(authority.issue(name, key.public_key()).public_bytes(Encoding.PEM) + private_pem(key))
    return path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority", "shop")


def test_an_authority_is_made_once_and_its_key_is_its_users_alone(tmp_path: Path) -> None:
    first = Authority(tmp_path / "a", "shop").certificate
    assert Authority(tmp_path / "a", "shop").certificate == first
    assert (tmp_path / "a" / CA_KEY).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def test_a_damaged_authority_is_one_sentence(tmp_path: Path) -> None:
    Authority(tmp_path / "a", "shop")
    (tmp_path / "a" / CA_KEY).write_text("no key")
    with pytest.raises(ConfigError, match="restore a copy"):
        Authority(tmp_path / "a", "shop")


def test_a_certificate_counts_for_90_days_unless_it_is_revoked(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    authority = Authority(tmp_path / "a", "shop", lambda: now)
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    door, till = authority.issue("door", key), authority.issue("till", key)
    assert authority.good(door)
    assert authority.nodes() == ["door", "till"]
    assert authority.revoke("till") == 1
    assert authority.revoke("till") == 0
    assert not authority.good(till)
    assert authority.nodes() == ["door"]
    now += timedelta(days=91)
    assert not authority.good(door)
    assert authority.nodes() == []


def test_another_authoritys_certificate_never_counts(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "shop")
    assert not authority.good(other.issue("door", ec.generate_private_key(ec.SECP256R1()).public_key()))


def test_what_is_revoked_stands_in_the_list_that_the_authority_signs(authority: Authority) -> None:
    gone = authority.issue("door", ec.generate_private_key(ec.SECP256R1()).public_key())
    authority.revoke("door")
    listed = x509.load_pem_x509_crl((authority.folder / CRL).read_bytes())
    assert [one.serial_number for one in listed] == [gone.serial_number]
    assert listed.is_signature_valid(authority.certificate.public_key())  # type: ignore[arg-type]


def test_the_access_list_gives_each_node_its_own_topics_and_what_all_ledgers_say() -> None:
    lines = access_list("shop", ["door"]).split("user door\n")[1].splitlines()
    assert {line for line in lines if " write " in line} == {
        f"topic write attune/1/shop/door/{kind}" for kind in KINDS if kind not in FROM_HUB
    }
    assert {line for line in lines if "+" in line} == {f"topic read attune/1/shop/+/{kind}" for kind in OF_LEDGERS}
    assert not any("readwrite" in line or "#" in line for line in lines)


def test_certificates_of_broker_and_hub_are_made_anew_when_two_thirds_are_over(authority: Authority) -> None:
    assert certify(authority, BROKER, ("attune.local", "127.0.0.1"))
    assert not certify(authority, BROKER, ("attune.local", "127.0.0.1"))
    soon = datetime.now(UTC) + timedelta(days=59)
    assert not certify(authority, BROKER, ("attune.local",), soon)
    assert certify(authority, BROKER, ("attune.local",), soon + timedelta(days=2))


# --- a real broker ----------------------------------------------------------------------------------------------------


class Client:
    """One party with its certificate; ``heard`` are topics."""

    def __init__(self, port: int, ca: Path, both: Path | None, *topics: str) -> None:
        self.heard: list[str] = []
        self.parted = threading.Event()
        self._ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=both.stem if both else "")
        context = ssl.create_default_context(cafile=str(ca))
        if both is not None:
            context.load_cert_chain(both)
        self._client.tls_set_context(context)
        self._client.on_message = lambda _, __, came: self.heard.append(came.topic)
        self._client.on_disconnect = lambda *_: self.parted.set()
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in topics or ("none",)])
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(PATIENCE_S)

    def say(self, topic: str, payload: bytes = b"x") -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(PATIENCE_S)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def as_installed(folder: Path) -> tuple[str, ...]:
    """What `deploy/install-hub` gives the broker, with this authority's files and the test's own port."""
    conf = (Path(__file__).parents[2] / "deploy" / "mosquitto.conf").read_text()
    lines = [
        line for line in conf.replace("/etc/mosquitto/attune", str(folder)).splitlines() if line[:1] not in ("", "#")
    ]
    assert "listener 8883" in lines
    assert not [line for line in lines if line.startswith("listener") and line != "listener 8883"]
    return tuple(line for line in lines if not line.startswith(("listener", "autosave_interval")))


@pytest.fixture
def broker(authority: Authority, tmp_path: Path) -> Iterator[Mosquitto]:
    certify(authority, BROKER, ("127.0.0.1",))
    certify(authority, HUB)
    folder = authority.folder
    with mosquitto(tmp_path) as running:
        running.stop()
        running.settings = as_installed(folder)
        running.start()
        yield running


def reload(broker: Mosquitto) -> None:
    assert broker.process is not None
    broker.process.send_signal(signal.SIGHUP)


def awaits(true: object, what: str) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not true():  # type: ignore[operator]
        assert time.monotonic() < until_s, what
        time.sleep(0.02)


def test_of_fifty_nodes_none_speaks_or_listens_as_another(authority: Authority, broker: Mosquitto) -> None:
    """Each of 50 says something under each of the 50 names, and listens for what the hub says to each."""
    for name in NODES:
        certified(authority, name)
    reload(broker)
    ca = authority.folder / CA
    hub = Client(broker.port, ca, authority.folder / "hub.pem", "attune/1/shop/+/mood")
    nodes = {
        name: Client(broker.port, ca, authority.folder / f"{name}.both", "attune/1/shop/+/command", "attune/#")
        for name in NODES
    }
    for mine, client in nodes.items():
        for other in NODES:
            client._client.publish(f"attune/1/shop/{other}/mood", mine.encode(), qos=1)
    for name in NODES:
        hub.say(f"attune/1/shop/{name}/command")
    for client in nodes.values():  # what was said before has been judged when this has been heard
        client.say(f"attune/1/shop/{client._client._client_id.decode()}/status")
    awaits(lambda: len(hub.heard) >= 50, "every node's own word")
    awaits(lambda: all(client.heard for client in nodes.values()), "the hub's word to every node")
    time.sleep(0.5)
    assert sorted(hub.heard) == sorted(f"attune/1/shop/{name}/mood" for name in NODES)
    for name, client in nodes.items():
        heard = {topic for topic in client.heard if topic.endswith("/command")}
        assert heard == {f"attune/1/shop/{name}/command"}
        assert not [topic for topic in client.heard if topic.split("/")[3] != name]
    for client in (hub, *nodes.values()):
        client.stop()


def comes_in(port: int, ca: Path, both: Path | None) -> bool:
    """Whether the broker lets somebody in with this certificate, or with none."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    context = ssl.create_default_context(cafile=str(ca))
    if both is not None:
        context.load_cert_chain(both)
    client.tls_set_context(context)
    answers: list[bool] = []
    client.on_connect = lambda _, __, ___, reason, ____: answers.append(not reason.is_failure)
    client.on_disconnect = lambda *_: answers.append(False)
    try:
        client.connect("127.0.0.1", port)
        until_s = time.monotonic() + PATIENCE_S
        while not answers and time.monotonic() < until_s:
            client.loop(timeout=0.2)
    except OSError:
        return False
    finally:
        client.disconnect()
    return answers[:1] == [True]


def test_nobody_comes_in_without_a_certificate_of_this_authority(
    authority: Authority, broker: Mosquitto, tmp_path: Path
) -> None:
    ca, other = authority.folder / CA, Authority(tmp_path / "other", "shop")
    assert comes_in(broker.port, ca, certified(authority, "door"))
    assert not comes_in(broker.port, ca, None)
    assert not comes_in(broker.port, ca, certified(other, "door"))
    plain = mqtt.Client(CallbackAPIVersion.VERSION2)
    with contextlib.suppress(OSError):
        plain.connect("127.0.0.1", broker.port)
        plain.loop(timeout=1.0)
    assert not plain.is_connected()


def test_a_node_that_is_revoked_is_heard_no_more_and_does_not_come_back(
    authority: Authority, broker: Mosquitto
) -> None:
    ca, door, till = authority.folder / CA, certified(authority, "door"), certified(authority, "till")
    reload(broker)
    hub = Client(broker.port, ca, authority.folder / "hub.pem", "attune/1/shop/+/mood")
    client, stays = Client(broker.port, ca, door), Client(broker.port, ca, till)
    client.say("attune/1/shop/door/mood")
    awaits(lambda: len(hub.heard) == 1, "a node that may speak")
    authority.revoke("door")
    reload(broker)
    awaits(lambda: _silenced(client, hub, stays), "a standing connection that is heard no more")
    for party in (client, stays, hub):
        party.stop()
    assert not comes_in(broker.port, ca, door)
    broker.stop()
    broker.start()
    assert not comes_in(broker.port, ca, door)
    assert comes_in(broker.port, ca, till)


def _silenced(revoked: Client, hub: Client, other: Client) -> bool:
    """Whether what the revoked one says is not heard, where the other's next word is."""
    before = len(hub.heard)
    revoked._client.publish("attune/1/shop/door/mood", b"x", qos=1)
    other.say("attune/1/shop/till/mood")
    awaits(lambda: "attune/1/shop/till/mood" in hub.heard[before:], "the other's word")
    return "attune/1/shop/door/mood" not in hub.heard[before:]
