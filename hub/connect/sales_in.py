"""Sales by the hour, as a till or a program tells them: ``POST /api/v1/sales``, and ``attune-hub sales FILE.csv``.

Rules:
- A key of its own scope; it reads nothing.
- Whole hours that are over, or nothing of what was sent.
- The command writes to the store where no hub runs; where one does, it tells that hub by a key that ends with it.

Left out: what is made of them (`hub.sales`), how files are read (`hub.sales_csv`).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import APIRouter, HTTPException

from contract.errors import ConfigError, LinkError, StoreError
from hub import config as settings
from hub import sales
from hub import store as stores
from hub.connect.api import ROOT, describing
from hub.connect.keys import Keys
from hub.connect.models import SalesHours, SalesTaken
from hub.experiment import HOUR_S
from hub.experiment_desk import ExperimentDesk
from hub.housekeeping import LOCK, Running, alone
from hub.sales_csv import Sheet, parse

PATH: Final = f"{ROOT}/sales"
AT_ONCE: Final = 150
_SHOWN: Final = 20


def routes(desk: ExperimentDesk, clock: Callable[[], float]) -> APIRouter:
    """The route of the API."""
    router = APIRouter()
    describe = describing("No hours, or one that is no full hour or is not over")

    @router.post(PATH, **describe("sales"))
    def tell(sent: SalesHours) -> SalesTaken:
        """What the shop took by the hour."""
        now_s = clock()
        hours = {int(hour.start.timestamp()): hour.amount for hour in sent.hours}
        if any(hour.start.timestamp() % HOUR_S or hour.start.timestamp() + HOUR_S > now_s for hour in sent.hours):
            raise HTTPException(400)
        return SalesTaken(taken=len(hours), replaced=desk.tell(hours, None, now_s))

    return router


def add_sales_command(commands: Any, doors: str) -> None:
    """Adds it to the parser's subcommands; ``doors`` is the doors' file in a data folder."""
    parser = commands.add_parser(
        "sales",
        help="add sales by the hour from a CSV file to the experiment",
        description="Add sales by the hour to the experiment: a CSV file with when an hour begins, by the shop's clock,"
        " and what the whole shop took in it. An hour told again is replaced.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.csv")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")
    parser.set_defaults(run=_run, doors=doors)


def _run(options: argparse.Namespace) -> int:
    if not (options.data / stores.FILE).exists():
        raise StoreError(f"There is no hub's database in {options.data}: give the --data of the hub.")
    try:
        content = options.file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{options.file} cannot be read ({error.strerror}): give a CSV file.") from None
    config = settings.load(options.data)
    sheet = parse(content, config.zone(), time.time())
    try:
        with alone(options.data, ""):
            store = stores.Store(options.data / stores.FILE, config.store)
            try:
                with store.batch():
                    before = sales.keep(store.run, sheet.hours)
            finally:
                store.close()
    except Running:
        before = _tell(options.data, options.doors, sheet)
    print(f"{len(sheet.hours)} hours are taken in, {before + sheet.twice} of them in place of what was told before.")
    for refused in sheet.refused[:_SHOWN]:
        print(f"line {refused.line} was not used: {refused.why}")
    if len(sheet.refused) > _SHOWN:
        print(f"and {len(sheet.refused) - _SHOWN} lines more")
    return 0 if sheet.hours else 1


def _tell(data: Path, doors: str, sheet: Sheet) -> int:
    """Raises: LinkError when the hub that runs does not take them."""
    url, keys, before = (data / LOCK).read_text().strip(), Keys.open(data / doors), 0
    key = keys.make("attune-hub sales", ("sales",))
    try:
        hours = [{"start": _iso(at_s), "amount": amount} for at_s, amount in sheet.hours.items()]
        for first in range(0, len(hours), AT_ONCE):
            answer = httpx.post(
                url + PATH,
                json={"hours": hours[first : first + AT_ONCE]},
                headers={"Authorization": f"Bearer {key}"},
                timeout=30,
            )
            if answer.status_code != 200:
                raise LinkError(f"The hub at {url} did not take the sales ({answer.status_code}): try again.")
            before += answer.json()["replaced"]
    except httpx.HTTPError as error:
        raise LinkError(f"The hub at {url} cannot be reached ({error}): try again.") from None
    finally:
        known = keys.who(key)
        if known:
            keys.revoke(known.id)
        keys.close()
    return before


def _iso(at_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))
