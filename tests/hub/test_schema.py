from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from contract.errors import StoreError
from hub import schema


def test_a_missing_database_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    db = schema.open_for_writing(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    db.close()


def test_steps_are_applied_once_and_recorded(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    for _ in range(2):
        db = schema.open_for_writing(path)
        names = db.execute("SELECT name FROM _sqlite_migrations ORDER BY id").fetchall()
        db.close()
        assert [name for (name,) in names] == [
            *("0001_first", "0002_ledger", "0003_learning", "0010_witness", "0005_rules", "0008_history"),
            *("0004_experiment", "0007_plan", "0012_sales", "0006_people"),
            "0011_certificates",
            "0014_wear",
        ]


def test_a_newer_database_is_left_alone_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    db = schema.open_for_writing(path)
    db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('attune-hub', '0999_later', '')"
    )
    db.close()
    with pytest.raises(StoreError, match=r"newer Attune \(step 0999_later\): update this hub"):
        schema.open_for_writing(path)


@pytest.mark.parametrize("open_it", [schema.open_for_writing, schema.open_for_reading])
def test_a_damaged_database_is_said_in_one_sentence(tmp_path: Path, open_it: object) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(b"no database at all " * 1000)
    with pytest.raises(StoreError, match=r"is damaged .*: start the hub again, and it takes its last whole copy"):
        open_it(path)  # type: ignore[operator]


def test_a_folder_that_is_not_there_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot be used .*: check that the folder exists"):
        schema.open_for_writing(tmp_path / "no" / "hub.db")


def test_what_reads_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    schema.open_for_writing(path).close()
    db = schema.open_for_reading(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM nodes")
    db.close()
