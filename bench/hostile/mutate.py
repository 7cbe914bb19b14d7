"""Messages of the contract, and what malice or a broken node makes of them. Everything follows from a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings

from contract import wire
from contract.events import KINDS, Kind
from tests.contract.events import EVENTS, NODE, STORE

Said = tuple[str, bytes]
EXAMPLES: Final = 25
_ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 12, 2**31, 2**53, 2**53 + 1, 2**64, -(2**64), 10**400, 0.0, -0.0, 1e-320, 1e308, 0.5,
    "", "0", "\x00", "\ud800", "\U0001f600", "a" * 500, "../../etc/passwd", "'; DROP TABLE events; --", "<script>",
    "%s", "${jndi:x}", [], {}, [[]], [None], {"": {}}, {"__proto__": 1}, ["negative"] * 50,
)  # fmt: skip
_NUMBERS: Final = (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"0x10", b"01", b"1.", b"9" * 5_000)
_BYTES: Final = (b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"', b"{", b"[", b"\\u0000", b",", b"\n")
_BASE: Final = "attune/1/shop/front"
_TOPICS: Final = (
    "", "/", "attune", "attune/", "attune/1", _BASE, f"{_BASE}/", f"{_BASE}/mood/", f"{_BASE}/mood\n", "$SYS/broker",
    "attune/2/shop/front/mood", "attune/01/shop/front/mood", "attune/1/other/front/mood", "attune/1/shop/hub/mood",
    f"{_BASE}/no-such-kind", "attune/1/shop/FRONT/mood", "attune/1/shop/../mood", f"{_BASE}%00/mood",
    "attune/1/shop/" + "a" * 33 + "/mood", "attune/1/shop/frönt/mood", f"{_BASE}\u202e/mood", "attune//shop/front/mood",
    "attune/1/shop/-front/mood", "attune/1/" + "x/" * 200, "attune/1/shop/hub/checkpoint",
)  # fmt: skip


def corpus(examples: int = EXAMPLES) -> list[Said]:
    """Messages that the contract allows, some of each kind."""
    return [said for kind in KINDS for said in _drawn(kind, examples)]


def _drawn(kind: Kind, examples: int) -> list[Said]:
    topic, found = str(wire.Topic(store=STORE, node=NODE, kind=kind)), []

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(event=EVENTS[kind])
    def keep(event: Any) -> None:
        found.append((topic, wire.encode(event)))

    keep()
    return found


def mutants(said: list[Said], seed: int) -> Iterator[Said]:
    """For ever: one message after the other, changed somewhere, now and then not at all."""
    chance = random.Random(seed)
    ways = (_bits, _bits, _bytes, _cut, _splice, _value, _value, _value, _key, _twin, _number, _deep, _grown)
    while True:
        topic, payload = chance.choice(said)
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            payload = chance.choice(ways)(chance, payload, said)
        yield (_topic(chance, topic) if chance.random() < 0.2 else topic), payload


def _topic(chance: random.Random, topic: str) -> str:
    if chance.random() < 0.5:
        return chance.choice(_TOPICS)
    parts = topic.split("/")
    place = chance.randrange(len(parts))
    parts[place] = chance.choice((*KINDS, "", "a", "hub", "front", "1", "2", parts[place] * 2, parts[place][:-1]))
    return "/".join(parts)


def _bits(chance: random.Random, payload: bytes, _: list[Said]) -> bytes:
    changed = bytearray(payload)
    for _ in range(chance.randint(1, 4)):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _bytes(chance: random.Random, payload: bytes, _: list[Said]) -> bytes:
    at = chance.randint(0, len(payload))
    return payload[:at] + chance.choice(_BYTES) * chance.randint(1, 3) + payload[at + chance.randint(0, 3) :]


def _cut(chance: random.Random, payload: bytes, _: list[Said]) -> bytes:
    return payload[chance.randint(0, 3) * chance.randint(0, 1) : chance.randint(0, len(payload))]


def _splice(chance: random.Random, payload: bytes, said: list[Said]) -> bytes:
    other = chance.choice(said)[1]
    return payload[: chance.randint(0, len(payload))] + other[chance.randint(0, len(other)) :]


def _grown(chance: random.Random, payload: bytes, _: list[Said]) -> bytes:
    return payload + chance.choice((b" ", b"x", payload[:64] or b"0")) * chance.randint(1, 20_000)


def _deep(chance: random.Random, payload: bytes, _: list[Said]) -> bytes:
    depth = chance.choice((2, 50, 900, 7_000))
    return payload[:-1] + b',"deep":' + b"[" * depth + b"]" * depth * chance.randint(0, 1) + b"}"


def _number(chance: random.Random, payload: bytes, _: list[Said]) -> bytes:
    digits = [at for at in range(1, len(payload)) if payload[at - 1 : at] == b":" and payload[at : at + 1].isdigit()]
    if not digits:
        return payload
    at = chance.choice(digits)
    end = next((place for place in range(at, len(payload)) if payload[place : place + 1] in b",}]"), len(payload))
    return payload[:at] + chance.choice(_NUMBERS) + payload[end:]


def _twin(chance: random.Random, payload: bytes, _: list[Said]) -> bytes:
    body = _body(payload)
    if not body:
        return payload
    key = chance.choice(list(body))
    return payload[:-1] + b"," + json.dumps(key).encode() + b":" + json.dumps(chance.choice(_ODD)).encode() + b"}"


def _value(chance: random.Random, payload: bytes, _: list[Said]) -> bytes:
    def change(body: dict[str, Any], key: str) -> None:
        inner = body[key]
        if isinstance(inner, dict) and inner and chance.random() < 0.7:
            change(inner, chance.choice(list(inner)))
        else:
            body[key] = chance.choice(_ODD)

    return _changed(chance, payload, change)


def _key(chance: random.Random, payload: bytes, _: list[Said]) -> bytes:
    def change(body: dict[str, Any], key: str) -> None:
        value = body.pop(key)
        if chance.random() < 0.6:
            body[chance.choice((key.upper(), key + " ", "kind", "v", "mood", "person", ""))] = value

    return _changed(chance, payload, change)


def _changed(chance: random.Random, payload: bytes, change: Callable[[dict[str, Any], str], None]) -> bytes:
    body = _body(payload)
    if not body:
        return payload
    change(body, chance.choice(list(body)))
    return json.dumps(body).encode("utf-8", "surrogatepass")


def _body(payload: bytes) -> dict[str, Any]:
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
