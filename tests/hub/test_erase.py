"""Delete everything: nothing of a camera is left, and the ledger is whole all the same."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from contract.export import export
from contract.verify import verify
from hub import erase, experiment_rows, sales
from hub.__main__ import main
from hub.auth import Role
from hub.fakes import FakeShop
from hub.housekeeping import alone
from hub.need_hours import write_down
from hub.nudge_types import Held, Hold, Need, Open, Raise, Renew, Staffed, Wait, Waiting
from hub.reads import StoreReads
from hub.roll import roll
from hub.shift import Seat
from hub.store import FILE, Store
from tests.hub.conftest import node_view
from tests.hub.node import WALL_S, Node, message, raw
from tests.hub.test_writer import Hub

NODE = Node()
NOW_S = float(WALL_S)


def fill(store: Store) -> bytes:
    """Something in every table that goes; returns bytes that must not be found afterwards."""
    secret = b"attune/1/shop/aisle/mood-secret"
    events = (NODE.birth(), NODE.status(), NODE.health(), NODE.mood(1), NODE.hour(2), NODE.assist(3))
    with store.batch():
        for event in events:
            store.add(message(event), event, late=False)
            store.heard(event.node, NOW_S)
        store.refuse(raw(secret.decode(), secret * 20), "topic", "No.")
        store.act(Raise(("aisle", 0), Open(1, 1, (), NOW_S, NOW_S + 60, NOW_S)), NOW_S)
        need = Need(("aisle", 0), 1, (), NOW_S + 60)
        store.act(Renew(Open(1, 1, (), NOW_S, NOW_S + 60, NOW_S, needs=(need, need)), True), NOW_S)
        store.act(Wait(("aisle", 2), Waiting(NOW_S, need)), NOW_S)
        store.act(Staffed({"till": Seat(NOW_S)}), NOW_S)
        store.forget_answers("aisle", 0, NOW_S)
        experiment_rows.begin(store.run, 0.2, 30, NOW_S)
        store.act(Hold(("aisle", 1), Held(NOW_S, NOW_S + 60)), NOW_S)
        experiment_rows.measure(store.run, NOW_S + 600)
        sales.keep(store.run, {int(NOW_S) // 3600 * 3600: 1.0})
        sales.keep_most(store.run, 1, 100)
    roll(store, UTC, NOW_S + 86_400, 396)
    with store.batch():
        store.run("INSERT INTO history_waits VALUES (1, 1, 0, 0, 0, 0)")
    with store.batch():
        write_down(store.run, NOW_S + 7_200)
        store.run("INSERT INTO plan_picture VALUES (1, ?, 1, 1, ?)", NOW_S, secret)
        store.run("INSERT INTO certificates VALUES (1, 'floor-1', ?, 1, '', ?)", NOW_S, secret)
    return secret


def whole(folder: Path) -> str:
    """What the check says of an export made now."""
    export(folder, FILE, folder / "out.zip")
    verdict = verify(folder / "out.zip")
    assert verdict.status == 0
    return verdict.sentence


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / FILE)
    yield opened
    opened.close()


def test_every_table_either_goes_or_stays_for_a_reason(store: Store) -> None:
    tables = {name for (name,) in store._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {*erase.GOES, *erase.STAYS}


def test_all_of_it_goes_its_bytes_too_and_the_ledger_stays_whole(store: Store, tmp_path: Path) -> None:
    secret = fill(store)
    assert all(store._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in erase.GOES)
    with store.batch():
        gone = erase.delete_everything(store, NOW_S + 10)
    store.wash()
    assert gone == {"events": 6, "hours": 1, "refused": 1, "nudge_steps": 2, "nudges": 1, "nodes": 1, "forgotten": 1,
                        "shift_seats": 1, "nudge_asks": 1, "nudge_zones": 2, "waiting_needs": 1,
                    "need_hours": 2, "experiments": 1, "held_needs": 1, "experiment_hours": 2,
                    "sales": 1, "sales_most": 1, "history_days": 1, "history_waits": 1, "history_rolled": 1,
                    "plan_picture": 1, "certificates": 1, "event_blocks": 8, "ledger": 6}  # fmt: skip
    assert not any(store._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in erase.GOES)
    kinds = [
        kind
        for (kind,) in store._db.execute("SELECT kind FROM ledger_entries WHERE kind IS NOT NULL ORDER BY position")
    ]
    assert kinds == ["key", "forgotten", erase.DELETED_KIND]
    on_disk = b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))
    assert secret not in on_disk
    assert b"t_mono_s" not in on_disk
    assert "6 forgotten, each on record" in whole(tmp_path)


def test_it_can_be_done_again_and_what_comes_after_is_kept(store: Store, tmp_path: Path) -> None:
    for _ in range(2):
        fill(store)
        with store.batch():
            erase.delete_everything(store, NOW_S + 10)
    with store.batch():
        assert store.add(message(NODE.mood(9)), NODE.mood(9), late=False) == "new"
    deleted = "SELECT count(*) FROM ledger_entries WHERE kind = ?"
    assert store._db.execute(deleted, (erase.DELETED_KIND,)).fetchone()[0] == 2
    assert "12 forgotten" in whole(tmp_path)


def test_a_running_hub_forgets_its_open_nudges_and_goes_on(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.hear(NODE.birth(t_mono_s=100), NODE.status(), NODE.assist(1))
    assert len(hub.nudges()) == 1
    hub.writer.delete_everything(NOW_S)
    assert hub.nudges() == ()
    assert hub.counts() == (0, 0)
    hub.hear(NODE.birth(t_mono_s=101), NODE.assist(2, t_mono_s=101))
    assert hub.counts() == (2, 0)
    hub.close()


def test_the_owner_types_the_word_and_nobody_else_may(
    client_of: Callable[[Role | None], TestClient], fake_shop: FakeShop
) -> None:
    fake_shop.say(node_view("floor-1", "Ceramics"))
    owner, path = client_of("owner"), "/owner/delete-everything"
    assert "Exports and backups that somebody took" in owner.get("/owner").text
    for word in ("", "delete", "DELETE EVERYTHING"):
        assert owner.post(path, data={"word": word}).status_code == 400
    for role in ("staff", "auditor"):
        assert client_of(role).post(path, data={"word": "DELETE"}).status_code == 403
    assert client_of(None).post(path, data={"word": "DELETE"}).status_code == 401
    assert fake_shop.nodes()
    assert owner.post(path, data={"word": "DELETE"}).status_code == 303
    assert fake_shop.nodes() == ()


def test_the_command_asks_refuses_a_running_hub_and_says_what_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / FILE)
    fill(store)
    store.close()

    def asked(said: str, *more: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        status = main(["delete-everything", "--data", str(tmp_path), *more])
        told = capsys.readouterr()
        return status, told.out + told.err

    with alone(tmp_path, "http://127.0.0.1:1"):
        assert "A hub is running" in asked("", "--yes")[1]
    for said in ("no\n", ""):
        status, told = asked(said)
        assert (status, "Nothing was deleted" in told) == (1, True)
    status, told = asked("DELETE\n")
    assert (status, "6 events" in told, "What remains: " in told) == (0, True, True)
    reads = StoreReads(tmp_path / FILE)
    assert reads.counts() == {"events": 0, "refused": 0}
    reads.close()
    assert "Whole" in whole(tmp_path)
    assert "There is no hub's database" in main_says(["delete-everything", "--data", str(tmp_path / "none")], capsys)


def main_says(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 1
    return capsys.readouterr().err
