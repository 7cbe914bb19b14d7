"""The commands of ``attune-hub`` for other systems: API keys, and a webhook's secret."""

from __future__ import annotations

import argparse
import base64
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contract.errors import ConfigError, StoreError
from hub.connect.keys import SCOPES, Keys
from hub.connect.settings import SECRET_BYTES_MIN, SECRET_PREFIX


def add_connect_commands(commands: Any, doors: str) -> None:
    """Adds them to the parser's subcommands; each sets ``run``. ``doors`` is the doors' file in a data folder."""
    key = commands.add_parser(
        "key",
        help="make, list and revoke API keys",
        description="API keys, with which other programs read /api/v1 and /metrics. A key is printed once.",
    )
    acts = key.add_subparsers(title="what", required=True, metavar="WHAT")
    make = acts.add_parser("make", help="make a key and print it, once")
    make.add_argument("name", help="what it is for")
    make.add_argument("--scope", choices=SCOPES, action="append", required=True, help="what it opens; may be repeated")
    shown = acts.add_parser("list", help="what keys there are")
    revoke = acts.add_parser("revoke", help="end a key at once")
    revoke.add_argument("id", help="as the list has it")
    for parser, run in ((make, _make), (shown, _list), (revoke, _revoke)):
        parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")
        parser.set_defaults(run=run, doors=doors)
    commands.add_parser(
        "secret",
        help="print a secret for a webhook",
        description="Print a new secret with which a webhook is signed, for hub.toml and for its receiver.",
    ).set_defaults(run=_secret)


def _open(options: argparse.Namespace) -> Keys:
    if not options.data.is_dir():
        raise StoreError(f"There is no folder {options.data}: give the --data of the hub.")
    return Keys.open(options.data / options.doors)


def _make(options: argparse.Namespace) -> int:
    keys = _open(options)
    try:
        print(keys.make(options.name, tuple(options.scope)))
    finally:
        keys.close()
    print("Keep it now: it is shown this once.", file=sys.stderr)
    return 0


def _list(options: argparse.Namespace) -> int:
    keys = _open(options)
    try:
        for key in keys.all():
            made = datetime.fromtimestamp(key.made_s, UTC).date()
            print(f"{key.id}  {made}  {'+'.join(key.scopes)}  {key.name}")
    finally:
        keys.close()
    return 0


def _revoke(options: argparse.Namespace) -> int:
    keys = _open(options)
    try:
        if not keys.revoke(options.id):
            raise ConfigError(f"There is no key {options.id!r}: attune-hub key list says which there are.")
    finally:
        keys.close()
    print(f"The key {options.id} opens nothing any more.")
    return 0


def _secret(_: argparse.Namespace) -> int:
    print(SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES_MIN + 8)).decode())
    return 0
