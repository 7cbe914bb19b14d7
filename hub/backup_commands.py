"""The commands of ``attune-hub`` that keep a hub in a file and make one from it.

Left out: what stands in the file (`hub.backup`), the hourly copies (`hub.snapshots`).
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub import snapshots
from hub.backup import back_up, restore
from hub.clocks import SystemClocks
from hub.recovery import suspect


def add_backup_commands(commands: Any) -> None:
    """Adds them to the parser's subcommands; each sets ``run``."""
    keep = commands.add_parser(
        "backup",
        help="write all that the hub is, keys too, into one new file",
        description="Writes database, doors, settings, certificates and keys into one new file, and looks it over. The"
        " hub may run meanwhile. Whoever has the file can be the hub: keep it where nobody else comes.",
    )
    keep.add_argument("file", type=Path, metavar="FILE", help="the file to write; none is written over")
    keep.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")
    keep.set_defaults(run=_backup)

    copy = commands.add_parser(
        "snapshot",
        help="take the hourly copy of the database now (a running hub does so by itself)",
        description="Brings the older of the two copies beside the database up to date, and looks it over. A hub whose"
        " database is damaged begins with the newest whole one. Exit status 3: the database is damaged.",
    )
    copy.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")
    copy.set_defaults(run=_snapshot)

    back = commands.add_parser(
        "restore",
        help="make a hub from a backup, in a new folder",
        description="Makes a hub from a backup, here or on another machine. Stop the old hub for good first: there may"
        " be one only. The ledger says that it was restored.",
    )
    back.add_argument("file", type=Path, metavar="FILE", help="the backup")
    back.add_argument("--data", type=Path, required=True, metavar="DIR", help="a folder that is empty or not there")
    back.set_defaults(run=_restore)


def _backup(options: argparse.Namespace) -> int:
    made = back_up(options.data, options.file, SystemClocks().wall_s())
    print(f"{options.file} holds {len(made.files)} files and {made.entries} entries of the ledger, all whole.")
    print("It holds the hub's keys, unencrypted: whoever has it can be this hub.")
    return 0


def _snapshot(options: argparse.Namespace) -> int:
    status = snapshots.main(options.data)
    if status == snapshots.DAMAGED:
        suspect(options.data)
    return status


def _restore(options: argparse.Namespace) -> int:
    found = restore(options.file, options.data, SystemClocks().wall_s())
    print(f"{options.data} is the hub of {datetime.fromtimestamp(found.at_s, UTC):%Y-%m-%d %H:%M} UTC.")
    print(
        "What it stored since then is missing; what nodes still hold, they send again. If it had signed more since"
        " then, the nodes cosign its ledger no more until somebody accepts it."
    )
    return 0
