"""Tablets that nobody can answer on go off shift: locked, signed out, revoked, or of age.

Rules:
- At once where somebody locked the tablet or ended its session; within `EVERY_S` where only time did.
- What was asked of such a tablet alone is handed over in the same step (`hub.nudge`).
- Who unlocks it or pairs it again says *on shift* again: nobody knows whether it is the same person.

Left out: when a tablet locks and a session ends (`hub.auth`), and who is asked then (`hub.shift`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from contract.errors import StoreError
from hub.auth import Doors
from hub.nudge_types import OnShift
from hub.views import Desk, Reads

EVERY_S: Final = 5.0
_log = logging.getLogger(__name__)


def sign_off_gone(reads: Reads, desk: Desk, doors: Doors, now_s: float) -> None:
    """End the shift of every tablet that is locked or no longer in. Raises: StoreError."""
    seats = reads.people().busy_until_s  # before the doors are asked: whoever came in meanwhile is not gone
    if seats:
        there = {one.who for one in doors.all() if one.role == "staff" and not one.locked}
        for seat in seats:
            if seat not in there:
                desk.staff(OnShift(seat, on=False), now_s)


async def watch(reads: Reads, desk: Desk, doors: Doors, clock: Callable[[], float]) -> None:
    """Look whenever a door was locked or a session ended, and every `EVERY_S`. Runs until cancelled."""
    loop, rung = asyncio.get_running_loop(), asyncio.Event()

    def ring() -> None:
        with suppress(RuntimeError):  # the loop is closing
            loop.call_soon_threadsafe(rung.set)

    stop = doors.ended.listen(ring)
    try:
        while True:
            rung.clear()
            try:
                await asyncio.to_thread(sign_off_gone, reads, desk, doors, clock())
            except StoreError as error:  # the next look tries again
                _log.warning("Tablets that are gone may still be on shift: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(rung.wait(), EVERY_S)
    finally:
        stop()
