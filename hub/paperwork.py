"""The commands of ``attune-hub`` that print: badges, notices, the DPIA.

Left out: what is printed (`hub.badges`, `hub.notices`, `hub.dpia`).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from contract.errors import StoreError
from contract.events import Birth
from hub import config, store
from hub.badges import COUNT_MAX, Wanted, sheet
from hub.dpia import draft, print_dpia
from hub.notice import LANGUAGES, notice_of
from hub.notice_pages import births
from hub.notice_sheet import print_notice
from hub.paper import write
from hub.reads import StoreReads
from hub.templating import Pages
from hub.views import UNNAMED


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

    notice = commands.add_parser(
        "notice",
        help="print the notice for the shop's door",
        description="Write the notice as a sheet of A4, filled from hub.toml and from what the nodes last said.",
    )
    notice.add_argument("out", type=Path, metavar="OUT.pdf", help="where to write it")
    notice.add_argument("--language", choices=LANGUAGES, default="en", help="default en")
    notice.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")
    notice.set_defaults(run=_notice)

    dpia = commands.add_parser(
        "dpia",
        help="draft the data protection impact assessment",
        description="Write a draft of the DPIA, filled from hub.toml and from what the nodes last said. What only you"
        " know is left in [square brackets].",
    )
    dpia.add_argument("out", type=Path, metavar="OUT.md|OUT.pdf", help="where to write it")
    dpia.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")
    dpia.set_defaults(run=_dpia)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > COUNT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count from 0 to {COUNT_MAX}")
    return int(text)


def _badges(options: argparse.Namespace) -> int:
    wanted = Wanted(options.staff, options.opt_out, options.markers)
    write(options.out, sheet(wanted))
    print(f"{options.out}: {len(wanted.ids())} tags. Print it at 100 % and measure the rule: it must be 50 mm long.")
    return 0


def _notice(options: argparse.Namespace) -> int:
    born, settings = _born(options.data), config.load(options.data).settings()
    notice = notice_of(options.language, settings, born)
    write(options.out, print_notice(notice))
    print(f"{options.out}: hang it up where people meet the cameras first, and say so in each node's config.")
    print(f"Its code leads to {notice.url}: try it with a visitor's telephone, and mend hosts in hub.toml if it must.")
    blank = [
        name
        for name in ("shop_name", "controller", "contact", "legal_basis")
        if getattr(settings, name) in (None, UNNAMED)
    ]
    if blank:
        print(
            f"hub.toml does not say {', '.join(blank)}: write it on the open lines by hand, or set it and print again."
        )
    if not born:
        print("No camera has joined yet, so its areas and hours are left blank: print it again when one has.")
    return 0


def _dpia(options: argparse.Namespace) -> int:
    text = draft(config.load(options.data).settings(), _born(options.data), time.time())
    write(options.out, print_dpia(text) if options.out.suffix == ".pdf" else text.encode())
    blanks = text.count("[") - 1  # one only says what they are
    print(f"{options.out}: fill in the {blanks} places in [square brackets], then name its reference on each node.")
    return 0


def notices_in_force(folder: Path) -> str:
    """The notice in every language as a page, filled from ``hub.toml`` and from what the nodes last said.

    Raises: ConfigError, StoreError when one of both cannot be read.
    """
    settings, born = config.load(folder).settings(), _born(folder)
    notices = [notice_of(language, settings, born) for language in LANGUAGES]
    return Pages.of(settings).text("notices.html", notices=notices)


def _born(folder: Path) -> tuple[Birth, ...]:
    """What each node last said that it senses; none where the hub has not run yet."""
    if not folder.is_dir():
        raise StoreError(f"There is no folder {folder}: give the --data of the hub.")
    path = folder / store.FILE
    if not path.exists():
        return ()
    reads = StoreReads(path)
    try:
        return tuple(births(reads))
    finally:
        reads.close()
