"""The ways in, out and back to an unlocked tablet.

Rules:
- Every door counts tries by address and in all (`hub.limits`), before it looks at anything.
- What was wrong is not said: only that it did not open, and when to try again.

Left out: what the owner sets (`hub.doors_page`), and the rules of each key (`hub.auth`, `hub.doors_secrets`,
`hub.passkeys`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Form, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from contract.errors import ConfigError
from hub.auth import ANYONE, HOME, STAFF, TABLET, Doors, Session, cookie_of, seat, unseat
from hub.doors_secrets import Secrets
from hub.languages import language_of, phrases
from hub.limits import Tries, network_of
from hub.passkeys import Passkeys, Place
from hub.templating import Pages

SET_UP: Final = "/owner/doors"
_OPEN: Final = [Depends(ANYONE)]
Here = Annotated[Session, Depends(STAFF)]
Tablet = Annotated[Session, Depends(TABLET)]


@dataclass(frozen=True, slots=True)
class Locks:
    """Everything a door is opened with. ``unlocks`` counts paired tablets, whom no flood at the doors may hold up."""

    doors: Doors
    secrets: Secrets
    passkeys: Passkeys
    tries: Tries = field(default_factory=Tries)
    unlocks: Tries = field(default_factory=Tries)

    @classmethod
    def of(cls, doors: Doors) -> Locks:
        return cls(doors, Secrets(doors.db, doors.clock), Passkeys(doors.db, doors.clock))

    @property
    def set_up(self) -> bool:
        """Whether the owner has a way in of his own."""
        return self.secrets.has("passphrase") or bool(self.passkeys.all())


def setup_path(doors: Doors) -> str | None:
    """A link for the first start, good once and for 15 minutes; None where the owner has a way in already."""
    return f"/enter?key={doors.mint('owner')}&setup=1" if not Locks.of(doors).set_up else None


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def place_of(request: Request) -> Place:
    """Where the browser is; `hub.guard` has checked that the hub answers to that name."""
    return Place(request.url.hostname or "", f"{request.url.scheme}://{request.headers.get('host', '')}")


def routes(pages: Pages, locks: Locks) -> APIRouter:
    """The doors that anyone may knock at, and the tablet's lock."""
    router = APIRouter()
    _links(router, pages, locks)
    _owners_ways(router, pages, locks)
    _tablet(router, pages, locks)
    return router


def _counted(request: Request, tries: Tries) -> None:
    if not tries.allow(address_of(request)):
        raise HTTPException(429)


def _in(request: Request, token: str, session: Session, to: str) -> Response:
    response = RedirectResponse(to, 303)
    seat(response, request, token, session.role)
    return response


def _door(request: Request, pages: Pages, locks: Locks, code: int = 200, **said: Any) -> Response:
    values = {"key": "", "setup": "", "refused": False, "wait_s": None} | said
    language = language_of(request)
    values |= {"lang": language, "t": phrases(language)}
    values |= {"phrase": locks.secrets.has("passphrase"), "passkeys": bool(locks.passkeys.all())}
    return pages.page(request, "enter.html", code, **values)


def _links(router: APIRouter, pages: Pages, locks: Locks) -> None:
    @router.get("/enter", response_class=HTMLResponse, dependencies=_OPEN)
    def door(
        request: Request,
        key: Annotated[str, Query(max_length=100)] = "",
        setup: Annotated[str, Query(max_length=1)] = "",
    ) -> Response:
        return _door(request, pages, locks, key=key, setup=setup)

    @router.post("/enter", dependencies=_OPEN)
    def enter(
        request: Request,
        key: Annotated[str, Form(max_length=100)],
        setup: Annotated[str, Form(max_length=1)] = "",
    ) -> Response:
        _counted(request, locks.tries)
        entered = locks.doors.enter(key)
        if entered is None:
            return _door(request, pages, locks, 403, refused=True)
        token, session = entered
        return _in(request, token, session, SET_UP if setup and session.role == "owner" else HOME[session.role])

    @router.post("/leave", dependencies=_OPEN)
    def leave(request: Request) -> Response:
        response = RedirectResponse("/", 303)
        unseat(response, request, locks.doors)
        return response


def _owners_ways(router: APIRouter, pages: Pages, locks: Locks) -> None:
    @router.post("/enter/passphrase", dependencies=_OPEN)
    def by_passphrase(request: Request, passphrase: Annotated[str, Form(max_length=1_000)] = "") -> Response:
        _counted(request, locks.tries)
        wait_s = locks.secrets.judge("passphrase", passphrase, network_of(address_of(request)))
        if wait_s is not None:
            return _door(request, pages, locks, 429 if wait_s else 403, wait_s=math.ceil(wait_s))
        return _in(request, *locks.doors.begin("owner", "passphrase"), HOME["owner"])

    @router.post("/enter/passkey/options", dependencies=_OPEN)
    def ask(request: Request) -> JSONResponse:
        _counted(request, locks.tries)
        return JSONResponse(locks.passkeys.ask(place_of(request)))

    @router.post("/enter/passkey", dependencies=_OPEN)
    def by_passkey(request: Request, credential: Annotated[dict[str, Any], Body(embed=True)]) -> JSONResponse:
        _counted(request, locks.tries)
        try:
            locks.passkeys.check(credential, place_of(request))
        except ConfigError as error:
            return JSONResponse({"error": str(error)}, 403)
        token, session = locks.doors.begin("owner", "passkey")
        response = JSONResponse({"to": HOME["owner"]})
        seat(response, request, token, session.role)
        return response


def _tablet(router: APIRouter, pages: Pages, locks: Locks) -> None:
    def page(request: Request, session: Session, code: int = 200, wait_s: float | None = None) -> Response:
        language = language_of(request)
        minutes = None if not wait_s else math.ceil(wait_s / 60)
        said = {"wrong": wait_s is not None, "minutes": minutes, "device": session.device}
        return pages.page(request, "locked.html", code, lang=language, t=phrases(language), **said)

    @router.get("/staff/locked", response_class=HTMLResponse)
    def locked(request: Request, session: Tablet) -> Response:
        return page(request, session) if session.locked else RedirectResponse(HOME["staff"], 303)

    @router.post("/staff/unlock")
    def unlock(request: Request, session: Tablet, pin: Annotated[str, Form(max_length=100)] = "") -> Response:
        _counted(request, locks.unlocks)
        if not session.locked:
            return RedirectResponse(HOME["staff"], 303)
        wait_s = locks.secrets.judge("pin", pin, session.who)
        if wait_s is not None:
            return page(request, session, 429 if wait_s else 403, wait_s)
        token = locks.doors.wake(request.cookies[cookie_of("staff", request)])
        return _in(request, token, session, HOME["staff"])

    @router.post("/staff/lock")
    def lock(request: Request, session: Tablet) -> Response:
        locks.doors.lock(request.cookies[cookie_of("staff", request)])
        return RedirectResponse("/staff/locked" if locks.secrets.has("pin") else HOME["staff"], 303)

    @router.post("/staff/awake")
    def awake(session: Here) -> Response:
        return Response(status_code=204)  # that somebody touched the page is noted by its doorkeeper
