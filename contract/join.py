"""How a node joins a shop: what both sides compute from the token that a person carried from one to the other.

Rules:
- The token itself is never sent. Both sides prove that they know it by a MAC over what they send, so that neither the
  way nor its certificate need be trusted yet, and nobody on the way can put in a key of his own.
- A token holds 100 random bits, is good once and for 15 minutes.
- Later a node asks with the key that it has: its signature over the new request takes the MAC's place.

Left out: certificates (`hub.authority`), keeping tokens (`hub.enrolment`), and the node's files (`edge.enrol`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from contract.fields import Name

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: none is taken for another
GROUPS: Final = 4
GROUP: Final = 5
PATH: Final = "/enrol"
RENEW_PATH: Final = "/enrol/renew"
Pem = Annotated[str, Field(max_length=4_000)]
Mac = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Ask(_Part):
    """A node's first request. ``mac`` is over name and request."""

    node: Name
    request: Pem
    mac: Mac


class Renew(_Part):
    """A node's later request: the certificate it has, and that one's key's signature over the new request."""

    certificate: Pem
    request: Pem
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128,160}$")]


class Joined(_Part):
    """The hub's answer. ``mac`` is over all of it; empty where no token was used."""

    node: Name
    store: Name
    certificate: Pem
    ca: Pem
    broker: Annotated[str, Field(max_length=200)]
    mac: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


def new_token() -> str:
    """``ABCDE-12345-…``, to be typed by a person."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))


def key_of(token: str) -> bytes:
    """What both sides compute from a token, however it was typed. Raises: ValueError when it is none."""
    typed = token.upper().replace("O", "0").replace("I", "1").replace("L", "1")
    plain = "".join(letter for letter in typed if letter not in "- ")
    if len(plain) != GROUPS * GROUP or set(plain) - set(ALPHABET):
        raise ValueError("not a token")
    return hashlib.sha256(b"attune-join/1\n" + plain.encode()).digest()


def ask(key: bytes, node: str, request: str) -> Ask:
    """A node's first request."""
    return Ask(node=node, request=request, mac=_mac(key, b"ask", node, request))


def asked_by(key: bytes, said: Ask) -> bool:
    """Whether whoever asks knows the token."""
    return hmac.compare_digest(said.mac, _mac(key, b"ask", said.node, said.request))


def joined(key: bytes, answer: Joined) -> Joined:
    """The answer with its MAC."""
    return answer.model_copy(update={"mac": _mac_of(key, answer)})


def answered_by(key: bytes, said: Joined) -> bool:
    """Whether whoever answers knows the token."""
    return hmac.compare_digest(said.mac, _mac_of(key, said))


def _mac_of(key: bytes, said: Joined) -> str:
    return _mac(key, b"joined", said.node, said.store, said.certificate, said.ca, said.broker)


def _mac(key: bytes, what: bytes, *parts: str) -> str:
    body = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.new(key, b"attune-join/1\n" + what + b"\n" + body, hashlib.sha256).hexdigest()
