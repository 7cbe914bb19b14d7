from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.errors import StoreError
from contract.export import export
from contract.verify import verify
from hub import retention
from hub.config import KeepPart
from hub.nudge import step
from hub.nudge_types import (
    Answered,
    Assisted,
    Close,
    Event,
    HandOver,
    OnTheWay,
    Open,
    Raise,
    Renew,
    Rules,
    Silent,
    State,
    Take,
    TakenBy,
    Tick,
    Withdraw,
)
from hub.reads import StoreReads
from hub.store import FILE, FromNode, Kept, Store
from tests.hub.node import WALL_S, Node, message, raw

NODE = Node()
NOW_S = float(WALL_S)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / FILE)
    yield store
    store.close()


@pytest.fixture
def reads(store: Store, tmp_path: Path) -> Iterator[StoreReads]:
    reads = StoreReads(tmp_path / FILE)
    yield reads
    reads.close()


def add(store: Store, event: FromNode, *, retained: bool = False) -> Kept:
    with store.batch():
        return store.add(message(event, retained=retained), event, late=False)


def test_an_event_is_stored_byte_for_byte_and_once(store: Store, reads: StoreReads) -> None:
    event = NODE.mood(1)
    assert [add(store, event), add(store, event)] == ["new", "known"]
    (row,) = reads.events(before=None, limit=10, node=None, kind=None, zone=None)
    came = message(event)
    assert (row.topic, row.payload, row.received_s) == (came.topic, came.payload, came.received_s)
    assert (row.node, row.boot, row.seq, row.kind, row.zone) == ("aisle", NODE.boot, 1, "mood", 0)


def test_other_bytes_under_a_number_that_stands_are_a_conflict_and_change_nothing(
    store: Store, reads: StoreReads
) -> None:
    add(store, NODE.mood(1))
    assert add(store, NODE.nothing(1)) == "conflict"
    assert [event.payload for event in reads.events(before=None, limit=10, node=None, kind=None, zone=None)] == [
        message(NODE.mood(1)).payload
    ]


def test_boots_and_nodes_have_numbers_of_their_own(store: Store) -> None:
    others = (NODE, replace(NODE, boot="00c0ffee-000002"), replace(NODE, name="window"))
    assert [add(store, one.mood(1)) for one in others] == ["new"] * 3


def test_a_status_birth_or_health_that_repeats_the_last_is_no_event(store: Store, reads: StoreReads) -> None:
    said = (NODE.status(), NODE.birth(), NODE.health())
    assert [add(store, event) for event in said] == ["new"] * 3
    assert [add(store, event, retained=True) for event in said] == ["known"] * 3
    assert add(store, NODE.status("paused", "switch")) == "new"
    assert add(store, NODE.status()) == "new"
    assert reads.counts() == {"events": 5, "refused": 0}


def test_a_batch_that_fails_leaves_nothing(store: Store, reads: StoreReads) -> None:
    def add_and_fail() -> None:
        with store.batch():
            store.add(message(NODE.mood(1)), NODE.mood(1), late=False)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        add_and_fail()
    assert reads.counts() == {"events": 0, "refused": 0}
    assert add(store, NODE.mood(1)) == "new"


def test_what_is_refused_stands_once_with_its_reason(store: Store, reads: StoreReads) -> None:
    bad = raw("attune/1/shop/aisle/mood", b"\x00 not JSON" + b"x" * 50_000)
    with store.batch():
        assert store.refuse(bad, "json", "It is not JSON.")
        assert not store.refuse(bad, "json", "It is not JSON.")
    (row,) = reads.refused(before=None, limit=10)
    assert (row.topic, row.code, row.reason) == (bad.topic, "json", "It is not JSON.")
    assert bad.payload.startswith(row.payload)
    assert len(row.payload) < 20_000


def test_a_node_is_what_it_last_said(store: Store, reads: StoreReads) -> None:
    with store.batch():
        store.heard("aisle", NOW_S)
    assert reads.nodes()[0].state == "offline"
    for event in (NODE.birth(), NODE.health(), NODE.status("degraded", "hot")):
        add(store, event)
    (node,) = reads.nodes()
    assert (node.name, node.state, node.reason, node.birth, node.health) == (
        "aisle", "degraded", "hot", NODE.birth(), NODE.health(),
    )  # fmt: skip


def test_released_hours_are_read_with_their_zones_name(store: Store, reads: StoreReads) -> None:
    start_s = WALL_S // 3600 * 3600
    add(store, NODE.birth())
    add(store, NODE.hour(1, zone=1, hour_start_s=start_s))
    add(store, NODE.hour(2, zone=0, hour_start_s=start_s + 3600))
    (hour,) = reads.hours_between(start_s, start_s + 3600)
    assert (hour.zone_name, hour.hour_start_s, hour.negative, hour.neutral, hour.positive, hour.unknown) == (
        "Lamps", start_s, 3, 8, 5, 1,
    )  # fmt: skip


def test_events_are_read_newest_first_page_by_page_and_by_kind(store: Store, reads: StoreReads) -> None:
    for seq in range(1, 6):
        add(store, NODE.mood(seq, zone=seq % 2))
    add(store, NODE.assist(6))
    first = reads.events(before=None, limit=3, node="aisle", kind="mood", zone=None)
    second = reads.events(before=first[-1].id, limit=3, node="aisle", kind="mood", zone=None)
    assert [event.seq for event in (*first, *second)] == [5, 4, 3, 2, 1]
    assert [event.seq for event in reads.events(before=None, limit=9, node=None, kind="mood", zone=0)] == [4, 2]
    assert not reads.events(before=None, limit=9, node="window", kind=None, zone=None)


def test_a_nudge_is_followed_from_raised_to_answered_and_forgets_who(store: Store, reads: StoreReads) -> None:
    add(store, NODE.birth())
    asked = Open(1, 2, ("long_dwell",), NOW_S, NOW_S + 60, NOW_S)
    taken = OnTheWay(1, NOW_S, NOW_S + 9, "tablet")
    with store.batch():
        store.act(Raise(("aisle", 0), asked), NOW_S)
        store.act(HandOver(replace(asked, handovers=1)), NOW_S + 5)
        store.act(Take(taken), NOW_S + 9)
    (view,) = reads.nudges_now(NOW_S + 9)
    assert (view.zone_name, view.state, view.taken_by, view.handovers) == ("Ceramics", "taken", "tablet", 1)
    with store.batch():
        store.act(Close(1, "helped"), NOW_S + 40)
    (view,) = reads.nudges_between(NOW_S, NOW_S + 1)
    assert (view.state, view.outcome, view.taken_s, view.closed_s) == ("answered", "helped", NOW_S + 9, NOW_S + 40)
    assert view.taken_by is None
    assert reads.nudges_now(NOW_S + 59) == (view,)
    assert reads.nudges_now(NOW_S + 61) == ()


def test_a_zone_that_no_birth_named_is_called_by_its_number(store: Store, reads: StoreReads) -> None:
    with store.batch():
        store.act(Raise(("aisle", 3), Open(1, 1, (), NOW_S, NOW_S + 60, NOW_S)), NOW_S)
    assert reads.nudges_now(NOW_S)[0].zone_name == "Zone 3"


ZONES = [("aisle", 0), ("aisle", 1), ("window", 0)]
STORY = st.lists(
    st.tuples(
        st.floats(0, 400),
        st.one_of(
            st.builds(
                Assisted,
                zone=st.sampled_from(ZONES),
                level=st.integers(0, 3),
                reasons=st.sampled_from(((), ("searching",))),
                until_s=st.floats(1, 600),
            ),
            st.builds(TakenBy, nudge=st.integers(1, 12), who=st.just("till")),
            st.builds(Answered, nudge=st.integers(1, 12), outcome=st.sampled_from(("helped", "browsing"))),
            st.just(Silent("aisle")),
            st.just(Tick()),
        ),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=STORY)
def test_a_restart_at_any_moment_neither_forgets_nor_repeats(
    story: list[tuple[float, Event]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, rules = tmp_path_factory.mktemp("shop") / FILE, Rules(per_hour=5)
    store, state, now_s = Store(path), State(), NOW_S
    for after_s, event in story:
        now_s += after_s
        if isinstance(event, Assisted):
            event = replace(event, until_s=now_s + event.until_s)
        state, actions = step(rules, state, event, now_s)
        with store.batch():
            for action in actions:
                store.act(action, now_s)
    remembered = store.engine_state(rules, now_s)
    store.close()
    assert dict(remembered.zones) == dict(state.zones)
    assert (remembered.raised_s, remembered.next_id) == (state.raised_s, state.next_id)


def test_what_is_of_age_is_forgotten_and_an_open_nudge_is_not(store: Store, reads: StoreReads) -> None:
    day_s, keep = retention.DAY_S, KeepPart(events_days=100, health_days=2, refused_days=10)
    for event in (NODE.mood(1), NODE.hour(2), NODE.health(), NODE.birth()):
        add(store, event)
    with store.batch():
        store.refuse(raw("attune/x", b""), "topic", "No.")
        store.act(Raise(("aisle", 0), Open(1, 1, (), NOW_S, NOW_S + 60, NOW_S)), NOW_S)
        store.act(Raise(("aisle", 1), Open(2, 1, (), NOW_S, NOW_S + 60, NOW_S)), NOW_S)
        store.act(Withdraw(2, "moved on"), NOW_S)
    assert retention.sweep(store, keep, NOW_S + 3 * day_s) == 4  # the health, and three steps of nudges
    assert {event.kind for event in reads.events(before=None, limit=9, node=None, kind=None, zone=None)} == {
        "mood", "hour", "birth",
    }  # fmt: skip
    retention.sweep(store, keep, NOW_S + 101 * day_s)
    assert reads.counts() == {"events": 0, "refused": 0}
    assert reads.hours_between(0, 2**40) == ()
    assert [nudge.state for nudge in reads.nudges_between(0, NOW_S + 1)] == ["open"]
    assert reads.nodes()[0].health is not None


def test_live_needs_go_after_a_day_by_themselves_and_the_export_stays_whole(
    store: Store, reads: StoreReads, tmp_path: Path
) -> None:
    for event in (NODE.assist(1), NODE.mood(2), NODE.hour(3)):
        add(store, event)
    retention.sweep(store, KeepPart(), NOW_S + 23 * 3600)
    assert reads.counts()["events"] == 3
    retention.sweep(store, KeepPart(), NOW_S + 25 * 3600)
    assert {event.kind for event in reads.events(before=None, limit=9, node=None, kind=None, zone=None)} == {
        "mood", "hour",
    }  # fmt: skip
    retention.sweep(store, KeepPart(), NOW_S + 397 * 86_400)
    assert reads.counts()["events"] == 0
    assert reads.hours_between(0, 2**40) == ()
    export(store._path.parent, FILE, tmp_path / "out.zip")
    verdict = verify(tmp_path / "out.zip")
    assert (verdict.status, "3 forgotten, each on record" in verdict.sentence) == (0, True)


def test_what_a_refused_need_said_is_forgotten_after_a_day(store: Store, reads: StoreReads) -> None:
    with store.batch():
        store.refuse(raw("attune/1/shop/aisle/assist", b'{"zone": 3}'), "field", "No.")
        store.refuse(raw("attune/1/shop/aisle/mood", b'{"zone": 3}'), "field", "No.")
    retention.sweep(store, KeepPart(), NOW_S + 1000 + 25 * 3600)
    refused = reads.refused(before=None, limit=9)
    assert {one.topic.rpartition("/")[2]: one.payload for one in refused} == {"assist": b"", "mood": b'{"zone": 3}'}


def test_why_a_nudge_was_raised_is_forgotten_after_a_day_and_how_it_went_is_not(
    store: Store, reads: StoreReads
) -> None:
    with store.batch():
        store.act(Raise(("aisle", 0), Open(1, 2, ("searching",), NOW_S, NOW_S + 60, NOW_S)), NOW_S)
        store.act(Renew(Open(1, 3, ("searching", "unattended"), NOW_S, NOW_S + 60, NOW_S), seen=True), NOW_S)
        store.act(Close(1, "helped"), NOW_S + 30)
    retention.sweep(store, KeepPart(), NOW_S + 23 * 3600)
    assert reads.nudges_between(0, NOW_S + 1)[0].reasons == ("searching", "unattended")
    retention.sweep(store, KeepPart(), NOW_S + 25 * 3600)
    (nudge,) = reads.nudges_between(0, NOW_S + 1)
    assert (nudge.reasons, nudge.level, nudge.outcome) == ((), 2, "helped")
    assert store.run("SELECT count(*) FROM nudge_steps").fetchone() == (0,)


@pytest.mark.parametrize("longer", [{"assists_hours": 25}, {"events_days": 397}, {"health_days": 15}])
def test_what_is_kept_can_be_shortened_and_not_lengthened(longer: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="less than or equal to"):
        KeepPart(**longer)


def test_refused_messages_are_bounded_in_number_as_they_come(
    store: Store, reads: StoreReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.store.REFUSED_MAX", 5)
    monkeypatch.setattr("hub.store.REFUSED_CHUNK", 2)
    with store.batch():
        for number in range(12):
            store.refuse(raw("attune/x", b"%d" % number), "topic", "No.")
    assert [row.payload for row in reads.refused(before=None, limit=99)] == [b"11", b"10", b"9", b"8", b"7"]


def test_a_disk_that_is_full_is_said_in_one_sentence_and_nothing_of_the_batch_stands(
    store: Store, reads: StoreReads
) -> None:
    add(store, NODE.mood(1))
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")

    def add_many() -> None:
        with store.batch():
            for seq in range(2, 2000):
                store.add(message(NODE.mood(seq)), NODE.mood(seq), late=False)

    with pytest.raises(StoreError, match="The disk is full"):
        add_many()
    assert reads.counts()["events"] == 1
    store._db.execute("PRAGMA max_page_count = 1000000")
    assert add(store, NODE.mood(2)) == "new"


def test_pages_cannot_write(store: Store, reads: StoreReads) -> None:
    with pytest.raises(StoreError, match="readonly"):
        reads._rows("DELETE FROM events")
