"""Tablets that are locked, signed out or revoked go off shift, and what they were asked goes to the next one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from contract.errors import StoreError
from hub import leaving
from hub.auth import AGE_S, LOCK_AFTER_S, Doors, Role
from hub.fakes import FakeShop
from hub.leaving import sign_off_gone, watch
from hub.nudge_types import Busy, OnShift
from tests.hub.conftest import NOW_S, Clock
from tests.hub.node import Node
from tests.hub.test_writer import Hub
from tests.hub.test_writer import hub as hub

NODE = Node()
ClientOf = Callable[[Role | None], TestClient]
Goes = Callable[[Doors, str, str, Clock], object]
WAYS: dict[str, Goes] = {
    "locked by hand": lambda doors, token, who, clock: doors.lock(token),
    "locked by time": lambda doors, token, who, clock: clock.__setattr__("now_s", NOW_S + LOCK_AFTER_S + 1),
    "signed out": lambda doors, token, who, clock: doors.leave(token),
    "revoked": lambda doors, token, who, clock: doors.end(who),
    "of age": lambda doors, token, who, clock: clock.__setattr__("now_s", NOW_S + AGE_S["staff"] + 1),
}


def tablet(doors: Doors) -> tuple[str, str]:
    entered = doors.enter(doors.mint("staff", device="Till"))
    assert entered is not None
    return entered[0], entered[1].who


@pytest.fixture
def locking(doors: Doors) -> Doors:
    doors.db.run("INSERT INTO secrets VALUES ('pin', 'any')")
    return doors


@pytest.mark.parametrize("way", WAYS)
def test_what_a_tablet_was_asked_that_is_gone_is_handed_over(
    hub: Hub, locking: Doors, page_clock: Clock, way: str
) -> None:
    hub.hear(NODE.birth(t_mono_s=100), NODE.status())
    page_clock.now_s -= 60
    mine, other = tablet(locking), tablet(locking)
    hub.writer.staff(OnShift(mine[1]), hub.clocks.wall_s())
    hub.hear(NODE.assist(1, level=3, t_mono_s=100))
    (number,) = hub.reads.people().asked
    hub.writer.staff(OnShift(other[1]), hub.clocks.wall_s())
    assert hub.reads.people().asked[number].seats == (mine[1],)
    sign_off_gone(hub.reads, hub.writer, locking, hub.clocks.wall_s())
    assert set(hub.reads.people().busy_until_s) == {mine[1], other[1]}

    WAYS[way](locking, *mine, page_clock)
    if way.endswith(("time", "age")):  # the other one is in use
        locking.db.run("UPDATE sessions SET awake_s = ?, born_s = ? WHERE who = ?", *2 * (page_clock(),), other[1])
        locking.db.run("UPDATE sessions SET seen_s = ?", page_clock())
    sign_off_gone(hub.reads, hub.writer, locking, hub.clocks.wall_s())
    people = hub.reads.people()
    assert set(people.busy_until_s) == {other[1]}
    assert people.asked[number].seats == (other[1],)
    assert hub.nudges()[-1].handovers == 1


def test_a_tablet_in_use_stays_on_shift_and_one_that_does_not_lock_may_lie(doors: Doors, page_clock: Clock) -> None:
    shop, (_, who) = FakeShop(), tablet(doors)
    shop.staff(OnShift(who), NOW_S)
    page_clock.now_s += 2 * LOCK_AFTER_S
    sign_off_gone(shop, shop, doors, NOW_S)
    assert set(shop.people().busy_until_s) == {who}


def test_an_unlocked_tablet_says_on_shift_again(locking: Doors) -> None:
    shop, (token, who) = FakeShop(), tablet(locking)
    shop.staff(OnShift(who), NOW_S)
    locking.lock(token)
    sign_off_gone(shop, shop, locking, NOW_S)
    locking.wake(token)
    sign_off_gone(shop, shop, locking, NOW_S)
    assert not shop.people().busy_until_s


class Told(FakeShop):
    """A shop that says when somebody went off shift, and at first cannot write."""

    def __init__(self, full: int = 0) -> None:
        super().__init__()
        self.off, self.full = asyncio.Event(), full
        self.loop = asyncio.get_running_loop()

    def staff(self, word: OnShift | Busy, now_s: float) -> None:
        if isinstance(word, OnShift) and not word.on:
            if self.full:
                self.full -= 1
                raise StoreError("The disk is full.")
            self.loop.call_soon_threadsafe(self.off.set)
        super().staff(word, now_s)


@pytest.mark.parametrize("way", ["locked by hand", "signed out", "revoked", "everybody out"])
def test_the_watch_looks_at_once_when_a_door_says_so(
    locking: Doors, page_clock: Clock, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(leaving, "EVERY_S", 3_600.0)
    goes = {**WAYS, "everybody out": lambda doors, token, who, clock: doors.end_all()}[way]

    async def script() -> None:
        shop, (token, who) = Told(), tablet(locking)
        shop.staff(OnShift(who), NOW_S)
        looked = asyncio.Event()
        task = asyncio.create_task(watch(Looked(shop, looked), shop, locking, page_clock))  # type: ignore[arg-type]
        await asyncio.wait_for(looked.wait(), 20)
        assert not shop.off.is_set()
        await asyncio.to_thread(goes, locking, token, who, page_clock)
        await asyncio.wait_for(shop.off.wait(), 20)
        task.cancel()

    asyncio.run(script())


class Looked:
    """Reads that say when somebody looked."""

    def __init__(self, shop: Told, looked: asyncio.Event) -> None:
        self.shop, self.looked = shop, looked

    def people(self) -> object:
        self.shop.loop.call_soon_threadsafe(self.looked.set)
        return self.shop.people()


def test_a_watch_that_could_not_write_tries_again(
    locking: Doors, page_clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leaving, "EVERY_S", 0.01)

    async def script() -> None:
        shop = Told(full=2)
        shop.staff(OnShift("nobody"), NOW_S)
        task = asyncio.create_task(watch(shop, shop, locking, page_clock))
        await asyncio.wait_for(shop.off.wait(), 20)
        task.cancel()

    asyncio.run(script())
    assert [line.message for line in caplog.records] == [
        "Tablets that are gone may still be on shift: The disk is full."
    ] * 2


def test_the_running_pages_watch(client_of: ClientOf, fake_shop: FakeShop) -> None:
    gone = threading.Event()
    fake_shop.staff(OnShift("nobody"), NOW_S)
    fake_shop.changes.listen(gone.set)
    with client_of(None):
        assert gone.wait(20)
    assert not fake_shop.people().busy_until_s
