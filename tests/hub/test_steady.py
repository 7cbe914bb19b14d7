from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from hub.app import create_app
from hub.auth import Doors, Role
from hub.config import HubConfig, KeepPart
from hub.fakes import FakeShop
from hub.reads import StoreReads
from hub.retention import sweep
from hub.steady import (
    AHEAD_MAX_S,
    DAY_S,
    HOUR_S,
    MADE_S,
    NEAR_S,
    SETTLE_S,
    Clocks,
    Gap,
    SteadyClocks,
    of_age_before_s,
)
from hub.store import FILE, Store
from hub.views import Changes, Settings
from hub.writer import Writer
from tests.hub.conftest import ORIGIN
from tests.hub.node import WALL_S, Node, message

NODE = Node()
YEAR_S = 365 * DAY_S
FAR = st.floats(2 * NEAR_S, 40 * YEAR_S)


@dataclass
class Machine:
    """A machine whose wall clock is off by ``off_s``, and perhaps says that it is right."""

    true_s: float = WALL_S
    off_s: float = 0.0
    right: bool = False
    mono: float = field(default=50.0)

    def wall_s(self) -> float:
        return self.true_s + self.off_s

    def mono_s(self) -> float:
        return self.mono

    def runs(self, seconds: float) -> None:
        self.true_s += seconds
        self.mono += seconds

    def is_off(self, seconds: float) -> None:
        self.true_s += seconds
        self.mono = 0.0


def begun(machine: Machine, newest_s: float | None = None) -> SteadyClocks:
    return SteadyClocks(machine, newest_s, lambda: machine.right)


@given(st.lists(st.tuples(st.floats(0.1, SETTLE_S / 2), FAR, st.booleans()), max_size=20))
def test_a_clock_that_jumps_and_is_not_left_alone_moves_no_time(jumps: list[tuple[float, float, bool]]) -> None:
    machine = Machine()
    clocks = begun(machine, WALL_S - 60)
    for number, (lasts_s, off_s, back) in enumerate(jumps):
        machine.off_s = (-off_s if back else off_s) + number * 3 * NEAR_S
        assert abs(clocks.wall_s() - machine.true_s) <= NEAR_S
        machine.runs(lasts_s)
        assert abs(clocks.wall_s() - machine.true_s) <= NEAR_S
    machine.off_s = 0.0
    assert abs(clocks.wall_s() - machine.true_s) <= NEAR_S
    assert clocks.trouble(UTC) is None
    assert clocks.gap() is None


@given(FAR.filter(lambda off_s: WALL_S - off_s > MADE_S), st.booleans())
def test_a_clock_that_the_system_vouches_for_is_believed_at_once(off_s: float, back: bool) -> None:
    machine = Machine(right=True)
    clocks = begun(machine, WALL_S)
    machine.off_s = -off_s if back else off_s
    assert clocks.wall_s() == machine.wall_s()


@pytest.mark.parametrize("off_s", [2 * HOUR_S, 300 * DAY_S, -2 * HOUR_S])
def test_a_clock_that_somebody_sets_is_believed_when_it_has_stood(off_s: float) -> None:
    machine = Machine()
    clocks = begun(machine)
    machine.off_s = off_s
    clocks.wall_s()
    machine.runs(SETTLE_S - 1)
    assert clocks.wall_s() == machine.true_s
    assert "does not follow" in (clocks.trouble(UTC) or "")
    machine.runs(1)
    assert clocks.wall_s() == machine.true_s + off_s
    assert clocks.trouble(UTC) is None


@pytest.mark.parametrize("off_s", [AHEAD_MAX_S + DAY_S, MADE_S - WALL_S - 30 * DAY_S])
def test_a_clock_beyond_reason_is_never_believed_for_standing(off_s: float) -> None:
    machine = Machine()
    clocks = begun(machine)
    machine.off_s = off_s
    for _ in range(20):
        assert clocks.wall_s() == pytest.approx(machine.true_s)
        machine.runs(SETTLE_S)


@given(st.floats(0, AHEAD_MAX_S))
def test_a_hub_that_was_off_knows_the_time_again(off_for_s: float) -> None:
    machine = Machine()
    machine.is_off(off_for_s)
    clocks = begun(machine, WALL_S)
    assert clocks.wall_s() == machine.true_s
    assert clocks.trouble(UTC) is None


def test_a_hub_that_begins_without_a_clock_goes_on_from_its_ledger_and_makes_good_what_it_dated() -> None:
    machine = Machine(off_s=-WALL_S)
    machine.is_off(3 * DAY_S)
    clocks = begun(machine, WALL_S)
    machine.runs(SETTLE_S + 60)
    assert clocks.wall_s() == WALL_S + SETTLE_S + 60
    machine.off_s, machine.right = 0.0, True
    assert clocks.wall_s() == machine.true_s
    assert clocks.gap() == Gap(WALL_S, WALL_S + SETTLE_S + 60, 3 * DAY_S)


def test_a_first_hub_without_a_clock_begins_when_it_was_made() -> None:
    machine = Machine(off_s=-WALL_S)
    clocks = begun(machine)
    assert clocks.wall_s() == MADE_S
    machine.off_s, machine.right = 0.0, True
    assert clocks.wall_s() == machine.true_s


@given(
    st.floats(0, 60 * DAY_S), st.floats(0, DAY_S), st.floats(NEAR_S, 60 * DAY_S), st.floats(HOUR_S, 60 * DAY_S),
    st.floats(0, 120 * DAY_S), st.floats(0, 1),
)  # fmt: skip
def test_what_came_while_the_time_was_behind_goes_when_it_is_of_age(
    since_s: float, lasted_s: float, by_s: float, kept_s: float, after_s: float, part: float
) -> None:
    gap = Gap(since_s, since_s + lasted_s, by_s)
    now_s = gap.until_s + by_s + after_s
    bound_s = of_age_before_s(now_s, kept_s, gap)
    dated_s = since_s + part * lasted_s
    came_s = dated_s + by_s
    if dated_s < bound_s - 1e-3:
        assert now_s - came_s >= kept_s - 1e-2
    if now_s - came_s > kept_s + 1e-2:
        assert dated_s <= bound_s + 1e-3
    for right_s in (since_s - 60, gap.until_s + by_s + 60):  # what was dated rightly goes by its date
        if abs(now_s - right_s - kept_s) > 1:
            assert (right_s < bound_s) == (now_s - right_s > kept_s)


def swept(folder: Path, machine: Machine, clocks: Clocks) -> int:
    """How many of four events a hub still has that swept whenever its clock jumped."""
    store = Store(folder / FILE)
    for seq, off_s in ((1, 0.0), (2, -WALL_S), (3, 2 * YEAR_S), (4, 0.0)):
        machine.off_s = off_s
        event = NODE.assist(seq) if seq % 2 else NODE.mood(seq)
        with store.batch():
            store.add(replace(message(event), received_s=clocks.wall_s()), event, late=False)
        gap = clocks.gap() if isinstance(clocks, SteadyClocks) else None
        sweep(store, KeepPart(), clocks.wall_s(), gap)
        machine.runs(10)
    store.close()
    reads = StoreReads(folder / FILE)
    left = reads.counts()["events"]
    reads.close()
    return left


def test_a_hub_that_forgets_by_its_wall_clock_loses_what_a_steady_one_keeps(tmp_path: Path) -> None:
    for name in ("wall", "steady"):
        (tmp_path / name).mkdir()
    machine = Machine()
    assert swept(tmp_path / "wall", machine, machine) < 4
    machine = Machine()
    assert swept(tmp_path / "steady", machine, begun(machine)) == 4


@pytest.mark.parametrize(("role", "door", "reads_it"), [("owner", "/owner", True), ("staff", "/staff", False)])
def test_the_owner_alone_reads_that_the_clock_is_not_believed(
    role: Role, door: str, reads_it: bool, fake_shop: FakeShop, doors: Doors, page_clock: Callable[[], float]
) -> None:
    machine = Machine()
    clocks = begun(machine)
    machine.off_s = YEAR_S
    app = create_app(
        reads=fake_shop,
        desk=fake_shop,
        doors=doors,
        changes=fake_shop.changes,
        settings=Settings("Corner Shop", "ask@shop.example"),
        clock=page_clock,
        doubts=lambda: (clocks.trouble(UTC) or "",),
    )
    browser = TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN, "accept": "text/html"})
    browser.post("/enter", data={"key": doors.mint(role)})
    page = browser.get(door)
    assert page.status_code == 200
    assert ("does not follow from what it said before" in page.text) == reads_it


def test_a_writer_sweeps_by_the_time_that_its_clocks_believe(tmp_path: Path) -> None:
    machine = Machine()
    store, reads = Store(tmp_path / FILE), StoreReads(tmp_path / FILE)
    clocks = begun(machine, store.newest_s())
    with store.batch():
        event = NODE.assist(1)
        store.add(replace(message(event), received_s=clocks.wall_s()), event, late=False)
    machine.off_s = 2 * YEAR_S
    writer = Writer(store, reads, HubConfig(), Changes(), lambda *_: True, clocks)
    writer.start()
    for _ in range(2):  # the second order is heard after a sweep
        writer.write(lambda _: None, clocks.wall_s())
    writer.stop()
    assert reads.counts()["events"] == 1
    reads.close()
    store.close()
