"""Forgetting in a hub that does not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.__main__ import main
from hub.housekeeping import alone
from hub.reads import StoreReads
from hub.store import FILE, Store
from tests.hub.node import WALL_S, Node, message

NODE = Node()


def test_what_is_of_age_goes_and_a_hub_that_runs_is_leftalone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, event = Store(tmp_path / FILE), NODE.assist(1)
    with store.batch():
        store.add(message(event), event, late=False)
    store.close()
    monkeypatch.setattr("hub.clocks.time.time", lambda: WALL_S + 3 * 86_400.0)
    with alone(tmp_path, ""):
        assert main(["purge", "--data", str(tmp_path)]) == 0
    assert "The hub is running" in capsys.readouterr().out
    assert main(["purge", "--data", str(tmp_path)]) == 0
    assert "is forgotten: 1 rows" in capsys.readouterr().out
    reads = StoreReads(tmp_path / FILE)
    assert reads.counts()["events"] == 0
    reads.close()


def test_a_hub_that_never_ran_has_nothing_to_forget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["purge", "--data", str(tmp_path)]) == 0
    assert "nothing to forget" in capsys.readouterr().out


def test_a_clock_that_stands_a_year_ahead_of_the_ledger_makes_nothing_of_age(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, event = Store(tmp_path / FILE), NODE.assist(1)
    with store.batch():
        store.add(message(event), event, late=False)
    store.close()
    monkeypatch.setattr("hub.clocks.time.time", lambda: WALL_S + 400 * 86_400.0)
    monkeypatch.setattr("hub.housekeeping.synchronised", lambda: False)
    assert main(["purge", "--data", str(tmp_path)]) == 0
    assert "is forgotten: 0 rows" in capsys.readouterr().out
