"""Webhooks against a real server on this machine: the writer writes, and a receiver is told."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import LinkError
from hub.connect.channels import Parcel, Webhook, channels, sentence, signature
from hub.connect.happened import Nudge, Zone, happened, moment
from hub.connect.outbox import BACKOFF_MAX_S, LATE_S, Outbox, backoff_s
from hub.connect.sender import Sender, post
from hub.connect.settings import ConnectPart, NtfyPart, WebhookPart
from hub.erase import delete_everything
from hub.languages import LANGUAGES
from hub.nudge_types import Close, Expire, HandOver, OnTheWay, Open, Raise, Renew, Take, Withdraw
from hub.store import FILE, Store
from hub.views import Changes
from tests.hub.connect.receiver import WAIT_S, Receiver, receiver
from tests.hub.test_emotion_words import named

NOW_S = 1_795_000_000.0
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ZONE = ("aisle", 0)


@dataclass
class Shop:
    """A store with nudges, written as the writer writes them, and everybody who is told of it."""

    folder: Path
    store: Store
    changes: Changes = field(default_factory=Changes)
    now_s: float = NOW_S

    def act(self, *actions: Any) -> None:
        with self.store.batch():
            for action in actions:
                self.store.act(action, self.now_s)
        self.changes.touch()

    def raised(self, number: int = 1, level: int = 2) -> Raise:
        return Raise(ZONE, Open(number, level, ("long_dwell", "mood_low"), self.now_s, self.now_s + 60, self.now_s))

    @contextmanager
    def telling(self, *hooks: Any, send: Callable[[Parcel], str] = post) -> Iterator[Sender]:
        outbox = Outbox.open(self.folder / "connect.db")
        part = ConnectPart(webhooks=tuple(hook for hook in hooks if isinstance(hook, WebhookPart)))
        sender = Sender(self.folder / FILE, outbox, channels(part), self.changes, lambda: self.now_s, send)
        sender.start()
        try:
            yield sender
        finally:
            sender.stop()
            outbox.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    store = Store(tmp_path / FILE)
    yield Shop(tmp_path, store)
    store.close()


def hook(url: str, name: str = "till", **more: Any) -> WebhookPart:
    return WebhookPart(name=name, url=f"{url}/attune", lan=True, secret=SECRET, **more)


def awaited(is_so: Callable[[], bool], shop: Shop) -> None:
    """Waits for what a channel's thread does, ringing as every change does."""
    waiting = threading.Event()
    for _ in range(int(WAIT_S / 0.02)):
        if is_so():
            return
        shop.changes.touch()
        waiting.wait(0.02)
    raise AssertionError("It never came to that.")


def test_the_signature_is_that_of_the_specification() -> None:
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected


def test_a_nudge_is_told_as_opened_taken_and_closed_signed_and_without_anybody(shop: Shop) -> None:
    with receiver() as there, shop.telling(hook(there.url)):
        shop.act(shop.raised())
        opened = there.next()
        shop.act(Take(OnTheWay(1, NOW_S, NOW_S + 5, "8badf00d")))
        taken = there.next()
        shop.act(Close(1, "helped"))
        closed = there.next()
    bodies = [json.loads(came.body) for came in (opened, taken, closed)]
    assert [body["type"] for body in bodies] == ["nudge.opened", "nudge.taken", "nudge.closed"]
    assert bodies[0]["data"] == {
        "id": 1,
        "node": "aisle",
        "zone": {"id": 0, "name": "Zone 0"},
        "level": 2,
        "reasons": ["long_dwell"],
        "opened_at": "2026-11-18T11:06:40Z",
    }
    assert bodies[1]["data"]["taken_at"] == "2026-11-18T11:06:45Z"
    assert (bodies[2]["data"]["ending"], bodies[2]["data"]["outcome"]) == ("answered", "helped")
    for came in (opened, taken, closed):
        headers = came.headers
        at_s = int(headers["webhook-timestamp"])
        assert at_s == NOW_S
        assert headers["webhook-signature"] == signature(SECRET, headers["webhook-id"], at_s, came.body)
        assert b"8badf00d" not in came.body
        assert b"mood" not in came.body
    assert len({came.headers["webhook-id"] for came in (opened, taken, closed)}) == 3


@pytest.mark.parametrize(
    ("action", "ending"),
    [(Withdraw(1, "need gone"), "withdrawn"), (Expire(1), "expired"), (Close(1, "nobody"), "answered")],
)
def test_however_a_nudge_ends_it_is_told_as_closed(shop: Shop, action: Any, ending: str) -> None:
    with receiver() as there, shop.telling(hook(there.url, events=("closed",))):
        shop.act(shop.raised(), action)
        assert json.loads(there.next().body)["data"]["ending"] == ending


@pytest.mark.parametrize("code", [500, 404, 301, 307, 308])
def test_what_does_not_arrive_is_sent_again_with_the_same_id_and_no_redirect_is_followed(shop: Shop, code: int) -> None:
    with receiver(code) as there, shop.telling(hook(there.url)) as sender:
        shop.act(shop.raised())
        first = there.next()
        awaited(lambda: sender.lines()[0].standing.failed == 1, shop)
        assert f"It answered {code}" in (sender.lines()[0].standing.said or "")
        shop.now_s += 1
        shop.changes.touch()
        second = there.next()
        awaited(lambda: sender.lines()[0].standing.delivered == 1, shop)
        assert there.came.empty()
    assert (
        (second.path, second.headers["webhook-id"])
        == (first.path, first.headers["webhook-id"])
        == (
            "/attune",
            first.headers["webhook-id"],
        )
    )
    assert int(second.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 1


def test_a_late_nudge_is_dropped_and_counted(shop: Shop) -> None:
    def gone(_: Parcel) -> str:
        raise LinkError("It cannot be reached.")

    with shop.telling(hook("http://127.0.0.1:9"), send=gone) as sender:
        shop.act(shop.raised())
        awaited(lambda: sender.lines()[0].standing.failed > 0, shop)
        assert sender.lines()[0].standing.waiting == 1
        shop.now_s += LATE_S + 1
        awaited(lambda: sender.lines()[0].standing.dropped == 1, shop)
        assert sender.lines()[0].standing.waiting == 0


def test_after_a_restart_what_arrived_is_not_told_again_and_what_waits_is(shop: Shop) -> None:
    with receiver(204, 503) as there:
        with shop.telling(hook(there.url)) as sender:
            shop.act(shop.raised(1))
            there.next()
            awaited(lambda: sender.lines()[0].standing.delivered == 1, shop)
            shop.act(Withdraw(1, "need gone"))
            waiting = there.next()
            awaited(lambda: sender.lines()[0].standing.failed == 1, shop)
        shop.now_s += 2
        with shop.telling(hook(there.url)) as sender:
            assert there.next().headers["webhook-id"] == waiting.headers["webhook-id"]
            awaited(lambda: sender.lines()[0].standing.delivered == 2, shop)
        assert there.came.empty()


def test_what_the_owner_deletes_is_told_to_nobody(shop: Shop) -> None:
    sent: list[Parcel] = []

    def refuse(parcel: Parcel) -> str:
        sent.append(parcel)
        raise LinkError("No.")

    with shop.telling(hook("http://127.0.0.1:9"), send=refuse) as sender:
        shop.act(shop.raised())
        awaited(lambda: len(sent) == 1, shop)
        with shop.store.batch():
            delete_everything(shop.store, shop.now_s)
        shop.now_s += 30
        awaited(lambda: sender.lines()[0].standing.dropped == 1, shop)
    assert len(sent) == 1
    assert b"aisle" not in (shop.folder / "connect.db").read_bytes()


def test_who_does_not_answer_delays_neither_the_writer_nor_another_receiver(shop: Shop) -> None:
    with receiver() as stuck, receiver() as well:
        stuck.open.clear()
        with shop.telling(hook(stuck.url, "stuck"), hook(well.url, "well")):
            for number in range(1, 6):
                shop.act(shop.raised(number), Expire(number))
            assert [json.loads(well.next().body)["type"] for _ in range(10)].count("nudge.closed") == 5
            assert stuck.came.qsize() == 1
            stuck.open.set()


def test_an_answer_that_is_long_in_coming_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.connect.sender.TIMEOUT_S", 0.2)
    with receiver() as there:
        there.open.clear()
        with pytest.raises(LinkError, match="did not answer within"):
            post(Webhook(hook(there.url)).test("test_1", NOW_S))
        there.open.set()


def test_a_test_is_sent_signed_at_once_and_its_result_stands(shop: Shop) -> None:
    with receiver(418) as there, shop.telling(hook(there.url)) as sender:
        assert sender.test("till")
        assert not sender.test("other")
        came = there.next()
        assert json.loads(came.body)["type"] == "test"
        at_s = int(came.headers["webhook-timestamp"])
        assert came.headers["webhook-signature"] == signature(SECRET, came.headers["webhook-id"], at_s, came.body)
        (line,) = sender.lines()
        assert (line.host, line.standing.well, line.standing.said) == ("127.0.0.1", False, "A test: It answered 418.")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_plain_http_reaches_this_machine_by_name_and_number(host: str) -> None:
    with receiver() as there:
        url = there.url.replace("127.0.0.1", host)
        assert post(Webhook(hook(url)).test("test_1", NOW_S)) == "It answered 204."
        assert there.next().headers["host"] == url.removeprefix("http://")


def test_plain_http_to_a_name_that_leads_elsewhere_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = [(2, 1, 6, "", ("127.0.0.1", 80)), (2, 1, 6, "", ("93.184.216.34", 80))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: elsewhere)
    with pytest.raises(LinkError, match="is not on this machine or its network: use https"):
        post(Webhook(hook("http://till.local")).test("test_1", NOW_S))


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with receiver() as there:
        assert post(Webhook(hook(there.url)).test("test_1", NOW_S)) == "It answered 204."


@given(st.integers(1, 500))
def test_waits_between_tries_grow_to_a_bound(tries: int) -> None:
    assert 1 <= backoff_s(tries) <= backoff_s(tries + 1) <= BACKOFF_MAX_S


def test_a_broken_file_of_results_is_said_and_stops_nothing_else(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "connect.db").write_bytes(b"no database " * 500)
    with pytest.raises(Exception, match="delete it and start again"):
        Outbox.open(tmp_path / "connect.db")


def test_telling_reads_the_store_and_cannot_write_it(shop: Shop) -> None:
    shop.act(shop.raised())
    db = sqlite3.connect(f"{(shop.folder / FILE).as_uri()}?mode=ro", uri=True)
    assert [one.what for one in happened(db, NOW_S - 1)] == ["opened"]
    assert happened(db, NOW_S) == ()
    db.close()


def test_each_happening_is_told_as_it_was_however_late_it_is_read(shop: Shop) -> None:
    shop.act(shop.raised(1, 1))
    shop.act(Renew(Open(1, 3, ("returning",), NOW_S, NOW_S + 90, NOW_S), seen=True), HandOver(shop.raised(1, 3).nudge))
    shop.act(Take(OnTheWay(1, NOW_S, NOW_S + 5, "8badf00d")), Close(1, "browsing"))
    db = sqlite3.connect(f"{(shop.folder / FILE).as_uri()}?mode=ro", uri=True)
    opened, taken, closed = happened(db, NOW_S - 1)
    db.close()
    assert (opened.what, opened.nudge.level, opened.nudge.taken_at, opened.nudge.closed_at) == ("opened", 1, None, None)
    assert (taken.what, taken.nudge.level, taken.nudge.closed_at, taken.nudge.outcome) == ("taken", 3, None, None)
    assert (closed.what, closed.nudge.outcome, closed.nudge.taken_at) == ("closed", "browsing", moment(NOW_S + 5))


def test_what_was_told_is_never_due_again_and_is_not_counted_as_dropped(tmp_path: Path) -> None:
    outbox = Outbox.open(tmp_path / "connect.db")
    outbox.keep("till", ("a", "b"), NOW_S)
    outbox.told("till", "a", "It answered 204.", NOW_S)
    assert outbox.due("till", NOW_S + 250) == ("b",)
    assert outbox.keep("till", ("a", "b"), NOW_S + 250) == 0
    assert outbox.due("till", NOW_S - 9_999) == ("b",)
    assert outbox.keep("till", (), NOW_S + 301) == 1
    standing = outbox.standing("till")
    assert (standing.delivered, standing.dropped, standing.waiting) == (1, 1, 0)
    assert outbox.next_s("till") is None
    outbox.close()


# --- ntfy -----------------------------------------------------------------------------------------------------------


def ntfy_told(shop: Shop, there: Receiver, **more: Any) -> Sender:
    part = ConnectPart(ntfy=NtfyPart(url=f"{there.url}/shop-floor", lan=True, **more))
    return Sender(
        shop.folder / FILE, Outbox.open(shop.folder / "connect.db"), channels(part), shop.changes, lambda: shop.now_s
    )


def test_ntfy_carries_one_sentence_of_a_nudge_that_was_opened_and_nothing_else(shop: Shop) -> None:
    with receiver() as there:
        sender = ntfy_told(shop, there, token="tk_secret")
        sender.start()
        shop.act(shop.raised(1, 3), Expire(1), shop.raised(2, 1))
        first, second = there.next(), there.next()
        awaited(lambda: sender.lines()[0].standing.delivered == 2, shop)
        sender.stop()
        assert there.came.empty()
    texts = {came.headers["priority"]: came.body.decode() for came in (first, second)}
    assert texts["5"] == "Someone in Zone 0 may welcome a hand; has been here a while; first, if you can"
    assert set(texts) == {"5", "3"}
    assert (first.path, first.headers["authorization"]) == ("/shop-floor", "Bearer tk_secret")


def test_a_topic_that_needs_no_token_is_sent_none(shop: Shop) -> None:
    with receiver() as there:
        assert ntfy_told(shop, there).test("ntfy")
        assert "authorization" not in there.next().headers


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_on_a_phone_names_no_emotion_in_any_language(language: Any) -> None:
    nudge = Nudge(
        id=1,
        node="aisle",
        zone=Zone(id=0, name="Keramik"),
        level=2,
        reasons=("long_dwell", "searching", "returning", "unattended"),
        opened_at=moment(NOW_S),
    )
    said = sentence(nudge, language)
    assert "Keramik" in said
    assert said.count(";") == 5
    assert named(said) == set()
