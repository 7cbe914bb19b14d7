"""Every route under made-up requests; ``python -m tests.hub.fuzz`` asks for longer."""

from __future__ import annotations

from hub.auth import ROLES
from tests.hub.fuzz import fuzz, public, shop


def test_no_made_up_request_breaks_the_hub_or_lets_nobody_read() -> None:
    with shop() as (app, doors):
        seen = fuzz(app, doors, 2, steady=True)
        assert len(public(app)) < 20
    statuses = {role: {status for one, status in seen if one == role} for role in (None, *ROLES)}
    assert 401 in statuses[None]
    assert all(403 in statuses[role] for role in ("staff", "auditor"))
    assert {200, 303, 400, 404} <= statuses["owner"]
