"""The hub's own ledger: what it took, and that it stays provable when it is forgotten."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract import wire
from contract.checkpoint import KEY_FILE, Signer, hub_origin
from contract.errors import LedgerError
from contract.export import export
from contract.verify import verify
from hub import retention
from hub.config import KeepPart
from hub.reads import StoreReads
from hub.store import FILE, Message, Store
from tests.hub.node import WALL_S, Node, message

NODE = Node()
NOW_S = float(WALL_S)
DAY_S = 86_400.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / FILE)
    yield store
    store.close()


def entries(folder: Path) -> list[dict[str, object]]:
    out = folder / "out.zip"
    export(folder, FILE, out)
    assert verify(out).status == 0
    with zipfile.ZipFile(out) as archive:
        return [json.loads(line) for line in archive.read("entries.ndjson").splitlines()]


def test_what_is_taken_is_logged_once_byte_for_byte_with_topic_and_time(store: Store, tmp_path: Path) -> None:
    event = NODE.mood(1)
    with store.batch():
        for _ in range(2):
            store.add(message(event), event, late=False)
    last = entries(tmp_path)[1:]
    assert [(entry["kind"], entry["topic"], entry["text"]) for entry in last] == [
        ("mood", NODE.topic("mood"), wire.encode(event).decode())
    ]
    assert last[0]["at_ms"] == int(message(event).received_s * 1000)


def test_what_is_refused_is_not_in_the_ledger(store: Store, tmp_path: Path) -> None:
    with store.batch():
        store.refuse(Message("attune/1/shop/front/face", b"{}", NOW_S, 1.0), "topic", "no such kind")
    assert len(entries(tmp_path)) == 1


def test_a_batch_that_fails_leaves_no_entry(store: Store, tmp_path: Path) -> None:
    event = NODE.mood(1)

    def fail() -> None:
        with store.batch():
            store.add(message(event), event, late=False)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(entries(tmp_path)) == 1


def test_what_retention_clears_is_forgotten_in_the_ledger_and_the_export_stays_whole(
    store: Store, tmp_path: Path
) -> None:
    old, new = NODE.mood(1), NODE.mood(2)
    with store.batch():
        store.add(message(old), old, late=False)
        note = store.sign(NOW_S)
    later_s = message(old).received_s + 401 * DAY_S
    with store.batch():
        store.add(Message(NODE.topic("mood"), wire.encode(new), later_s, 1.0), new, late=False)
    retention.sweep(store, KeepPart(), later_s)
    logged = entries(tmp_path)
    assert [entry.get("kind") for entry in logged] == ["key", None, "mood", "forgotten"]
    assert verify(tmp_path / "out.zip", note).status == 0


def test_the_auditors_page_shows_the_newest_checkpoints(store: Store, tmp_path: Path) -> None:
    reads = StoreReads(tmp_path / FILE)
    assert reads.ledgers() == ()
    with store.batch():
        note = store.sign(NOW_S)
    (own,) = reads.ledgers()
    assert (own.node, own.size, own.checkpoint, own.received_s) == ("this hub", 1, note, NOW_S)
    reads.close()


def test_a_hub_whose_key_is_gone_says_so_and_starts_no_second_ledger(store: Store, tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(LedgerError, match="begun under another key"):
        Store(tmp_path / FILE)
    assert Signer.load(tmp_path / KEY_FILE).name == hub_origin("shop")
