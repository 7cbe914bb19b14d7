"""How long the hub takes for each of its pages: p50 and p95 over a day, 13 months and five years of twenty zones.

``python -m tests.hub.bench_owner`` makes each past up (`tests.hub.seed`), sums its days as the hub does, and asks for
every page of owner and auditor through the whole app, without a network. Mood windows are those of the last 13 months,
which is as long as a hub keeps them; hours and nudges are of all five years, longer than any hub does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi.testclient import TestClient

from deploy.bench_latency import quantile
from hub.app import create_app
from hub.auth import Doors
from hub.clocks import SystemClocks
from hub.commissioning import CommissioningBook
from hub.config import HubConfig
from hub.connect.connections import Connections
from hub.connect.keys import Keys
from hub.experiment_desk import ExperimentBook
from hub.plan import PlanBook
from hub.reads import StoreReads
from hub.rules import RuleBook
from hub.store import FILE, Store
from hub.views import Changes
from hub.writer import Writer
from tests.hub.conftest import ORIGIN
from tests.hub.seed import Past, roll_all, seed

SPANS = {"1 day": 1, "13 months": 396, "5 years": 1826}
PAGES = (
    "/owner", "/owner/history?by=hour", "/owner/history?by=day", "/owner/history?by=week",
    "/owner/history?by=week&zone=floor-1:0", "/owner/history.csv?by=week&chart=mood", "/owner/week.pdf",
    "/owner/rules", "/owner/experiment", "/owner/plan", "/owner/walk?node=floor-1", "/owner/doors", "/owner/connect",
    "/staff", "/audit", "/audit?kind=hour&node=floor-5", "/audit?zone=3", "/audit/refused", "/",
    "/notice/en", "/healthz",
)  # fmt: skip
ZONE = ZoneInfo("Europe/Vienna")


@contextmanager
def pages(folder: Path, config: HubConfig) -> Iterator[TestClient]:
    """A browser of the owner's, before a hub whose data stand in a folder."""
    with ExitStack() as stack:
        store = Store(folder / FILE)
        stack.callback(store.close)
        reads = StoreReads(folder / FILE)
        stack.callback(reads.close)
        doors, keys = Doors.open(folder / "doors.db"), Keys.open(folder / "doors.db")
        stack.callback(doors.close)
        stack.callback(keys.close)
        changes = Changes()
        writer = Writer(store, reads, config, changes, lambda *_: True, SystemClocks())
        app = create_app(
            reads=reads, desk=writer, doors=doors, changes=changes, settings=config.settings(),
            rules=RuleBook(config, reads, writer.write), experiment=ExperimentBook(reads, writer.write),
            plan=PlanBook(config.store, reads, writer.write, lambda *_: True),
            commissioning=CommissioningBook(reads, writer.write), connections=Connections(keys, config.connect),
        )  # fmt: skip
        client = TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN, "accept": "text/html"})
        client.post("/enter", data={"key": doors.mint("owner")})
        yield client


def timed(client: TestClient, path: str, times: int) -> tuple[float, float, float]:
    """The first time, p50 and p95, in milliseconds."""
    took_ms = []
    for _ in range(times + 1):
        began_s = time.perf_counter()
        answer = client.get(path)
        took_ms.append(1000 * (time.perf_counter() - began_s))
        assert answer.status_code == 200, (path, answer.status_code)
    first, rest = took_ms[0], sorted(took_ms[1:])
    return first, quantile(rest, 0.5), quantile(rest, 0.95)


def main() -> None:
    """Prints a table for each span."""
    parser = argparse.ArgumentParser(prog="python -m tests.hub.bench_owner", description=__doc__)
    parser.add_argument("--span", action="append", choices=SPANS, help="default: all")
    parser.add_argument("--times", type=int, default=40, metavar="N", help="how often each page is asked for")
    parser.add_argument("--data", type=Path, help="keep and use again what was made up, in this folder")
    options = parser.parse_args()
    config = HubConfig(timezone=str(ZONE))
    for span in options.span or SPANS:
        with tempfile.TemporaryDirectory(prefix="attune-bench-") as bare:
            folder = (options.data or Path(bare)) / span.replace(" ", "-")
            if not (folder / FILE).exists():
                folder.mkdir(parents=True)
                store, now_s = Store(folder / FILE), time.time()
                rows = seed(store, Past(SPANS[span], now_s, timezone=ZONE))
                roll_all(store, ZONE, now_s, SPANS[span])
                store.close()
                print(f"{span}: " + ", ".join(f"{count:,} {table}" for table, count in rows.items()))
            print(f"{'':44}{'first':>9}{'p50':>9}{'p95':>9}  ms")
            with pages(folder, config) as client:
                for path in PAGES:
                    print(f"{path:44}" + "".join(f"{ms:9.1f}" for ms in timed(client, path, options.times)), flush=True)


if __name__ == "__main__":
    main()
