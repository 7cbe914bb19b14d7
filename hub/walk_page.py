"""The owner's page for walking a camera's zones: press, walk, read how well each is seen, make zones, get the paper.

Rules:
- It shows numbers and cells of a grid, never a picture.
- A press says to the camera for how long, and nobody is sensed meanwhile; a walk that did not begin says why it may be.
- A certificate is made only once every zone was walked enough to be judged, passed or not.

Left out: what passes (`hub.coverage`), zones from walks (`hub.standing`), what is kept (`hub.commissioning`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from contract.errors import ConfigError
from contract.events import Command, ZoneSpec
from contract.fields import ZONES_MAX
from contract.walk import WALK_COLUMNS, WALK_ROWS, Walk
from hub.auth import OWNER, Session
from hub.certificate import print_certificate
from hub.commissioning import Certificate, CommissioningDesk, judged, walks
from hub.coverage import Judged, middle, whole
from hub.plan import PlanDesk, View
from hub.standing import zone_from
from hub.templating import Pages
from hub.views import Desk, NodeView, Reads, Settings

HERE: Final = "/owner/walk"
WALK_S: Final = 60
LATE_S: Final = 15.0  # a camera that has not begun by then will not
Here = Annotated[Session, Depends(OWNER)]
Node = Annotated[str, Form(max_length=32)]
Zone = Annotated[int, Form(ge=0, lt=ZONES_MAX)]


@dataclass(frozen=True, slots=True)
class Row:
    """One zone on the page. ``judged`` is of a zone that the camera runs, ``made`` whether a walk has cells for one."""

    zone: int
    name: str
    walk: Walk | None
    judged: Judged | None
    made: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A walk that was asked for."""

    zone: int
    at_s: float


@dataclass(slots=True)
class _Walks:
    """What the page knows of one request."""

    reads: Reads
    plan: PlanDesk
    asked: dict[str, Asked] = field(default_factory=dict)

    def node(self, name: str) -> NodeView:
        found = next((one for one in self.reads.nodes() if one.name == name and one.birth), None)
        if found is None:
            raise HTTPException(404)
        return found

    def known(self, node: NodeView) -> tuple[ZoneSpec, ...]:
        """The zones that shall be: as drawn, or as the camera runs them."""
        drawn = self.plan.plan().view(node.name)
        return drawn.zones if drawn else node.birth.zones if node.birth else ()

    def rows(self, node: NodeView, now_s: float) -> tuple[Row, ...]:
        told = walks(self.reads, node.name, now_s)
        runs = {one.zone.id: one for one in judged(self.reads, node, now_s)}
        names = {zone.id: zone.name for zone in (*self.known(node), *(one.zone for one in runs.values()))}
        free = next((number for number in range(ZONES_MAX) if number not in names), None)
        if free is not None:
            names[free] = "A new zone"
        return tuple(
            Row(zone, name, told.get(zone), runs.get(zone), bool((walk := told.get(zone)) and walk.over and walk.cells))
            for zone, name in sorted(names.items())
        )

    def make(self, node: NodeView, zone: int, now_s: float) -> None:
        """Raises: ConfigError when what was walked is no zone."""
        walk = walks(self.reads, node.name, now_s).get(zone)
        if walk is None:
            raise ConfigError("This zone was not walked yet: walk it first.")
        before = self.known(node)
        name = next((one.name for one in before if one.id == zone), f"Zone {zone + 1}")
        others = tuple(one for one in before if one.id != zone)
        view = View(node=node.name, zones=(*others, zone_from(walk.cells, zone, name, others)))
        drawn = self.plan.plan()
        views = (*(one for one in drawn.views if one.node != node.name), view)
        self.plan.save(drawn.model_copy(update={"views": views}), now_s)


def now_words(node: NodeView, asked: Asked | None, walk: Walk | None, now_s: float) -> str:
    """What happens just now, in one sentence; empty when nothing does."""
    if asked is None:
        return ""
    left_s = WALK_S - (now_s - asked.at_s)
    begun = node.reason == "commissioning" or (walk is not None and not walk.over)
    if left_s > 0 and (begun or now_s - asked.at_s < LATE_S):
        crowd = " Somebody else is in view: what is told counts only while you are alone." if _crowded(walk) else ""
        return f"Walk now, into every corner: {left_s:.0f} s left.{crowd}"
    if node.reason != "commissioning" and not begun and left_s > 0:
        return (
            "The camera has not begun. It walks only while it senses (not paused, and within the opening hours), and"
            " for an hour a day at most; an older one does not know walks and has to be updated."
        )
    if node.reason == "commissioning":
        return "Walked. Press the next zone within half a minute, or leave it: the camera then senses as before."
    return ""


def _crowded(walk: Walk | None) -> bool:
    return walk is not None and not walk.over and walk.crowded > 0


def cells(rows: tuple[Row, ...]) -> list[tuple[float, float]]:
    """The cells of every walk, by their upper left corner, in fractions of the picture."""
    found = sorted({cell for row in rows if row.walk for cell in row.walk.cells})
    return [(x - 0.5 / WALK_COLUMNS, y - 0.5 / WALK_ROWS) for x, y in map(middle, found)]


def routes(
    pages: Pages,
    reads: Reads,
    desk: Desk,
    plan: PlanDesk,
    kept: CommissioningDesk,
    settings: Settings,
    clock: Callable[[], float],
) -> APIRouter:
    """The page and what it does."""
    router = APIRouter()
    state = _Walks(reads, plan)

    def told(name: str) -> dict[str, Any]:
        node, now_s = state.node(name), clock()
        rows, asked = state.rows(node, now_s), state.asked.get(name)
        if asked and now_s - asked.at_s > 10 * WALK_S:
            asked = None
        walk = walks(reads, name, now_s, now_s - asked.at_s).get(asked.zone) if asked else None
        zones, runs = state.known(node), node.birth.zones if node.birth else ()
        return {
            "node": node,
            "rows": rows,
            "cells": cells(rows),
            "cell": (1 / WALK_COLUMNS, 1 / WALK_ROWS),
            "zones": zones,
            "unsent": zones != runs,
            "whole": whole(judged(reads, node, now_s)) and zones == runs,
            "walking": asked.zone if asked and now_s - asked.at_s < WALK_S else None,
            "now": now_words(node, asked, walk, now_s),
        }

    def page(request: Request, session: Session, name: str, code: int = 200, wrong: str = "") -> Response:
        nodes = tuple(node for node in reads.nodes() if node.birth)
        name = name or next((node.name for node in nodes), "")
        return pages.page(
            request, "walk.html", code, session=session, nodes=nodes, chosen=name, wrong=wrong, walk_s=WALK_S,
            certificates=tuple(one for one in kept.certificates() if one.node == name),
            **(told(name) if name else {}),
        )  # fmt: skip

    def back(node: str) -> Response:
        return RedirectResponse(f"{HERE}?node={node}", 303)

    @router.get(HERE, response_class=HTMLResponse)
    def walk(request: Request, session: Here, node: str = "") -> Response:
        return page(request, session, node)

    @router.get(f"{HERE}/now")
    def now(request: Request, session: Here, node: str) -> Response:
        return pages.page(request, "_walk.html", **told(node))

    @router.post(f"{HERE}/begin")
    def begin(session: Here, node: Node, zone: Zone) -> Response:
        one = state.node(node)
        if not desk.order(Command(command="walk", by=session.role, zone=zone, seconds=WALK_S), (one.name,), clock()):
            raise HTTPException(502)
        state.asked[one.name] = Asked(zone, clock())
        return back(one.name)

    @router.post(f"{HERE}/zone")
    def make(request: Request, session: Here, node: Node, zone: Zone) -> Response:
        one = state.node(node)
        try:
            state.make(one, zone, clock())
        except ConfigError as error:
            return page(request, session, one.name, 409, str(error))
        return back(one.name)

    @router.post(f"{HERE}/send")
    def send(session: Here, node: Node) -> Response:
        one, view = state.node(node), plan.plan().view(node)
        if view is None:
            raise HTTPException(404)
        if not plan.send(one, view, session.role, clock()):
            raise HTTPException(502)
        return back(one.name)

    @router.post(f"{HERE}/certificate")
    def certify(request: Request, session: Here, node: Node) -> Response:
        one, now_s = state.node(node), clock()
        zones = judged(reads, one, now_s)
        if one.birth is None or not whole(zones):
            return page(request, session, one.name, 409, "Not every zone was walked enough: walk the others first.")
        when = datetime.fromtimestamp(now_s, settings.timezone).strftime("%A %-d %B %Y, %H:%M %Z")
        certificate = Certificate(settings.shop_name, one.name, when, one.birth, zones)
        kept.certify(certificate, print_certificate(certificate), session.role, now_s)
        return back(one.name)

    @router.get(f"{HERE}/certificate/{{number}}.pdf")
    def paper(session: Here, number: int) -> Response:
        body = kept.pdf(number)
        if body is None:
            raise HTTPException(404)
        sent = {"Content-Disposition": f'attachment; filename="commissioning-{number}.pdf"'}
        return Response(body, media_type="application/pdf", headers=sent)

    return router
