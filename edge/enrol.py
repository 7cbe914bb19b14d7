"""How a node gets its certificate, and a new one before that ends.

Rules:
- The node makes its own key; it never leaves the node.
- What the hub answers counts only when it proves that it knows the token, and is about this node's own key.
- Key and certificate stand in one file and are replaced together: there is no moment at which they do not fit.
- A new certificate is asked for when two thirds of the old one's life are over, and again each hour until there is one.

Left out: what the hub checks (`hub.enrolment`).
"""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID
from pydantic import BaseModel, ValidationError

from contract import join
from contract.certificates import read
from contract.errors import ConfigError, LinkError
from edge.config import Broker

CA, CERTIFICATE, HUB = "ca.pem", "node.pem", "hub.url"
WAIT_S: Final = 15.0
ANSWER_BYTES_MAX: Final = 32_768
_PRIVATE: Final = "-----BEGIN PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a hub said: where the broker is, and the shop's name in topics."""

    store: str
    broker: str


def enrol(hub: str, node: str, token: str, folder: Path) -> Enrolled:
    """Join the shop whose hub is at ``hub`` (``https://…``), and keep key and certificates in a folder.

    Raises: ConfigError when the token is none or did not work, LinkError when no hub answers there.
    """
    try:
        secret = join.key_of(token)
    except ValueError:
        raise ConfigError("The token is 20 letters and digits, as attune-hub enrol prints it: type it again.") from None
    key = ec.generate_private_key(ec.SECP256R1())
    said = _post(hub, join.PATH, join.ask(secret, node, _request(key, node)))
    if said.node != node or not join.answered_by(secret, said):
        raise ConfigError(f"What answers at {hub} does not know the token: look whether that is your hub.")
    _check(said, key, said.ca)
    _keep(folder, said, key)
    _write(folder / HUB, f"{hub}\n".encode(), 0o644)
    return Enrolled(said.store, said.broker)


def due(broker: Broker, now: datetime | None = None) -> bool:
    """Whether two thirds of the certificate's life are over. Raises: ConfigError when it cannot be read."""
    if broker.certificate is None:
        return False
    held = read(broker.certificate)
    begins, ends = held.not_valid_before_utc, held.not_valid_after_utc
    return (now or datetime.now(UTC)) >= begins + (ends - begins) * 2 / 3


def renew(broker: Broker, node: str) -> None:
    """A new key and certificate in place of the old ones.

    Raises: ConfigError when the old ones cannot be read, the hub refuses or the answer is about another; LinkError when
    no hub answers.
    """
    if broker.certificate is None or broker.ca is None:
        raise ConfigError("This node has no certificate to renew: attune-edge join gets one.")
    folder = broker.certificate.parent
    try:
        hub = (folder / HUB).read_text(encoding="utf-8").strip()
        both = (broker.key or broker.certificate).read_text(encoding="utf-8")
        held = load_pem_private_key(both[max(0, both.find(_PRIVATE)) :].encode(), None)
        ca = broker.ca.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"This node's key cannot be read ({error}): join again (attune-edge join).") from None
    if not isinstance(held, ec.EllipticCurvePrivateKey):
        raise ConfigError("This node's key is of another kind: join the shop again (attune-edge join).")
    key = ec.generate_private_key(ec.SECP256R1())
    request = _request(key, node)
    signature = held.sign(request.encode(), ec.ECDSA(hashes.SHA256())).hex()
    certificate = read(broker.certificate).public_bytes(Encoding.PEM).decode()
    said = _post(hub, join.RENEW_PATH, join.Renew(certificate=certificate, request=request, signature=signature))
    _check(said, key, ca)
    _keep(folder, said.model_copy(update={"ca": ca}), key)


def _request(key: ec.EllipticCurvePrivateKey, node: str) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    asked = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return asked.public_bytes(Encoding.PEM).decode()


def _post(hub: str, path: str, said: BaseModel) -> join.Joined:
    where = urlsplit(hub)
    if where.scheme not in ("http", "https") or not where.hostname or where.username is not None:
        raise ConfigError(f"{hub!r} is no hub: write https://NAME, as it stands under the QR code.")
    base = f"{where.scheme}://{where.netloc}"
    asked = urllib.request.Request(  # noqa: S310  (the scheme is one of two)
        base + path,
        said.model_dump_json().encode(),
        {"Content-Type": "application/json", "Accept": "application/json", "Origin": base},
    )
    # What is sent is no secret and what comes back proves itself: before it joined, a node knows no certificate.
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=unchecked), _NoRedirect())
    try:
        with opener.open(asked, timeout=WAIT_S) as answer:
            return join.Joined.model_validate_json(answer.read(ANSWER_BYTES_MAX))
    except urllib.error.HTTPError as error:
        if error.code == 403:
            raise ConfigError(
                "The hub refuses: the token was used, is older than 15 minutes or is for another name, or this node was"
                " revoked. Ask for a new one (attune-hub enrol)."
            ) from None
        raise LinkError(f"The hub at {hub} answers with {error.code}: try again in a minute.") from None
    except ValidationError:
        raise LinkError(f"What answers at {hub} is no hub of this version: check the address.") from None
    except (OSError, ValueError) as error:
        raise LinkError(f"No hub answers at {hub} ({error}): check the address and the network.") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _check(said: join.Joined, key: ec.EllipticCurvePrivateKey, ca: str) -> None:
    try:
        certificate = x509.load_pem_x509_certificate(said.certificate.encode())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca.encode()))
        ours = certificate.public_key() == key.public_key()
    except (ValueError, TypeError, InvalidSignature):
        ours = False
    if not ours:
        raise ConfigError("The hub's certificate is not for this node's key: nothing was changed; look at the hub.")


def _keep(folder: Path, said: join.Joined, key: ec.EllipticCurvePrivateKey) -> None:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        _write(folder / CA, said.ca.encode(), 0o644)
        _write(folder / CERTIFICATE, said.certificate.encode() + private, 0o600)
    except OSError as error:
        raise ConfigError(f"The folder {folder} cannot be written ({error.strerror}): run this as root.") from None


def _write(path: Path, body: bytes, mode: int) -> None:
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        if os.geteuid() == 0:  # for whoever the folder was made for: the courier reads it, and renews it
            of = path.parent.stat()
            os.fchown(descriptor, of.st_uid, of.st_gid)
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
