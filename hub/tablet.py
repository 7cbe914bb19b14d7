"""The staff page: a board of open nudges, rendered once per change and shared by every tablet.

Rules:
- A tablet that hears nothing for 5 s says so by itself; therefore a beat goes out every 2 s, and stops when the
  board can no longer be brought up to date.
- One task renders; a reader only waits for a newer version and takes the newest. A frozen reader delays nobody, and
  is dropped when its socket takes nothing for `SEND_TIMEOUT_S`.
- No data is never shown as calm: the board says "all quiet" only of zones whose node is sensing.

Left out: which nudges there are and what an answer does (`hub.nudge`, behind `Desk`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

from hub.auth import ANYONE, STAFF, Session, session_of
from hub.templating import Pages
from hub.views import Changes, Desk, NudgeView, Outcome, Reads
from hub.words import URGENCY, NodeLine, staff_line, why

BEAT_S: Final = 2.0
REFRESH_S: Final = 5.0
STALE_S: Final = 12.0
SETTLE_S: Final = 0.03
SEND_TIMEOUT_S: Final = 10.0
RECHECK_BEATS: Final = 30
Here = Annotated[Session, Depends(STAFF)]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Card:
    """One nudge, ready to be read."""

    nudge: NudgeView
    why: tuple[str, ...]
    urgency: str


@dataclass(frozen=True, slots=True)
class BoardView:
    """What the staff page shows. ``quiet`` is only true where somebody watches and nobody is in need."""

    cards: tuple[Card, ...]
    nodes: tuple[NodeLine, ...]
    troubles: tuple[str, ...] = ()

    @property
    def asking(self) -> bool:
        return any(card.nudge.closed_s is None for card in self.cards)

    @property
    def watched(self) -> tuple[str, ...]:
        return tuple(zone for node in self.nodes if node.sees for zone in node.zones)

    @property
    def blind(self) -> tuple[NodeLine, ...]:
        return tuple(node for node in self.nodes if not node.sees or node.tone != "well")

    @property
    def quiet(self) -> bool:
        return not self.asking and not self.troubles and any(node.sees for node in self.nodes)


def board_of(reads: Reads, now_s: float, troubles: tuple[str, ...] = ()) -> BoardView:
    """Open nudges first, the most urgent and longest waiting on top; then taken; then those just closed."""
    order = {"open": 0, "taken": 1}
    nudges = [nudge for nudge in reads.nudges_now(now_s) if nudge.state != "answered"]
    nudges.sort(key=lambda nudge: (order.get(nudge.state, 2), -nudge.level, nudge.opened_s))
    cards = tuple(Card(nudge, why(nudge.reasons), URGENCY[nudge.level]) for nudge in nudges)
    return BoardView(cards, tuple(staff_line(node, now_s) for node in reads.nodes()), troubles)


@dataclass(slots=True)
class Board:
    """The newest board as bytes of one event, and the bell for those who wait for a newer one."""

    render: Callable[[], str]
    changes: Changes
    clock: Callable[[], float]
    _version: int = 0
    _html: str = ""
    _event: bytes = b""
    _fresh_s: float = float("-inf")
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Render at every touch, and every `REFRESH_S` for what only time changes. Runs until cancelled."""
        loop, touched = asyncio.get_running_loop(), asyncio.Event()

        def ring() -> None:
            with suppress(RuntimeError):  # the loop is closing
                loop.call_soon_threadsafe(touched.set)

        stop = self.changes.listen(ring)
        try:
            while True:
                touched.clear()
                await self._refresh()
                with suppress(TimeoutError):
                    await asyncio.wait_for(touched.wait(), REFRESH_S)
                    await asyncio.sleep(SETTLE_S)  # one commit often touches more than once
        finally:
            stop()

    async def _refresh(self) -> None:
        try:
            html = await asyncio.to_thread(self.render)
        except Exception:
            _log.exception("The board could not be rendered; tablets will say that the hub is out of reach.")
            return
        self._fresh_s = asyncio.get_running_loop().time()
        if html != self._html:
            self._html, self._version = html, self._version + 1
            self._event = ServerSentEvent(html, event="board").encode()
            self._bell.set()
            self._bell = asyncio.Event()

    async def stream(self, still_in: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Beats, and the newest board whenever it is newer than the one last given. Ends when the session does."""
        seen = beats = 0
        while True:
            bell = self._bell
            if self._version != seen:
                seen = self._version
                yield self._event
            if asyncio.get_running_loop().time() - self._fresh_s < STALE_S:
                yield ServerSentEvent(f"{self.clock():.1f}", event="beat").encode()
            with suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), BEAT_S)
                continue
            beats += 1
            if beats % RECHECK_BEATS == 0 and not await asyncio.to_thread(still_in):
                return


def routes(
    pages: Pages, board: Board, look: Callable[[], BoardView], desk: Desk, clock: Callable[[], float]
) -> APIRouter:
    """The staff page, its stream and its two answers."""
    router = APIRouter()

    @router.api_route("/staff", methods=["GET", "HEAD"], response_class=HTMLResponse)
    def staff(request: Request, session: Here) -> Response:
        return pages.page(request, "staff.html", board=look(), session=session)

    @router.get("/staff/offline", response_class=HTMLResponse, dependencies=[Depends(ANYONE)])
    def offline(request: Request) -> Response:
        return pages.page(request, "offline.html")

    @router.get("/staff/events")
    async def events(request: Request, session: Here) -> EventSourceResponse:
        return EventSourceResponse(
            board.stream(lambda: session_of(request, STAFF.roles) is not None),
            ping=3_600,  # the beat keeps the line open
            send_timeout=SEND_TIMEOUT_S,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @router.post("/staff/nudges/{nudge_id}/take")
    def take(request: Request, nudge_id: int, session: Here) -> Response:
        return _done(request, desk.take(nudge_id, session.who, clock()))

    @router.post("/staff/nudges/{nudge_id}/answer")
    def answer(request: Request, nudge_id: int, outcome: Annotated[Outcome, Form()], session: Here) -> Response:
        return _done(request, desk.answer(nudge_id, outcome, session.who, clock()))

    return router


def _done(request: Request, nudge: NudgeView | None) -> Response:
    if nudge is None:
        raise HTTPException(404)
    if request.headers.get("hx-request"):
        return Response(status_code=204)  # the board's stream says the rest
    return RedirectResponse("/staff", 303)
