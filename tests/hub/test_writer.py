from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Queue

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract import events, wire
from contract.errors import DamagedError, StoreError
from contract.events import Event, Stored
from contract.ledger_events import Checkpoint
from hub.config import HubConfig, NudgePart
from hub.inbox import BATCH_MAX
from hub.learn import PATIENCE
from hub.reads import StoreReads
from hub.store import FILE, Message, Store
from hub.views import Changes, NudgeView
from hub.writer import Writer
from tests.hub.node import WALL_S, Node, message, raw

NODE = Node()


AT_ONCE = HubConfig(nudges=NudgePart(first_approach_s=0.0))


@dataclass
class HandClocks:
    """Both clocks of a hub, moved by hand."""

    at_s: float = 1000.0

    def wall_s(self) -> float:
        return WALL_S + self.at_s

    def mono_s(self) -> float:
        return self.at_s


@dataclass
class Hub:
    """A writer between a real store and an MQTT that is a queue."""

    folder: Path
    clocks: HandClocks = field(default_factory=HandClocks)
    config: HubConfig = AT_ONCE
    gather_s: float = 0.0
    said: Queue[tuple[str, Stored]] = field(default_factory=Queue)
    touched: int = 0

    def __post_init__(self) -> None:
        self.store = Store(self.folder / FILE)
        self.reads = StoreReads(self.folder / FILE)
        changes = Changes()
        changes.listen(self._touch)
        self.writer = Writer(
            self.store, self.reads, self.config, changes, self._say, self.clocks, gather_s=self.gather_s
        )
        self.writer.start()

    def _touch(self) -> None:
        self.touched += 1

    def _say(self, topic: str, payload: bytes) -> bool:
        said = wire.decode(topic, payload)
        if isinstance(said, Stored):
            self.said.put((topic, said))
        else:
            assert isinstance(said, Checkpoint)
        return True

    def close(self) -> None:
        self.writer.stop()
        self.reads.close()
        self.store.close()

    def hear(self, *events: Event | Message, retained: bool = False) -> None:
        """Delivers, and waits until the last one is acknowledged."""
        done = threading.Event()
        for event in events:
            came = event if isinstance(event, Message) else message(event, mono_s=self.clocks.at_s, retained=retained)
            self.writer.deliver(came, done.set if event is events[-1] else lambda: None)
        assert done.wait(20)

    def stored(self) -> list[tuple[str, int, int]]:
        """What nodes were told since this was last asked."""
        told = []
        while not self.said.empty():
            _, run = self.said.get()
            told.append((run.boot, run.since, run.seq))
        return told

    def nudges(self) -> tuple[NudgeView, ...]:
        return self.reads.nudges_between(0, 2**40)

    def counts(self) -> tuple[int, int]:
        counts = self.reads.counts()
        return counts["events"], counts["refused"]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(tmp_path)
    yield hub
    hub.close()


@pytest.fixture
def live(hub: Hub) -> Hub:
    """A hub that knows the node's clock."""
    hub.hear(NODE.birth(t_mono_s=100), NODE.status())
    return hub


def test_a_node_hears_which_run_of_its_events_stands(hub: Hub) -> None:
    hub.hear(NODE.mood(1), NODE.mood(2), NODE.mood(3))
    hub.hear(NODE.health())
    told = hub.stored()
    assert [seq for _, since, last in told for seq in range(since, last + 1)] == [1, 2, 3]
    assert {boot for boot, *_ in told} == {NODE.boot}


def test_of_more_than_one_batch_nothing_is_left_out(hub: Hub) -> None:
    hub.hear(*(NODE.mood(seq) for seq in range(1, 3 * BATCH_MAX + 1)))
    assert hub.counts() == (3 * BATCH_MAX, 0)


def test_a_gap_is_not_vouched_for(hub: Hub) -> None:
    hub.hear(NODE.mood(7))
    hub.hear(NODE.mood(9))
    hub.hear(NODE.mood(10))
    hub.hear(NODE.health())
    assert hub.stored() == [(NODE.boot, 7, 7), (NODE.boot, 9, 9), (NODE.boot, 10, 10)]


def test_an_event_that_comes_again_is_vouched_for_again_and_counted_once(hub: Hub) -> None:
    for _ in range(3):
        hub.hear(NODE.mood(7))
    hub.hear(NODE.health())
    assert hub.stored() == [(NODE.boot, 7, 7)] * 3
    assert hub.counts() == (2, 0)


def test_a_refused_event_is_vouched_for_and_blocks_no_outbox(hub: Hub) -> None:
    bad = wire.encode(NODE.mood(7)).replace(b'"v":1', b'"v":2')
    hub.hear(raw(NODE.topic("mood"), bad))
    hub.hear(raw(NODE.topic("mood"), b"not JSON"))
    hub.hear(NODE.health())
    assert hub.stored() == [(NODE.boot, 7, 7)]
    assert hub.counts() == (1, 2)
    assert {row.code for row in hub.reads.refused(before=None, limit=9)} == {"version", "json"}


def test_other_bytes_under_a_number_that_stands_are_refused_as_a_conflict(hub: Hub) -> None:
    hub.hear(NODE.mood(7))
    hub.hear(NODE.nothing(7))
    hub.hear(NODE.health())
    assert hub.stored() == [(NODE.boot, 7, 7)] * 2
    assert [row.code for row in hub.reads.refused(before=None, limit=9)] == ["conflict"]


def test_a_live_need_raises_a_nudge_with_its_zones_name_and_rings_the_bell(live: Hub) -> None:
    rung = live.touched
    live.hear(NODE.assist(1, zone=1))
    live.hear(NODE.health())
    (nudge,) = live.nudges()
    assert (nudge.zone_name, nudge.level, nudge.state, nudge.reasons) == (
        "Lamps",
        2,
        "open",
        ("long_dwell", "unattended"),
    )
    assert live.touched == rung + 1


def test_a_replayed_event_goes_to_history_and_raises_nothing(live: Hub) -> None:
    live.clocks.at_s += 300
    live.hear(NODE.assist(1, t_mono_s=110))
    assert live.nudges() == ()
    assert live.counts()[0] == 3


def test_an_event_of_a_boot_whose_clock_is_unknown_raises_nothing_until_it_is_known(hub: Hub) -> None:
    hub.hear(NODE.birth(t_mono_s=100), retained=True)
    hub.hear(NODE.assist(1))
    assert hub.nudges() == ()
    hub.hear(NODE.health())
    hub.hear(NODE.assist(2))
    assert [nudge.state for nudge in hub.nudges()] == ["open"]


def test_the_same_need_delivered_twice_raises_one_nudge_for_good(live: Hub) -> None:
    live.hear(NODE.assist(1))
    live.hear(NODE.assist(2, level=0))
    live.clocks.at_s += 5
    live.hear(NODE.assist(1))
    assert [nudge.state for nudge in live.nudges()] == ["withdrawn"]


@pytest.mark.parametrize(
    "said",
    [NODE.status("offline", "link_lost"), NODE.status("paused", "switch"), NODE.status("degraded", "camera_lost")],
    ids=["offline", "paused", "blind"],
)
def test_a_node_that_no_longer_looks_has_its_nudges_withdrawn(live: Hub, said: events.Status) -> None:
    live.hear(NODE.assist(1))
    live.hear(said)
    assert [nudge.state for nudge in live.nudges()] == ["withdrawn"]


def test_a_node_that_is_only_hot_keeps_its_nudges(live: Hub) -> None:
    live.hear(NODE.assist(1))
    live.hear(NODE.status("degraded", "hot"))
    assert [nudge.state for nudge in live.nudges()] == ["open"]


def test_staff_take_and_answer_and_see_it_at_once(live: Hub) -> None:
    live.hear(NODE.assist(1))
    (nudge,) = live.nudges()
    taken = live.writer.take(nudge.id, "till", live.clocks.wall_s())
    assert taken is not None
    assert (taken.state, taken.taken_by) == ("taken", "till")
    other = live.writer.take(nudge.id, "door", live.clocks.wall_s())
    assert other == taken
    done = live.writer.answer(nudge.id, "helped", "till", live.clocks.wall_s())
    assert done is not None
    assert (done.state, done.outcome, done.taken_by) == ("answered", "helped", None)
    assert live.writer.take(99, "till", live.clocks.wall_s()) is None


def _need(live: Hub, seq: int, level: int = 1, zone: int = 0) -> int:
    """A need that is told now; how many nudges there have been since."""
    now_s = int(live.clocks.at_s) - 900  # the node's clock
    live.hear(NODE.health(t_mono_s=now_s), NODE.assist(seq, level, zone=zone, t_mono_s=now_s))
    return len(live.nudges())


def _disappoint(live: Hub, times: int) -> None:
    """So many nudges to which nobody was there."""
    for seq in range(1, times + 1):
        assert _need(live, seq) == seq
        live.writer.answer(live.nudges()[-1].id, "nobody", "till", live.clocks.wall_s())
        live.clocks.at_s += 200


def test_answers_raise_the_level_of_their_zone_and_a_reset_forgets_them(live: Hub) -> None:
    _disappoint(live, PATIENCE)
    (lesson,) = live.writer.lessons()
    assert (lesson.zone_name, lesson.level_from, lesson.answers) == ("Ceramics", 2, 0)
    assert _need(live, 20) == PATIENCE
    assert _need(live, 21, zone=1) == PATIENCE + 1
    live.writer.forget(NODE.name, 0, live.clocks.wall_s())
    assert not live.writer.lessons()
    assert _need(live, 22) == PATIENCE + 2


def test_a_restarted_hub_has_learnt_the_same(live: Hub) -> None:
    _disappoint(live, PATIENCE)
    learnt = live.writer.lessons()
    live.close()
    again = Hub(live.folder, live.clocks)
    try:
        assert again.writer.lessons() == learnt
    finally:
        again.close()
        live.__post_init__()


def test_time_passes_without_any_message(live: Hub) -> None:
    live.hear(NODE.assist(1, ttl_s=30))
    bell = threading.Event()
    live.writer._changes.listen(bell.set)
    live.clocks.at_s += 31
    assert bell.wait(20)
    assert [nudge.state for nudge in live.nudges()] == ["withdrawn"]


def test_a_hub_that_is_killed_while_a_need_waits_raises_it_when_it_is_back(tmp_path: Path) -> None:
    before = Hub(tmp_path, config=HubConfig(nudges=NudgePart(first_approach_s=10.0)))
    before.hear(NODE.birth(t_mono_s=100), NODE.status())
    before.hear(NODE.assist(1))
    assert before.nudges() == ()
    before.close()
    before.clocks.at_s += 20
    after = Hub(tmp_path, before.clocks, before.config)
    try:
        after.hear(NODE.health())
        assert [(nudge.state, nudge.zone) for nudge in after.nudges()] == [("open", 0)]
    finally:
        after.close()


def test_a_restarted_hub_goes_on_with_the_nudges_that_were_open(live: Hub) -> None:
    live.hear(NODE.assist(1))
    live.close()
    again = Hub(live.folder, live.clocks)
    try:
        again.hear(NODE.health(t_mono_s=101))
        again.hear(NODE.assist(2, level=3))
        assert [(nudge.state, nudge.level) for nudge in again.nudges()] == [("open", 3)]
        again.clocks.at_s += 120
        again.hear(NODE.health(t_mono_s=221))
        assert [nudge.state for nudge in again.nudges()] == ["expired"]
    finally:
        again.close()
        live.__post_init__()


def _tap_until_refused(live: Hub) -> None:
    while True:
        live.writer.take(1, "till", live.clocks.wall_s())


def test_a_damaged_database_ends_the_hub_and_refuses_what_was_asked(live: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.store, "batch", _damaged)
    with pytest.raises(DamagedError):
        live.writer.take(1, "tablet", live.clocks.wall_s())
    live.writer._thread.join(30)
    assert live.writer.failed


def _damaged() -> None:
    raise DamagedError("The database is damaged: start the hub again.")


def test_a_full_disk_says_so_acknowledges_nothing_and_recovers_alone(live: Hub) -> None:
    pages = live.store._db.execute("PRAGMA page_count").fetchone()[0]
    live.store._db.execute(f"PRAGMA max_page_count = {pages}")
    acknowledged = threading.Event()
    for seq in range(1, 101):
        live.writer.deliver(message(NODE.mood(seq)), acknowledged.set if seq == 100 else lambda: None)
    with pytest.raises(StoreError, match="The disk is full"):
        _tap_until_refused(live)
    assert "The disk is full" in (live.writer.trouble() or "")
    assert not acknowledged.is_set()
    live.store._db.execute("PRAGMA max_page_count = 1000000")
    assert acknowledged.wait(20)
    assert live.counts()[0] == 102
    assert live.writer.trouble() is None


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(12)), again=st.lists(st.integers(0, 11), max_size=12))
def test_whatever_the_order_and_however_often_the_store_ends_the_same(
    order: list[int], again: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    boots = (NODE, replace(NODE, boot="00c0ffee-000002"))
    events = [boots[number % 2].mood(number // 2 + 1, zone=number % 3) for number in range(12)]
    hub = Hub(tmp_path_factory.mktemp("shop"))
    try:
        for number in (*order, *again):
            hub.writer.deliver(message(events[number]), lambda: None)
        hub.hear(NODE.health())
        rows = hub.reads.events(before=None, limit=99, node=None, kind="mood", zone=None)
        assert sorted(row.payload for row in rows) == sorted(wire.encode(event) for event in events)
        told = [(boot, seq) for boot, since, last in hub.stored() for seq in range(since, last + 1)]
        assert set(told) == {(event.boot, event.seq) for event in events}
    finally:
        hub.close()
