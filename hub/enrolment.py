"""Letting nodes in: a token that a person carries to the node, a certificate back, a new one before it ends.

Rules:
- A token is for one name, good once and for 15 minutes; after five wrong answers it is good for nothing.
- What was wrong is not said, only that it did not work.
- A certificate is renewed for whoever holds the key of one that still counts. A name that was revoked begins anew with
  a token.

Left out: what is signed (`hub.authority`), and what both sides compute (`contract.join`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from fastapi import APIRouter, Body, Depends, HTTPException, Request

from contract import join as joining
from contract.wire import HUB
from hub.auth import ANYONE
from hub.authority import BROKER, Authority
from hub.limits import Tries

TOKEN_S: Final = 15 * 60.0
WRONG_MAX: Final = 5
_TABLE: Final = """CREATE TABLE IF NOT EXISTS tokens (
  name TEXT PRIMARY KEY, key BLOB NOT NULL, ends_s REAL NOT NULL, wrong INTEGER NOT NULL DEFAULT 0) STRICT"""
TAKEN: Final = (HUB, BROKER)


@dataclass(slots=True)
class Enrolment:
    """Tokens and what they are good for. ``broker`` is the URL that nodes are told."""

    authority: Authority
    store: str
    broker: str
    clock: Callable[[], float] = time.time
    tries: Tries = field(default_factory=Tries)

    def __post_init__(self) -> None:
        with self.authority.register() as register:
            register.execute(_TABLE)

    def token(self, name: str) -> str:
        """A new token for a name; an older one of that name is good no more."""
        token = joining.new_token()
        with self.authority.register() as register:
            register.execute("DELETE FROM tokens WHERE ends_s <= ?", (self.clock(),))
            register.execute(
                "INSERT OR REPLACE INTO tokens (name, key, ends_s) VALUES (?, ?, ?)",
                (name, joining.key_of(token), self.clock() + TOKEN_S),
            )
        return token

    def join(self, said: joining.Ask) -> joining.Joined | None:
        """A certificate for whoever knows the name's token; None for everybody else."""
        with self.authority.register() as register:
            row = register.execute(
                "SELECT key FROM tokens WHERE name = ? AND ends_s > ? AND wrong < ?",
                (said.node, self.clock(), WRONG_MAX),
            ).fetchone()
            if row is None:
                return None
            public = _public(said.request, said.node) if joining.asked_by(row[0], said) else None
            if public is None:
                register.execute("UPDATE tokens SET wrong = wrong + 1 WHERE name = ?", (said.node,))
                return None
            if register.execute("DELETE FROM tokens WHERE name = ? AND key = ?", (said.node, row[0])).rowcount != 1:
                return None  # somebody was quicker
        self.authority.revoke(said.node)  # a name has one certificate that counts
        return joining.joined(row[0], self._answer(said.node, public))

    def renew(self, said: joining.Renew) -> joining.Joined | None:
        """A new certificate for whoever holds the key of one that counts; that one counts until it ends."""
        try:
            old = x509.load_pem_x509_certificate(said.certificate.encode())
            held = old.public_key()
            if not self.authority.good(old) or not isinstance(held, ec.EllipticCurvePublicKey):
                return None
            held.verify(bytes.fromhex(said.signature), said.request.encode(), ec.ECDSA(hashes.SHA256()))
        except (ValueError, InvalidSignature):
            return None
        name = str(old.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
        public = _public(said.request, name)
        return None if public is None or name in TAKEN else self._answer(name, public)

    def _answer(self, name: str, public: ec.EllipticCurvePublicKey) -> joining.Joined:
        certificate = self.authority.issue(name, public)
        return joining.Joined(
            node=name,
            store=self.store,
            certificate=certificate.public_bytes(Encoding.PEM).decode(),
            ca=self.authority.certificate.public_bytes(Encoding.PEM).decode(),
            broker=self.broker,
        )


def _public(request: str, name: str) -> ec.EllipticCurvePublicKey | None:
    """The key of a signing request that is whole and says that name."""
    try:
        asked = x509.load_pem_x509_csr(request.encode())
        names = [one.value for one in asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        public = asked.public_key()
    except ValueError:
        return None
    if names != [name] or not asked.is_signature_valid or not isinstance(public, ec.EllipticCurvePublicKey):
        return None
    return public if isinstance(public.curve, ec.SECP256R1) else None


def routes(enrolment: Enrolment) -> APIRouter:
    """The two doors of nodes; whoever knocks has nothing but the token or the key."""
    router = APIRouter(dependencies=[Depends(ANYONE)])

    def counted(request: Request) -> None:
        if not enrolment.tries.allow(request.client.host if request.client else ""):
            raise HTTPException(429)

    @router.post(joining.PATH, dependencies=[Depends(counted)])
    def enter(said: Annotated[joining.Ask, Body()]) -> joining.Joined:
        if (answer := enrolment.join(said)) is None:
            raise HTTPException(403)
        return answer

    @router.post(joining.RENEW_PATH, dependencies=[Depends(counted)])
    def renew(said: Annotated[joining.Renew, Body()]) -> joining.Joined:
        if (answer := enrolment.renew(said)) is None:
            raise HTTPException(403)
        return answer

    return router
