"""``attune-edge update``: take the hub's release, or decide about the one that was taken.

Left out: the steps themselves (`edge.update.flow`).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contract.errors import ConfigError
from edge.config import NodeConfig, load
from edge.eye.hours import is_open
from edge.tools import with_config

if TYPE_CHECKING:
    from edge.update.flow import When

SLOTS: Final = Path("/opt/attune/slots")
PINNED: Final = Path("/opt/attune/root.json")


def add_update_command(commands: Any) -> None:
    """Adds it to the parser's subcommands; sets ``command``."""
    parser = commands.add_parser(
        "update",
        help="take the hub's signed release into the other slot, and go back by itself if it does not do well",
        description="Takes the hub's newest signed release into the slot that does not run, while the shop is closed,"
        " switches to it, watches it for two minutes, and goes back, or keeps it once the shop is open and the eye has"
        " looked. Without an option it does whatever of that is due.",
    )
    with_config(parser)
    parser.add_argument("--slots", type=Path, default=SLOTS, metavar="DIR", help="folder of the slots (%(default)s)")
    parser.add_argument("--trust", type=Path, default=PINNED, metavar="FILE", help="the pinned root (%(default)s)")
    parser.add_argument("--from", dest="hub", metavar="URL", help="the hub's pages (default: the hub that it joined)")
    parser.add_argument("--now", action="store_true", help="take it though the shop is open")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="only say whether there is another release")
    only.add_argument("--watch", action="store_true", help="only judge a pending one, in two minutes")
    only.add_argument("--confirm", action="store_true", help="keep a pending one now, on your own word")
    only.add_argument("--settle", action="store_true", help="only decide, at a start, whether a pending one stays")
    parser.set_defaults(command=_update)


def _update(options: argparse.Namespace) -> int:
    from edge.courier.outbox import NAME
    from edge.update import flow
    from edge.update.fetch import Source
    from edge.update.slots import Slots, alone
    from edge.update.ways import NodeWays

    slots = Slots(options.slots)
    with alone(options.slots):
        if options.settle:
            print(flow.settle(slots))
            return 0
        if options.confirm:
            slots.confirm()
            print("What runs is confirmed.")
            return 0
        config = load(options.config)
        when = times(config, time.time(), now=options.now)
        ways = NodeWays(options.config, config.outbox.folder / NAME)
        if options.watch:
            print(flow.watch(slots, ways, when))
            return 0
        source = Source(options.hub or _joined(config), options.trust, options.slots)
        print(flow.offered(slots, source)[0] if options.check else flow.update(slots, source, ways, when))
        return 0


def times(config: NodeConfig, wall_s: float, *, now: bool) -> When:
    """When a release may be taken and kept, by the opening hours."""
    from edge.update.flow import When

    opened = is_open(config.hours, wall_s, config.timezone)
    week = {is_open(config.hours, wall_s + hour * 3_600, config.timezone) for hour in range(7 * 24)}
    return When(begin=now or not opened or False not in week, keep=opened or True not in week)


def _joined(config: NodeConfig) -> str:
    from edge.enrol import HUB

    certificate = config.broker.certificate
    try:
        if certificate is not None:
            return (certificate.parent / HUB).read_text(encoding="utf-8").strip()
    except OSError:
        pass
    raise ConfigError("This node has joined no hub: name the hub with --from https://NAME.")
