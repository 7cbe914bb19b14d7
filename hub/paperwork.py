"""The commands of ``attune-hub`` that print: badges, notices, the DPIA.

Left out: what is printed (`hub.badges`, `hub.notices`, `hub.dpia`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hub.badges import COUNT_MAX, Wanted, sheet
from hub.paper import write


def add_paper_commands(commands: Any) -> None:
    """Adds them to the parser's subcommands; each sets ``run``."""
    badges = commands.add_parser(
        "badges",
        help="print staff badges, opt-out tags and mask markers",
        description="Write a sheet of tags to print and cut out: A4, at true size, with a rule to check the printer.",
    )
    badges.add_argument("out", type=Path, metavar="OUT.pdf", help="where to write it")
    for what, count, words in (
        ("staff", 4, "staff badges"),
        ("opt-out", 4, "opt-out tags for the door"),
        ("markers", 0, "markers around what must never be read, ten an area"),
    ):
        badges.add_argument(f"--{what}", type=_count, default=count, metavar="N", help=f"{words} (default {count})")
    badges.set_defaults(run=_badges)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > COUNT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count from 0 to {COUNT_MAX}")
    return int(text)


def _badges(options: argparse.Namespace) -> int:
    wanted = Wanted(options.staff, options.opt_out, options.markers)
    write(options.out, sheet(wanted))
    print(f"{options.out}: {len(wanted.ids())} tags. Print it at 100 % and measure the rule: it must be 50 mm long.")
    return 0
