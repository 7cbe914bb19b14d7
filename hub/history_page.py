"""The owner's history: pages, tables to download, and a week to print, from sums of released hours only.

Rules:
7. What is asked by hour, day, week or zone is the same released hours, added: there is no question that a withheld
   hour answers. The noise of every sum is stated beside it.
-  Nothing here can be asked by person, and how soon somebody went not even by zone.

Left out: the sums (`hub.history`), the charts (`hub.charts`), the print (`hub.week`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from hub.auth import OWNER, Session
from hub.charts import Chart, as_csv, charts_of
from hub.days import DAY, day_of, monday_of
from hub.history import By, Zone, past, span_of, week_of, zones_of
from hub.templating import Pages
from hub.views import Reads, Settings
from hub.week import print_week

Here = Annotated[Session, Depends(OWNER)]
Day = Annotated[date | None, Query()]
Asked = Annotated[str, Query(max_length=60)]
FIRSTS: Final[dict[By, str]] = {"hour": "hour", "day": "day", "week": "week"}
CHOICES: Final[tuple[tuple[By, str], ...]] = (("hour", "A day"), ("day", "Four weeks"), ("week", "13 months"))


def routes(pages: Pages, reads: Reads, settings: Settings, clock: Callable[[], float]) -> APIRouter:
    """The pages under ``/owner/history`` and the week."""
    router, timezone = APIRouter(), settings.timezone

    def today() -> date:
        return day_of(clock(), timezone)

    def drawn(by: By, until: date, address: str) -> tuple[tuple[Chart, ...], tuple[Zone, ...], Zone | None]:
        zones = zones_of(reads)
        zone = next((one for one in zones if one.address == address), None)
        if address and zone is None:
            raise HTTPException(404)
        found = past(reads, span_of(by, until), timezone, zone.key if zone else None)
        zones = zones_of(reads, found.zones)
        return charts_of(found, zones, FIRSTS[by], whole=zone is None), zones, zone

    @router.get("/owner/history", response_class=HTMLResponse)
    def history(request: Request, session: Here, by: By = "day", until: Day = None, zone: Asked = "") -> Response:
        now = today()
        until = min(until or now, now)
        span = span_of(by, until)
        charts, zones, chosen = drawn(by, until, zone)
        return pages.page(
            request,
            "history.html",
            session=session,
            charts=charts,
            zones=zones,
            chosen=chosen,
            by=by,
            choices=CHOICES,
            span=span,
            until=until,
            today=now,
            earlier=span.first - DAY,
            later=min(until + span.days * DAY, now),
            week=monday_of(now - 7 * DAY),
            hour_min=max((node.birth.gate.hour_min for node in reads.nodes() if node.birth), default=11),
        )

    @router.get("/owner/history.csv")
    def table(session: Here, chart: Asked, by: By = "day", until: Day = None, zone: Asked = "") -> Response:
        charts, _, _ = drawn(by, min(until or today(), today()), zone)
        found = next((one for one in charts if one.name == chart), None)
        if found is None:
            raise HTTPException(404)
        name = f"attune-{found.name}-by-{by}-until-{until or today()}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response("\ufeff" + as_csv(found), media_type="text/csv; charset=utf-8", headers=headers)

    @router.get("/owner/week.pdf")
    def week(session: Here, of: Day = None) -> Response:
        span = week_of(min(of or today() - 7 * DAY, today()))
        body = print_week(reads, span, settings, clock())
        name = f"attune-week-{span.first}.pdf"
        return Response(
            body, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'}
        )

    return router
