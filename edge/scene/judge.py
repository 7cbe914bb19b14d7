"""What was said against what was true: which needs were found, how late, and which nudges were for nothing.

Rules:
- A need is an unbroken time in which one visitor needs help in a zone with no staff in it; one shorter than
  `NEED_MIN_S` is left out, as nobody could have come in time.
- A nudge begins where the gate raises a zone's level from 0, and stands until the gate takes it back. It is right when
  somebody in the zone needs help then or within `GRACE_S`: staff take as long to walk there.
- A need is found when a nudge of its zone stands at any time of it; the delay counts from when help was needed.

Left out: cooldowns and caps of the hub, which keep some of these nudges from the staff.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from edge.config import Privacy
from edge.eye.gate import Budget, Gate, Levels, Spent, release
from edge.record import AssistRecord, Record
from edge.scene.script import Script
from edge.scene.truth import seen_at
from edge.values import Tumbled

NEED_MIN_S: Final = 10.0
GRACE_S: Final = 10.0
_NEVER: Final = 2.0
_TIMER_LEVEL: Final = 0.3  # half of the dwell term, which is reached at twice what is usual


@dataclass(frozen=True, slots=True)
class Span:
    """A time in a zone: of a need, or of a nudge. Units: seconds."""

    zone: int
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts that add up over shops. Units: ``delays_s`` of the needs found; ``hours`` of shop time."""

    needs: int = 0
    found: int = 0
    nudges: int = 0
    right: int = 0
    delays_s: tuple[float, ...] = ()
    hours: float = 0.0

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            self.needs + other.needs,
            self.found + other.found,
            self.nudges + other.nudges,
            self.right + other.right,
            self.delays_s + other.delays_s,
            self.hours + other.hours,
        )

    @property
    def precision(self) -> float:
        return self.right / self.nudges if self.nudges else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.needs if self.needs else 1.0

    @property
    def delay_s(self) -> float:
        return median(self.delays_s) if self.delays_s else 0.0

    @property
    def false_per_hour(self) -> float:
        return (self.nudges - self.right) / self.hours if self.hours else 0.0


def needs(script: Script, seconds: float) -> tuple[Span, ...]:
    """When which zone had somebody who needed help and nobody to give it, to the second."""
    done: list[Span] = []
    running: dict[tuple[str, int], Span] = {}
    for t_s in range(int(seconds)):
        seen = seen_at(script, t_s, float(t_s))
        served = {one.zone for one in seen if one.role == "staff"}
        for one in seen:
            if one.needs_help and one.role == "visitor" and one.zone is not None and one.zone not in served:
                begun = running.get((one.who, one.zone), Span(one.zone, t_s, t_s))
                running[one.who, one.zone] = replace(begun, until_s=t_s + 1.0)
        ended = [key for key, span in running.items() if span.until_s < t_s + 1.0]
        done += [running.pop(key) for key in ended]
    return tuple(span for span in (*done, *running.values()) if span.until_s - span.from_s >= NEED_MIN_S)


def nudges(records: Iterable[Record | None], seconds: float) -> tuple[Span, ...]:
    """When a nudge of which zone stood, from what the gate said."""
    done: list[Span] = []
    standing: dict[int, Span] = {}
    for record in records:
        if not isinstance(record, AssistRecord):
            continue
        zone, t_s = record.head.zone, float(record.head.t_mono_s)
        if record.level == 0 and zone in standing:
            done.append(replace(standing.pop(zone), until_s=t_s))
        elif record.level > 0 and zone not in standing:
            standing[zone] = Span(zone, t_s, seconds)
    return (*done, *standing.values())


def judge(needed: Sequence[Span], said: Sequence[Span], seconds: float) -> Figures:
    """One shop."""
    right = sum(
        any(need.zone == nudge.zone and need.from_s - GRACE_S <= nudge.from_s < need.until_s for need in needed)
        for nudge in said
    )
    firsts = [
        min((nudge.from_s for nudge in said if _meet(need, nudge)), default=None)  # the first that stood
        for need in needed
    ]
    delays_s = tuple(
        max(first - need.from_s, 0.0) for need, first in zip(needed, firsts, strict=True) if first is not None
    )
    return Figures(len(needed), len(delays_s), len(said), right, delays_s, seconds / 3600)


def _meet(need: Span, nudge: Span) -> bool:
    return need.zone == nudge.zone and nudge.from_s < need.until_s and nudge.until_s > need.from_s


def gate(levels: Levels | None, usual_dwell_s: float, privacy: Privacy) -> Gate:
    """The eye's gate with these levels in every zone, or with its own when None."""
    thresholds = {} if levels is None else dict.fromkeys(range(3), levels)
    return Gate(privacy, usual_dwell_s, thresholds, 1, Budget(), Spent())


def by_need(seen: Sequence[Tumbled], level: float, usual_dwell_s: float, privacy: Privacy) -> list[Record | None]:
    """What the gate says when a nudge needs this score."""
    return list(release(seen, gate((level, _NEVER, _NEVER), usual_dwell_s, privacy)))


def by_dwell(seen: Sequence[Tumbled], longest_s: float, privacy: Privacy) -> list[Record | None]:
    """The baseline: the same gate and the same knowledge of staff, but nothing counts except a stay this long."""
    plain = [
        replace(
            tumbled,
            now=tuple(replace(zone, turns_per_min=0.0, returning=False, mood=None) for zone in tumbled.now),
        )
        for tumbled in seen
    ]
    return list(release(plain, gate((_TIMER_LEVEL, _NEVER, _NEVER), longest_s / 2, privacy)))


def without_affect(seen: Sequence[Tumbled]) -> list[Tumbled]:
    """The same observations with no mood in them."""
    return [replace(one, now=tuple(replace(zone, mood=None) for zone in one.now)) for one in seen]
