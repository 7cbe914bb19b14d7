"""Who is asked: people on shift, in turn, each no more often than is fair. Pure: no clock, no store.

Rules:
- A seat is a tablet whose person said *on shift*; nobody is named, and nothing of a seat outlasts its shift.
- One free person is asked: whoever's last turn is longest ago. A turn is being asked alone, taking a nudge, or saying
  how it went. Nobody has to catch up: who was busy or came late is asked no more often for it.
- Free is who is not busy, is on the way nowhere, is asked of nothing else, has rested since the last turn and was asked
  fewer than ``per_hour`` times in the last hour.
- Where nobody is free, everybody is asked who has not reached that cap: the busy only where there is nobody else, and
  never about the nudge they were busy for.
- Being asked counts, with others or alone; what came of it is never kept.
- *Busy* ends by itself, a shift too, and with the tablet's session (`hub.leaving`); both can be undone.

Left out: when somebody is asked (`hub.nudge`), and the rows (`hub.shift_rows`). How many turns anybody had in a shift
is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

HOUR_S: Final = 3_600.0
SHIFT_MAX_S: Final = 12 * HOUR_S
JUMP_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Fairness:
    """What the owner has set. Units: ``per_hour`` asks of one person; ``rest_s`` between turns; ``busy_s`` how long
    *busy* lasts."""

    per_hour: int = 12
    rest_s: float = 60.0
    busy_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody on shift. Units: ``turn_s`` of the last turn, 0 before the first; ``asked_s`` when they were asked in
    the last hour."""

    since_s: float
    turn_s: float = 0.0
    busy_until_s: float = 0.0
    asked_s: tuple[float, ...] = ()


Shift = Mapping[str, Seat]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a nudge is asked of: one person ``alone``, or everybody, of whom those in ``seats`` are on shift.

    ``had`` are those who were asked alone before, and are not again.
    """

    seats: tuple[str, ...] = ()
    alone: bool = False
    had: tuple[str, ...] = ()


def sign_on(shift: Shift, seat: str, now_s: float) -> Shift:
    """Somebody is on shift; who is already stays as they are."""
    return shift if seat in shift else {**shift, seat: Seat(now_s)}


def sign_off(shift: Shift, seat: str) -> Shift:
    """Somebody goes, and everything kept of them with them."""
    return {one: known for one, known in shift.items() if one != seat}


def say_busy(shift: Shift, seat: str, until_s: float) -> Shift:
    """Somebody is busy until then; a time that is over means free."""
    return {**shift, seat: replace(shift[seat], busy_until_s=until_s)} if seat in shift else shift


def turn(shift: Shift, seat: str, now_s: float) -> Shift:
    """Somebody had a turn."""
    return {**shift, seat: replace(shift[seat], turn_s=now_s)} if seat in shift else shift


def there(fair: Fairness, shift: Shift, now_s: float) -> Shift:
    """Those whose shift has not ended by itself; a clock that was set back ends *busy* and shift alike."""
    still = {seat: one for seat, one in shift.items() if -JUMP_S <= now_s - one.since_s < SHIFT_MAX_S}
    for seat, one in still.items():
        if one.busy_until_s > now_s + fair.busy_s + JUMP_S:
            still[seat] = replace(one, busy_until_s=0.0)
    return shift if still == shift else still


def is_busy(seat: Seat, now_s: float) -> bool:
    """Whether somebody said *busy* and still is."""
    return now_s < seat.busy_until_s


def can_be_asked(fair: Fairness, shift: Shift, now_s: float) -> bool:
    """Whether there is anybody to ask; where nobody is on shift, everybody is asked who sees a tablet."""
    return not shift or any(_fresh(fair, seat, now_s) for seat in shift.values())


def ask(
    fair: Fairness, shift: Shift, had: tuple[str, ...], elsewhere: Collection[str], now_s: float
) -> tuple[Asked, Shift]:
    """Whom a nudge is asked of now; ``elsewhere`` are on the way somewhere or asked of something else."""
    free = [
        (seat.turn_s, name)
        for name, seat in shift.items()
        if name not in had and name not in elsewhere and _free(fair, seat, now_s)
    ]
    if free:
        name = min(free)[1]
        return Asked((name,), True, (*had, name)), turn(_asked(shift, (name,), now_s), name, now_s)
    fresh = [name for name, seat in sorted(shift.items()) if _fresh(fair, seat, now_s)]
    seats = tuple(name for name in fresh if not is_busy(shift[name], now_s))
    seats = seats or tuple(name for name in fresh if name not in had)
    return Asked(seats, False, had), _asked(shift, seats, now_s)


def _free(fair: Fairness, seat: Seat, now_s: float) -> bool:
    rests = -JUMP_S <= now_s - seat.turn_s < fair.rest_s
    return not rests and not is_busy(seat, now_s) and _fresh(fair, seat, now_s)


def _fresh(fair: Fairness, seat: Seat, now_s: float) -> bool:
    return len(_of_the_hour(seat, now_s)) < fair.per_hour


def _asked(shift: Shift, seats: Collection[str], now_s: float) -> Shift:
    return {
        name: replace(seat, asked_s=(*_of_the_hour(seat, now_s), now_s)) if name in seats else seat
        for name, seat in shift.items()
    }


def _of_the_hour(seat: Seat, now_s: float) -> tuple[float, ...]:
    return tuple(at_s for at_s in seat.asked_s if abs(now_s - at_s) < HOUR_S)
