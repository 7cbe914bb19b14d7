"""The commands of ``attune-hub`` that look after a data folder (check, purge, delete everything), and its lock.

Left out: running the hub (`hub.__main__`).
"""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from contract.errors import ConfigError, StoreError
from contract.findings import report
from hub import config as settings
from hub import store as stores
from hub.clocks import SystemClocks, synchronised
from hub.dashboard import DELETE_WORD
from hub.doctor import check
from hub.erase import REMAINS, delete_everything
from hub.recovery import forget_copies
from hub.retention import sweep
from hub.steady import SteadyClocks

LOCK: Final = "hub.lock"


class Running(ConfigError):
    """A hub works on that folder."""


def add_housekeeping_commands(commands: Any) -> None:
    """Adds them to the parser's subcommands; each sets ``run``."""
    check = commands.add_parser(
        "check",
        help="look over the hub and say what to do",
        description="Look over settings, papers, database, ledger, disk, clock, broker, certificates and cameras. Exit"
        " status 0: all is well.",
    )
    check.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")
    check.add_argument("--broker", metavar="URL", help="the shop's broker, as given to serve")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.set_defaults(run=_check)

    purge = commands.add_parser(
        "purge",
        help="forget what is of age in a hub that is not running (what a timer starts)",
        description="The hub forgets by itself while it runs. This does it where it does not.",
    )
    purge.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")
    purge.set_defaults(run=_purge)

    erase = commands.add_parser(
        "delete-everything",
        help="delete all that nodes ever told",
        description="Delete every message, hour and nudge of a hub that is not running; its ledger's hashes stay.",
    )
    erase.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    erase.set_defaults(run=_delete_everything)


def _check(options: argparse.Namespace) -> int:
    findings = check(options.data, options.broker)
    print(report(findings, as_json=options.json))
    return 0 if all(finding.passed for finding in findings) else 1


def _purge(options: argparse.Namespace) -> int:
    path = options.data / stores.FILE
    if not path.exists():
        print("There is nothing to forget: this hub has no database yet.")
        return 0
    try:
        with alone(options.data, ""):
            config = settings.load(options.data)
            store = stores.Store(path, config.store)
            try:
                now_s = SteadyClocks(SystemClocks(), store.newest_s(), synchronised).wall_s()
                gone = sweep(store, config.keep, now_s)
                with store.batch():
                    store.sign(now_s)
                store.wash()
            finally:
                store.close()
    except Running:
        print("The hub is running, and forgets by itself.")
        return 0
    print(f"What is of age is forgotten: {gone} rows.")
    return 0


def _delete_everything(options: argparse.Namespace) -> int:
    path = options.data / stores.FILE
    if not path.exists():
        raise StoreError(f"There is no hub's database in {options.data}: give the --data of the hub.")
    with alone(options.data, ""):
        if not options.yes:
            print(f"Delete all that this hub holds? Type {DELETE_WORD}: ", end="", flush=True)
            if sys.stdin.readline().strip() != DELETE_WORD:
                raise ConfigError(f"Nothing was deleted: {DELETE_WORD} was not typed.")
        store = stores.Store(path, settings.load(options.data).store)
        try:
            with store.batch():
                gone = delete_everything(store, SystemClocks().wall_s())
            store.wash()
        finally:
            store.close()
        forget_copies(options.data)
    print("Deleted: " + ", ".join(f"{count} {what}" for what, count in gone.items() if count) + ".")
    print(f"What remains: {REMAINS}")
    return 0


@contextmanager
def alone(folder: Path, url: str) -> Iterator[None]:
    """One hub a data folder; the lock's file says where its pages are."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"The data folder {folder} cannot be used ({error.strerror}): give another --data.") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Running(f"A hub is running on {folder} already: stop it, or give another --data.") from None
        os.truncate(lock, 0)
        os.write(lock, url.encode())
        yield
    finally:
        os.close(lock)
