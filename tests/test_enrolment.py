"""A node joins a shop: the token, the hub's doors, the node's files, and a certificate that is renewed in time."""

from __future__ import annotations

import io
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
import segno
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import FastAPI
from fastapi.testclient import TestClient
from paho.mqtt.enums import CallbackAPIVersion

from contract import join
from contract.certificates import read
from contract.errors import ConfigError, LinkError
from contract.events import Assist, Stored
from contract.fields import Name
from contract.wire import Topic, decode, encode
from edge.config import Broker, NodeConfig
from edge.courier.courier import Courier
from edge.courier.intake import Intake
from edge.courier.outbox import Outbox
from edge.courier.publish import Joined, MqttHub
from edge.courier.renewal import keep_renewed
from edge.enrol import CA, CERTIFICATE, HUB, _request, due, enrol, renew
from edge.eye.link import Link
from edge.record import AssistRecord, Head
from hub.authority import ACL, BROKER, Authority
from hub.enrol_commands import certify
from hub.enrolment import TOKEN_S, WRONG_MAX, Enrolment, routes
from tests.brokers import mosquitto
from tests.hub.test_serve import command, serving

NOW_S = 1_795_000_000.0
PATIENCE_S = 30.0


@pytest.fixture
def enrolment(tmp_path: Path) -> Enrolment:
    return Enrolment(Authority(tmp_path / "authority", "shop"), "shop", "mqtts://attune.local:8883")


def asked(enrolment: Enrolment, node: Name = "door", token: str | None = None) -> join.Ask:
    key = ec.generate_private_key(ec.SECP256R1())
    return join.ask(join.key_of(token or enrolment.token(node)), node, _request(key, node))


def test_a_token_lets_one_node_in_once(enrolment: Enrolment) -> None:
    said = asked(enrolment)
    answer = enrolment.join(said)
    assert answer is not None
    assert (answer.node, answer.store, answer.broker) == ("door", "shop", "mqtts://attune.local:8883")
    assert enrolment.authority.nodes() == ["door"]
    assert enrolment.join(said) is None


def test_a_token_is_good_for_its_name_and_for_fifteen_minutes(enrolment: Enrolment) -> None:
    now_s = [NOW_S]
    enrolment.clock = lambda: now_s[0]
    token = enrolment.token("door")
    assert enrolment.join(asked(enrolment, "till", token)) is None
    now_s[0] += TOKEN_S
    assert enrolment.join(asked(enrolment, "door", token)) is None


def test_after_five_wrong_answers_a_token_is_good_for_nothing(enrolment: Enrolment) -> None:
    token = enrolment.token("door")
    for _ in range(WRONG_MAX):
        assert enrolment.join(asked(enrolment, "door", join.new_token())) is None
    assert enrolment.join(asked(enrolment, "door", token)) is None


def test_a_second_token_ends_the_first_and_joining_again_ends_the_old_certificate(enrolment: Enrolment) -> None:
    first = enrolment.token("door")
    second = enrolment.token("door")
    assert enrolment.join(asked(enrolment, "door", first)) is None
    answer = enrolment.join(asked(enrolment, "door", second))
    assert answer is not None
    old = x509.load_pem_x509_certificate(answer.certificate.encode())
    assert enrolment.authority.good(old)
    assert enrolment.join(asked(enrolment)) is not None
    assert not enrolment.authority.good(old)


def test_a_request_for_another_name_or_of_another_kind_is_refused(enrolment: Enrolment) -> None:
    key = join.key_of(enrolment.token("door"))
    of_till = _request(ec.generate_private_key(ec.SECP256R1()), "till")
    assert enrolment.join(join.ask(key, "door", of_till)) is None
    key = join.key_of(enrolment.token("door"))
    wide = _request(ec.generate_private_key(ec.SECP384R1()), "door")
    assert enrolment.join(join.ask(key, "door", wide)) is None
    key = join.key_of(enrolment.token("door"))
    assert enrolment.join(join.ask(key, "door", "no request")) is None


def test_a_certificate_is_renewed_for_its_keys_holder_alone(enrolment: Enrolment) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    answer = enrolment.join(join.ask(join.key_of(enrolment.token("door")), "door", _request(key, "door")))
    assert answer is not None
    request = _request(ec.generate_private_key(ec.SECP256R1()), "door")

    def signed(by: ec.EllipticCurvePrivateKey, what: str = request) -> join.Renew:
        signature = by.sign(what.encode(), ec.ECDSA(hashes.SHA256())).hex()
        return join.Renew(certificate=answer.certificate, request=request, signature=signature)

    assert enrolment.renew(signed(key)) is not None
    assert enrolment.renew(signed(ec.generate_private_key(ec.SECP256R1()))) is None
    assert enrolment.renew(signed(key, "another request")) is None
    enrolment.authority.revoke("door")
    assert enrolment.renew(signed(key)) is None


def test_the_doors_count_tries_and_say_nothing_of_what_was_wrong(enrolment: Enrolment) -> None:
    app = FastAPI()
    app.include_router(routes(enrolment))
    client = TestClient(app)
    said = asked(enrolment, "door", join.new_token()).model_dump(mode="json")
    answers = [client.post(join.PATH, json=said) for _ in range(30)]
    assert {answer.status_code for answer in answers} == {403, 429}
    assert {answer.json()["detail"] for answer in answers} == {"Forbidden", "Too Many Requests"}


# --- the whole way ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    data = tmp_path_factory.mktemp("hub")
    subprocess.run(command("authority", "--data", data), check=True, capture_output=True)
    with serving(data) as (_, url, __):
        yield data, url


def token_of(data: Path, node: str) -> str:
    said = subprocess.run(command("enrol", node, "--data", data), check=True, capture_output=True, text=True).stdout
    return next(line for line in said.splitlines() if "join" in line).split()[-1]


def test_a_node_joins_over_the_wire_and_renews_by_itself(hub: tuple[Path, str], tmp_path: Path) -> None:
    data, url = hub
    folder = tmp_path / "tls"
    said = enrol(url, "door", token_of(data, "door"), folder)
    assert (said.store, said.broker) == ("shop", "mqtts://attune.local:8883")
    assert (folder / CERTIFICATE).stat().st_mode & 0o777 == 0o600
    assert (folder / HUB).read_text() == f"{url}\n"
    broker = Broker(url=said.broker, ca=folder / CA, certificate=folder / CERTIFICATE)
    before = read(folder / CERTIFICATE)
    assert not due(broker)
    assert not due(broker, datetime.now(UTC) + timedelta(days=59))
    assert due(broker, datetime.now(UTC) + timedelta(days=61))
    renew(broker, "door")
    after = read(folder / CERTIFICATE)
    assert after.serial_number != before.serial_number
    assert after.public_key() != before.public_key()
    assert {one.name for one in Authority(data / "authority", "shop").issued()} >= {"door", "hub", "broker"}


def test_the_courier_renews_when_two_thirds_are_over_and_dials_anew(
    hub: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, url = hub
    folder = tmp_path / "tls"
    said = enrol(url, "door", token_of(data, "door"), folder)
    config = NodeConfig(node="door", broker=Broker(url=said.broker, ca=folder / CA, certificate=folder / CERTIFICATE))
    before, dialled, ending = read(folder / CERTIFICATE), [], threading.Event()
    monkeypatch.setattr("edge.courier.renewal.due", lambda _: not dialled)

    def redial() -> None:
        dialled.append(True)
        ending.set()

    keep_renewed(config, redial, ending)
    assert dialled == [True]
    assert read(folder / CERTIFICATE).serial_number != before.serial_number


def test_a_wrong_token_a_used_one_and_a_hub_that_is_none_change_nothing(hub: tuple[Path, str], tmp_path: Path) -> None:
    data, url = hub
    folder, token = tmp_path / "tls", token_of(data, "door")
    with pytest.raises(ConfigError, match="20 letters and digits"):
        enrol(url, "door", "no token", folder)
    with pytest.raises(ConfigError, match="The hub refuses"):
        enrol(url, "door", join.new_token(), folder)
    with pytest.raises(LinkError, match="No hub answers"):
        enrol("http://127.0.0.1:1", "door", token, folder)
    with pytest.raises(ConfigError, match="is no hub"):
        enrol("file:///etc/passwd", "door", token, folder)
    assert not folder.exists()
    enrol(url, "door", token, folder)
    with pytest.raises(ConfigError, match="The hub refuses"):
        enrol(url, "door", token, folder)


def test_whoever_sits_between_them_can_put_in_no_certificate_of_his_own(
    hub: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, url = hub
    evil = Authority(tmp_path / "evil", "shop")

    def answer(_: str, __: str, said: join.Ask) -> join.Joined:
        public = x509.load_pem_x509_csr(said.request.encode()).public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        return join.Joined(
            node=said.node,
            store="shop",
            certificate=evil.issue(said.node, public).public_bytes(Encoding.PEM).decode(),
            ca=evil.certificate.public_bytes(Encoding.PEM).decode(),
            broker="mqtts://evil:8883",
            mac="0" * 64,
        )

    monkeypatch.setattr("edge.enrol._post", answer)
    with pytest.raises(ConfigError, match="does not know the token"):
        enrol(url, "door", token_of(data, "door"), tmp_path / "tls")
    assert not (tmp_path / "tls").exists()


def test_a_new_certificate_is_used_by_a_new_connection(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority", "shop")
    certify(authority, BROKER, ("127.0.0.1",))
    folder = authority.folder
    certify(authority, "door")
    with mosquitto(tmp_path) as running:
        running.stop()
        running.settings = (
            f"cafile {folder / CA}", f"certfile {folder / 'broker.pem'}", f"keyfile {folder / 'broker.pem'}",
            "require_certificate true", "use_identity_as_username true", f"acl_file {folder / ACL}",
        )  # fmt: skip
        running.start()
        config = Broker(url=f"mqtts://127.0.0.1:{running.port}", ca=folder / CA, certificate=folder / "door.pem")
        link = MqttHub(config, "shop", "door", b"{}")
        link.start()
        joined(link)
        (folder / "door.pem").unlink()
        certify(authority, "door")
        link.redial()
        joined(link)
        assert link.publish("health", b"{}")
        link.stop(b"{}")


def test_no_event_is_lost_or_said_anew_while_certificates_are_renewed(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority", "shop")
    folder = authority.folder
    certify(authority, BROKER, ("127.0.0.1",))
    for name in ("door", "hub"):
        certify(authority, name)
    meeting = tmp_path / "eye.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(meeting))
    listener.listen()
    with mosquitto(tmp_path) as running, closing(listener):
        running.stop()
        running.settings = (
            f"cafile {folder / CA}", f"certfile {folder / 'broker.pem'}", f"keyfile {folder / 'broker.pem'}",
            "require_certificate true", "use_identity_as_username true", f"acl_file {folder / ACL}",
        )  # fmt: skip
        running.start()
        broker = Broker(url=f"mqtts://127.0.0.1:{running.port}", ca=folder / CA, certificate=folder / "door.pem")
        config = NodeConfig(node="door", broker=broker)
        hub = VouchingHub(running.port, folder)
        link, outbox = MqttHub(broker, "shop", "door", b"{}"), Outbox(tmp_path / "outbox", 1000, "shop", "door")
        courier = Courier(config, "ab" * 32, outbox, Intake(listener), link)
        link.start()
        eye = Link.connect(meeting)
        courier.greet()
        for number in range(RENEWALS * EACH):
            eye.send(AssistRecord(Head(number % 12, 0, number), 1, (), 60))
            courier.step()
            if number % EACH == EACH - 1:
                (folder / "door.pem").unlink()
                certify(authority, "door")
                link.redial()
        until_s = time.monotonic() + PATIENCE_S
        while len(outbox) and time.monotonic() < until_s:
            courier.step()
            time.sleep(0.02)
        link.stop(b"{}")
        courier.intake.drop()
        outbox.close()
        hub.stop()
    assert sorted(hub.stored) == list(range(1, RENEWALS * EACH + 1))


RENEWALS = 3
EACH = 15


class VouchingHub:
    """The hub's end with its own certificate: what it heard, by number, and a word for each."""

    def __init__(self, port: int, folder: Path) -> None:
        self.stored: set[int] = set()
        self._ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.tls_set(str(folder / CA), str(folder / "hub.pem"), str(folder / "hub.pem"))
        self._client.on_connect = lambda client, *_: client.subscribe("attune/1/shop/+/assist", qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(PATIENCE_S)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _: mqtt.Client, __: object, came: mqtt.MQTTMessage) -> None:
        event = decode(came.topic, bytes(came.payload))
        assert isinstance(event, Assist)
        self.stored.add(event.seq)
        said = Stored(boot=event.boot, since=event.seq, seq=event.seq)
        self._client.publish(str(Topic(store="shop", node=event.node, kind="stored")), encode(said), qos=1)


def test_the_command_for_a_node_is_shown_as_a_code_too(hub: tuple[Path, str]) -> None:
    data, _ = hub
    asked = command("enrol", "window", "--data", data, "--qr")
    coded = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    (line,) = [line.strip() for line in coded.splitlines() if "attune-edge join" in line]
    shown = io.StringIO()
    segno.make(line, error="m").terminal(shown, compact=True)
    assert shown.getvalue() in coded


def joined(link: MqttHub) -> None:
    while not any(isinstance(news, Joined) for news in link.news()):
        assert select.select([link.woken], [], [], PATIENCE_S)[0], "the broker"
