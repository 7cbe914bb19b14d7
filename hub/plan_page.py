"""The owner's page of the floor plan: drawn in the browser, judged and kept here.

Rules:
- What a camera sees is never shown: zones are drawn over a grid on a floor that is the same for every camera.
- A body is read only after the door: who may not save a plan makes the hub read nothing.

Left out: what a plan is (`hub.plan`), and the drawing (`static/plan.js`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse

from contract.errors import ConfigError
from hub.auth import OWNER, Session
from hub.plan import PlanDesk, fragment, parse
from hub.plan_picture import SENT_BYTES_MAX, drawn_anew
from hub.templating import Pages
from hub.views import NodeView, Reads

PAGE_ASPECT = 0.62  # a plan without a picture: height by width
Here = Annotated[Session, Depends(OWNER)]


async def _body(request: Request, session: Here) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]


def known(nodes: tuple[NodeView, ...]) -> list[dict[str, Any]]:
    """The cameras and their zones, as the drawing needs them."""
    return [
        {"node": node.name, "zones": [zone.model_dump(mode="json") for zone in node.birth.zones] if node.birth else []}
        for node in nodes
    ]


def aspect(desk: PlanDesk) -> float:
    """The plan's height by its width."""
    behind = desk.picture()
    return round(behind.height_px / behind.width_px, 3) if behind else PAGE_ASPECT


def routes(pages: Pages, reads: Reads, desk: PlanDesk, clock: Callable[[], float]) -> APIRouter:
    """The page and what it does."""
    router = APIRouter()

    @router.get("/owner/plan", response_class=HTMLResponse)
    def plan(request: Request, session: Here, sent: str = "") -> Response:
        nodes, drawn = reads.nodes(), desk.plan()
        return pages.page(
            request,
            "plan.html",
            session=session,
            plan=drawn.model_dump(mode="json"),
            known=known(nodes),
            aspect=aspect(desk),
            picture=desk.picture() is not None,
            picture_mb=SENT_BYTES_MAX // 1024 // 1024,
            views=[(node, view) for node in nodes if (view := drawn.view(node.name))],
            sent=next((node.name for node in nodes if node.name == sent), ""),
        )

    @router.post("/owner/plan")
    def save(session: Here, body: Body) -> Response:
        try:
            desk.save(parse(body), clock())
        except ConfigError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"saved": True})

    @router.get("/owner/plan/picture")
    def picture(session: Here) -> Response:
        behind = desk.picture()
        if behind is None:
            raise HTTPException(404)
        return Response(behind.png, media_type="image/png")

    @router.post("/owner/plan/picture")
    def lay(session: Here, body: Body) -> Response:
        try:
            desk.lay(drawn_anew(body), clock())
        except ConfigError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"saved": True})

    @router.post("/owner/plan/picture/remove")
    def remove(session: Here) -> Response:
        desk.lay(None, clock())
        return RedirectResponse("/owner/plan", 303)

    @router.get("/owner/plan/{node}.toml", response_class=PlainTextResponse)
    def zones(session: Here, node: str) -> Response:
        view = desk.plan().view(node)
        if view is None:
            raise HTTPException(404)
        kept = {"Content-Disposition": f'attachment; filename="zones-{view.node}.toml"'}
        return PlainTextResponse(fragment(view), headers=kept)

    @router.post("/owner/plan/send")
    def send(session: Here, node: Annotated[str, Form(max_length=32)] = "") -> Response:
        view, known_node = desk.plan().view(node), next((one for one in reads.nodes() if one.name == node), None)
        if view is None or known_node is None:
            raise HTTPException(404)
        if not desk.send(known_node, view, session.role, clock()):
            raise HTTPException(502)
        return RedirectResponse(f"/owner/plan?sent={view.node}#views", 303)

    return router
