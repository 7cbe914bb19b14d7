"""The shop's own certificate authority: who may speak to the broker, for how long, and who may no more.

Rules:
- One authority a shop, made on the hub, whose key never leaves its file. It signs for the broker and the hub, and for
  nodes that a person enrolled (`hub.enrolment`).
- A certificate is good for 90 days; a name has one that counts, the newest.
- A node that is revoked is struck from the broker's access list and its certificates stand in the revocation list, both
  written to disk at once: one shuts a connection that stands, the other keeps it from coming back.

Left out: how a node asks (`hub.enrolment`), and telling the broker to read its files again (a systemd path unit).

Source: RFC 5280; mosquitto.conf(5) for the access list.
"""

from __future__ import annotations

import ipaddress
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from contract.errors import ConfigError, StoreError
from contract.events import KINDS
from contract.wire import FROM_HUB, HUB, MAJOR, OF_LEDGERS, ROOT

LIFE: Final = timedelta(days=90)
AUTHORITY_LIFE: Final = timedelta(days=3_650)
LEEWAY: Final = timedelta(hours=1)  # a node's clock may be behind
CA, CA_KEY, CRL, ACL, REGISTER = "ca.pem", "ca.key", "crl.pem", "acl", "register.db"
BROKER: Final = "broker"
_TABLE: Final = """CREATE TABLE IF NOT EXISTS issued (
  serial TEXT PRIMARY KEY, name TEXT NOT NULL, ends_s REAL NOT NULL, revoked_s REAL) STRICT, WITHOUT ROWID"""


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate that was signed. Units: seconds since the epoch."""

    serial: int
    name: str
    ends_s: float
    revoked_s: float | None


class Authority:
    """The authority in a folder; made where there is none.

    Raises: StoreError when the folder cannot be used, ConfigError when a file in it is damaged.
    """

    def __init__(self, folder: Path, store: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder, self._store, self._now = folder, store, now
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (folder / CA_KEY).exists():
                self._begin()
            self._key = load_pem_private_key((folder / CA_KEY).read_bytes(), None)
            self.certificate = x509.load_pem_x509_certificate((folder / CA).read_bytes())
            if self.certificate.public_key() != self._key.public_key():
                raise ValueError(f"{CA} is not of {CA_KEY}")
            with self.register() as register:
                register.execute(_TABLE)
            self.publish()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"The authority in {folder} cannot be used ({error}): check the folder.") from None
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigError(
                f"The authority in {folder} is damaged ({error}): restore a copy of the folder."
            ) from None

    def _begin(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Attune {self._store}")])
        builder = self._builder(name, key.public_key(), name, AUTHORITY_LIFE).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True, "digital_signature": True}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        write_whole(self.folder / CA, builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM), 0o644)
        write_whole(self.folder / CA_KEY, private_pem(key), 0o600)

    def _builder(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey, issuer: x509.Name, life: timedelta
    ) -> x509.CertificateBuilder:
        now = self._now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - LEEWAY)
            .not_valid_after(now + life)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )

    def issue(self, name: str, public: ec.EllipticCurvePublicKey, hosts: Iterable[str] = ()) -> x509.Certificate:
        """A certificate for a party of the shop; with ``hosts`` for one that others connect to."""
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        hosts = tuple(hosts)
        builder = self._builder(subject, public, self.certificate.subject, LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        usages = [ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), False)
        certificate = builder.sign(self._key, hashes.SHA256())
        with self.register() as register:
            register.execute(
                "INSERT INTO issued VALUES (?, ?, ?, NULL)",
                (str(certificate.serial_number), name, certificate.not_valid_after_utc.timestamp()),
            )
        self.publish()
        return certificate

    def good(self, certificate: x509.Certificate) -> bool:
        """Whether this authority signed it, it has not ended, and nobody revoked it."""
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        in_time = certificate.not_valid_before_utc <= self._now() < certificate.not_valid_after_utc
        return in_time and any(
            one.serial == certificate.serial_number and one.revoked_s is None for one in self.issued()
        )

    def issued(self) -> list[Issued]:
        """Every certificate that has not ended, oldest first."""
        with self.register() as register:
            rows = register.execute(
                "SELECT serial, name, ends_s, revoked_s FROM issued WHERE ends_s > ? ORDER BY ends_s",
                (self._now().timestamp(),),
            ).fetchall()
        return [Issued(int(row[0]), *row[1:]) for row in rows]

    def nodes(self) -> list[str]:
        """Who may speak to the broker as a node now."""
        return sorted({one.name for one in self.issued() if one.revoked_s is None} - {HUB, BROKER})

    def revoke(self, name: str) -> int:
        """No certificate of that name counts any more; how many did."""
        with self.register() as register:
            gone = register.execute(
                "UPDATE issued SET revoked_s = ? WHERE name = ? AND revoked_s IS NULL AND ends_s > ?",
                (self._now().timestamp(), name, self._now().timestamp()),
            ).rowcount
        self.publish()
        return gone

    def publish(self) -> None:
        """Write the broker's access list and the revocation list."""
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        now = self._now()
        listed = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        listed = listed.last_update(now - LEEWAY).next_update(now + AUTHORITY_LIFE)
        for one in self.issued():
            if one.revoked_s is not None:
                gone = x509.RevokedCertificateBuilder().serial_number(one.serial)
                listed = listed.add_revoked_certificate(
                    gone.revocation_date(datetime.fromtimestamp(one.revoked_s, UTC)).build()
                )
        signed = listed.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        write_whole(self.folder / CRL, signed, 0o644)
        write_whole(self.folder / ACL, access_list(self._store, self.nodes()).encode(), 0o644)

    @contextmanager
    def register(self) -> Iterator[sqlite3.Connection]:
        """The authority's own small database; statement by statement, each on disk when it returns."""
        with closing(sqlite3.connect(self.folder / REGISTER, timeout=10, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = FULL")
            yield db


def access_list(store: str, nodes: Iterable[str]) -> str:
    """Mosquitto's access list: each node its own topics and what all ledgers say, the hub everything of the shop."""
    root = f"{ROOT}/{MAJOR}/{store}"
    lines = [
        "# Written by attune-hub: changes made here are lost. Names are those of the certificates.",
        f"user {HUB}",
        f"topic readwrite {root}/#",
        "topic readwrite homeassistant/#",
    ]
    for node in nodes:
        lines += ["", f"user {node}"]
        lines += [f"topic read {root}/{node}/{kind}" for kind in sorted(FROM_HUB)]
        lines += [f"topic write {root}/{node}/{kind}" for kind in _FROM_NODE]
        lines += [f"topic read {root}/+/{kind}" for kind in sorted(OF_LEDGERS)]
    return "\n".join(lines) + "\n"


_FROM_NODE: Final = tuple(kind for kind in KINDS if kind not in FROM_HUB)
_USAGES: Final = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key as it stands in its file."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_whole(path: Path, body: bytes, mode: int) -> None:
    """A file that is there whole or as it was before. Raises: OSError."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
