"""A damaged database is put aside, its last whole copy takes its place, and the ledger and the pages say so."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from contract.export import export
from contract.verify import verify
from hub import recovery
from hub.app import create_app
from hub.auth import Doors
from hub.backup import back_up
from hub.fakes import FakeShop
from hub.reads import StoreReads
from hub.recovery import ASIDE, KEPT_S, MARK, damage, forget_copies, recover, suspect
from hub.restored import SHOWN_S, missing_span
from hub.snapshots import FOLDER, NAMES, take
from hub.store import FILE, Store
from hub.views import Settings
from tests.hub.conftest import ORIGIN, Clock
from tests.hub.test_snapshots import NOW_S, add, data, rows, spoil  # noqa: F401

UTC = ZoneInfo("UTC")


def said(data: Path) -> list[dict[str, object]]:  # noqa: F811
    store = Store(data / FILE)
    found = store.run("SELECT payload FROM ledger_entries WHERE kind = 'restored' ORDER BY position").fetchall()
    store.close()
    return [json.loads(row[0]) for row in found]


def span(data: Path, since_s: float = 0.0) -> str:  # noqa: F811
    reads = StoreReads(data / FILE)
    try:
        return missing_span(reads.rows, UTC, since_s)
    finally:
        reads.close()


def test_a_whole_database_is_left_alone(data: Path) -> None:  # noqa: F811
    before = (data / FILE).read_bytes()
    suspect(data)
    assert recover(data, "shop", NOW_S) is None
    assert (data / FILE).read_bytes() == before
    assert not (data / MARK).exists()
    assert recover(data.parent, "shop", NOW_S) is None


def test_the_last_whole_copy_takes_the_place_of_a_damaged_one(data: Path, tmp_path: Path) -> None:  # noqa: F811
    take(data, NOW_S)
    store = Store(data / FILE)
    add(store, 500)
    store.close()
    spoil(data / FILE)
    spoiled = (data / FILE).read_bytes()
    sentence = recover(data, "shop", NOW_S + 1_800)
    assert sentence is not None
    assert "is put aside" in sentence
    assert (data / ASIDE).read_bytes() == spoiled
    assert len(rows(data / FILE)) == 199
    (entry,) = said(data)
    assert (entry["backup_s"], entry["restored_s"]) == (NOW_S, NOW_S + 1_800)
    assert "restored from its copy of the last hours" in span(data)
    assert span(data, since_s=NOW_S + 1_801) == ""
    export(data, FILE, tmp_path / "ledger.zip")
    assert verify(tmp_path / "ledger.zip").status == 0
    assert recover(data, "shop", NOW_S + 1_801) is None


def test_a_damaged_copy_is_passed_over_for_the_other(data: Path) -> None:  # noqa: F811
    take(data, NOW_S)
    newest = take(data, NOW_S + 3_600)
    spoil(data / FILE)
    spoil(data / FOLDER / newest.name)
    assert recover(data, "shop", NOW_S + 3_700) is not None
    assert said(data)[0]["backup_s"] == NOW_S


@pytest.mark.parametrize("spoilt", ["pages", "head", "all"])
def test_without_a_whole_copy_the_hub_begins_anew_and_says_so(data: Path, spoilt: str) -> None:  # noqa: F811
    match spoilt:
        case "pages":
            spoil(data / FILE)
        case "head":
            with (data / FILE).open("r+b") as file:
                file.write(b"\xff" * 2_000)
        case "all":
            (data / FILE).write_bytes(b"no database at all" * 500)
    sentence = recover(data, "shop", NOW_S)
    assert sentence is not None
    assert "begins anew" in sentence
    assert rows(data / FILE) == []
    assert "begun anew" in span(data)


def test_a_log_that_was_left_goes_aside_with_its_database(data: Path) -> None:  # noqa: F811
    take(data, NOW_S)
    (data / f"{FILE}-wal").write_bytes(b"left by a hub that was killed")
    spoil(data / FILE)
    assert recover(data, "shop", NOW_S) is not None
    assert len(rows(data / FILE)) == 199


def test_a_start_looks_for_a_moment_and_a_marked_one_at_all(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(recovery, "_STEPS", 1)
    spoil(data / FILE)
    assert damage(data / FILE, 0.0) is None
    assert damage(data / FILE, None) is not None
    monkeypatch.setattr(recovery, "LOOK_S", 0.0)
    assert recover(data, "shop", NOW_S) is None
    suspect(data)
    assert recover(data, "shop", NOW_S) is not None


def test_what_was_put_aside_goes_in_time_and_into_no_backup(data: Path, tmp_path: Path) -> None:  # noqa: F811
    spoil(data / FILE)
    recover(data, "shop", NOW_S)
    aside_s = (data / ASIDE).stat().st_mtime
    assert not any(name.startswith(ASIDE) for name in back_up(data, tmp_path / "one", NOW_S).files)
    recover(data, "shop", aside_s + KEPT_S - 60)
    assert (data / ASIDE).exists()
    recover(data, "shop", aside_s + KEPT_S + 60)
    assert not (data / ASIDE).exists()
    spoil(data / FILE)
    recover(data, "shop", NOW_S)
    take(data, NOW_S)
    forget_copies(data)
    assert not (data / ASIDE).exists()
    assert not any((data / FOLDER / name).exists() for name in NAMES)


def test_owner_and_auditor_read_what_is_missing_and_the_owner_for_a_month(
    fake_shop: FakeShop, doors: Doors, page_clock: Clock
) -> None:
    asked: list[float] = []

    def restored(since_s: float) -> str:
        asked.append(since_s)
        return "restored from a backup: what it took is missing"

    app = create_app(
        reads=fake_shop, desk=fake_shop, doors=doors, changes=fake_shop.changes, settings=Settings(), clock=page_clock,
        restored=restored,
    )  # fmt: skip
    client = TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN, "accept": "text/html"})
    client.post("/enter", data={"key": doors.mint("owner")})
    assert "This hub was restored from a backup" in client.get("/owner").text
    assert "This hub was restored from a backup" in client.get("/audit").text
    assert set(asked) == {page_clock() - SHOWN_S, 0.0}
