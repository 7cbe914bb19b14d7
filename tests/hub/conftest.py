"""A fake shop behind the real pages: what every test of a page starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from contract.events import Birth, GateSpec, Health, OpenHours, ZoneSpec
from hub.app import create_app
from hub.auth import Doors, Role
from hub.commissioning import FakeCommissioning
from hub.connect.connections import Connections
from hub.connect.keys import Keys
from hub.connect.settings import ConnectPart
from hub.experiment_desk import FakeExperiment
from hub.fakes import FakeShop
from hub.plan import FakePlan
from hub.rules import FakeRules
from hub.views import NodeView, Settings

ORIGIN = "http://127.0.0.1:8700"
NOW_S = 1_795_000_000.0


class Clock:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def page_clock() -> Clock:
    return Clock()


@pytest.fixture
def doors(tmp_path: Path, page_clock: Clock) -> Iterator[Doors]:
    doors = Doors.open(tmp_path / "doors.db", page_clock)
    yield doors
    doors.close()


@pytest.fixture
def fake_shop() -> FakeShop:
    shop = FakeShop()
    shop.say(node_view("floor-1", "Ceramics", "Textiles"))
    return shop


@pytest.fixture
def api_keys(tmp_path: Path, page_clock: Clock) -> Iterator[Keys]:
    keys = Keys.open(tmp_path / "doors.db", page_clock)
    yield keys
    keys.close()


@pytest.fixture
def pages_app(fake_shop: FakeShop, doors: Doors, api_keys: Keys, page_clock: Clock, tmp_path: Path) -> FastAPI:
    return create_app(
        reads=fake_shop,
        desk=fake_shop,
        doors=doors,
        changes=fake_shop.changes,
        settings=Settings("Corner <Shop>", "ask@shop.example"),
        clock=page_clock,
        connections=Connections(api_keys, ConnectPart()),
        rules=FakeRules(),
        experiment=FakeExperiment(),
        plan=FakePlan(),
        commissioning=FakeCommissioning(),
        updates=tmp_path / "updates",
    )


@pytest.fixture
def client_of(pages_app: FastAPI, doors: Doors) -> Callable[[Role | None], TestClient]:
    """A browser that came in by a role's link, or by none."""

    def come_in(role: Role | None) -> TestClient:
        client = TestClient(
            pages_app,
            base_url=ORIGIN,
            headers={"origin": ORIGIN, "accept": "text/html"},
            follow_redirects=False,
            client=("127.0.0.1", 50_000),
        )
        if role is not None:
            assert client.post("/enter", data={"key": doors.mint(role)}).status_code == 303
        return client

    return come_in


def node_view(name: str, *zones: str, now_s: float = NOW_S) -> NodeView:
    """A node that is well and watches these zones."""
    birth = Birth(
        node=name,
        boot="0011aabb-000001",
        minor=0,
        t_mono_s=1,
        t_wall=int(now_s),
        model="ab" * 32,
        model_type="attune-affect int8",
        runtime="ai-edge-litert",
        accelerator="cpu",
        zones=tuple(
            ZoneSpec(id=number, name=zone, polygon=((0.0, 0.0), (0.0, 1.0), (1.0, 1.0)))
            for number, zone in enumerate(zones)
        ),
        gate=GateSpec(k=5, window_s=300, window_max_s=1800, hour_min=11, epsilon=0.5, profile="aggregate"),
        hours=(OpenHours(day="mon", opens="09:00", closes="18:00"),),
        notice_acknowledged=True,
        config=1,
    )
    health = Health(
        node=name,
        boot="0011aabb-000001",
        t_mono_s=60,
        t_wall=int(now_s),
        fps=9.5,
        stage_ms={"detect": 30.0},
        temp_c=60.0,
        throttled=False,
        eye_mb=120,
        courier_mb=40,
        outbox_depth=0,
        outbox_dropped=0,
        model="ab" * 32,
    )
    return NodeView(name, "online", None, now_s - 3_600, now_s - 5, birth, health)
