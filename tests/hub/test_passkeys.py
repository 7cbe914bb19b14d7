"""Passkeys, made by a device of the test's own: what is accepted, and everything that is not."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient

from contract.errors import ConfigError
from hub.auth import Doors, Role
from hub.passkeys import CHALLENGE_TTL_S, CHALLENGES_MAX, NAME_CHARS_MAX, PASSKEYS_MAX, Passkeys, Place
from tests.hub.conftest import Clock

HERE = Place("localhost", "http://localhost:8700")
UP, UV, AT = 0x01, 0x04, 0x40


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def client_data(kind: str, challenge: str, origin: str) -> bytes:
    return json.dumps({"type": f"webauthn.{kind}", "challenge": challenge, "origin": origin}).encode()


@dataclass(slots=True)
class Device:
    """A telephone with one passkey, that does as the test says."""

    number: bytes = b"a passkey's number"
    counter: int = 1
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def data(self, host: str, flags: int) -> bytes:
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def made(self, options: Any, place: Place = HERE, flags: int = UP | UV) -> dict[str, Any]:
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        held = bytes(16) + len(self.number).to_bytes(2, "big") + self.number + cbor2.dumps(cose)
        attested = {"fmt": "none", "attStmt": {}, "authData": self.data(place.host, flags | AT) + held}
        return self._answer(
            clientDataJSON=client_data("create", options["challenge"], place.origin),
            attestationObject=cbor2.dumps(attested),
        )

    def shown(self, options: Any, place: Place = HERE, flags: int = UP | UV) -> dict[str, Any]:
        said, data = client_data("get", options["challenge"], place.origin), self.data(place.host, flags)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(clientDataJSON=said, authenticatorData=data, signature=signature)

    def _answer(self, **parts: bytes) -> dict[str, Any]:
        response = {name: b64(part) for name, part in parts.items()}
        return {"id": b64(self.number), "rawId": b64(self.number), "type": "public-key", "response": response}


@pytest.fixture
def passkeys(doors: Doors, page_clock: Clock) -> Passkeys:
    return Passkeys(doors.db, page_clock)


@pytest.fixture
def device(passkeys: Passkeys) -> Device:
    """A telephone whose passkey is known."""
    device = Device()
    passkeys.add(device.made(passkeys.ask_new(HERE, "Shop", "me")), "My telephone", HERE, "me")
    return device


def test_a_passkey_that_was_added_opens(passkeys: Passkeys, device: Device) -> None:
    device.counter += 1
    passkeys.check(device.shown(passkeys.ask(HERE)), HERE)
    assert [(one.name, one.host) for one in passkeys.all()] == [("My telephone", "localhost")]


def test_a_challenge_is_good_once(passkeys: Passkeys, device: Device) -> None:
    device.counter += 1
    shown = device.shown(passkeys.ask(HERE))
    passkeys.check(shown, HERE)
    with pytest.raises(ConfigError):
        passkeys.check(shown, HERE)


@pytest.mark.parametrize("late_s", [CHALLENGE_TTL_S + 1, -1.0])
def test_a_challenge_is_good_for_five_minutes(
    passkeys: Passkeys, device: Device, page_clock: Clock, late_s: float
) -> None:
    device.counter += 1
    shown = device.shown(passkeys.ask(HERE))
    page_clock.now_s += late_s
    with pytest.raises(ConfigError, match="try again"):
        passkeys.check(shown, HERE)


def test_a_challenge_that_the_hub_did_not_make_opens_nothing(passkeys: Passkeys, device: Device) -> None:
    with pytest.raises(ConfigError):
        passkeys.check(device.shown({"challenge": b64(bytes(32))}), HERE)


def test_a_challenge_to_come_in_adds_no_passkey_and_one_of_another_session_neither(passkeys: Passkeys) -> None:
    for options in (passkeys.ask(HERE), passkeys.ask_new(HERE, "Shop", "somebody else")):
        with pytest.raises(ConfigError):
            passkeys.add(Device().made(options), "Theirs", HERE, "me")
    assert passkeys.all() == ()


def test_a_challenge_to_add_one_lets_nobody_in(passkeys: Passkeys, device: Device) -> None:
    device.counter += 1
    with pytest.raises(ConfigError):
        passkeys.check(device.shown(passkeys.ask_new(HERE, "Shop", "me")), HERE)


@pytest.mark.parametrize(
    "elsewhere", [Place("localhost", "http://localhost:9999"), Place("evil.example", "https://evil.example")]
)
def test_what_a_page_elsewhere_was_shown_opens_nothing_here(
    passkeys: Passkeys, device: Device, elsewhere: Place
) -> None:
    device.counter += 1
    with pytest.raises(ConfigError):
        passkeys.check(device.shown(passkeys.ask(HERE), elsewhere), HERE)
    with pytest.raises(ConfigError):
        passkeys.add(Device(b"new").made(passkeys.ask_new(HERE, "Shop", "me"), elsewhere), "New", HERE, "me")


def test_a_device_that_asked_its_owner_for_nothing_opens_nothing(passkeys: Passkeys, device: Device) -> None:
    device.counter += 1
    with pytest.raises(ConfigError):
        passkeys.check(device.shown(passkeys.ask(HERE), flags=UP), HERE)
    with pytest.raises(ConfigError):
        passkeys.add(Device(b"new").made(passkeys.ask_new(HERE, "Shop", "me"), flags=UP), "New", HERE, "me")


def test_a_copy_of_a_passkey_whose_counter_lags_behind_opens_nothing(passkeys: Passkeys, device: Device) -> None:
    copy = Device(device.number, device.counter, device.key)
    device.counter += 5
    passkeys.check(device.shown(passkeys.ask(HERE)), HERE)
    copy.counter += 1
    with pytest.raises(ConfigError):
        passkeys.check(copy.shown(passkeys.ask(HERE)), HERE)


def test_another_key_under_a_known_number_opens_nothing(passkeys: Passkeys, device: Device) -> None:
    with pytest.raises(ConfigError):
        passkeys.check(Device(device.number, 9).shown(passkeys.ask(HERE)), HERE)


def test_a_known_number_is_not_taken_over_by_another_key(passkeys: Passkeys, device: Device) -> None:
    passkeys.add(Device(device.number).made(passkeys.ask_new(HERE, "Shop", "me")), "Another", HERE, "me")
    device.counter += 1
    passkeys.check(device.shown(passkeys.ask(HERE)), HERE)
    assert [one.name for one in passkeys.all()] == ["My telephone"]


def test_a_removed_passkey_opens_nothing(passkeys: Passkeys, device: Device) -> None:
    assert passkeys.remove(passkeys.all()[0].id)
    assert not passkeys.remove("00")
    device.counter += 1
    with pytest.raises(ConfigError, match="removed, or never added"):
        passkeys.check(device.shown(passkeys.ask(HERE)), HERE)


@pytest.mark.parametrize("name", ["", "  ", "x" * (NAME_CHARS_MAX + 1)])
def test_a_passkey_needs_a_name(passkeys: Passkeys, name: str) -> None:
    with pytest.raises(ConfigError, match="needs a name"):
        passkeys.add(Device().made(passkeys.ask_new(HERE, "Shop", "me")), name, HERE, "me")


def test_there_are_at_most_twenty_passkeys(passkeys: Passkeys) -> None:
    for number in range(PASSKEYS_MAX):
        passkeys.db.run("INSERT INTO passkeys VALUES (?, x'00', 0, 'a', 'localhost', 1)", bytes([number]))
    with pytest.raises(ConfigError, match="20 passkeys already"):
        passkeys.add(Device().made(passkeys.ask_new(HERE, "Shop", "me")), "One more", HERE, "me")


def test_open_challenges_are_bounded(passkeys: Passkeys) -> None:
    for _ in range(CHALLENGES_MAX + 50):
        passkeys.ask(HERE)
    assert len(passkeys._asked) == CHALLENGES_MAX


@pytest.mark.parametrize(
    "place",
    [Place("127.0.0.1", "http://127.0.0.1:8080"), Place("[::1]", "http://[::1]:8080"), Place("shop", "http://shop")],
    ids=lambda place: place.host,
)
def test_no_passkey_is_offered_at_a_bare_number_or_without_https(place: Place) -> None:
    assert not place.can_hold


def test_a_passkey_is_offered_over_https_and_at_localhost() -> None:
    assert HERE.can_hold
    assert Place("attune.local", "https://attune.local").can_hold


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"id": 7, "response": None},
        {"response": {"clientDataJSON": "!"}},
        {"id": "a", "rawId": "a", "type": "public-key", "response": {"clientDataJSON": b64(b"[]")}},
        {"response": {"clientDataJSON": b64(b'{"type": "webauthn.get", "challenge": "", "origin": ""}')}},
        {"response": {"clientDataJSON": b64(b'{"challenge": {"a": 1}}')}},
    ],
)
def test_bytes_of_a_stranger_are_refused_in_one_sentence(
    client_of: Callable[[Role | None], TestClient], credential: dict[str, Any]
) -> None:
    entering = client_of(None).post("/enter/passkey", json={"credential": credential})
    assert (entering.status_code, list(entering.json())) == (403, ["error"])
    adding = client_of("owner").post("/owner/doors/passkeys", json={"credential": credential, "name": "a"})
    assert (adding.status_code, list(adding.json())) == (400, ["error"])


def test_a_right_shape_with_wrong_insides_is_refused_too(passkeys: Passkeys, device: Device) -> None:
    shown = device.shown(passkeys.ask(HERE))
    for part in ("authenticatorData", "signature"):
        for wrong in ("", "!", b64(b"x" * 40), None):
            broken = json.loads(json.dumps(shown))
            options = passkeys.ask(HERE)
            broken["response"]["clientDataJSON"] = b64(client_data("get", options["challenge"], HERE.origin))
            broken["response"][part] = wrong
            with pytest.raises(ConfigError):
                passkeys.check(broken, HERE)


def test_only_a_public_key_is_kept(passkeys: Passkeys, device: Device) -> None:
    kept = passkeys.db.run("SELECT public_key FROM passkeys")[0][0]
    numbers = device.key.public_key().public_numbers()
    assert cbor2.loads(kept)[-2] == numbers.x.to_bytes(32, "big")
    assert device.key.private_numbers().private_value.to_bytes(32, "big") not in kept
