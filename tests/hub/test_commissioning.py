"""Walks as they were told, and certificates kept in the table and in the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.wire import Topic, encode
from hub import retention
from hub.certificate import print_certificate
from hub.commissioning import CERTIFIED_KIND, DAY_S, Certificate, CommissioningBook, judged, walks
from hub.config import KeepPart
from hub.erase import delete_everything
from hub.fakes import FakeShop
from hub.ingest import judge
from hub.reads import StoreReads
from hub.store import FILE, Message, Store
from tests.hub.conftest import NOW_S, node_view
from tests.hub.walks import told, walk


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / FILE)
    yield store
    store.close()


@pytest.fixture
def reads(store: Store, tmp_path: Path) -> Iterator[StoreReads]:
    reads = StoreReads(tmp_path / FILE)
    yield reads
    reads.close()


@pytest.fixture
def book(store: Store, reads: StoreReads) -> CommissioningBook:
    def write(order: Any, now_s: float) -> None:
        with store.batch():
            order(store)

    return CommissioningBook(reads, write)


def certificate(node: str = "floor-1") -> Certificate:
    shop, view = FakeShop(), node_view(node, "Ceramics")
    shop.event_views.append(told(1, walk(node=node, face_px=20)))
    assert view.birth is not None
    return Certificate("Corner shop", node, "Monday", view.birth, judged(shop, view, NOW_S))


def test_of_each_zone_the_newest_walk_of_the_last_day_counts() -> None:
    shop = FakeShop()
    shop.event_views += [
        told(1, walk(0, seen=20)),
        told(2, walk(0, seen=50)),
        told(3, walk(1), NOW_S - 2 * DAY_S),
        told(4, walk(0, node="floor-2")),
    ]
    found = walks(shop, "floor-1", NOW_S)
    assert [(zone, one.seen) for zone, one in found.items()] == [(0, 50)]


def test_a_walk_that_a_node_sends_is_stored_and_forgotten_after_a_day(store: Store, reads: StoreReads) -> None:
    said = walk()
    message = Message(str(Topic(store="shop", node="floor-1", kind="walk")), encode(said), NOW_S, 0.0)
    event = judge(message, "shop")
    with store.batch():
        assert store.add(message, event, late=False) == "new"  # type: ignore[arg-type]
    assert walks(reads, "floor-1", NOW_S) == {0: said}
    in_ledger = "SELECT count(*) FROM ledger_entries WHERE kind = 'walk'"
    assert store.run(in_ledger).fetchone() == (1,)
    retention.sweep(store, KeepPart(), NOW_S + DAY_S + 1)
    assert walks(reads, "floor-1", NOW_S) == {}
    assert store.run(in_ledger).fetchone() == (0,)


def test_a_certificate_stands_in_the_table_and_all_of_it_in_the_ledger(store: Store, book: CommissioningBook) -> None:
    pdf = print_certificate(certificate())
    for passed_s in (0, 2):  # pressed twice
        book.certify(certificate(), pdf, "owner", NOW_S + passed_s)
    (one,) = book.certificates()
    assert (one.node, one.passed, one.sha256) == ("floor-1", False, hashlib.sha256(pdf).hexdigest())
    assert book.pdf(one.id) == pdf
    assert book.pdf(99) is None
    ((line,),) = store.run("SELECT payload FROM ledger_entries WHERE kind = ?", CERTIFIED_KIND).fetchall()
    said = json.loads(line)
    assert (said["by"], said["passed"], said["pdf_sha256"]) == ("owner", False, one.sha256)
    assert said["zones"][0]["walk"]["face_px"] == 20
    assert "2.0 times" in said["zones"][0]["advice"][0]


def test_the_same_certificate_is_the_same_bytes_and_another_is_not() -> None:
    assert print_certificate(certificate()) == print_certificate(certificate())
    assert print_certificate(certificate()) != print_certificate(replace(certificate(), when="Tuesday"))


def test_old_certificates_go_but_the_newest_of_each_camera(store: Store, book: CommissioningBook) -> None:
    for node, at_s in (("floor-1", NOW_S), ("floor-1", NOW_S + 1), ("floor-2", NOW_S)):
        book.certify(certificate(node), f"%PDF {at_s}".encode(), "owner", at_s)
    retention.sweep(store, KeepPart(), NOW_S + 2_000 * DAY_S)
    assert sorted((one.node, one.at_s) for one in book.certificates()) == [("floor-1", NOW_S + 1), ("floor-2", NOW_S)]


def test_deleting_everything_takes_the_certificates(store: Store, book: CommissioningBook) -> None:
    book.certify(certificate(), b"%PDF", "owner", NOW_S)
    with store.batch():
        delete_everything(store, NOW_S)
    assert book.certificates() == ()
