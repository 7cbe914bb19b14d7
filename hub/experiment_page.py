"""The owner's page "does it help?": begin and end a hold-out, and what it has shown so far.

Left out: what is reckoned (`hub.experiment`), what is measured (`hub.experiment_rows`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from hub.auth import OWNER, Session
from hub.experiment import DAY_S, FEWEST, LIMIT_S, SHARES, SMALLEST_S, Sure, by_day, power, sequence_of, verdict
from hub.experiment_desk import ExperimentDesk
from hub.experiment_rows import Hours, Trial
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
    return {
        "sure": sure,
        "verdict": verdict(sure, LIMIT_S),
        "power": power(sequence, trial.smallest_s / LIMIT_S, lasted_days) if trial.ended_s is None else "",
        "mood": mood(sequence_of(hours.moods, trial.share).sure()),
        "days": days(hours, trial.share),
    }


def routes(pages: Pages, desk: ExperimentDesk, clock: Callable[[], float]) -> APIRouter:
    """The page and what it does."""
    router = APIRouter()

    @router.get(HERE, response_class=HTMLResponse)
    def experiment(request: Request, session: Here) -> Response:
        trial = desk.trial()
        told = _told(trial, desk.hours(trial), clock()) if trial else {}
        return pages.page(
            request, "experiment.html", session=session, trial=trial, shares=SHARES, usual_share=USUAL_SHARE,
            smallest=SMALLEST_S, usual_smallest=USUAL_SMALLEST_S, limit_min=int(LIMIT_S // 60), **told,
        )  # fmt: skip

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
