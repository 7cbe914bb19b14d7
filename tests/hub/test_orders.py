"""Words from the pages to the nodes: who may say them, that they are said at once, and what is written down."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from contract import wire
from contract.events import Command, Kind
from contract.ledger_events import Cosignature
from contract.plain import parse_note
from hub.auth import Role
from hub.codes import own_note
from hub.config import HubConfig
from hub.fakes import FakeShop
from hub.inbox import Inbox
from hub.reads import StoreReads
from hub.store import ASKED_KIND, FILE, Store
from hub.views import Changes, LedgerView
from hub.writer import Writer
from tests.hub.conftest import node_view
from tests.hub.node import Node, message
from tests.hub.test_writer import HandClocks

ClientOf = Callable[[Role | None], TestClient]
NODE, NOW_S = Node(), 1_795_000_000.0


@pytest.mark.parametrize("role", ["staff", "owner"])
@pytest.mark.parametrize("word", ["pause", "resume"])
def test_staff_and_owner_stop_every_camera_and_let_them_go_on(
    client_of: ClientOf, fake_shop: FakeShop, role: Role, word: str
) -> None:
    fake_shop.say(node_view("window-2", "Lamps"))
    assert client_of(role).post(f"/staff/{word}").headers["location"] == "/staff"
    assert fake_shop.orders == [(Command(command=word, by=role), ("floor-1", "window-2"))]


def test_without_a_broker_the_page_says_what_else_stops_a_camera(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.broker = False
    answer = client_of("staff").post("/staff/pause")
    assert answer.status_code == 502
    assert "Turn the switch on the camera, or pull its plug" in answer.text


def test_the_board_offers_to_pause_and_then_to_go_on(client_of: ClientOf, fake_shop: FakeShop) -> None:
    client = client_of("staff")
    html = client.get("/staff").text
    assert 'action="/staff/pause"' in html
    assert "Pause the cameras" in html
    fake_shop.say(replace(node_view("floor-1", "Ceramics"), state="paused", reason="command"))
    html = client.get("/staff").text
    assert 'action="/staff/resume"' in html
    assert "Paused: the cameras sense nothing" in html


def test_while_some_cameras_sense_and_some_are_paused_both_words_are_offered(
    client_of: ClientOf, fake_shop: FakeShop
) -> None:
    fake_shop.say(replace(node_view("window-2", "Lamps"), state="paused", reason="command"))
    html = client_of("staff").get("/staff").text
    assert 'action="/staff/pause"' in html
    assert 'action="/staff/resume"' in html
    assert "Paused: the cameras sense nothing" not in html


def test_a_switch_that_somebody_turned_is_not_undone_from_a_page(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.say(replace(node_view("floor-1", "Ceramics"), state="paused", reason="switch"))
    assert 'action="/staff/resume"' not in client_of("staff").get("/staff").text


def test_a_fork_is_shown_to_the_auditor_and_accepted_by_the_owner_alone(
    client_of: ClientOf, fake_shop: FakeShop
) -> None:
    fake_shop.ledger_views = [LedgerView("floor-1", 9, None, None, "attune-node/shop/floor-1 signed 9 entries and 4")]
    assert "signed 9 entries and 4" in client_of("auditor").get("/audit").text
    assert "begun anew" not in client_of("auditor").get("/audit").text
    owner = client_of("owner")
    assert "begun anew" in owner.get("/audit").text
    assert client_of("auditor").post("/owner/ledgers/accept", data={"node": "floor-1"}).status_code == 403
    assert owner.post("/owner/ledgers/accept", data={"node": "window-9"}).status_code == 404
    assert owner.post("/owner/ledgers/accept", data={"node": "floor-1"}).status_code == 303
    assert fake_shop.orders == [(Command(command="accept-ledger", by="owner", log="floor-1"), ("floor-1",))]
    assert fake_shop.ledgers() == ()


@pytest.fixture
def said() -> list[tuple[str, bytes]]:
    return []


@pytest.fixture
def writer(tmp_path: Path, said: list[tuple[str, bytes]]) -> Iterator[Writer]:
    store, reads = Store(tmp_path / FILE), StoreReads(tmp_path / FILE)

    def say(topic: str, payload: bytes) -> bool:
        said.append((topic, payload))
        return True

    writer = Writer(store, reads, HubConfig(), Changes(), say, HandClocks())
    writer.start()
    yield writer
    writer.stop()
    reads.close()
    store.close()


def kinds(said: list[tuple[str, bytes]]) -> list[Kind]:
    return [wire.parse_topic(topic).kind for topic, _ in said]


def test_an_order_is_said_to_each_node_and_stands_in_the_hubs_ledger(
    writer: Writer, said: list[tuple[str, bytes]], tmp_path: Path
) -> None:
    assert writer.order(Command(command="pause", by="staff"), ("door", "till"), NOW_S)
    orders = [(topic, payload) for topic, payload in said if topic.endswith("command")]
    assert [topic for topic, _ in orders] == ["attune/1/shop/door/command", "attune/1/shop/till/command"]
    assert {payload for _, payload in orders} == {wire.encode(Command(command="pause", by="staff"))}
    reads = Store(tmp_path / FILE)
    rows = reads.run("SELECT payload FROM ledger_entries WHERE kind = ?", ASKED_KIND).fetchall()
    reads.close()
    assert [json.loads(row[0]) for row in rows] == [
        {"said": {"command": "pause", "by": "staff"}, "to": ["door", "till"]}
    ]


def test_an_order_is_said_while_the_disk_takes_nothing(
    writer: Writer, said: list[tuple[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = threading.Event()
    monkeypatch.setattr(Inbox, "ask", lambda *_: full.set() or _refuses())
    assert writer.order(Command(command="pause", by="staff"), ("door",), NOW_S)
    assert full.is_set()
    assert "command" in kinds(said)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_node_that_was_away_when_all_were_told_to_stop_is_told_when_it_comes(
    writer: Writer, said: list[tuple[str, bytes]], tmp_path: Path, restarted: bool
) -> None:
    writer.order(Command(command="pause", by="staff"), (), NOW_S)
    if restarted:
        store, reads = Store(tmp_path / FILE), StoreReads(tmp_path / FILE)
        writer.stop()
        writer = Writer(store, reads, HubConfig(), Changes(), lambda *one: not said.append(one), HandClocks())
        writer.start()
    for state in ("paused", "online"):
        event = NODE.status(state, "command" if state == "paused" else None)  # type: ignore[arg-type]
        taken = threading.Event()
        writer.deliver(message(event), taken.set)
        assert taken.wait(30)
    orders = [(topic, wire.decode(topic, body)) for topic, body in said if topic.endswith("command")]
    assert orders == [("attune/1/shop/aisle/command", Command(command="pause"))]
    writer.order(Command(command="resume", by="staff"), (), NOW_S)
    taken = threading.Event()
    writer.deliver(message(NODE.status("degraded", "hot")), taken.set)
    assert taken.wait(30)
    assert len([topic for topic, _ in said if topic.endswith("command")]) == 1
    if restarted:
        writer.stop()
        reads.close()
        store.close()


def _refuses() -> None:
    from contract.errors import StoreError

    raise StoreError("The disk is full.")


def test_what_nodes_call_forked_is_shown_and_the_hubs_own_ledger_may_be_accepted_too(
    client_of: ClientOf, fake_shop: FakeShop
) -> None:
    fake_shop.ledger_views = [LedgerView("this hub", 9, None, None, None, ("door", "till"))]
    owner = client_of("owner")
    assert "door, till say so too and cosign it no more" in owner.get("/audit").text
    assert owner.post("/owner/ledgers/accept", data={"node": "hub"}).status_code == 303
    assert fake_shop.orders == [(Command(command="accept-ledger", by="owner", log="hub"), ("floor-1",))]


def test_who_called_a_ledger_forked_is_read_from_what_they_said(tmp_path: Path) -> None:
    store, reads = Store(tmp_path / FILE), StoreReads(tmp_path / FILE)
    said = Cosignature(node="aisle", boot="00c0ffee-000001", log="hub", word="forked", size=9, key=None, line=None)
    with store.batch():
        store.sign(NOW_S)
        store.add(message(said), said, late=False)
    assert [(line.node, line.called_by) for line in reads.ledgers()] == [("this hub", ("aisle",))]
    reads.close()
    store.close()


def test_a_code_to_photograph_holds_the_logs_own_signature_alone() -> None:
    note = "log\n3\nAAAA\n\n— log c2ln\n— hub c2ln\n"
    assert own_note(note) == "log\n3\nAAAA\n\n— log c2ln\n"
    assert len(parse_note(own_note(note))[1]) == 1
