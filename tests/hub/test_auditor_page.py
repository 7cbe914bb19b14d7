"""The auditor's page: every event as it came, what was refused, and the export."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from contract.errors import StoreError
from hub import auditor
from hub.app import create_app
from hub.auditor import PAGE, gist
from hub.auth import Doors, Role
from hub.fakes import FakeShop
from hub.views import EventView, LedgerView, RefusedView, Settings
from tests.hub.conftest import NOW_S

ClientOf = Callable[[Role | None], TestClient]


def event(number: int, kind: str = "mood", zone: int | None = 0, payload: bytes = b'{"level":2}') -> EventView:
    return EventView(
        number, NOW_S, "floor-1", kind, zone, "0011aabb-000001", number, f"attune/1/s/floor-1/{kind}", payload
    )


def test_every_event_is_listed_page_by_page(client_of: ClientOf, fake_shop: FakeShop) -> None:
    total = 2 * PAGE + 7
    fake_shop.event_views = [event(number, payload=b'{"n":"<%d>"}' % number) for number in range(1, total + 1)]
    client, path, seen = client_of("auditor"), "/audit", []
    while path:
        html = client.get(path).text
        found = [number for number in range(1, total + 1) if f"&lt;{number}&gt;&#34;}}</pre>" in html]
        assert len(found) <= PAGE
        seen += sorted(found, reverse=True)
        path = html.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0] if 'rel="next"' in html else ""
        path = path.replace("&amp;", "&")
    assert seen == list(range(total, 0, -1))


def test_events_are_chosen_by_node_kind_and_zone(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.event_views = [
        event(1, "mood", 0, b'{"a":"one"}'),
        event(2, "assist", 0, b'{"a":"two"}'),
        event(3, "assist", 1, b'{"a":"three"}'),
    ]
    html = client_of("auditor").get("/audit?node=floor-1&kind=assist&zone=1").text
    assert "three" in html
    assert "&#34;two&#34;" not in html
    assert "&#34;one&#34;" not in html


def test_what_was_refused_stands_with_its_reason(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.refused_views = [RefusedView(1, NOW_S, "attune/1/s/x/mood", "value", "People is refused.", b"\xff<b>")]
    html = client_of("auditor").get("/audit/refused").text
    assert "People is refused." in html
    assert "\\xff&lt;b&gt;" in html


def test_births_ledgers_and_checkpoints_are_shown(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.ledger_views = [LedgerView("floor-1", 42, "signed <note>", NOW_S), LedgerView("window-1", 0, None, None)]
    html = client_of("auditor").get("/audit").text
    assert "floor-1: 42 entries" in html
    assert "signed &lt;note&gt;" in html
    assert "No signed checkpoint yet" in html
    assert "ab" * 32 in html
    assert "k = 5" in html


def test_an_empty_store_says_what_will_appear(client_of: ClientOf) -> None:
    client = client_of("auditor")
    assert "each is listed here the moment it is stored" in client.get("/audit").text
    assert "Nothing was refused" in client.get("/audit/refused").text


def test_the_auditor_can_write_nothing_and_set_off_a_self_test_alone(
    pages_app: FastAPI, client_of: ClientOf, fake_shop: FakeShop
) -> None:
    client = client_of("auditor")
    assert client.post("/audit", data={"a": "1"}).status_code == 405
    assert client.post("/staff/nudges/1/take", data={"a": "1"}).status_code == 403
    forms = set(re.findall(r'method="post" action="([^"]*)"', client.get("/audit").text))
    assert forms == {"/leave", "/audit/prove"}


def exporting(fake_shop: FakeShop, doors: Doors, export: Callable[[Path], None]) -> TestClient:
    app = create_app(
        reads=fake_shop,
        desk=fake_shop,
        doors=doors,
        changes=fake_shop.changes,
        settings=Settings(),
        export=export,
    )
    origin = "http://127.0.0.1:8700"
    client = TestClient(app, base_url=origin, headers={"origin": origin}, raise_server_exceptions=False)
    client.post("/enter", data={"key": doors.mint("auditor")})
    return client


def test_the_export_is_downloaded_and_leaves_nothing_behind(
    fake_shop: FakeShop, doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditor.tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()

    def export(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("events.jsonl", "{}\n")

    client = exporting(fake_shop, doors, export)
    assert 'href="/audit/export.zip"' in client.get("/audit", headers={"accept": "text/html"}).text
    answer = client.get("/audit/export.zip")
    assert answer.headers["content-type"] == "application/zip"
    (tmp_path / "got.zip").write_bytes(answer.content)
    assert zipfile.ZipFile(tmp_path / "got.zip").namelist() == ["events.jsonl"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_export_that_fails_leaves_nothing_behind(
    fake_shop: FakeShop, doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditor.tempfile, "tempdir", str(tmp_path))

    def export(path: Path) -> None:
        path.write_bytes(b"half")
        raise StoreError("The disk is full.")

    before = set(tmp_path.iterdir())
    assert exporting(fake_shop, doors, export).get("/audit/export.zip").status_code == 503
    assert {path for path in tmp_path.iterdir() if path.suffix == ".zip"} == {
        path for path in before if path.suffix == ".zip"
    }


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (
            b'{"v":1,"node":"a","level":2,"reasons":["long_dwell","searching"]}',
            "level 2 · reasons long_dwell, searching",
        ),
        (b'{"shares":{"negative":2,"neutral":8}}', "shares negative 2, neutral 8"),
        (
            b'{"reasons":[],"fps":null,"hot":false,"zones":[{"id":0}]}',
            "reasons none · fps null · hot false · zones 1 of them",
        ),
        (b'{"v":1}', "nothing of its own"),
        (b"[1]", "nothing of its own"),
        (b"\xff", "not JSON"),
        (b"{", "not JSON"),
    ],
)
def test_the_gist_of_an_event_is_what_sets_it_apart(payload: bytes, said: str) -> None:
    assert gist(payload) == said
