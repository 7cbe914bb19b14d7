"""The wire, version 1: every message between a node and its hub, and nothing else.

Rules:
- Strict both ways: an unknown field, a wrong type, a value out of range, a duplicate key or an oversized payload
  is refused with a reason (`WireError.code`); nothing is guessed or coerced.
- A zone event says what was released, never more: a suppressed mood carries no number at all.
- Bytes are canonical (sorted keys, no spaces), so that the same event is the same bytes in the outbox, on the
  wire, in the ledger and in the store.

Left out: who may publish what (the broker's ACL), order and duplicates (the hub's ingest), and topics other than
``attune/1/<store>/<node>/<kind>``, which are built here and nowhere else.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from contract.errors import WireError
from contract.events import (
    KINDS,
    Assist,
    Birth,
    Command,
    Config,
    Event,
    Health,
    Hour,
    Kind,
    Mood,
    SelfTest,
    Status,
    Stored,
)
from contract.fields import FromNode, Name
from contract.ledger_events import Checkpoint, Cosignature
from contract.walk import Walk

MAJOR = 1
MINOR = 3
ROOT = "attune"
HUB: Name = "hub"  # the hub's own name where a node's would stand; no node may have it
ZONE_EVENT_BYTES_MAX = 1_000
OTHER_BYTES_MAX = 16_000
TOPICS_KNOWN = 4_096

ZONE_KINDS: frozenset[Kind] = frozenset(("mood", "hour", "assist", "walk"))
RETAINED: frozenset[Kind] = frozenset(("status", "birth", "self-test", "config", "checkpoint"))
OF_LEDGERS: frozenset[Kind] = frozenset(("checkpoint", "cosignature"))  # between all who keep a ledger
FROM_HUB: frozenset[Kind] = frozenset(("config", "command", "stored"))

_BY_KIND: dict[Kind, TypeAdapter[Any]] = {
    "mood": TypeAdapter(Annotated[Mood, Field(discriminator="suppressed")]),
    "hour": TypeAdapter(Annotated[Hour, Field(discriminator="suppressed")]),
    "assist": TypeAdapter(Assist),
    "walk": TypeAdapter(Walk),
    "status": TypeAdapter(Status),
    "birth": TypeAdapter(Birth),
    "health": TypeAdapter(Health),
    "self-test": TypeAdapter(SelfTest),
    "config": TypeAdapter(Config),
    "command": TypeAdapter(Command),
    "stored": TypeAdapter(Stored),
    "checkpoint": TypeAdapter(Checkpoint),
    "cosignature": TypeAdapter(Cosignature),
}


class Topic(BaseModel):
    """``attune/1/<store>/<node>/<kind>``."""

    model_config = ConfigDict(frozen=True)

    store: Name
    node: Name
    kind: Kind

    def __str__(self) -> str:
        return f"{ROOT}/{MAJOR}/{self.store}/{self.node}/{self.kind}"


def every_node(store: str, kind: Kind) -> str:
    """The subscription that hears one kind from every node of a store."""
    return f"{ROOT}/{MAJOR}/{store}/+/{kind}"


@lru_cache(TOPICS_KNOWN)
def parse_topic(topic: str) -> Topic:
    """Raises: WireError with code ``topic`` or ``version``."""
    parts = topic.split("/")
    if len(parts) != 5 or parts[0] != ROOT:
        raise WireError("topic", f"The topic {topic[:80]!r} is not attune/1/<store>/<node>/<kind>.")
    if parts[1] != str(MAJOR):
        raise WireError("version", f"The topic is of wire version {parts[1][:8]!r}; this side speaks {MAJOR}.")
    store, node, kind = parts[2:]
    if not (re.fullmatch(_NAME, store) and re.fullmatch(_NAME, node)) or kind not in KINDS:
        raise WireError("topic", f"The topic {topic[:80]!r} names no store, node and kind of this contract.")
    return Topic(store=store, node=node, kind=kind)


_NAME = r"[a-z0-9][a-z0-9-]{0,31}"


def qos(kind: Kind) -> int:
    """With which MQTT quality of service a kind is published."""
    return 0 if kind == "health" else 1


def size_limit(kind: Kind) -> int:
    """Bytes a payload of this kind may have at most."""
    return ZONE_EVENT_BYTES_MAX if kind in ZONE_KINDS else OTHER_BYTES_MAX


def encode(event: Event) -> bytes:
    """Canonical bytes of one event.

    Raises: WireError (``oversize``) when they are more than the kind may have.
    """
    body = event.model_dump(mode="json", exclude={"kind"})
    payload = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    if len(payload) > size_limit(event.kind):
        raise WireError("oversize", f"A {event.kind} of {len(payload)} bytes is over {size_limit(event.kind)}.")
    return payload


def decode(topic: str, payload: bytes) -> Event:
    """One event from its topic and bytes, or the reason why not.

    Raises: WireError with code ``topic``, ``version``, ``oversize``, ``json``, ``field`` (unknown), ``missing``,
    ``value`` (type or range) or ``node`` (the payload names another node than the topic).
    """
    where = parse_topic(topic)
    if len(payload) > size_limit(where.kind):
        raise WireError("oversize", f"A {where.kind} of {len(payload)} bytes is over {size_limit(where.kind)}.")
    body = _parse(payload)
    if body.get("v") != MAJOR or isinstance(body.get("v"), bool):
        raise WireError("version", f"The {where.kind} says version {str(body.get('v'))[:8]}; this side speaks {MAJOR}.")
    if "kind" in body:
        raise WireError("field", "Unknown field 'kind': the topic says the kind.")
    try:
        event: Event = _BY_KIND[where.kind].validate_json(payload)
    except ValidationError as error:
        raise _refusal(where.kind, error) from None
    if isinstance(event, FromNode) and event.node != where.node:
        raise WireError("node", f"The payload names node {event.node!r}, the topic {where.node!r}.")
    return event


def _parse(payload: bytes) -> dict[str, Any]:
    try:
        body = _STRICT.decode(payload.decode())
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise WireError("json", f"The payload is not JSON of this contract: {str(error)[:80]}.") from None
    if not isinstance(body, dict):
        raise WireError("json", "The payload is not a JSON object.")
    return body


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise ValueError("a key stands twice")
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number here")


_STRICT = json.JSONDecoder(object_pairs_hook=_no_twins, parse_constant=_no_constant)


def _refusal(kind: Kind, error: ValidationError) -> WireError:
    first = error.errors(include_url=False, include_input=False)[0]
    tagged = kind in ("mood", "hour")  # the first part of the place is then the union's tag
    place = ".".join(str(part) for part in first["loc"][tagged:]) or "'suppressed'"
    code = {"extra_forbidden": "field", "missing": "missing", "union_tag_not_found": "missing"}
    return WireError(code.get(first["type"], "value"), f"The {kind}'s {place[:60]} is refused: {first['msg'][:120]}.")


def schema(kind: Kind) -> dict[str, Any]:
    """JSON Schema of one kind's payload, without the ``kind`` that only the topic carries."""
    described = _BY_KIND[kind].json_schema()
    for part in (described, *described.get("$defs", {}).values()):
        part.get("properties", {}).pop("kind", None)
        tags = [name for name in ("v", "suppressed") if name in part.get("properties", {})]
        if tags:  # they have defaults in Python, and must stand on the wire
            part["required"] = [*tags, *part.get("required", [])]
    return described
