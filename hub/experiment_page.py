"""The owner's page "does it help?": begin and end a hold-out, and what it has shown so far.

Left out: what is reckoned (`hub.experiment`), what is measured (`hub.experiment_rows`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.datastructures import UploadFile

from contract.errors import ConfigError
from hub import sales as taken
from hub.auth import OWNER, Session
from hub.experiment import DAY_S, FEWEST, LIMIT_S, SHARES, SMALLEST_S, Sure, by_day, power, sequence_of, verdict
from hub.experiment_desk import ExperimentDesk
from hub.experiment_rows import Hours, Trial
from hub.sales_csv import example, parse
from hub.templating import Pages

USUAL_SHARE: Final = 0.2
USUAL_SMALLEST_S: Final = 30
MOOD_TENTHS: Final = 14.0
HERE: Final = "/owner/experiment"
Here = Annotated[Session, Depends(OWNER)]


@dataclass(frozen=True, slots=True)
class Day:
    """What was known at the end of a day. Units: seconds a need ends sooner with nudges, below 0 later."""

    words: str
    units: int
    sooner_s: float
    low_s: float
    high_s: float


def days(hours: Hours, share: float) -> tuple[Day, ...]:
    """The days of the plot, the oldest first."""
    return tuple(
        Day(
            f"{datetime.fromtimestamp(day * DAY_S, UTC):%-d %b}",
            sure.units,
            -sure.effect * LIMIT_S + 0.0,
            -sure.high * LIMIT_S,
            -sure.low * LIMIT_S,
        )
        for day, sure in by_day(hours.waits, share)
    )


def mood(sure: Sure) -> str:
    """One sentence on the windows after."""
    if min(sure.nudged, sure.held) < FEWEST:
        return f"Of moods, not enough data yet: it needs {FEWEST} hours on each side after which a window was released."
    low, high = sure.low * MOOD_TENTHS, sure.high * MOOD_TENTHS
    known = "better" if sure.low > 0 else "worse" if sure.high < 0 else "not told apart"
    return (
        f"Mood of the zone's next window: {known}. Positive less negative tenths differ by between {low:+.1f} and"
        f" {high:+.1f}, nudged against held."
    )


def _told(trial: Trial, hours: Hours, now_s: float) -> dict[str, Any]:
    sequence = sequence_of(hours.waits, trial.share)
    lasted_days = ((trial.ended_s or now_s) - trial.began_s) / DAY_S
    sure = sequence.sure()
    open_still = trial.ended_s is None and sure.low <= 0 <= sure.high
    return {
        "sure": sure,
        "verdict": verdict(sure, LIMIT_S),
        "power": power(sequence, trial.smallest_s / LIMIT_S, lasted_days) if open_still else "",
        "mood": mood(sequence_of(hours.moods, trial.share).sure()),
        "days": days(hours, trial.share),
    }


@dataclass(frozen=True, slots=True)
class Sent:
    """A file of sales as it came, and what an hour takes at most."""

    content: bytes
    most: float | None


async def _sent(request: Request, session: Here) -> Sent:
    """Read after the door only."""
    form = await request.form(max_files=1, max_fields=2)
    file, most = form.get("file"), form.get("most")
    try:
        number = float(most) if isinstance(most, str) and most else None
    except ValueError:
        raise HTTPException(400) from None
    if not isinstance(file, UploadFile) or (number is not None and not 0 < number <= taken.MOST_MAX):
        raise HTTPException(400)
    return Sent(await file.read(), number)


def routes(pages: Pages, desk: ExperimentDesk, clock: Callable[[], float]) -> APIRouter:
    """The page and what it does."""
    router = APIRouter()

    def page(request: Request, session: Session, code: int = 200, **more: Any) -> Response:
        trial, more = desk.trial(), {"wrong": "", "sheet": None, "replaced": 0} | more
        if trial:
            sales = desk.sales(trial)
            more |= _told(trial, desk.hours(trial), clock())
            more |= {"most": sales.most, "sold": taken.verdict(sales, sequence_of(sales.units, trial.share).sure())}
        return pages.page(
            request, "experiment.html", code, session=session, trial=trial, shares=SHARES, usual_share=USUAL_SHARE,
            smallest=SMALLEST_S, usual_smallest=USUAL_SMALLEST_S, limit_min=int(LIMIT_S // 60), **more,
        )  # fmt: skip

    @router.get(HERE, response_class=HTMLResponse)
    def experiment(request: Request, session: Here) -> Response:
        return page(request, session)

    @router.get(f"{HERE}/days.csv", response_class=PlainTextResponse)
    def days_csv(session: Here) -> Response:
        trial = desk.trial()
        if trial is None:
            raise HTTPException(404)
        found = days(desk.hours(trial), trial.share)
        lines = (f"{day.words},{day.units},{day.sooner_s:.1f},{day.low_s:.1f},{day.high_s:.1f}" for day in found)
        text = "\n".join(("until,hours,seconds sooner,at least,at most", *lines, ""))
        kept = {"Content-Disposition": 'attachment; filename="attune-does-it-help.csv"'}
        return PlainTextResponse(text, headers=kept, media_type="text/csv")

    @router.get(f"{HERE}/sales-example.csv", response_class=PlainTextResponse)
    def sales_example(session: Here) -> Response:
        kept = {"Content-Disposition": 'attachment; filename="sales-example.csv"'}
        return PlainTextResponse(example(clock(), pages.timezone), headers=kept, media_type="text/csv")

    @router.post(f"{HERE}/sales", response_class=HTMLResponse)
    def sales(request: Request, session: Here, sent: Annotated[Sent, Depends(_sent)]) -> Response:
        now_s = clock()
        try:
            sheet = parse(sent.content, pages.timezone, now_s)
        except ConfigError as error:
            return page(request, session, 400, wrong=str(error))
        before = desk.tell(sheet.hours, sent.most, now_s) if sheet.hours else 0
        return page(request, session, 200 if sheet.hours else 400, sheet=sheet, replaced=before + sheet.twice)

    @router.post(f"{HERE}/start")
    def start(
        session: Here,
        share: Annotated[float, Form()] = USUAL_SHARE,
        smallest_s: Annotated[int, Form()] = USUAL_SMALLEST_S,
    ) -> Response:
        if share not in SHARES or smallest_s not in SMALLEST_S:
            raise HTTPException(400)
        desk.start(share, smallest_s, session.role, clock())
        return RedirectResponse(HERE, 303)

    @router.post(f"{HERE}/stop")
    def stop(session: Here) -> Response:
        desk.stop(session.role, clock())
        return RedirectResponse(HERE, 303)

    return router
