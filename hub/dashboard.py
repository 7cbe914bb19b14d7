"""The owner's page: today at a glance, from released hours only; and the nodes' health.

Rules:
7. Mood is shown by the hour, as released: the sums of `hub.tally`, of told hours alone and with their noise stated. A
   suppressed hour has no number anywhere on the hub, so no sum and no difference gives one away. The live mood windows
   are not for this page.
-  Nothing here can be asked by person: nudges are counted by zone and hour, never by who answered.

Left out: longer spans (`hub.history_page`), the drawing itself (`static/charts.js`), and what staff see (`hub.tablet`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from hub.advice import owner_line
from hub.auth import OWNER, Session
from hub.charts import charts_of
from hub.days import day_start_s
from hub.erase import REMAINS
from hub.history import past
from hub.history import today_of as today_span
from hub.meter import meters
from hub.plan import PlanDesk, marks
from hub.plan_page import aspect
from hub.restored import SHOWN_S
from hub.templating import Pages
from hub.views import Desk, NodeView, NudgeView, Reads
from hub.words import NodeLine, staff_line, typical_answer_s, why

HOUR_S: Final = 3_600
DAY_S: Final = 86_400
FEW: Final = 5
DELETE_WORD: Final = "DELETE"
Here = Annotated[Session, Depends(OWNER)]


@dataclass(frozen=True, slots=True)
class Today:
    """Today at a glance. ``helped_tenths`` and ``answer_s`` are None until enough was answered to say so."""

    nudges: int
    went: int
    helped: int
    answered: int
    answer_s: float | None

    @property
    def enough(self) -> bool:
        return self.answered >= FEW


@dataclass(frozen=True, slots=True)
class Row:
    """One of today's nudges, without who went."""

    nudge: NudgeView
    why: tuple[str, ...]
    wait_s: float | None


def today_of(nudges: tuple[NudgeView, ...]) -> Today:
    """Counts of one day's nudges."""
    answered = [nudge for nudge in nudges if nudge.outcome is not None]
    return Today(
        nudges=len(nudges),
        went=sum(nudge.taken_s is not None for nudge in nudges),
        helped=sum(nudge.outcome == "helped" for nudge in answered),
        answered=len(answered),
        answer_s=typical_answer_s(nudges),
    )


def noise_within(epsilon: float) -> int:
    """How far a released count is from the true one at most, 19 times in 20.

    Source: the tail of the discrete Laplace distribution, P(|X| > t) = 2·α^(t+1) / (1 + α) with α = exp(−ε).
    """
    alpha = math.exp(-epsilon)
    return max(0, math.ceil(math.log(0.05 * (1 + alpha) / 2) / math.log(alpha)) - 1)


def nudge_series(nudges: tuple[NudgeView, ...]) -> list[dict[str, Any]]:
    """Per zone, one row an hour: helped, just browsing, nobody there, and those without an answer."""
    zones: dict[tuple[str, int], dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0, 0]))
    names: dict[tuple[str, int], str] = {}
    column = {"helped": 0, "browsing": 1, "nobody": 2, None: 3}
    for nudge in nudges:
        key, hour_s = (nudge.node, nudge.zone), int(nudge.opened_s // HOUR_S) * HOUR_S
        names[key] = nudge.zone_name
        zones[key][hour_s][column[nudge.outcome]] += 1
    return [
        {"node": key[0], "zone": key[1], "name": names[key], "hours": sorted(map(list, hours.items()))}
        for key, hours in sorted(zones.items(), key=lambda item: names[item[0]])
    ]


def sensed(reads: Reads, now_s: float) -> list[tuple[NodeView, NodeLine]]:
    """Every node with what may be said of it in public."""
    return [(node, staff_line(node, now_s)) for node in reads.nodes()]


def routes(
    pages: Pages,
    reads: Reads,
    desk: Desk,
    clock: Callable[[], float],
    troubles: Callable[[], tuple[str, ...]],
    plan: PlanDesk | None = None,
    restored: Callable[[float], str] = lambda since_s: "",
) -> APIRouter:
    """The owner's page and the series behind its charts."""
    router = APIRouter()

    @router.get("/owner", response_class=HTMLResponse)
    def owner(request: Request, session: Here) -> Response:
        now_s = clock()
        nudges = reads.nudges_between(day_start_s(now_s, pages.timezone), now_s + 1)
        rows = [
            Row(nudge, why(nudge.reasons), None if nudge.taken_s is None else nudge.taken_s - nudge.opened_s)
            for nudge in reversed(nudges)
        ]
        nodes = reads.nodes()
        lines = [(node, owner_line(node, now_s)) for node in nodes]
        drawn = plan.plan() if plan else None
        found = past(reads, today_span(now_s, pages.timezone), pages.timezone)
        return pages.page(
            request,
            "owner.html",
            session=session,
            now_s=now_s,
            today=today_of(nudges),
            rows=rows,
            lines=lines,
            troubles=troubles(),
            restored=restored(now_s - SHOWN_S),
            meters=meters(reads, day_start_s(now_s, pages.timezone)),
            lessons=desk.lessons(),
            plan=drawn,
            marks=marks(drawn, nodes, reads.nudges_now(now_s)) if drawn else (),
            plan_aspect=aspect(plan) if plan else 0,
            plan_picture=plan is not None and plan.picture() is not None,
            delete_word=DELETE_WORD,
            remains=REMAINS,
            hour_min=max((node.birth.gate.hour_min for node in nodes if node.birth), default=11),
            charts=[one for one in charts_of(found, (), "hour", whole=False) if one.name in ("mood", "nudges")],
        )

    @router.post("/owner/lessons/forget")
    def forget(node: Annotated[str, Form()], zone: Annotated[int, Form()], session: Here) -> Response:
        desk.forget(node, zone, clock())
        return RedirectResponse("/owner#lessons", 303)

    @router.post("/owner/delete-everything")
    def delete_everything(session: Here, word: Annotated[str, Form()] = "") -> Response:
        if word.strip() != DELETE_WORD:
            raise HTTPException(400)
        desk.delete_everything(clock())
        return RedirectResponse("/owner#delete", 303)

    return router
