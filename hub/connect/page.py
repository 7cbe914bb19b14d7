"""The owner's page of other systems: keys are made and ended here, and channels tried out.

Rules:
- A key is shown in the answer that made it and never again.
- What is connected stands in ``hub.toml``; this page shows it, without addresses' paths and without secrets.

Left out: what programs read (`hub.connect.api`), who is told (`hub.connect.sender`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from contract.errors import ConfigError
from hub.auth import OWNER, Session
from hub.connect.connections import Connections
from hub.connect.keys import NAME_CHARS_MAX, Scope
from hub.connect.outbox import LATE_S
from hub.templating import Pages

_WORDS: Final[dict[Scope, str]] = {
    "today": "today at a glance",
    "hours": "visits by hour",
    "nudges": "nudges",
    "nodes": "cameras",
    "metrics": "metrics",
    "sales": "tell sales",
}
Here = Annotated[Session, Depends(OWNER)]


def routes(pages: Pages, connections: Connections, clock: Callable[[], float]) -> APIRouter:
    """The page and what it does."""
    router = APIRouter()

    def page(request: Request, session: Session, *, code: int = 200, made: str = "", wrong: str = "") -> Response:
        return pages.page(
            request,
            "connect.html",
            code,
            session=session,
            now_s=clock(),
            keys=connections.keys.all(),
            scopes=_WORDS,
            name_chars_max=NAME_CHARS_MAX,
            channels=connections.lines(),
            loopback=connections.part.metrics.loopback,
            home=connections.home_line(),
            late_min=int(LATE_S / 60),
            made=made,
            wrong=wrong,
        )

    @router.get("/owner/connect", response_class=HTMLResponse)
    def connect(request: Request, session: Here) -> Response:
        return page(request, session)

    @router.post("/owner/connect/keys", response_class=HTMLResponse)
    def make(
        request: Request,
        session: Here,
        name: Annotated[str, Form(max_length=200)] = "",
        scope: Annotated[tuple[Scope, ...], Form()] = (),
    ) -> Response:
        try:
            return page(request, session, made=connections.keys.make(name, scope))
        except ConfigError as error:
            return page(request, session, code=400, wrong=str(error))

    @router.post("/owner/connect/keys/revoke")
    def revoke(session: Here, key: Annotated[str, Form(max_length=40)] = "") -> Response:
        if not connections.keys.revoke(key):
            raise HTTPException(404)
        return RedirectResponse("/owner/connect#keys", 303)

    @router.post("/owner/connect/test")
    def test(session: Here, channel: Annotated[str, Form(max_length=40)] = "") -> Response:
        if not connections.test(channel):
            raise HTTPException(404)
        return RedirectResponse("/owner/connect#told", 303)

    return router
