from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.events import Event
from hub.inbox import BATCH_MAX, MANY, Came, Inbox
from hub.store import FILE
from tests.hub.node import Node, message
from tests.hub.test_writer import Hub

NODE = Node()
AN_HOUR_S = 3_600.0


@pytest.fixture(autouse=True)
def _no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.inbox.TICK_S", 0.0)


def filled(inbox: Inbox, *events: Event) -> Inbox:
    for event in events:
        inbox.deliver(message(event), lambda: None)
    return inbox


def payloads(inbox: Inbox) -> list[bytes]:
    return [item.message.payload for item in inbox.next() if isinstance(item, Came)]


def test_what_nobody_waits_for_is_gathered_until_its_time() -> None:
    patient = (NODE.mood(1), NODE.hour(2), NODE.health())
    assert not filled(Inbox(AN_HOUR_S), *patient).next()
    assert payloads(filled(Inbox(0.0), *patient)) == [message(event).payload for event in patient]


@pytest.mark.parametrize("urgent", [NODE.assist(3), NODE.assist(3, 0), NODE.status(), NODE.birth()])
def test_a_need_is_written_at_once_and_after_what_came_before_it(urgent: Event) -> None:
    inbox = filled(Inbox(AN_HOUR_S), NODE.mood(1), NODE.mood(2))
    assert not inbox.next()
    filled(inbox, urgent, NODE.mood(4))
    assert payloads(inbox) == [message(one).payload for one in (NODE.mood(1), NODE.mood(2), urgent, NODE.mood(4))]


def test_a_page_that_asks_waits_for_nothing_that_is_gathered() -> None:
    inbox = filled(Inbox(AN_HOUR_S), NODE.mood(1))
    asking = threading.Thread(target=inbox.ask, args=(lambda _: None, 0.0))
    asking.start()
    taken = inbox.next()
    while not taken:
        taken = inbox.next()
    assert [type(item).__name__ for item in taken] == ["Came", "Asked"]
    taken[1].done.set_result(None)  # type: ignore[union-attr]
    asking.join()


def test_a_backlog_is_written_as_it_comes_and_its_end_too() -> None:
    inbox = filled(Inbox(AN_HOUR_S), *(NODE.mood(seq) for seq in range(1, BATCH_MAX + MANY + 1)))
    assert [len(payloads(inbox)) for _ in range(2)] == [BATCH_MAX, MANY]
    assert len(payloads(filled(inbox, NODE.mood(999)))) == 1


def test_many_are_fewer_than_a_broker_lets_be_on_their_way() -> None:
    assert MANY < 20  # mosquitto's max_inflight_messages where nobody set it


def test_what_was_gathered_is_written_when_the_hub_ends() -> None:
    inbox = filled(Inbox(AN_HOUR_S), NODE.mood(1))
    assert not inbox.next()
    inbox.close()
    assert not inbox.done()
    assert len(payloads(inbox)) == 1
    assert inbox.done()


@given(st.lists(st.sampled_from(("mood", "hour", "assist", "tick")), max_size=60))
def test_order_is_kept_and_nothing_waits_behind_a_need(said: list[str]) -> None:
    inbox, sent, taken = Inbox(AN_HOUR_S), list[bytes](), list[bytes]()
    for seq, word in enumerate(said, 1):
        if word != "tick":
            event = {"mood": NODE.mood, "hour": NODE.hour, "assist": NODE.assist}[word](seq)
            sent.append(message(event).payload)
            filled(inbox, event)
        taken += payloads(inbox)
        assert taken == sent[: len(taken)]
        assert word != "assist" or taken == sent
    inbox.close()
    assert taken + payloads(inbox) == sent


def test_the_broker_hears_of_nothing_that_is_only_gathered(tmp_path: Path) -> None:
    hub = Hub(tmp_path, gather_s=AN_HOUR_S)
    stood: list[tuple[int]] = []
    told = threading.Event()

    def receipt() -> None:
        with closing(sqlite3.connect(tmp_path / FILE)) as db:
            stood.extend(db.execute("SELECT seq FROM events WHERE kind = 'mood' ORDER BY id"))
        told.set()

    hub.writer.deliver(message(NODE.mood(1)), receipt)
    hub.writer.deliver(message(NODE.mood(2)), lambda: None)
    hub.writer.write(lambda _: stood.clear(), 0.0)  # at once, and with it what was gathered
    assert told.wait(20)
    assert stood == [(1,), (2,)]
    hub.close()


def test_what_was_gathered_when_the_hub_died_comes_again_and_stands_once(tmp_path: Path) -> None:
    dead, acknowledged = Inbox(AN_HOUR_S), threading.Event()  # what it held stood nowhere
    dead.deliver(message(NODE.mood(1)), acknowledged.set)
    assert not dead.next()
    assert not acknowledged.is_set()
    hub = Hub(tmp_path)
    hub.hear(NODE.mood(1), NODE.mood(2))
    hub.hear(NODE.mood(1))
    assert hub.counts() == (2, 0)
    hub.close()
