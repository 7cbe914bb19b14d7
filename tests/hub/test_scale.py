"""Pages stay quick for years of data: no query of theirs walks the events, and none fetches more rows than it shows.

Looked at are plans and counts, not times: `python -m tests.hub.bench_owner` measures those.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.config import HubConfig
from hub.reads import StoreReads
from hub.store import FILE, Store
from tests.hub.bench_owner import PAGES, ZONE, pages
from tests.hub.conftest import NOW_S
from tests.hub.seed import Past, roll_all, seed

CONFIG = HubConfig(timezone=str(ZONE))
# What may be walked from end to end: an index that covers the question, a table of a row or two (of who is on shift and
# of open nudges, too), the newest rows.
_FINE = re.compile(
    r"^(SEARCH|SCAN \w+ USING COVERING INDEX|SCAN (nodes|history_rolled|forgotten|own_rules|witnessed|CONSTANT ROW)"
    r"|SCAN (shift_seats|nudge_asks|plan|plan_picture)"
    r"|MERGE|RIGHT"  # of blocks, one in 512 events
    r"|USE TEMP B-TREE|MULTI-INDEX|CO-ROUTINE|MATERIALIZE|LIST SUBQUERY|SCALAR SUBQUERY|COMPOUND|UNION|LEFT|INDEX)"
)
_NEWEST = re.compile(r"^SCAN (events|refused|nudges|ledger_checkpoints|experiments|certificates)( USING INDEX \w+)?$")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scale")
    store = Store(made / FILE)
    seed(store, Past(days=9, until_s=NOW_S, zones=8, timezone=ZONE, windows_days=3))
    roll_all(store, ZONE, NOW_S)
    store.close()
    return made


Query = tuple[str, tuple[object, ...], int]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Query]:
    """Every query of pages, and how many rows it fetched."""
    heard: list[Query] = []
    rows = StoreReads._rows

    def listening(self: StoreReads, sql: str, *values: object) -> list[tuple[object, ...]]:
        found = rows(self, sql, *values)
        heard.append((sql, values, len(found)))
        return found

    monkeypatch.setattr(StoreReads, "_rows", listening)
    return heard


def walks(reads: StoreReads, sql: str, values: tuple[object, ...]) -> list[str]:
    """The steps of a query's plan that walk a table from end to end."""
    plan = [row[3] for row in reads._connection().execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    bounded = sql.rstrip().endswith("LIMIT ?") or "LIMIT 1" in sql
    return [step for step in plan if not (_FINE.match(step) or (bounded and _NEWEST.match(step)))]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_walks_a_table_that_grows(folder: Path, asked: list[Query], path: str) -> None:
    with pages(folder, CONFIG) as client:
        asked.clear()
        assert client.get(path).status_code == 200
    reads = StoreReads(folder / FILE)
    found = {sql: walks(reads, sql, values) for sql, values, _ in asked}
    reads.close()
    assert {sql: steps for sql, steps in found.items() if steps} == {}


def test_thirteen_months_are_read_as_a_row_a_week(folder: Path, asked: list[Query]) -> None:
    with pages(folder, CONFIG) as client:
        asked.clear()
        client.get("/owner/history?by=week")
    for sql, _, count in asked:
        if "history_days" in sql or "history_waits" in sql:
            assert count <= 57, sql
        if "FROM hours" in sql or "FROM nudges" in sql:
            assert count <= 24 * 8 + 100, sql  # of today at most


def test_anybody_may_ask_whether_the_hub_is_well_and_nothing_is_counted_for_it(
    folder: Path, asked: list[Query]
) -> None:
    with pages(folder, CONFIG) as client:
        asked.clear()
        assert client.get("/healthz").text == "well\n"
    assert [len(sql) for sql, _, count in asked if "count(" in sql or count > 1] == []
    assert asked, "the store is read"


def test_what_a_walk_is() -> None:
    for step in ("SCAN events", "SCAN hours", "SCAN nudges USING INDEX nudges_by_closing", "SCAN history_days"):
        assert not _FINE.match(step)
