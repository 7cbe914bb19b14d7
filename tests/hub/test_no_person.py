"""Nothing that the owner or another program can read tells what one person did: not by name, and not by any trace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from contract.export import export
from hub.app import allowed, create_app
from hub.auth import Doors
from hub.config import HubConfig
from hub.connect.connections import Connections
from hub.connect.keys import SCOPES, Keys
from hub.experiment_desk import FakeExperiment
from hub.nudge_types import Busy, OnShift
from hub.rules import RuleBook
from hub.store import FILE
from tests.hub.conftest import ORIGIN
from tests.hub.node import Node
from tests.hub.test_writer import Hub

NODE = Node()
ANNA, BEN = "seat-of-anna", "seat-of-ben"
NAMED = re.compile("seat-of-|anna|ben(?=[^a-z])")
GENERAL = re.compile(r'[0-9a-f]{64}|key=[^"<&]*|[A-Za-z0-9+/]{40,}=*')  # digests, keys and signatures of one hub


def lived(folder: Path, first: str, second: str) -> Hub:
    """A day on which one person helps, is busy and goes early, and another lets every second nudge pass."""
    folder.mkdir()
    hub = Hub(folder)
    hub.hear(NODE.birth(t_mono_s=100), NODE.status())
    for seat in (first, second):
        hub.writer.staff(OnShift(seat), hub.clocks.wall_s())
    seq = 0
    for outcome, who in (("helped", first), ("browsing", second), ("nobody", second), (None, first)):
        seq += 1
        hub.hear(NODE.assist(seq, level=3, zone=seq % 2, t_mono_s=100 + int(hub.clocks.at_s - 1000)))
        number = hub.nudges()[-1].id
        if outcome is not None:
            hub.writer.take(number, who, hub.clocks.wall_s())
            hub.writer.answer(number, outcome, who, hub.clocks.wall_s())
        hub.clocks.at_s += 700
    hub.writer.staff(Busy(first), hub.clocks.wall_s())
    seq += 1
    hub.hear(NODE.assist(seq, level=3, zone=1, t_mono_s=100 + int(hub.clocks.at_s - 1000)))
    hub.writer.take(hub.nudges()[-1].id, second, hub.clocks.wall_s())
    return hub


def read(hub: Hub, folder: Path) -> dict[str, str]:
    """Every page that opens to the owner, every route that opens to a program with every right, and what is told."""
    doors, keys = Doors.open(folder / "doors.db", hub.clocks.wall_s), Keys.open(folder / "doors.db", hub.clocks.wall_s)
    app = create_app(
        reads=hub.reads,
        desk=hub.writer,
        doors=doors,
        changes=hub.writer._changes,
        settings=HubConfig().settings(),
        clock=hub.clocks.wall_s,
        connections=Connections(keys, HubConfig().connect),
        rules=RuleBook(hub.config, hub.reads, hub.writer.write),
        experiment=FakeExperiment(),
    )
    found: dict[str, str] = {}
    with TestClient(app, base_url=ORIGIN, follow_redirects=False, headers={"origin": ORIGIN}) as owner:
        owner.post("/enter", data={"key": doors.mint("owner")})
        program = {"authorization": f"Bearer {keys.make('all', SCOPES)}"}
        for route in [route for route in app.routes if isinstance(route, APIRoute) and "GET" in route.methods]:
            path = route.path.replace("{language}", "en")
            who = allowed(route)
            if route.path == "/staff/events" or who is None or "{" in path:
                continue
            answer = owner.get(path, headers=program if path.startswith("/api/v1") or path == "/metrics" else {})
            if answer.status_code == 200 and "image" not in answer.headers["content-type"]:
                found[path] = answer.content.decode("latin-1")
        for chart in ("nudges", "waits"):
            found[f"csv {chart}"] = owner.get(f"/owner/history.csv?chart={chart}").text
    export(folder, FILE, folder / "out.zip")
    found["export"] = (folder / "out.zip").read_bytes().decode("latin-1")
    keys.close()
    doors.close()
    return found


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Hub, Path, dict[str, str]]]:
    """The same day three times: twice by the same two people, once with the two having changed places."""
    home, found = tmp_path_factory.mktemp("shops"), []
    for name, first, second in (("one", ANNA, BEN), ("two", ANNA, BEN), ("swapped", BEN, ANNA)):
        hub = lived(home / name, first, second)
        found.append((hub, home / name, read(hub, home / name)))
    for hub, _, _ in found:
        hub.close()
    return found


def test_no_page_route_file_or_export_names_whoever_is_asked_or_goes(
    shops: list[tuple[Hub, Path, dict[str, str]]],
) -> None:
    for _, _, pages in shops:
        assert {"/owner", "/staff", "/owner/history", "/owner/rules", "/audit", "/metrics", "/api/v1/nudges"} <= set(
            pages
        )
        assert "helped" in pages["/api/v1/nudges"] + pages["/owner"]
        for path, text in pages.items():
            assert not NAMED.search(text), path


def test_two_people_who_change_places_leave_every_page_as_it_was(
    shops: list[tuple[Hub, Path, dict[str, str]]],
) -> None:
    one, two, swapped = ({path: GENERAL.sub("", text) for path, text in pages.items()} for _, _, pages in shops)
    steady = {path for path in one if one[path] == two[path]}
    assert {"/owner", "/owner/history", "/owner/rules", "/metrics", "/api/v1/nudges", "/api/v1/today"} <= steady
    for path in steady:
        assert swapped[path] == one[path], path


def test_when_the_shift_is_over_the_hub_itself_no_longer_knows(tmp_path: Path) -> None:
    hub = lived(tmp_path / "shop", ANNA, BEN)
    assert hub.reads.people().busy_until_s.keys() == {ANNA, BEN}
    number = hub.nudges()[-1].id
    hub.writer.answer(number, "helped", BEN, hub.clocks.wall_s())
    for seat in (ANNA, BEN):
        hub.writer.staff(OnShift(seat, False), hub.clocks.wall_s())
    kept = "\n".join(hub.store._db.iterdump())
    assert "helped" in kept
    assert not NAMED.search(kept)
    hub.close()
