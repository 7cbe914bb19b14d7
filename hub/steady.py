"""Which time it is, as far as a hub can know: its wall clock, unless that has jumped and nobody vouches for it.

Rules:
- The time goes on with the monotonic clock. A wall clock within `NEAR_S` of it is right, and is followed.
- One that is farther off is believed at once when the system says that it is synchronised, and else when it has gone
  on steadily for `SETTLE_S`, provided that it is ahead by `AHEAD_MAX_S` at most, or was set back while the hub ran.
- A hub that begins takes up the time at the newest entry of its ledger. A clock that is ahead of it by `AHEAD_MAX_S` at
  most is right, for the hub may have been off; one that is behind, or before `MADE_S`, is not.
- What came while the time was behind is dated too early by as much, and is of age as much later.

So nothing is forgotten by a clock that merely jumped. After a jump what is of age stays for `SETTLE_S` of running time
longer at most; what was dated by a clock that was believed and yet ahead stays as much longer, which is `AHEAD_MAX_S`
at most.

Left out: what is forgotten (`hub.retention`), and what was dated too early when the hub is killed before it knows
better: that is of age by its date.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Final, Protocol

HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0
NEAR_S: Final = HOUR_S
SETTLE_S: Final = 6 * HOUR_S
AHEAD_MAX_S: Final = 366 * DAY_S
MADE_S: Final = 1_780_000_000.0  # mid-2026: a clock before it was never set


class Clocks(Protocol):
    """A machine's clocks. Units: seconds; ``wall_s`` since the epoch."""

    def wall_s(self) -> float: ...

    def mono_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Gap:
    """What is dated from ``since_s`` to ``until_s`` came ``by_s`` later."""

    since_s: float
    until_s: float
    by_s: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """The wall clock is off by ``off_s``, steadily since ``steady_mono_s``; the time was ``since_s`` when it began.

    ``begun``: it was so when the hub began.
    """

    off_s: float
    steady_mono_s: float
    since_s: float
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Reckoned:
    """It was ``at_s`` when the monotonic clock said ``mono_s``."""

    at_s: float
    mono_s: float
    doubt: Doubt | None = None
    gap: Gap | None = None


def begin(wall_s: float, mono_s: float, newest_s: float | None, synchronised: Callable[[], bool]) -> Reckoned:
    """The time when a hub begins whose ledger's newest entry is of ``newest_s``."""
    known_s = max(MADE_S, wall_s if newest_s is None else newest_s)
    off_s = wall_s - known_s
    if -NEAR_S <= off_s <= AHEAD_MAX_S:
        return Reckoned(wall_s, mono_s)
    return _doubted(Reckoned(known_s, mono_s), Doubt(off_s, mono_s, known_s, begun=True), synchronised)


def step(before: Reckoned, wall_s: float, mono_s: float, synchronised: Callable[[], bool]) -> Reckoned:
    """The time now."""
    on_s = before.at_s + max(0.0, mono_s - before.mono_s)
    off_s = wall_s - on_s
    if abs(off_s) <= NEAR_S:
        return Reckoned(wall_s, mono_s, gap=before.gap)
    doubt = before.doubt
    if doubt is None:
        doubt = Doubt(off_s, mono_s, on_s)
    elif abs(off_s - doubt.off_s) > NEAR_S:
        doubt = Doubt(off_s, mono_s, doubt.since_s)  # somebody has set it
    return _doubted(replace(before, at_s=on_s, mono_s=mono_s), doubt, synchronised)


def _doubted(now: Reckoned, doubt: Doubt, synchronised: Callable[[], bool]) -> Reckoned:
    wall_s = now.at_s + doubt.off_s
    likely = doubt.off_s <= AHEAD_MAX_S if doubt.off_s > 0 else not doubt.begun
    settled = likely and now.mono_s - doubt.steady_mono_s >= SETTLE_S
    if wall_s < MADE_S or not (settled or synchronised()):
        return replace(now, doubt=doubt)
    gap = Gap(doubt.since_s, now.at_s, doubt.off_s) if doubt.off_s > 0 else now.gap
    return Reckoned(wall_s, now.mono_s, gap=gap)


def of_age_before_s(now_s: float, kept_s: float, gap: Gap | None) -> float:
    """The date before which what is kept for ``kept_s`` is of age."""
    bound_s = now_s - kept_s
    if gap is None or not gap.since_s < bound_s < gap.until_s + gap.by_s:
        return bound_s
    return min(max(gap.since_s, bound_s - gap.by_s), gap.until_s)


class SteadyClocks:
    """A hub's clocks, for any thread. ``newest_s`` is the date of the newest entry of its ledger."""

    def __init__(self, system: Clocks, newest_s: float | None, synchronised: Callable[[], bool]) -> None:
        self._system, self._synchronised = system, synchronised
        self._lock = threading.Lock()
        self._now = begin(system.wall_s(), system.mono_s(), newest_s, synchronised)

    def wall_s(self) -> float:
        return self._read().at_s

    def mono_s(self) -> float:
        return self._system.mono_s()

    def gap(self) -> Gap | None:
        """What is dated too early, if anything is."""
        return self._read().gap

    def trouble(self, zone: tzinfo) -> str | None:
        """One sentence while the wall clock is not believed."""
        now = self._read()
        if now.doubt is None:
            return None
        goes_by, says = (_spoken(at_s, zone) for at_s in (now.at_s, now.at_s + now.doubt.off_s))
        return (
            f"This hub's clock says {says}, which does not follow from what it said before: the hub goes by {goes_by},"
            " so that it forgets nothing too early. Connect it to a network that gives it the time, or set the clock."
        )

    def _read(self) -> Reckoned:
        with self._lock:
            self._now = step(self._now, self._system.wall_s(), self._system.mono_s(), self._synchronised)
            return self._now


def gap_of(clocks: Clocks) -> Gap | None:
    """What is dated too early by these clocks, if they know of it."""
    return clocks.gap() if isinstance(clocks, SteadyClocks) else None


def _spoken(at_s: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at_s, zone):%Y-%m-%d %H:%M}"
