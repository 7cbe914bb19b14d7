"""The board of nudges, its words, its answers and its stream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message

from contract.events import Reason, State, Trouble
from hub import tablet
from hub.auth import Role
from hub.fakes import FakeShop
from hub.languages import LANGUAGES, Language, phrases
from hub.tablet import Board, BoardView, board_of, drawn, seen_in
from hub.templating import Pages
from hub.views import Changes, NudgeView, Settings
from tests.hub.conftest import NOW_S, node_view

ClientOf = Callable[[Role | None], TestClient]
EMOTIONS = ("mood", "sad", "angry", "happy", "upset", "frustrat", "emotion", "annoy", "unhappy", "negative", "feel")


def nudge(number: int = 1, zone: int = 0, name: str = "Ceramics", **changed: object) -> NudgeView:
    fresh = NudgeView(number, "floor-1", zone, name, 2, ("long_dwell",), "open", NOW_S - 30)
    return replace(fresh, **changed)  # type: ignore[arg-type]


def board_in(shop: FakeShop, troubled: bool = False, language: Language = "en") -> BoardView:
    return board_of(seen_in(shop, NOW_S, troubled), phrases(language))


def test_a_nudge_asks_for_a_hand_in_its_zone(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(nudge(reasons=("long_dwell", "searching", "returning", "unattended")))
    html = client_of("staff").get("/staff").text
    words = " ".join(html.split())
    assert "<span>Someone in</span> <strong>Ceramics</strong> <span>may welcome a hand</span>" in words
    for reason in ("has been here a while", "seems to be looking for something", "came back", "nobody near"):
        assert reason in html
    assert 'name="take"' in html


@pytest.mark.parametrize("state", ["open", "taken", "withdrawn", "expired"])
def test_staff_never_read_an_emotion(client_of: ClientOf, fake_shop: FakeShop, state: str) -> None:
    every: tuple[Reason, ...] = ("long_dwell", "searching", "returning", "unattended", "mood_low")
    closed_s = NOW_S if state in ("withdrawn", "expired") else None
    for level in (1, 2, 3):
        fake_shop.put(nudge(level, level=level, reasons=every, state=state, taken_s=NOW_S, closed_s=closed_s))
    html = client_of("staff").get("/staff").text.lower()
    assert not [word for word in EMOTIONS if word in html]


def test_mood_alone_gives_a_card_without_a_reason(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(nudge(reasons=("mood_low",)))
    html = client_of("staff").get("/staff").text
    assert "may welcome a hand" in html
    assert 'class="why"' not in html


def test_zone_names_are_text_and_never_markup(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(nudge(name="<img src=x>"))
    html = client_of("staff").get("/staff").text
    assert "<img src=x>" not in html
    assert "&lt;img src=x&gt;" in html


def test_the_most_urgent_and_longest_waiting_stand_first_and_what_is_over_last(fake_shop: FakeShop) -> None:
    fake_shop.put(nudge(1, state="withdrawn", closed_s=NOW_S - 1, level=3))
    fake_shop.put(nudge(2, state="taken", taken_s=NOW_S, level=3))
    fake_shop.put(nudge(3, level=1, opened_s=NOW_S - 90))
    fake_shop.put(nudge(4, level=3, opened_s=NOW_S - 5))
    fake_shop.put(nudge(5, level=3, opened_s=NOW_S - 50))
    assert [card.nudge.id for card in board_in(fake_shop).cards] == [5, 4, 3, 2, 1]


def test_an_answered_nudge_leaves_the_board_at_once(fake_shop: FakeShop) -> None:
    fake_shop.put(nudge())
    fake_shop.answer(1, "helped", "a", NOW_S)
    assert board_in(fake_shop).cards == ()


def test_a_withdrawn_nudge_says_that_the_customer_moved_on(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(nudge(state="withdrawn", closed_s=NOW_S))
    html = client_of("staff").get("/staff").text
    assert "the customer moved on" in html
    assert "All quiet" in html
    assert "<button" not in html.split("<article")[1].split("</article>")[0]


def test_on_my_way_then_one_tap_says_how_it_went(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(nudge())
    client = client_of("staff")
    assert client.post("/staff/nudges/1/take", data={"take": "1"}).headers["location"] == "/staff"
    taken = client.get("/staff").text
    assert all(words in taken for words in ("How did it go?", "Helped", "Just browsing", "Nobody there"))
    answer = client.post("/staff/nudges/1/answer", data={"outcome": "browsing"}, headers={"hx-request": "true"})
    assert answer.status_code == 204
    assert fake_shop.nudges[1].outcome == "browsing"


def test_the_quicker_colleague_keeps_the_nudge(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(nudge())
    first, second = client_of("staff"), client_of("staff")
    first.post("/staff/nudges/1/take", data={"take": "1"})
    kept = fake_shop.nudges[1].taken_by
    assert second.post("/staff/nudges/1/take", data={"take": "1"}).status_code == 303
    assert fake_shop.nudges[1].taken_by == kept


def test_a_nudge_that_never_was_is_said_to_be_over(client_of: ClientOf) -> None:
    assert client_of("staff").post("/staff/nudges/99/take", data={"take": "1"}).status_code == 404


def test_all_quiet_is_said_only_where_somebody_watches(client_of: ClientOf, fake_shop: FakeShop) -> None:
    client = client_of("staff")
    assert "All quiet" in client.get("/staff").text
    fake_shop.say(replace(node_view("floor-1", "Ceramics"), state="paused", reason="switch"))
    paused = client.get("/staff").text
    assert "All quiet" not in paused
    assert "Not sensing now" in paused
    assert "Floor 1 camera is paused" in paused


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        ("offline", "link_lost", "cannot be reached"),
        ("offline", None, "cannot be reached"),
        ("paused", "closed", "rests until opening time"),
        ("paused", None, "is paused"),
        ("degraded", "camera_lost", "cannot see"),
        ("degraded", "eye_stopped", "has stopped looking"),
        ("degraded", None, "is not well"),
    ],
)
def test_no_data_is_never_shown_as_calm(
    client_of: ClientOf, fake_shop: FakeShop, state: State, reason: Trouble | None, said: str
) -> None:
    fake_shop.say(replace(node_view("floor-1", "Ceramics"), state=state, reason=reason))
    html = client_of("staff").get("/staff").text
    assert said in html
    assert "nothing is known of Ceramics" in html
    assert "All quiet" not in html


def test_a_node_unheard_for_minutes_is_not_taken_at_its_word(fake_shop: FakeShop) -> None:
    fake_shop.say(replace(node_view("floor-1", "Ceramics"), heard_s=NOW_S - 151))
    board = board_in(fake_shop)
    assert not board.quiet
    assert board.blind[0].sentence == "Floor 1 camera cannot be reached"


def test_trouble_of_the_hub_itself_is_said_and_is_no_quiet(fake_shop: FakeShop) -> None:
    assert not board_in(fake_shop, troubled=True).quiet
    html = drawn(Pages.of(Settings()), seen_in(fake_shop, NOW_S, True), ("en",))["en"]
    assert "The hub cannot take everything in" in html
    assert "News may be missing" in html


def test_before_the_first_camera_the_board_says_what_will_appear(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.node_views.clear()
    assert "Cards appear here as soon as the first camera has joined" in client_of("staff").get("/staff").text


def test_staff_read_once_on_each_card_how_to_keep_their_distance(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(nudge())
    assert client_of("staff").get("/staff").text.count("from a few steps away") == 1


# ---- the stream ----


async def _next(stream: AsyncIterator[bytes], kind: str) -> str:
    while True:
        event = (await asyncio.wait_for(anext(stream), 30)).decode()
        if event.startswith(f"event: {kind}"):
            return event


def _board(texts: list[str], changes: Changes) -> Board:
    def render(languages: tuple[Language, ...]) -> dict[Language, str]:
        return {language: texts[0] if len(texts) == 1 else texts.pop(0) for language in languages}

    return Board(render, changes, lambda: NOW_S)


def _run(board: Board, script: Callable[[], object]) -> None:
    async def main() -> None:
        task = asyncio.create_task(board.run())
        try:
            await script()  # type: ignore[misc]
        finally:
            task.cancel()

    asyncio.run(main())


def test_a_reader_gets_the_board_at_once_and_then_a_beat_with_the_hubs_time() -> None:
    board = _board(["<p>one</p>"], Changes())

    async def script() -> None:
        stream = board.stream("en", lambda: True)
        assert "data: <p>one</p>" in await _next(stream, "board")
        assert f"data: {NOW_S:.1f}" in await _next(stream, "beat")

    _run(board, script)


def test_a_touch_from_another_thread_reaches_every_reader() -> None:
    changes, texts = Changes(), ["one", "two"]
    board = _board(texts, changes)

    async def script() -> None:
        readers = [board.stream("en", lambda: True) for _ in range(20)]
        for reader in readers:
            await _next(reader, "board")
        await asyncio.to_thread(changes.touch)
        assert all(["data: two" in await _next(reader, "board") for reader in readers])

    _run(board, script)


def test_a_reader_that_falls_behind_gets_only_the_newest() -> None:
    changes, texts = Changes(), [f"board {number}" for number in range(50)]
    board = _board(texts, changes)

    async def script() -> None:
        slow, quick = board.stream("en", lambda: True), board.stream("en", lambda: True)
        await _next(slow, "board")
        while "board 49" not in await _next(quick, "board"):
            changes.touch()
        assert "data: board 49" in await _next(slow, "board")

    _run(board, script)


def test_a_board_is_rendered_once_however_many_read_it() -> None:
    rendered = 0

    def render(languages: tuple[Language, ...]) -> dict[Language, str]:
        nonlocal rendered
        rendered += len(languages)
        return dict.fromkeys(languages, "same")

    board = Board(render, Changes(), lambda: NOW_S)

    async def script() -> None:
        readers = [board.stream("en", lambda: True) for _ in range(50)]
        for reader in readers:
            await _next(reader, "board")
            await _next(reader, "beat")

    _run(board, script)
    assert rendered == 1


def test_beats_stop_when_the_board_cannot_be_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tablet, "STALE_S", 0.0)
    monkeypatch.setattr(tablet, "BEAT_S", 0.01)
    board = _board(["one"], Changes())

    async def script() -> None:
        stream = board.stream("en", lambda: True)
        await _next(stream, "board")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.2)

    _run(board, script)


def test_tablets_of_two_languages_each_get_the_board_in_theirs() -> None:
    board = Board(lambda languages: {one: f"board in {one}" for one in languages}, Changes(), lambda: NOW_S)

    async def script() -> None:
        german, polish = board.stream("de", lambda: True), board.stream("pl", lambda: True)
        assert "board in de" in await _next(german, "board")
        assert "board in pl" in await _next(polish, "board")

    _run(board, script)


def test_a_language_that_nobody_reads_is_not_rendered() -> None:
    asked: set[str] = set()

    def render(languages: tuple[Language, ...]) -> dict[Language, str]:
        asked.update(languages)
        return dict.fromkeys(languages, "one")

    board = Board(render, Changes(), lambda: NOW_S)

    async def script() -> None:
        await _next(board.stream("hu", lambda: True), "board")

    _run(board, script)
    assert asked == {"hu"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_of_the_board_is_said_in_every_language(fake_shop: FakeShop, language: Language) -> None:
    for number, state in enumerate(("open", "taken", "withdrawn", "expired"), 1):
        closed_s = NOW_S if number > 2 else None
        fake_shop.put(nudge(number, number, "Zone <1>", state=state, closed_s=closed_s, handovers=1))
    fake_shop.say(replace(node_view("window-1", "Window"), state="paused", reason="switch"))
    html = drawn(Pages.of(Settings()), seen_in(fake_shop, NOW_S), (language,))[language]
    words = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    texts = phrases(language)
    for said in (texts["card"]["go"], texts["outcome"]["browsing"], texts["ended"]["expired"]):
        assert said in words
    assert "{" not in words
    assert texts["camera"]["switch"].format(name="Window 1") in words


def test_a_render_that_fails_is_tried_again() -> None:
    changes, tries = Changes(), iter([OSError("the disk is gone"), "back"])

    def render(languages: tuple[Language, ...]) -> dict[Language, str]:
        if not languages:
            return {}
        tried = next(tries, "back")
        if isinstance(tried, Exception):
            raise tried
        return dict.fromkeys(languages, tried)

    board = Board(render, changes, lambda: NOW_S)

    async def script() -> None:
        stream = board.stream("en", lambda: True)
        waiting = asyncio.create_task(_next(stream, "board"))
        while not waiting.done():
            changes.touch()
            await asyncio.sleep(0)
        assert "data: back" in waiting.result()

    _run(board, script)


def test_a_frozen_reader_is_dropped_in_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    board = _board(["one"], Changes())

    async def script() -> None:
        async def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()  # the socket takes nothing

        async def receive() -> Message:
            return await asyncio.Future()  # and never says goodbye

        stream = tablet.Stream(board.stream("en", lambda: True), send_timeout=0.01)
        with caplog.at_level("INFO"):
            await asyncio.wait_for(stream({"type": "http", "method": "GET"}, receive, send), 30)
        assert "was dropped" in caplog.text

    _run(board, script)


def test_a_stream_ends_when_the_session_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tablet, "BEAT_S", 0.001)
    board = _board(["one"], Changes())

    async def script() -> None:
        events = [event async for event in board.stream("en", lambda: False)]
        assert events  # and it came to an end

    _run(board, script)


def test_changes_ring_only_those_who_still_listen() -> None:
    changes, heard = Changes(), []
    stop = changes.listen(lambda: heard.append("a"))
    changes.listen(lambda: heard.append("b"))
    changes.touch()
    stop()
    stop()
    changes.touch()
    assert heard == ["a", "b", "b"]
