"""The commands of ``attune-hub`` about who may speak to the broker: its authority, letting nodes in, shutting them out.

Left out: what is signed (`hub.authority`), and the doors that nodes knock at (`hub.enrolment`).
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import segno
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import TypeAdapter, ValidationError

from contract.certificates import read
from contract.errors import ConfigError
from contract.fields import Name
from contract.wire import HUB
from hub import config as settings
from hub.authority import BROKER, Authority, private_pem, write_whole
from hub.enrolment import TAKEN, Enrolment

FOLDER: Final = "authority"


def add_enrol_commands(commands: Any) -> None:
    """Adds them to the parser's subcommands; each sets ``run``."""
    authority = commands.add_parser(
        "authority",
        help="make or renew the certificates of broker and hub",
        description="Makes the shop's own certificate authority where there is none, and certificates for the broker"
        " and for this hub where they are missing or two thirds of their life are over. A second run changes nothing.",
    )
    _with_data(authority)
    authority.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="a name or address of the broker (again for each)"
    )
    authority.set_defaults(run=_authority)

    enrol = commands.add_parser(
        "enrol",
        help="let a node in: a token, good once and for 15 minutes",
        description="Prints a token for a new node, or for one whose card was changed, to be given to attune-edge join"
        " there. Whatever certificate that name had counts no more once it has joined.",
    )
    enrol.add_argument("node", type=_name, metavar="NODE", help="the node's name: lower-case letters, digits, dashes")
    _with_data(enrol)
    enrol.add_argument("--qr", action="store_true", help="show the command for the node as a QR code too")
    enrol.set_defaults(run=_enrol)

    revoke = commands.add_parser(
        "revoke",
        help="shut a node out, for good or until it is enrolled again",
        description="Strikes a node from the broker's access list and puts its certificates on the revocation list.",
    )
    revoke.add_argument("node", type=_name, metavar="NODE", help="the node's name")
    _with_data(revoke)
    revoke.set_defaults(run=_revoke)


def _with_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")


def _name(text: str) -> str:
    try:
        name: str = TypeAdapter(Name).validate_python(text)
    except ValidationError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name: lower-case letters, digits and dashes, at most 32"
        ) from None
    if name in TAKEN:
        raise argparse.ArgumentTypeError(f"{name!r} is taken: choose another name")
    return name


def enrolment_of(data: Path, config: settings.HubConfig) -> Enrolment | None:
    """The doors of nodes, where this hub has an authority."""
    if not (data / FOLDER).is_dir():
        return None
    host = config.hosts[0] if config.hosts else "attune.local"
    return Enrolment(Authority(data / FOLDER, config.store), config.store, f"mqtts://{host}:8883")


def _authority(options: argparse.Namespace) -> int:
    config = settings.load(options.data)
    hosts = tuple(options.host) or (*config.hosts, "localhost", "127.0.0.1")
    authority = Authority(options.data / FOLDER, config.store)
    made = [name for name, at in ((BROKER, hosts), (HUB, ())) if certify(authority, name, at)]
    if not made:
        print("Nothing to do: the certificates of broker and hub are good.")
        return 0
    print(f"New: {' and '.join(made)}, in {authority.folder}. The broker reads them when it is told to (reload).")
    return 0


def certify(authority: Authority, name: str, hosts: tuple[str, ...] = (), now: datetime | None = None) -> bool:
    """A new certificate with its key in one file, unless the one that is there has a third of its life before it."""
    path = authority.folder / f"{name}.pem"
    try:
        held = read(path)
    except ConfigError:
        held = None
    if held is not None and authority.good(held):
        begins, ends = held.not_valid_before_utc, held.not_valid_after_utc
        if (now or datetime.now(UTC)) < begins + (ends - begins) * 2 / 3:
            return False
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = authority.issue(name, key.public_key(), hosts)
    write_whole(path, certificate.public_bytes(Encoding.PEM) + private_pem(key), 0o640)
    return True


def _enrol(options: argparse.Namespace) -> int:
    config = settings.load(options.data)
    enrolment = enrolment_of(options.data, config)
    if enrolment is None:
        raise ConfigError(f"This hub has no authority yet: run attune-hub authority --data {options.data} first.")
    token = enrolment.token(options.node)
    host = config.hosts[0] if config.hosts else "attune.local"
    command = f"attune-edge join https://{host} {options.node} {token}"
    print(f"On the node, within 15 minutes:\n\n    {command}\n")
    if options.qr:
        segno.make(command, error="m").terminal(sys.stdout, compact=True)
    return 0


def _revoke(options: argparse.Namespace) -> int:
    if not (options.data / FOLDER).is_dir():
        raise ConfigError("This hub has no authority: no node was ever let in.")
    gone = Authority(options.data / FOLDER, settings.load(options.data).store).revoke(options.node)
    if not gone:
        raise ConfigError(f"{options.node} has no certificate that counts: look at its spelling.")
    print(f"{options.node} is shut out; the broker takes a minute at most to see it.")
    return 0
