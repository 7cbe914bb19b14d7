"""Every route under what its own description allows and forbids, as nobody and as each role.

``python -m tests.hub.fuzz`` asks for longer than the suite does. The hub serves no description of its pages; it is made
here, from the app. Limits on how often one may ask are lifted, for they have tests of their own and would answer for
the routes.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import requests
import schemathesis
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode

from hub import doors_secrets
from hub.app import allowed, create_app
from hub.auth import ROLES, Doors, Role
from hub.commissioning import FakeCommissioning
from hub.connect.connections import Connections
from hub.connect.keys import AllowKey, Keys
from hub.connect.settings import ConnectPart
from hub.experiment_desk import FakeExperiment
from hub.fakes import FakeShop
from hub.limits import Tries
from hub.plan import FakePlan
from hub.rules import FakeRules
from hub.views import Settings
from tests.hub.conftest import ORIGIN, node_view

ENDLESS = "/staff/events"
REFUSALS = {400, 401, 403, 404, 405, 413}


@dataclass(slots=True)
class Visitor:
    """A browser that comes in again when what it tried has signed it out."""

    app: FastAPI
    doors: Doors
    role: Role | None
    client: TestClient

    @classmethod
    def of(cls, app: FastAPI, doors: Doors, role: Role | None) -> Visitor:
        client = TestClient(
            app,
            base_url=ORIGIN,
            headers={"origin": ORIGIN},
            follow_redirects=False,
            client=("127.0.0.1", 50_000),
            raise_server_exceptions=False,
        )
        visitor = cls(app, doors, role, client)
        visitor.come_in()
        return visitor

    def come_in(self) -> None:
        self.client.cookies.clear()
        if self.role is not None:
            assert self.client.post("/enter", data={"key": self.doors.mint(self.role)}).status_code == 303

    def ask(self, case: Case) -> int:
        """Send what was made up; the answer's status."""
        sent = requests.Request(**_plain(case.as_transport_kwargs(base_url=ORIGIN))).prepare()
        body = sent.body.encode() if isinstance(sent.body, str) else sent.body
        headers = {name: value for name, value in sent.headers.items() if name.lower() in ("content-type", "accept")}
        answer = self.client.request(str(sent.method), str(sent.url), content=body, headers=headers)
        assert answer.headers["x-content-type-options"] == "nosniff"
        if self.role is not None and self.doors.who(self.client.cookies.get(f"attune-{self.role}", "")) is None:
            self.come_in()
        return answer.status_code


def _plain(sent: dict[str, Any]) -> dict[str, Any]:
    known = ("method", "url", "headers", "files", "data", "json", "params", "auth", "cookies")
    return {name: value for name, value in sent.items() if name in known}


@contextlib.contextmanager
def shop() -> Iterator[tuple[FastAPI, Doors]]:
    """A hub with a fake shop behind it, a quick hash, and no limits."""
    fake = FakeShop()
    fake.say(node_view("floor-1", "Ceramics", "Textiles"))
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        path = Path(folder) / "doors.db"
        doors, keys = Doors.open(path), Keys.open(path)
        stack.callback(doors.close)
        stack.callback(keys.close)
        stack.enter_context(patch.object(Tries, "allow", lambda self, address: True))
        stack.enter_context(patch.object(doors_secrets, "_HASHER", PasswordHasher(1, 8, 1)))
        app = create_app(
            reads=fake,
            desk=fake,
            doors=doors,
            changes=fake.changes,
            settings=Settings("Corner Shop", "ask@shop.example"),
            connections=Connections(keys, ConnectPart()),
            rules=FakeRules(),
            experiment=FakeExperiment(),
            plan=FakePlan(),
            commissioning=FakeCommissioning(),
        )
        yield app, doors


def operations(app: FastAPI) -> list[APIOperation]:
    """Every route as schemathesis sees it."""
    with warnings.catch_warnings(action="ignore"):  # a page that answers GET and HEAD is one function
        described = get_openapi(title="Attune hub", version="1", routes=app.routes)
    found = [result.ok() for result in schemathesis.openapi.from_dict(described).get_all_operations()]
    routes = {(method, route.path) for route in app.routes if isinstance(route, APIRoute) for method in route.methods}
    assert {(one.method.upper(), one.path) for one in found} == routes
    return found


def public(app: FastAPI) -> set[str]:
    """The addresses that open to anyone."""
    doors = {route.path: allowed(route) for route in app.routes if isinstance(route, APIRoute)}
    return {path for path, door in doors.items() if door and not door.roles and not isinstance(door, AllowKey)}


def fuzz(app: FastAPI, doors: Doors, examples: int, *, steady: bool) -> Counter[tuple[Role | None, int]]:
    """Ask every route so often, as everybody; how often each visitor was answered with each status.

    Raises: AssertionError for a server's error, and for an answer behind a door to nobody.
    """
    visitors = [Visitor.of(app, doors, role) for role in (None, *ROLES)]
    open_to_all, seen = public(app), Counter[tuple[Role | None, int]]()

    def ask(case: Case) -> None:
        for visitor in visitors:
            if case.operation.path == ENDLESS and visitor.role in ("staff", "owner"):
                continue
            status = visitor.ask(case)
            seen[visitor.role, status] += 1
            assert status < 500, f"{status} for {visitor.role}: {case.as_curl_command()}"
            if visitor.role is None and case.operation.path not in open_to_all:
                assert status in REFUSALS, f"{status} for nobody: {case.as_curl_command()}"

    for operation in operations(app):
        _each(operation, GenerationMode.POSITIVE, ask, examples, steady)
        if operation.body or any(operation.iter_parameters()):
            with contextlib.suppress(Unsatisfiable):  # a route that takes any text has nothing to get wrong
                _each(operation, GenerationMode.NEGATIVE, ask, examples, steady)
    return seen


def _each(
    operation: APIOperation, mode: GenerationMode, ask: Callable[[Case], None], examples: int, steady: bool
) -> None:
    run = settings(
        max_examples=examples,
        derandomize=steady,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    run(given(operation.as_strategy(mode))(ask))()


def main() -> None:
    """Ask every route of the hub, as nobody and as each role, what its own description allows and forbids."""
    parser = argparse.ArgumentParser(prog="python -m tests.hub.fuzz", description=main.__doc__)
    parser.add_argument("--examples", type=int, default=50, help="how often each route is asked, twice (default 50)")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began_s = time.monotonic()
    with shop() as (app, doors):
        seen = fuzz(app, doors, options.examples, steady=False)
    for role in (None, *ROLES):
        said = ", ".join(f"{count} × {status}" for (one, status), count in sorted(seen.items(), key=str) if one == role)
        print(f"{role or 'nobody'}: {said}")
    print(f"{seen.total()} requests in {time.monotonic() - began_s:.0f} s: no server error, nothing read by nobody.")


if __name__ == "__main__":
    main()
