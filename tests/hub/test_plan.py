"""The floor plan: what may be drawn, what a node makes of it, what is kept of a picture, and how zones are now."""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from contract import wire
from contract.errors import ConfigError
from contract.events import Config, ZoneSpec
from contract.polygons import area
from edge.config import NodeConfig, parse
from edge.courier.control import taken
from hub import plan as plans
from hub.auth import Role
from hub.erase import delete_everything
from hub.plan import PlacedZone, Plan, PlanBook, View, fragment, marks
from hub.plan_picture import SIDE_PX_MAX, drawn_anew
from hub.reads import StoreReads
from hub.store import FILE, Store
from hub.views import NudgeView
from tests.hub.conftest import NOW_S, node_view

ClientOf = Callable[[Role | None], TestClient]
corners = st.tuples(*[st.integers(0, 100).map(lambda tick: tick / 100)] * 2)
polygons = st.lists(corners, min_size=3, max_size=8)
SQUARE = ((0.1, 0.1), (0.6, 0.1), (0.6, 0.6), (0.1, 0.6))


def view(*zones: tuple[str, Any], node: str = "floor-1") -> dict[str, Any]:
    return {"node": node, "zones": [{"id": n, "name": name, "polygon": line} for n, (name, line) in enumerate(zones)]}


def body(**parts: Any) -> bytes:
    return json.dumps(parts).encode()


def apart(a: Any, b: Any, c: Any) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def crosses(line: Any) -> bool:
    sides = list(zip(line, (*line[1:], line[0]), strict=True))
    return any(
        apart(a, b, c) * apart(a, b, d) < -1e-12 and apart(c, d, a) * apart(c, d, b) < -1e-12
        for n, (a, b) in enumerate(sides)
        for c, d in sides[n + 1 :]
    )


@given(st.lists(st.tuples(st.text(min_size=1, max_size=40), polygons), min_size=1, max_size=2))
def test_what_is_saved_is_simple_inside_and_what_a_node_takes_from_its_file(zones: list[tuple[str, Any]]) -> None:
    try:
        drawn = plans.parse(body(views=[view(*zones)]))
    except ConfigError:
        return
    (kept,) = drawn.views
    for zone in kept.zones:
        assert all(0 <= part <= 1 for corner in zone.polygon for part in corner)
        assert area(zone.polygon) >= 0.02
        assert not crosses(zone.polygon)
    read = parse({"node": "floor-1", **tomllib.loads(fragment(kept))}, "node.toml", Path())
    assert read.zones == kept.zones


@given(left=st.integers(0, 40), top=st.integers(0, 40), w=st.integers(20, 50), h=st.integers(20, 50))
def test_every_box_of_a_fair_size_can_be_saved_and_is_taken_by_a_node_from_the_hub(
    left: int, top: int, w: int, h: int
) -> None:
    x, y, far, low = (part / 100 for part in (left, top, left + w, top + h))
    line = [[x, y], [far, y], [far, low], [x, low]]
    kept = plans.parse(body(views=[view(("Ceramics", line))])).views[0]
    wanted = plans.config_of(node_view("floor-1", "Whole picture"), kept)
    config = NodeConfig.model_validate_json('{"node": "floor-1", "version": 1}')
    after = taken(config, wanted)
    assert after.zones == kept.zones
    assert after.privacy == config.privacy


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"views": [view(("A", [[0, 0], [0.5, 0.5], [0.5, 0], [0, 0.5]]))]}, "crosses itself"),
        ({"views": [view(("A", [[0, 0], [1.2, 0], [0.5, 0.5]]))]}, "less than or equal to 1"),
        ({"views": [view(("A", [[0, 0], [0.1, 0], [0.1, 0.1]]))]}, "under 2%"),
        ({"views": [view(("A", SQUARE), ("B", SQUARE))]}, "overlap"),
        ({"views": [view(("A", SQUARE)), view(("A", SQUARE))]}, "drawn twice"),
        ({"zones": [{"node": "floor-1", "zone": 0, "x": 0.5, "y": 0.5, "w": 0.2, "h": 0.2}] * 2}, "drawn twice"),
        ({"walls": [{"ends": [[0, 0], [1, 2]]}]}, "less than or equal to 1"),
        ({"photograph": "x"}, "photograph"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        plans.parse(body(**parts))


def test_a_zone_is_what_its_open_nudge_says_and_never_calm_without_its_camera() -> None:
    names = ("Ceramics", "Textiles", "Till")
    drawn = Plan(zones=tuple(PlacedZone(node="floor-1", zone=n, x=0.5, y=0.5, w=0.1, h=0.1) for n in range(4)))
    node = node_view("floor-1", *names)
    first = NudgeView(1, "floor-1", 0, "Ceramics", 2, ("long_dwell",), "open", NOW_S)
    nudges = (first, replace(first, zone=1, state="taken"), replace(first, zone=2, state="withdrawn"))
    assert [(mark.name, mark.state) for mark in marks(drawn, (node,), nudges)] == [
        ("Ceramics", "asks"),
        ("Textiles", "attended"),
        ("Till", "quiet"),  # the fourth is not a zone of the camera any more
    ]
    paused = replace(node, state="paused")
    assert {mark.words for mark in marks(drawn, (paused,), nudges)} == {"not sensing"}


# --- the picture ----------------------------------------------------------------------------------------------------


def picture(kind: str, size: tuple[int, int], **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 40, 40)).save(out, kind, **more)
    return out.getvalue()


def test_a_picture_is_kept_small_grey_upright_and_without_what_else_the_file_says() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Telephone of Miller"  # to be turned by a quarter
    kept = drawn_anew(picture("JPEG", (3200, 1600), exif=exif))
    assert (kept.width_px, kept.height_px) == (SIDE_PX_MAX // 2, SIDE_PX_MAX)
    assert b"Miller" not in kept.png
    with Image.open(io.BytesIO(kept.png)) as image:
        assert image.size == (kept.width_px, kept.height_px)
        assert image.info.keys() <= {"transparency"}
        red, green, blue = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
        assert red == green == blue


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        picture("GIF", (200, 200)),
        picture("PNG", (200, 200))[:60],
        picture("PNG", (8, 8)),
        picture("PNG", (2_000, 100)),
        picture("PNG", (6_000, 5_000)),
        b"\x89PNG" + b"\0" * (4 * 1024 * 1024),
    ],
)
def test_what_is_no_safe_picture_is_refused_in_a_sentence(sent: bytes) -> None:
    with pytest.raises(ConfigError, match=r"[.:]"):
        drawn_anew(sent)


@given(st.binary(max_size=400))
def test_no_bytes_make_the_picture_reader_fail_otherwise(noise: bytes) -> None:
    for sent in (noise, b"\x89PNG\r\n\x1a\n" + noise, b"\xff\xd8\xff\xe0" + noise):
        with pytest.raises(ConfigError):
            drawn_anew(sent)


# --- kept, sent and deleted -----------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / FILE)
    yield store
    store.close()


@pytest.fixture
def said() -> list[tuple[str, bytes]]:
    return []


@pytest.fixture
def book(store: Store, tmp_path: Path, said: list[tuple[str, bytes]]) -> Iterator[PlanBook]:
    reads = StoreReads(tmp_path / FILE)

    def write(order: Any, now_s: float) -> None:
        with store.batch():
            order(store)

    yield PlanBook("shop", reads, write, lambda topic, payload: said.append((topic, payload)) is None)
    reads.close()


def test_a_plan_and_its_picture_are_kept_and_deleting_everything_takes_the_picture(
    book: PlanBook, store: Store
) -> None:
    assert (book.plan(), book.picture()) == (Plan(), None)
    drawn = plans.parse(body(walls=[{"ends": [[0, 0], [1, 0]]}], views=[view(("Ceramics", SQUARE))]))
    laid = drawn_anew(picture("PNG", (300, 200)))
    for _ in range(2):
        book.save(drawn, NOW_S)
        book.lay(laid, NOW_S)
    assert (book.plan(), book.picture()) == (drawn, laid)
    with store.batch():
        delete_everything(store, NOW_S)
    assert (book.plan(), book.picture()) == (drawn, None)


def test_zones_sent_to_a_node_are_one_version_newer_and_stand_in_the_ledger(
    book: PlanBook, store: Store, said: list[tuple[str, bytes]]
) -> None:
    zones = (ZoneSpec(id=0, name="Ceramics", polygon=SQUARE),)
    assert book.send(node_view("floor-1"), View(node="floor-1", zones=zones), "owner", NOW_S)
    ((topic, payload),) = said
    assert topic == "attune/1/shop/floor-1/config"
    assert wire.decode(topic, payload) == Config(version=2, zones=zones)
    entries = store.run("SELECT kind FROM ledger_entries").fetchall()
    assert (plans.ASKED_KIND,) in entries


def test_the_page_refuses_in_words_and_hands_out_what_was_saved(client_of: ClientOf) -> None:
    client = client_of("owner")
    wrong = client.post("/owner/plan", content=body(views=[view(("A", SQUARE), ("B", SQUARE))]))
    assert (wrong.status_code, "overlap" in wrong.json()["error"]) == (400, True)
    assert client.get("/owner/plan/floor-1.toml").status_code == 404
    assert client.post("/owner/plan", content=body(views=[view(("Ceramics", SQUARE))])).status_code == 200
    file = client.get("/owner/plan/floor-1.toml")
    assert tomllib.loads(file.text)["zones"][0]["name"] == "Ceramics"
    assert client.post("/owner/plan/picture", content=b"<svg/>").status_code == 400
    assert client.post("/owner/plan/picture", content=picture("PNG", (900, 600))).status_code == 200
    assert client.get("/owner/plan/picture").headers["content-type"] == "image/png"
    assert 'viewBox="0 0 1000 667"' in client.get("/owner").text
    assert client.post("/owner/plan", content=b"x" * 200_000).status_code == 413
