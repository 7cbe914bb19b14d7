"""The privacy meter: what left each node today, in bytes and records."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from contract.events import KINDS
from hub.auth import Role
from hub.fakes import FakeShop
from hub.meter import FACE_BYTES, meters
from hub.reads import StoreReads
from hub.store import FILE, Store
from hub.views import EventView
from tests.hub.conftest import NOW_S

ClientOf = Callable[[Role | None], TestClient]


def event(number: int, kind: str, size: int, node: str = "floor-1", received_s: float = NOW_S) -> EventView:
    return EventView(number, received_s, node, kind, 0, "0011aabb-000001", number, "attune/1/s/x", b"x" * size)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS), st.integers(0, 9000), st.sampled_from(("floor-1", "w")), st.floats(0, 2 * NOW_S)
        )
    )
)
def test_every_byte_of_today_is_counted_once_and_none_of_yesterday(
    told: list[tuple[str, int, str, float]],
) -> None:
    shop = FakeShop()
    shop.event_views = [event(number, *one) for number, one in enumerate(told)]
    today = [one for one in told if one[3] >= NOW_S]
    found = meters(shop, NOW_S)
    assert sum(meter.size_bytes for meter in found) == sum(size for _, size, _, _ in today)
    assert sum(meter.records for meter in found) == len(today)
    for bar in (bar for meter in found for bar in meter.bars):
        assert (bar.tenths > 0) == (bar.size_bytes > 0)
        assert bar.tenths <= 1000


def test_a_face_is_drawn_on_the_scale_of_the_bars() -> None:
    shop = FakeShop()
    shop.event_views = [event(1, "health", 4 * FACE_BYTES), event(2, "mood", FACE_BYTES, "window-1")]
    first, second = meters(shop, NOW_S)
    assert (first.face_tenths, second.face_tenths) == (250, 250)
    assert (first.bars[0].tenths, second.bars[0].tenths) == (1000, 250)


def test_what_tells_of_people_comes_first() -> None:
    shop = FakeShop()
    shop.event_views = [event(1, "health", 900), event(2, "mood", 100), event(3, "hour", 200), event(4, "birth", 950)]
    assert [bar.kind for bar in meters(shop, NOW_S)[0].bars] == ["hour", "mood", "birth", "health"]


@pytest.mark.parametrize(("role", "path"), [("auditor", "/audit"), ("owner", "/owner")])
def test_both_pages_say_it_in_words_and_figures(
    client_of: ClientOf, fake_shop: FakeShop, role: Role, path: str
) -> None:
    fake_shop.event_views = [event(1, "mood", 300), event(2, "mood", 350), event(3, "health", 1000)]
    html = client_of(role).get(path).text
    assert "floor-1: 1,650 bytes in 3 records" in html
    assert "2,304 bytes" in html
    assert "Its longest record has 1,000 bytes, fewer than such a picture takes uncompressed" in html
    row = re.search(r'<th scope="row">mood.*?</tr>', html, re.DOTALL)
    assert row is not None
    assert re.findall(r'class="num">([^<]*)<', row[0]) == ["2", "350", "650"]
    assert "style=" not in html


def test_a_record_as_long_as_a_face_is_pointed_out(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.event_views = [event(1, "birth", FACE_BYTES)]
    html = client_of("auditor").get("/audit").text
    assert "fewer than such a picture" not in html
    assert "as many as such a picture: open it and read it" in html


def test_a_node_that_said_nothing_today_is_named(client_of: ClientOf) -> None:
    html = client_of("owner").get("/owner").text
    assert "floor-1: 0 bytes in 0 records" in html
    assert "Nothing has left it today" in html


def test_the_store_counts_bytes_and_not_letters(tmp_path: Path) -> None:
    store = Store(tmp_path / FILE)
    with store.batch():
        for number, (kind, payload) in enumerate((("mood", "ä".encode()), ("mood", b"xxx"), ("hour", b"\0\0"))):
            store._db.execute(
                "INSERT INTO events (node, boot, seq, kind, zone, late, received_s, topic, payload)"
                " VALUES ('n', 'b', ?, ?, 0, 0, ?, 't', ?)",
                (number, kind, NOW_S, payload),
            )
    reads = StoreReads(tmp_path / FILE)
    try:
        left = reads.left_since(NOW_S)
        assert [(one.kind, one.records, one.size_bytes, one.longest_bytes) for one in left] == [
            ("hour", 1, 2, 2),
            ("mood", 2, 5, 3),
        ]
        assert reads.left_since(NOW_S + 1) == ()
    finally:
        reads.close()
        store.close()
