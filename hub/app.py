"""The hub's pages as one ASGI app: public page, doors, and the rooms behind them.

Rules:
- Every route names who may open it; an app with a route that does not is not built.
- What a person reads when something is refused is a sentence on a calm page.

Left out: the rooms themselves (`tablet`, `dashboard`, `auditor`), and serving (`hub.__main__`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.routing import BaseRoute

from contract.errors import AttuneError, StoreError
from hub import (
    auditor,
    dashboard,
    doors_in,
    doors_page,
    experiment_page,
    history_page,
    leaving,
    notice_pages,
    orders,
    plan_page,
    rule_pages,
    shift_page,
    tablet,
    walk_page,
)
from hub.auth import ANYONE, HOME, Allow, Doors, session_of
from hub.commissioning import CommissioningDesk
from hub.connect import ways_in
from hub.connect.connections import Connections
from hub.enrolment import Enrolment
from hub.enrolment import routes as enrol_routes
from hub.experiment_desk import ExperimentDesk
from hub.guard import Guard
from hub.languages import language_of, phrases
from hub.notice import names
from hub.plan import PlanDesk
from hub.rules import RuleDesk
from hub.templating import STATIC, Pages, static
from hub.updates import routes as update_routes
from hub.views import Changes, Desk, Reads, Settings

_REFUSED: Final = frozenset((400, 401, 403, 404, 405, 429, 500, 502, 503))  # each has its words in `hub/staff/`


def create_app(
    *,
    reads: Reads,
    desk: Desk,
    doors: Doors,
    changes: Changes,
    settings: Settings,
    clock: Callable[[], float] = time.time,
    export: Callable[[Path], None] | None = None,
    troubles: Callable[[], tuple[str, ...]] = tuple,
    doubts: Callable[[], tuple[str, ...]] = tuple,
    restored: Callable[[float], str] = lambda since_s: "",
    connections: Connections | None = None,
    rules: RuleDesk | None = None,
    enrolment: Enrolment | None = None,
    experiment: ExperimentDesk | None = None,
    updates: Path | None = None,
    plan: PlanDesk | None = None,
    commissioning: CommissioningDesk | None = None,
) -> FastAPI:
    """The app. ``export`` writes the auditor's zip to a path; ``troubles`` say what ails the hub, ``doubts`` what of it
    the owner alone reads, ``restored`` what a restored hub misses; ``connections`` are those to other systems,
    ``rules`` the owner's rules of nudges, ``enrolment`` lets nodes in, ``updates`` is the folder of releases for the
    nodes, ``experiment`` holds nudges out, ``plan`` is the owner's floor plan, ``commissioning`` what is kept of walks
    in its zones.
    """
    pages = Pages.of(settings)

    def look() -> tablet.Seen:
        tact = rules is None or rules.sheet().now.keep_distance
        return tablet.seen_in(reads, clock(), bool(troubles()), tact)

    board = tablet.Board(lambda languages: tablet.drawn(pages, look(), languages), changes, clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(one) for one in (board.run(), leaving.watch(reads, desk, doors, clock))]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    app = FastAPI(title="Attune hub", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.doors, locks = doors, doors_in.Locks.of(doors)
    for router in (
        _public(pages, reads, clock),
        doors_in.routes(pages, locks),
        doors_page.routes(pages, locks, settings, doors.clock),
        notice_pages.routes(pages, reads, settings),
        tablet.routes(pages, board, look, desk, clock),
        shift_page.routes(desk, clock),
        dashboard.routes(pages, reads, desk, clock, lambda: (*troubles(), *doubts()), plan, restored),
        history_page.routes(pages, reads, settings, clock),
        auditor.routes(pages, reads, clock, export, restored),
        orders.routes(reads, desk, clock),
    ):
        app.router.routes.extend(router.routes)  # not included but laid flat, so that every route can be asked
    if connections:
        app.router.routes.extend(ways_in.routes(app, pages, reads, connections, clock, troubles, experiment))
    if rules:
        app.router.routes.extend(rule_pages.routes(pages, rules, clock).routes)
    if experiment:
        app.router.routes.extend(experiment_page.routes(pages, experiment, clock).routes)
    if plan:
        app.router.routes.extend(plan_page.routes(pages, reads, plan, clock).routes)
    if plan and commissioning:
        app.router.routes.extend(walk_page.routes(pages, reads, desk, plan, commissioning, settings, clock).routes)
    if enrolment:
        app.router.routes.extend(enrol_routes(enrolment).routes)
    if updates:
        app.router.routes.extend(update_routes(updates).routes)
    _check_doors(app.routes)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _say_refusals(app, pages)
    app.add_middleware(Guard, hosts=settings.hosts)
    return app


def _public(pages: Pages, reads: Reads, clock: Callable[[], float]) -> APIRouter:
    router = APIRouter(dependencies=[Depends(ANYONE)])

    @router.get("/", response_class=HTMLResponse)
    def notice(request: Request) -> Response:
        return pages.page(request, "public.html", nodes=dashboard.sensed(reads, clock()), languages=names())

    @router.get("/healthz", response_class=PlainTextResponse)
    def healthz() -> str:
        reads.events(before=None, limit=1, node=None, kind=None, zone=None)  # anybody may ask: it must cost little
        return "well\n"

    @router.get("/sw.js")
    def service_worker() -> Response:
        text = pages.text("sw.js", shell=[*map(static, SHELL), FONT])
        return Response(text, media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    @router.get("/manifest.webmanifest")
    def manifest() -> Response:
        return FileResponse(STATIC / "manifest.webmanifest", media_type="application/manifest+json")

    return router


SHELL: Final = (
    "attune.css",
    "offline.js",
    "icons/attune.svg",
)
FONT: Final = "/static/vendor/atkinson-hyperlegible-next-latin-wght-normal.woff2"  # as the style sheet names it


def _say_refusals(app: FastAPI, pages: Pages) -> None:
    def refusal(request: Request, status_code: int) -> Response:
        code = status_code if status_code in _REFUSED else 400 if status_code < 500 else 500
        if ways_in.for_programs(request):
            return ways_in.refusal(code)
        if "text/html" not in request.headers.get("accept", "") or (
            status_code == 423 and "hx-request" in request.headers
        ):
            texts = phrases("en")
            said = texts["lock"]["text"] if status_code == 423 else texts["refused"][f"text_{code}"]
            return JSONResponse({"error": said}, status_code)
        if status_code == 423:
            return RedirectResponse("/staff/locked", 303)
        session, language = session_of(request), language_of(request)
        home = HOME[session.role] if session else "/enter" if code == 401 else "/"
        texts = phrases(language)
        return pages.page(request, "refused.html", status_code, code=code, home=home, lang=language, t=texts)

    def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, AnyHTTPException)
        return refusal(request, error.status_code)

    app.add_exception_handler(AnyHTTPException, on_http)
    app.add_exception_handler(RequestValidationError, lambda request, _: refusal(request, 400))
    app.add_exception_handler(StoreError, lambda request, _: refusal(request, 503))


def _check_doors(routes: Iterable[BaseRoute]) -> None:
    for route in routes:
        if not isinstance(route, APIRoute) or allowed(route) is None:
            name = getattr(route, "path", repr(route))
            raise AttuneError(f"The route {name} does not say who may open it: give it an Allow.")


def allowed(route: APIRoute) -> Allow | None:
    """The doorkeeper of a route."""
    return next((part.call for part in route.dependant.dependencies if isinstance(part.call, Allow)), None)
