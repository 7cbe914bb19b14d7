"""The staff page: a board of open nudges, rendered once per change and language and shared by every tablet.

Rules:
- A tablet that hears nothing for 5 s says so by itself; therefore a beat goes out every 2 s, and stops when the
  board can no longer be brought up to date.
- A board is rendered once a language, for those languages that some tablet has asked for; the shop is read once.
- One task renders; a reader only waits for a newer version and takes the newest. A frozen reader delays nobody, and
  is dropped when its socket takes nothing for `SEND_TIMEOUT_S`.
- Who is asked and who goes is known to tablets, by their sessions' random names, and never to the owner's page.
- No data is never shown as calm: the board says "all quiet" only of zones whose node is sensing.

Left out: which nudges there are and what an answer does (`hub.nudge`, behind `Desk`).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from hub.auth import ANYONE, STAFF, Session, session_of
from hub.languages import Language, Phrases, keep, language_of, own_names, phrases
from hub.shift import Asked
from hub.shift_page import seat_now
from hub.shift_rows import People
from hub.templating import Pages
from hub.views import Changes, Desk, NodeView, NudgeView, Outcome, Reads
from hub.words import NodeLine, staff_line, why

BEAT_S: Final = 2.0
REFRESH_S: Final = 5.0
STALE_S: Final = 12.0
SETTLE_S: Final = 0.03
SEND_TIMEOUT_S: Final = 10.0
RECHECK_BEATS: Final = 5
OWN_WORDS: Final = ("open", "mine", "theirs", "for_you", "for_other", "for_all")
Here = Annotated[Session, Depends(STAFF)]
_SEATS: Final = re.compile(rb' data-(?:by|asked|on|busy)="[^"]*"')
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Card:
    """One nudge, ready to be read."""

    nudge: NudgeView
    why: tuple[str, ...]
    urgency: str
    zones: str
    asked: Asked


@dataclass(frozen=True, slots=True)
class Seen:
    """The shop as the store has it at one moment, in no language yet."""

    nudges: tuple[NudgeView, ...]
    nodes: tuple[NodeView, ...]
    now_s: float
    troubled: bool = False
    people: People = field(default_factory=People)
    tact: bool = True


@dataclass(frozen=True, slots=True)
class BoardView:
    """What the staff page shows. ``quiet`` is only true where somebody watches and nobody is in need; ``paused`` when
    some camera is by the word of a person."""

    cards: tuple[Card, ...]
    nodes: tuple[NodeLine, ...]
    troubled: bool = False
    paused: bool = False
    people: People = field(default_factory=People)
    busy: tuple[str, ...] = ()
    tact: bool = True

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
    def sees(self) -> bool:
        """Whether some camera senses now, as far as is known."""
        return any(node.sees for node in self.nodes)

    @property
    def quiet(self) -> bool:
        return not self.asking and not self.troubled and any(node.sees for node in self.nodes)


def seen_in(reads: Reads, now_s: float, troubled: bool = False, tact: bool = True) -> Seen:
    """One look at the shop."""
    return Seen(reads.nudges_now(now_s), reads.nodes(), now_s, troubled, reads.people(), tact)


def board_of(seen: Seen, texts: Phrases) -> BoardView:
    """Open nudges first, the most urgent and longest waiting on top; then taken; then those just closed."""
    order = {"open": 0, "taken": 1}
    nudges = [nudge for nudge in seen.nudges if nudge.state != "answered"]
    nudges.sort(key=lambda nudge: (order.get(nudge.state, 2), -nudge.level, nudge.opened_s))
    people = seen.people
    cards = tuple(
        Card(
            one,
            why(one.reasons, texts),
            texts["urgency"][f"level_{one.level}"],
            " + ".join(people.beside.get(one.id) or (one.zone_name,)),
            people.asked.get(one.id, Asked()),
        )
        for one in nudges
    )
    paused = any(node.state == "paused" and node.reason == "command" for node in seen.nodes)
    lines = tuple(staff_line(node, seen.now_s, texts) for node in seen.nodes)
    busy = tuple(seat for seat, until_s in people.busy_until_s.items() if seen.now_s < until_s)
    return BoardView(cards, lines, seen.troubled, paused, people, busy, seen.tact)


def unnamed(seen: Seen) -> Seen:
    """The same without seats: the owner may look at the board, and not at who is asked or who goes."""
    nudges = tuple(replace(nudge, taken_by=None) for nudge in seen.nudges)
    return replace(seen, nudges=nudges, people=People(beside=seen.people.beside))


@dataclass(slots=True)
class Edition:
    """The newest board in one language, as the bytes of one event."""

    version: int = 0
    html: str = ""
    event: bytes = b""


@dataclass(slots=True)
class Board:
    """The newest board in every language that is read, and the bell for those who wait for a newer one."""

    render: Callable[[tuple[Language, ...]], Mapping[Language, str]]
    changes: Changes
    clock: Callable[[], float]
    _editions: dict[Language, Edition] = field(default_factory=dict)
    _fresh_s: float = float("-inf")
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _touched: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Render at a touch, and every `REFRESH_S` for what only time changes. Runs until cancelled.

        The first touch is shown at once; what is touched within `SETTLE_S` of that is shown together.
        """
        loop = asyncio.get_running_loop()

        def ring() -> None:
            with suppress(RuntimeError):  # the loop is closing
                loop.call_soon_threadsafe(self._touched.set)

        stop = self.changes.listen(ring)
        try:
            while True:
                self._touched.clear()
                await self._refresh()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._touched.wait(), REFRESH_S)
                    await asyncio.sleep(max(0.0, self._fresh_s + SETTLE_S - loop.time()))
        finally:
            stop()

    async def _refresh(self) -> None:
        try:
            rendered = await asyncio.to_thread(self.render, tuple(self._editions))
        except Exception:
            _log.exception("The board could not be rendered; tablets will say that the hub is out of reach.")
            return
        self._fresh_s = asyncio.get_running_loop().time()
        newer = {language: html for language, html in rendered.items() if html != self._editions[language].html}
        for language, html in newer.items():
            event = ServerSentEvent(html, event="board").encode()
            self._editions[language] = Edition(self._editions[language].version + 1, html, event)
        if newer:
            self._bell.set()
            self._bell = asyncio.Event()

    async def stream(
        self, language: Language, still_in: Callable[[], bool], named: bool = True
    ) -> AsyncIterator[bytes]:
        """Beats, and the newest board whenever it is newer than the one last given. Ends when the session does.

        ``named``: with the seats in it, by which a tablet knows what is its own.
        """
        seen = beats = 0
        if language not in self._editions:
            self._editions[language] = Edition()
            self._touched.set()
        while True:
            bell, edition = self._bell, self._editions[language]
            if edition.version != seen:
                seen = edition.version
                yield edition.event if named else _SEATS.sub(b"", edition.event)
            if asyncio.get_running_loop().time() - self._fresh_s < STALE_S:
                yield ServerSentEvent(f"{self.clock():.1f}", event="beat").encode()
            with suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), BEAT_S)
                continue
            beats += 1
            if beats % RECHECK_BEATS == 0 and not await asyncio.to_thread(still_in):
                return


class Stream(EventSourceResponse):
    """A stream whose reader may freeze: it is dropped, and the log says so in one line."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            _log.info("A tablet took nothing for %g s and was dropped; it comes back by itself.", SEND_TIMEOUT_S)


def routes(pages: Pages, board: Board, look: Callable[[], Seen], desk: Desk, clock: Callable[[], float]) -> APIRouter:
    """The staff page, its stream, its two answers, and its languages."""
    router = APIRouter()

    @router.api_route("/staff", methods=["GET", "HEAD"], response_class=HTMLResponse)
    def staff(request: Request, session: Here) -> Response:
        language = language_of(request)
        texts = phrases(language)
        seen = look() if session.role == "staff" else unnamed(look())
        words = {**texts["live"], **{one: texts["card"][one] for one in OWN_WORDS}, **texts["shift"]}
        return pages.page(
            request,
            "staff.html",
            board=board_of(seen, texts),
            seat=seat_now(seen.people, session.who, seen.now_s),
            session=session,
            lang=language,
            t=texts,
            words=words | {one: texts["page"][one] for one in ("on", "off")},
            languages=own_names(),
        )

    @router.get("/staff/offline", response_class=HTMLResponse, dependencies=[Depends(ANYONE)])
    def offline(request: Request) -> Response:
        language = language_of(request)
        return pages.page(request, "offline.html", lang=language, t=phrases(language))

    @router.get("/staff/events")
    async def events(request: Request, session: Here, language: Language = "en") -> EventSourceResponse:
        return Stream(
            board.stream(language, lambda: session_of(request, STAFF.roles) is not None, session.role == "staff"),
            ping=3_600,  # the beat keeps the line open
            send_timeout=SEND_TIMEOUT_S,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @router.post("/staff/language")
    def choose(request: Request, language: Annotated[Language, Form()], session: Here) -> Response:
        response = RedirectResponse("/staff", 303)
        keep(response, request, language)
        return response

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


def drawn(pages: Pages, seen: Seen, languages: tuple[Language, ...]) -> dict[Language, str]:
    """The board in each of these languages."""
    return {
        language: pages.text("_board.html", board=board_of(seen, phrases(language)), t=phrases(language))
        for language in languages
    }
