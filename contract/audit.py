"""The commands ``audit export`` and ``audit verify``, the same for ``attune-edge`` and ``attune-hub``.

What they need is loaded when they run: the eye parses its options with them and must stay small.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def add_audit_command(commands: Any, database: str, runner: str, notices: Callable[[Path], str] | None = None) -> None:
    """Adds ``audit export`` and ``audit verify`` to a command's subparsers.

    ``database`` is the SQLite file in the data folder; ``runner`` the option under which the program looks for what to
    call with the options; ``notices`` make the page of the notices in force out of the data folder.
    """
    audit = commands.add_parser("audit", help="export the ledger, or check an export").add_subparsers(
        required=True, metavar="export|verify"
    )
    parser = audit.add_parser("export", help="write the ledger, its proofs and its check to a zip")
    parser.add_argument("out", type=Path, metavar="OUT.zip")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder that holds the ledger")
    parser.set_defaults(**{runner: lambda options: _export(options, database, notices)})
    parser = audit.add_parser("verify", help="check an export: 0 whole, 1 tampered with, 2 cannot be read")
    parser.add_argument("out", type=Path, metavar="OUT.zip")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="a checkpoint that was kept elsewhere")
    parser.set_defaults(**{runner: _verify})


def _export(options: argparse.Namespace, database: str, notices: Callable[[Path], str] | None) -> int:
    from contract.export import export, no_notices

    export(options.data, database, options.out, notices or no_notices)
    sys.stdout.write(f"{options.out} is written ({options.out.stat().st_size} bytes).\n")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from contract.verify import verify_with

    verdict = verify_with(options.out, options.checkpoint)
    sys.stdout.write(verdict.sentence + "\n")
    return verdict.status
