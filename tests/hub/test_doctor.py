"""What the hub's doctor says of a hub that is well, and of one that is not."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.findings import Finding
from hub.__main__ import main
from hub.doctor import check
from hub.store import FILE, Store
from tests.hub.node import WALL_S, Node, message

NODE, NOW_S = Node(), float(WALL_S + 1000)
WELL = """
shop_name = "Corner Shop"
controller = "Corner Ltd, 1 High Street"
contact = "ask@shop.example"
legal_basis = "Art. 6(1)(f) GDPR"
dpia_reference = "DPIA-2026-01"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hub.toml").write_text(WELL)
    store = Store(tmp_path / FILE)
    with store.batch():
        for event in (NODE.birth(), NODE.status()):
            store.add(message(event), event, late=False)
        store.sign(NOW_S)
    store.close()
    return tmp_path


@pytest.fixture
def broker() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"mqtt://127.0.0.1:{listener.getsockname()[1]}"


def said(folder: Path, what: str, broker: str | None = None, now_s: float = NOW_S) -> Finding:
    (found,) = (finding for finding in check(folder, broker, lambda: now_s) if finding.what == what)
    return found


def test_a_hub_that_is_well_passes_line_by_line(folder: Path, broker: str) -> None:
    found = check(folder, broker, lambda: NOW_S)
    assert [finding.what for finding in found if not finding.passed] == []
    assert [finding.what for finding in found] == [
        "settings", "papers", "database", "ledger", "disk", "clock", "broker", "certificates", "cameras",
    ]  # fmt: skip


def test_it_changes_nothing(folder: Path, broker: str) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir() if path.suffix in (".db", ".key", ".toml")}
    check(folder, broker, lambda: NOW_S)
    assert before == {path: path.read_bytes() for path in before}


def test_papers_that_say_too_little_are_named(folder: Path) -> None:
    (folder / "hub.toml").write_text('shop_name = "Corner Shop"\n')
    assert said(folder, "papers").says.startswith("hub.toml does not say controller, contact, legal_basis, dpia_")
    (folder / "hub.toml").write_text(WELL + 'jurisdiction = "us-il"\n')
    assert not said(folder, "papers").passed


def test_a_damaged_database_is_named(folder: Path) -> None:
    path = folder / FILE
    body = bytearray(path.read_bytes())
    body[4096 * 2 : 4096 * 6] = b"\xff" * 4096 * 4
    path.write_bytes(body)
    assert not said(folder, "database").passed
    path.write_bytes(b"no database at all" * 100)
    assert "is damaged" in said(folder, "database").says


def test_a_ledger_without_its_key_is_named(folder: Path) -> None:
    (folder / "ledger.key").unlink()
    assert not said(folder, "ledger").passed


def test_a_camera_that_is_silent_or_works_by_another_law_is_named(folder: Path) -> None:
    assert "Nothing was heard of aisle" in said(folder, "cameras", now_s=NOW_S + 3600).says
    store, born = Store(folder / FILE), NODE.birth().model_copy(update={"jurisdiction": "us-tx"})
    with store.batch():
        store.add(message(born), born, late=False)
    store.close()
    assert "aisle (us-tx)" in said(folder, "cameras").says


def test_a_clock_that_does_not_follow_from_the_ledger_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.doctor.synchronised", lambda: False)
    for off_s in (-86_400.0, 400 * 86_400.0):
        assert "does not believe it" in said(folder, "clock", now_s=NOW_S + off_s).says
    monkeypatch.setattr("hub.doctor.synchronised", lambda: True)
    assert said(folder, "clock", now_s=NOW_S + 400 * 86_400.0).passed


def test_a_clock_that_was_never_set_and_a_broker_that_is_away_are_named(folder: Path) -> None:
    assert "was never set" in said(folder, "clock", now_s=0.0).says
    assert "start Mosquitto" in said(folder, "broker", "mqtt://127.0.0.1:1").says
    assert "has no certificate" in said(folder, "certificates", "mqtts://127.0.0.1:1").says


def test_a_folder_that_is_none_is_all_there_is_to_say(tmp_path: Path) -> None:
    (found,) = check(tmp_path / "none")
    assert not found.passed
    assert "There is no folder" in found.says


def test_the_command_says_it_for_people_and_for_scripts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--data", str(folder), "--json"]) == 1  # its camera was heard long ago
    findings = json.loads(capsys.readouterr().out)
    assert {finding["what"]: finding["passed"] for finding in findings}["database"]
    main(["check", "--data", str(folder)])
    assert "ok    database" in capsys.readouterr().out
