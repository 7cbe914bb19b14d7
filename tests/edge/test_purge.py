"""Forgetting on a node whose courier does not run."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.courier.disk import InUse
from edge.courier.forget import DAY_S
from edge.courier.outbox import NAME, Outbox


def node(folder: Path) -> Path:
    path = folder / "node.toml"
    path.write_text('node = "n1"\n[outbox]\nfolder = "outbox"\n')
    return path


def opened(folder: Path) -> Outbox:
    return Outbox(folder / "outbox", 1000, "shop", "n1")


def kinds(folder: Path) -> list[str | None]:
    with closing(sqlite3.connect(folder / "outbox" / NAME)) as db:
        return [row[0] for row in db.execute("SELECT kind FROM ledger_entries ORDER BY position")]


def test_what_is_of_age_goes_and_the_ledger_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outbox = opened(tmp_path)
    outbox.log("assist", b'{"t_wall": 0}')
    outbox._db.execute(
        "UPDATE ledger_entries SET at_ms = ? WHERE kind = 'assist'", (int((time.time() - 2 * DAY_S) * 1000),)
    )
    outbox._db.execute("UPDATE ledger_blocks SET at_ms = 0 WHERE kind = 'assist'")
    outbox.close()
    assert main(["purge", "--config", str(node(tmp_path))]) == 0
    assert "is forgotten" in capsys.readouterr().out
    assert kinds(tmp_path) == ["key", None, "forgotten"]


def test_a_courier_that_runs_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outbox = opened(tmp_path)
    assert main(["purge", "--config", str(node(tmp_path))]) == 0
    assert "The courier is running" in capsys.readouterr().out
    outbox.close()


def test_a_node_that_never_ran_has_nothing_to_forget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["purge", "--config", str(node(tmp_path))]) == 0
    assert "nothing to forget" in capsys.readouterr().out
    assert not (tmp_path / "outbox").exists()


def test_two_couriers_cannot_write_to_one_outbox(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    with pytest.raises(InUse, match="Another courier writes"):
        opened(tmp_path)
    outbox.close()
    opened(tmp_path).close()
