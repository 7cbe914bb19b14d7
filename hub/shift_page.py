"""What a tablet says of its person: on shift or not, busy or free.

Rules:
- A seat is the tablet's session. It says nothing about who somebody is, and only the staff page shows it.
- Each word is undone by its opposite.

Left out: what follows from it (`hub.shift`), and the board (`hub.tablet`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from hub.auth import Allow, Session
from hub.nudge_types import Busy, OnShift
from hub.shift_rows import People
from hub.views import Desk

Here = Annotated[Session, Depends(Allow(("staff",)))]  # not the owner, who has no seat
YesNo = Annotated[Literal["yes", "no"], Form()]
Now = Literal["off", "on", "busy"]


def seat_now(people: People, seat: str, now_s: float) -> Now:
    """How a tablet stands."""
    if seat not in people.busy_until_s:
        return "off"
    return "busy" if now_s < people.busy_until_s[seat] else "on"


def routes(desk: Desk, clock: Callable[[], float]) -> APIRouter:
    """The two words."""
    router = APIRouter()

    @router.post("/staff/shift")
    def shift(request: Request, on: YesNo, session: Here) -> Response:
        desk.staff(OnShift(session.who, on == "yes"), clock())
        return _done(request)

    @router.post("/staff/busy")
    def busy(request: Request, busy: YesNo, session: Here) -> Response:
        desk.staff(Busy(session.who, busy == "yes"), clock())
        return _done(request)

    return router


def _done(request: Request) -> Response:
    if request.headers.get("hx-request"):
        return Response(status_code=204)  # the board's stream says the rest
    return RedirectResponse("/staff", 303)
