"""The two commands ``install-node`` and ``install-hub``.

Rules:
- Quiet when fine: one line at the end. What goes wrong is one sentence and exit status 1.
- ``--dry-run`` only looks, and needs no rights.
- What an earlier run was told, the settings say from then on: nobody has to say it again with a newer stick.

Left out: the steps (`deploy.installer.plan`).
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from deploy.installer.carry import install, missing, of_one_role, uninstall
from deploy.installer.debs import fetch
from deploy.installer.machine import InstallError, Machine, ThisMachine
from deploy.installer.plan import HUB_DATA, NODE_TOML, HubWishes, NodeWishes, Role, Stick, hub_plan, node_plan
from deploy.installer.services import RUNNING
from deploy.installer.slot import ROOT_JSON, Wheelhouse, open_wheelhouse
from deploy.installer.steps import Packages, Step

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = Path("/run/lock/attune-installer")
LAID_DOWN: Final = (
    "systemd/*", "deploy/dropins/*", "deploy/*.conf", "deploy/Caddyfile", "deploy/broker-files", "firmware_config/**/*",
    "docs/privacy.md", "docs/operations.md", "docs/commissioning.md", "docs/hardware.md", "docs/updates.md",
    "docs/backup.md", "README.md",
)  # fmt: skip
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,60}[a-z0-9])?")
_ZONE: Final = re.compile(r"[A-Za-z0-9_+/-]{1,60}")


def main(role: Role, arguments: Sequence[str] | None = None, machine: Machine | None = None) -> int:
    """One of the two commands."""
    options = _parser(role).parse_args(arguments)
    machine = machine or ThisMachine()
    try:
        if options.dry_run:
            return _told(machine, role, _plan(machine, role, options))
        if isinstance(machine, ThisMachine) and os.geteuid() != 0:
            raise InstallError(f"Installing needs root: run sudo {Path(sys.argv[0]).name} again.")
        with _alone():
            if options.fetch_packages:
                return _fetched(machine, role, options)
            if options.uninstall:
                return _uninstalled(machine, role, options)
            return _installed(machine, role, options)
    except InstallError as error:
        print(f"install-{role}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"install-{role}: {error}: look at the disk and run this again.", file=sys.stderr)
        return 1


def _parser(role: Role) -> argparse.ArgumentParser:
    what = {"node": "a camera node", "hub": "the hub of a shop"}[role]
    parser = argparse.ArgumentParser(
        prog=f"install-{role}",
        description=f"Makes this machine {what}. Run it as often as you like: it does what is missing, and nothing"
        " where nothing is. A run that was cut off is gone on with.",
    )
    parser.add_argument("--dry-run", action="store_true", help="only print what would be done")
    parser.add_argument("--verbose", action="store_true", help="name each step as it is done")
    parser.add_argument("--uninstall", action="store_true", help="take everything back, data too")
    parser.add_argument("--keep-data", action="store_true", help="with --uninstall: leave settings and data")
    parser.add_argument("--wheelhouse", type=Path, default=ROOT / "wheelhouse", metavar="DIR", help="(%(default)s)")
    parser.add_argument(
        "--packages", type=Path, metavar="DIR", help="folder of .deb files (default: packages beside the wheelhouse)"
    )
    parser.add_argument(
        "--fetch-packages", type=Path, metavar="DIR", help="only fetch the .deb files that this machine lacks, for a"
        " stick; on a fresh machine of the same kind, with internet"
    )  # fmt: skip
    parser.add_argument("--store", type=_matching(_NAME), default="shop", metavar="NAME", help="the shop's name on the"
                        " wire (%(default)s)")  # fmt: skip
    parser.add_argument("--timezone", type=_matching(_ZONE), default=_timezone(), metavar="ZONE", help="(%(default)s)")
    if role == "node":
        parser.add_argument(
            "--node", type=_matching(_NAME), metavar="NAME", help="its name, as attune-hub enrol is told"
        )
        parser.add_argument("--hub", type=_matching(_HOST), default="attune.local", metavar="HOST", help="its hub")
        parser.add_argument("--camera", choices=("pi", "usb:0", "usb:1"), help="(pi, or as node.toml says)")
        parser.add_argument("--coral", action="store_true", help="a Coral stick is plugged in: install its library too")
        parser.add_argument("--config", type=Path, metavar="FILE", help="a whole node.toml in place of the example")
    else:
        parser.add_argument("--host", type=_matching(_HOST), metavar="HOST", help="the hub's name in the shop's network"
                            " (attune.local, or as hub.toml says)")  # fmt: skip
    return parser


def _matching(pattern: re.Pattern[str]):  # type: ignore[no-untyped-def]
    def checked(text: str) -> str:
        if not pattern.fullmatch(text):
            raise argparse.ArgumentTypeError(f"{text!r} is none")
        return text

    return checked


def _timezone() -> str:
    try:
        return Path("/etc/localtime").resolve().as_posix().partition("zoneinfo/")[2].removeprefix("Etc/") or "UTC"
    except OSError:
        return "UTC"


def _standing(machine: Machine, path: str) -> dict[str, Any]:
    """The settings that an earlier run laid down and a person may have edited; nothing where there are none."""
    try:
        return tomllib.loads(machine.read(path).decode())
    except ValueError as error:
        raise InstallError(f"{path} cannot be read ({error}): mend it and run this again.") from None


def _host(machine: Machine, wished: str | None) -> str:
    """The hub's name: from the second run on it is the one in its settings, for nodes and tablets know it by that."""
    stands = next(iter(_standing(machine, f"{HUB_DATA}/hub.toml").get("hosts", ())), None)
    if wished and stands and wished != stands:
        raise InstallError(
            f"This hub is {stands}: write {wished} first among hosts in {HUB_DATA}/hub.toml and run this."
        )
    return str(wished or stands or "attune.local")


def _plan(
    machine: Machine, role: Role, options: argparse.Namespace, wheelhouse: Wheelhouse | None = None
) -> tuple[Step, ...]:
    packages = options.packages or options.wheelhouse.parent / "packages"
    found = [path for pattern in LAID_DOWN for path in ROOT.glob(pattern) if path.is_file()]
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in found}
    if (options.wheelhouse / ROOT_JSON).is_file():
        files[ROOT_JSON] = (options.wheelhouse / ROOT_JSON).read_bytes()
    stick = Stick(
        files=files,
        wheelhouse=wheelhouse or open_wheelhouse(options.wheelhouse, role),
        packages=packages.resolve() if packages.is_dir() else None,
    )
    if role == "hub":
        host = "attune.local" if options.uninstall else _host(machine, options.host)
        return hub_plan(stick, HubWishes(options.store, host, options.timezone))
    config = options.config.read_bytes() if options.config else None
    stands = {} if options.uninstall or options.camera else _standing(machine, NODE_TOML).get("camera", {})
    camera = options.camera or stands.get("source", "pi")
    return node_plan(
        stick,
        NodeWishes(options.node or "node", options.store, options.hub, options.timezone, camera, options.coral, config),
    )


def _told(machine: Machine, role: Role, plan: Sequence[Step]) -> int:
    of_one_role(machine, role)
    waiting = missing(machine, plan)
    for step in waiting:
        print(f"would do: {step.says}")
    print(f"{len(waiting)} of {len(plan)} steps are to be done." if waiting else "Nothing to do: all of it stands.")
    return 0


def _installed(machine: Machine, role: Role, options: argparse.Namespace) -> int:
    if role == "node" and not (options.node or options.config or machine.entry(NODE_TOML)):
        # Not left to a default: the node's first start makes a ledger that carries its name for good.
        raise InstallError("Say the node's name, as attune-hub enrol is told it: --node NAME.")
    changed = install(machine, role, _plan(machine, role, options), _teller(options))
    if not changed:
        print("Nothing to do: all of it stands.")
        return 0
    print(f"Installed: {changed} steps done.")
    if machine.entry(RUNNING) is None:
        print("No systemd runs here, so nothing was started: it starts at the next boot.")
    elif role == "node" and machine.entry("/var/lib/attune/tls/node.pem") is None:
        print("Next: attune-edge join https://HUB NODE TOKEN (attune-hub enrol prints it), then run this again.")
    elif role == "hub":
        print("Next: journalctl -u attune-hub shows the link with which the owner sets it up.")
    return 0


def _fetched(machine: Machine, role: Role, options: argparse.Namespace) -> int:
    plan = _plan(machine, role, options, Wheelhouse(options.wheelhouse, {}))
    names = next(step.names for step in plan if isinstance(step, Packages))
    print(f"Fetched: {fetch(machine, names, options.fetch_packages)} packages are in {options.fetch_packages}.")
    return 0


def _uninstalled(machine: Machine, role: Role, options: argparse.Namespace) -> int:
    plan = _plan(machine, role, options, Wheelhouse(options.wheelhouse, {}))
    gone = uninstall(machine, role, plan, _teller(options), keep_data=options.keep_data)
    kept = " Settings and data are kept." if options.keep_data else ""
    print(f"Uninstalled: {gone} steps taken back.{kept}" if gone else "Nothing to do: none of it stands.")
    return 0


def _teller(options: argparse.Namespace):  # type: ignore[no-untyped-def]
    return (lambda said: print(said, flush=True)) if options.verbose else (lambda _: None)


@contextmanager
def _alone() -> Iterator[None]:
    """One run at a time. Raises: InstallError."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InstallError("Another run is at work here: wait until it is done.") from None
        try:
            yield
        finally:
            LOCK.unlink(missing_ok=True)
