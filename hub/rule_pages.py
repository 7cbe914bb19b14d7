"""The owner's page of rules: each with where it comes from, and what others would have done before they are saved.

Rules:
- What is shown before saving is computed from what is typed, by the same replay for the rules in force and for those.
  It takes longer than a page may, so the page comes first and asks for it.
- Nothing is in force before it is saved; a change is written down as the owner's, never as a person's.

Left out: the form's words (`hub.rule_form`), keeping (`hub.rules`), reckoning (`hub.whatif`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from hub.auth import OWNER, Session
from hub.charts import Chart, Fill, Row, as_csv
from hub.config import NudgePart
from hub.replay import Recorded
from hub.rule_form import LETTERS, SIGNS, SPARE_QUIET, YES_NO, Typed, neighbour_choices, rows, told, typed, zone_choices
from hub.rules import RuleDesk, RuleSheet, said_in
from hub.templating import Pages
from hub.whatif import Outlook, outlook

HOUR_S: Final = 3_600
HOURS: Final = 24
DONE: Final[tuple[tuple[str, Fill], ...]] = (("rules in force", "stone"), ("rules as typed", "sea"))
Here = Annotated[Session, Depends(OWNER)]


async def _posted(request: Request) -> list[tuple[str, str]]:
    return [(name, text) for name, text in (await request.form()).multi_items() if isinstance(text, str)]


Posted = Annotated[list[tuple[str, str]], Depends(_posted)]


def by_hour(found: Outlook, recorded: Recorded) -> list[int]:
    """Nudges in each hour of the day that was replayed, the oldest first."""
    counts = [0] * HOURS
    for one in found.raised:
        counts[min(int((one.at_s - recorded.since_s) // HOUR_S), HOURS - 1)] += 1
    return counts


def chart_of(outlooks: list[Outlook], recorded: Recorded, timezone: tzinfo) -> Chart:
    """The nudges by hour that the rules in force and, where they differ, those typed would have raised."""
    starts = [datetime.fromtimestamp(recorded.since_s + HOUR_S * hour, timezone) for hour in range(HOURS)]
    counts = zip(*(by_hour(one, recorded) for one in outlooks), strict=True)
    rows = tuple(Row(f"{start:%H:%M}", f"{start:%Y-%m-%d %H:%M}", of) for start, of in zip(starts, counts, strict=True))
    return Chart("rules", "Nudges by hour, last 24 hours", "hour", "nudges", DONE[: len(outlooks)], rows)


def routes(pages: Pages, desk: RuleDesk, clock: Callable[[], float]) -> APIRouter:
    """The page and what it does."""
    router = APIRouter()

    def what_if(sheet: RuleSheet, part: NudgePart | None) -> dict[str, Any]:
        recorded = desk.recorded(clock())
        prior = sheet.now.precision
        now = outlook(desk.rules_of(sheet.now), recorded, prior)
        other = None if part is None or part == sheet.now else outlook(desk.rules_of(part), recorded, prior)
        chart = chart_of([now, other] if other else [now], recorded, pages.timezone)
        pairs = list(zip(now.zones, (other or now).zones, strict=True))
        return {"now": now, "then": other, "pairs": pairs, "chart": chart, "signs": SIGNS, "wrong": part is None}

    def page(request: Request, session: Session, given: Typed | None = None) -> Response:
        sheet, names = desk.sheet(), desk.zones(clock())
        said = given.said if given else said_in(sheet.now)
        return pages.page(
            request,
            "rules.html",
            400 if given else 200,
            session=session,
            rows=rows(sheet, names, said, given.wrong if given else {}),
            zones=list(zone_choices(said, names)),
            beside=neighbour_choices(said, names),
            letters=LETTERS,
            spare=SPARE_QUIET,
            yes_no=YES_NO,
            here=sheet.here,
            changes=[(change, told(change, names)) for change in sheet.changes],
            refused=bool(given),
            signs=SIGNS,
        )

    @router.get("/owner/rules", response_class=HTMLResponse)
    def rules(request: Request, session: Here) -> Response:
        return page(request, session)

    @router.post("/owner/rules/try", response_class=HTMLResponse)
    def attempt(request: Request, session: Here, form: Posted) -> Response:
        sheet = desk.sheet()
        given = typed(form, sheet.now)
        return pages.page(request, "_whatif.html", **what_if(sheet, given.part))

    @router.post("/owner/rules/try.csv")
    def table(session: Here, form: Posted) -> Response:
        sheet = desk.sheet()
        chart: Chart = what_if(sheet, typed(form, sheet.now).part)["chart"]
        headers = {"Content-Disposition": 'attachment; filename="attune-rules.csv"'}
        return Response("\ufeff" + as_csv(chart), media_type="text/csv; charset=utf-8", headers=headers)

    @router.post("/owner/rules", response_class=HTMLResponse)
    def save(request: Request, session: Here, form: Posted) -> Response:
        given = typed(form, desk.sheet().now)
        if given.part is None:
            return page(request, session, given)
        desk.change(given.part, session.role, clock())
        return RedirectResponse("/owner/rules#changes", 303)

    @router.post("/owner/rules/back")
    def back(session: Here, field: Annotated[str, Form(max_length=40)] = "") -> Response:
        sheet = desk.sheet()
        toml = said_in(sheet.toml)
        if field and field not in toml:
            raise HTTPException(404)
        said = {**said_in(sheet.now), field: toml[field]} if field else toml
        desk.change(NudgePart.model_validate_json(json.dumps(said)), session.role, clock())
        return RedirectResponse("/owner/rules", 303)

    return router
