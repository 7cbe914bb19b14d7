"""The owner's page of doors: pair tablets, let an auditor in, end sessions, set PIN, passphrase and passkeys.

Rules:
- A tablet has the name the owner gave it; no person's name is asked for, and none is kept.
- A link is shown once, as a code to scan; it opens once, for 15 minutes.
- What opens the owner's pages, or all tablets, is changed only by somebody who came in within the last 15 minutes;
  ending a session is always possible. A new passphrase, or a passkey removed, signs the owner out everywhere else.

Left out: coming in (`hub.doors_in`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from markupsafe import Markup

from contract.errors import ConfigError
from hub.auth import DEVICE_CHARS_MAX, FRESH_S, LINK_TTL_S, OWNER, Session, entry_path
from hub.codes import picture_of_link
from hub.doors_in import SET_UP, Locks, place_of
from hub.doors_secrets import LOCKS, PHRASE_CHARS, PIN_DIGITS
from hub.guard import LOOPBACK
from hub.passkeys import NAME_CHARS_MAX
from hub.templating import Pages
from hub.views import Settings

Here = Annotated[Session, Depends(OWNER)]
_STALE = "You came in more than 15 minutes ago: sign in again, then set it."


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link just made, as text and as a code to scan. ``here`` is the same door for this machine's own browsers, where
    the page is open at such an address.
    """

    role: str
    device: str
    link: str
    picture: Markup
    here: str


def invitation(request: Request, settings: Settings, role: str, device: str, key: str) -> Invitation:
    """A link by the name under which a tablet finds the hub: the one in use, or the shop's where that is this
    machine's own.
    """
    place = place_of(request)
    near = place.host in LOOPBACK
    link = (f"https://{settings.hosts[0]}" if near and settings.hosts else place.origin) + entry_path(key)
    return Invitation(role, device, link, picture_of_link(link), place.origin + entry_path(key) if near else "")


def routes(pages: Pages, locks: Locks, settings: Settings, clock: Callable[[], float]) -> APIRouter:
    """The page and what it does."""
    router = APIRouter()

    def fresh(session: Session) -> bool:
        return 0 <= clock() - session.born_s <= FRESH_S

    def page(request: Request, session: Session, code: int = 200, **said: Any) -> Response:
        values = {"made": None, "wrong": "", "done": ""} | said
        place = place_of(request)
        return pages.page(
            request,
            "doors.html",
            code,
            session=session,
            sessions=locks.doors.all(),
            passkeys=locks.passkeys.all(),
            has_pin=locks.secrets.has("pin"),
            has_passphrase=locks.secrets.has("passphrase"),
            lock_after_s=locks.secrets.lock_after_s,
            lock_times=LOCKS,
            fresh=fresh(session),
            place=place,
            link_min=int(LINK_TTL_S / 60),
            sizes={"device": DEVICE_CHARS_MAX, "pin": PIN_DIGITS, "phrase": PHRASE_CHARS, "passkey": NAME_CHARS_MAX},
            **values,
        )

    @router.get(SET_UP, response_class=HTMLResponse)
    def doors(request: Request, session: Here) -> Response:
        return page(request, session)

    _visitors(router, page, locks, settings)
    _known(router, page, fresh, locks, settings)
    _held(router, fresh, locks, settings)
    return router


Page = Callable[..., Response]


def _visitors(router: APIRouter, page: Page, locks: Locks, settings: Settings) -> None:
    @router.post("/owner/doors/invite", response_class=HTMLResponse)
    def invite(
        request: Request,
        session: Here,
        role: Annotated[Literal["staff", "auditor"], Form()],
        device: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        if role == "staff" and not device.strip():
            return page(request, session, 400, wrong="Give the tablet a name, such as where it lies.")
        try:
            key = locks.doors.mint(role, device=device if role == "staff" else "")
        except ConfigError as error:
            return page(request, session, 400, wrong=str(error))
        return page(request, session, made=invitation(request, settings, role, device, key))

    @router.post("/owner/doors/end")
    def end(session: Here, who: Annotated[str, Form(max_length=40)] = "") -> Response:
        if not locks.doors.end(who):
            raise HTTPException(404)
        return RedirectResponse("/enter" if who == session.who else f"{SET_UP}#inside", 303)

    @router.post("/owner/doors/end-all")
    def end_all(session: Here, tablets: Annotated[bool, Form()] = False) -> Response:
        locks.doors.end_all(("owner", "auditor", "staff") if tablets else ("owner", "auditor"))
        return RedirectResponse("/enter", 303)


def _known(router: APIRouter, page: Page, fresh: Callable[[Session], bool], locks: Locks, settings: Settings) -> None:
    def done(request: Request, session: Session, change: Callable[[], None], said: str) -> Response:
        if not fresh(session):
            return page(request, session, 403, wrong=_STALE)
        try:
            change()
        except ConfigError as error:
            return page(request, session, 400, wrong=str(error))
        return page(request, session, done=said)

    @router.post("/owner/doors/pin", response_class=HTMLResponse)
    def pin(
        request: Request,
        session: Here,
        pin: Annotated[str, Form(max_length=100)] = "",
        lock_after_s: Annotated[int, Form()] = 0,
    ) -> Response:
        def change() -> None:
            locks.secrets.lock_after(lock_after_s)
            if pin or not locks.secrets.has("pin"):
                locks.secrets.set_pin(pin)

        return done(request, session, change, "Tablets lock by themselves now, and open with the PIN.")

    @router.post("/owner/doors/pin/remove", response_class=HTMLResponse)
    def no_pin(request: Request, session: Here) -> Response:
        return done(request, session, lambda: locks.secrets.forget("pin"), "Tablets lock no more.")

    @router.post("/owner/doors/passphrase", response_class=HTMLResponse)
    def passphrase(
        request: Request,
        session: Here,
        passphrase: Annotated[str, Form(max_length=1_000)] = "",
        again: Annotated[str, Form(max_length=1_000)] = "",
    ) -> Response:
        def change() -> None:
            if passphrase != again:
                raise ConfigError("The two did not match: nothing was changed.")
            locks.secrets.set_passphrase(passphrase, settings.shop_name)
            locks.doors.end_other_owners(session.who)

        return done(request, session, change, "Your passphrase is set. Every other browser of yours is signed out.")

    @router.post("/owner/doors/passkeys/remove", response_class=HTMLResponse)
    def remove(request: Request, session: Here, passkey: Annotated[str, Form(max_length=3_000)] = "") -> Response:
        def change() -> None:
            if not locks.passkeys.remove(passkey):
                raise ConfigError("That passkey was removed before.")
            locks.doors.end_other_owners(session.who)

        return done(request, session, change, "The passkey is removed. Every other browser of yours is signed out.")


def _held(router: APIRouter, fresh: Callable[[Session], bool], locks: Locks, settings: Settings) -> None:
    @router.post("/owner/doors/passkeys/options")
    def options(request: Request, session: Here) -> JSONResponse:
        if not fresh(session):
            return JSONResponse({"error": _STALE}, 403)
        return JSONResponse(locks.passkeys.ask_new(place_of(request), settings.shop_name, session.who))

    @router.post("/owner/doors/passkeys")
    def add(
        request: Request,
        session: Here,
        credential: Annotated[dict[str, Any], Body()],
        name: Annotated[str, Body(max_length=200)] = "",
    ) -> JSONResponse:
        if not fresh(session):
            return JSONResponse({"error": _STALE}, 403)
        try:
            locks.passkeys.add(credential, name, place_of(request), session.who)
        except ConfigError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"to": f"{SET_UP}#passkeys"})
