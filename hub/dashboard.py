"""The owner's page: how the shop felt and whether nudges help, from released history only; and the nodes' health.

Rules:
7. Mood is shown by zone and hour, as released: suppressed hours have no height and are not zero, hours without a
   record are a gap, and the noise is stated. The live mood windows are not for this page.
-  The one sum of visits that the hub makes is `told_sum`: of told hours alone, noise and all. A suppressed hour has no
   number anywhere on the hub, and no exact total is ever said, so no sum and no difference gives one away.
-  Nothing here can be asked by person: nudges are counted by zone and hour, never by who answered.

Left out: the drawing itself (`static/owner.js`), and what staff see (`hub.tablet`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BeforeValidator

from hub.auth import OWNER, Session
from hub.days import day_start_s
from hub.erase import REMAINS
from hub.meter import meters
from hub.templating import Pages
from hub.views import Desk, HourView, NodeView, NudgeView, Reads
from hub.words import NodeLine, owner_line, staff_line, typical_answer_s, why

HOUR_S: Final = 3_600
DAY_S: Final = 86_400
FEW: Final = 5
DELETE_WORD: Final = "DELETE"
Days = Annotated[Literal[1, 7, 28], BeforeValidator(int), Query()]
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


def mood_series(hours: tuple[HourView, ...]) -> list[dict[str, Any]]:
    """Per zone, one row an hour: its four counts, or None where it was suppressed; and the sum of the told ones."""
    zones: dict[tuple[str, int], dict[str, Any]] = {}
    for hour in hours:
        zone = zones.setdefault((hour.node, hour.zone), {"node": hour.node, "zone": hour.zone, "hours": []})
        zone["name"] = hour.zone_name
        counts = None if hour.suppressed else [hour.negative, hour.neutral, hour.positive, hour.unknown]
        zone["hours"].append([hour.hour_start_s, counts])
    for zone in zones.values():
        zone["sum"] = told_sum([counts for _, counts in zone["hours"]])
    return sorted(zones.values(), key=lambda zone: (zone["name"], zone["node"]))


def told_sum(hours: list[list[int] | None]) -> dict[str, Any] | None:
    """The counts of the told hours together, with how many hours that were; None for fewer than two."""
    told = [counts for counts in hours if counts is not None]
    if len(told) < 2:
        return None
    return {"told": len(told), "withheld": len(hours) - len(told), "counts": list(map(sum, zip(*told, strict=True)))}


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
    pages: Pages, reads: Reads, desk: Desk, clock: Callable[[], float], troubles: Callable[[], tuple[str, ...]]
) -> APIRouter:
    """The owner's page and the series behind its charts."""
    router = APIRouter()

    @router.get("/owner", response_class=HTMLResponse)
    def owner(request: Request, session: Here, days: Days = 7) -> Response:
        now_s = clock()
        nudges = reads.nudges_between(day_start_s(now_s, pages.timezone), now_s + 1)
        rows = [
            Row(nudge, why(nudge.reasons), None if nudge.taken_s is None else nudge.taken_s - nudge.opened_s)
            for nudge in reversed(nudges)
        ]
        nodes = reads.nodes()
        lines = [(node, owner_line(node, now_s)) for node in nodes]
        epsilons = sorted({node.birth.gate.epsilon for node in nodes if node.birth})
        return pages.page(
            request,
            "owner.html",
            session=session,
            now_s=now_s,
            days=days,
            today=today_of(nudges),
            rows=rows,
            lines=lines,
            troubles=troubles(),
            meters=meters(reads, day_start_s(now_s, pages.timezone)),
            lessons=desk.lessons(),
            delete_word=DELETE_WORD,
            remains=REMAINS,
            hour_min=max((node.birth.gate.hour_min for node in nodes if node.birth), default=11),
            noises=[(epsilon, noise_within(epsilon)) for epsilon in epsilons],
        )

    @router.get("/owner/series")
    def series(session: Here, days: Days = 7) -> dict[str, Any]:
        until_s = (int(clock()) // HOUR_S + 1) * HOUR_S
        since_s = until_s - days * DAY_S
        return {
            "since": since_s,
            "until": until_s,
            "mood": mood_series(reads.hours_between(since_s, until_s)),
            "nudges": nudge_series(reads.nudges_between(since_s, until_s)),
        }

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
