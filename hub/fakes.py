"""A shop without cameras: the pages' two ports, answered from lists. For tests and for looking at pages.

Left out: everything the store and the engine really do (dedup, cooldown, caps, commits).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from contract.events import Command
from hub.nudge_types import Busy, OnShift, ZoneKey
from hub.shift_rows import People
from hub.tally import Numbers, Tally
from hub.views import (
    Changes,
    EventView,
    HourView,
    LedgerView,
    LeftView,
    LessonView,
    NodeView,
    NudgeView,
    Outcome,
    RefusedView,
)

CLOSED_SHOWN_S = 20.0
BUSY_S = 600.0


@dataclass(slots=True)
class FakeShop:
    """Reads and desk in one."""

    changes: Changes = field(default_factory=Changes)
    nudges: dict[int, NudgeView] = field(default_factory=dict)
    node_views: list[NodeView] = field(default_factory=list)
    hours: list[HourView] = field(default_factory=list)
    event_views: list[EventView] = field(default_factory=list)
    refused_views: list[RefusedView] = field(default_factory=list)
    ledger_views: list[LedgerView] = field(default_factory=list)
    lesson_views: list[LessonView] = field(default_factory=list)
    orders: list[tuple[Command, tuple[str, ...]]] = field(default_factory=list)
    broker: bool = True
    people_now: People = field(default_factory=People)

    def put(self, nudge: NudgeView) -> None:
        """A nudge appears or changes."""
        self.nudges[nudge.id] = nudge
        self.changes.touch()

    def say(self, node: NodeView) -> None:
        """A node says how it is."""
        self.node_views = [*(other for other in self.node_views if other.name != node.name), node]
        self.changes.touch()

    def nudges_now(self, now_s: float) -> tuple[NudgeView, ...]:
        return tuple(
            nudge
            for nudge in self.nudges.values()
            if nudge.closed_s is None or now_s - nudge.closed_s <= CLOSED_SHOWN_S
        )

    def nudges_between(self, since_s: float, until_s: float) -> tuple[NudgeView, ...]:
        return tuple(
            sorted(
                (nudge for nudge in self.nudges.values() if since_s <= nudge.opened_s < until_s),
                key=lambda nudge: nudge.opened_s,
            )
        )

    def people(self) -> People:
        return self.people_now

    def staff(self, word: OnShift | Busy, now_s: float) -> None:
        known = dict(self.people_now.busy_until_s)
        if isinstance(word, Busy):
            known |= {word.seat: now_s + BUSY_S if word.busy else 0.0} if word.seat in known else {}
        elif word.on:
            known.setdefault(word.seat, 0.0)
        else:
            known.pop(word.seat, None)
        self.people_now = replace(self.people_now, busy_until_s=known)
        self.changes.touch()

    def nodes(self) -> tuple[NodeView, ...]:
        return tuple(sorted(self.node_views, key=lambda node: node.name))

    def hours_between(self, since_s: int, until_s: int) -> tuple[HourView, ...]:
        return tuple(hour for hour in self.hours if since_s <= hour.hour_start_s < until_s)

    def events(
        self, *, before: int | None, limit: int, node: str | None, kind: str | None, zone: int | None
    ) -> tuple[EventView, ...]:
        return tuple(
            event
            for event in sorted(self.event_views, key=lambda event: -event.id)
            if (before is None or event.id < before)
            and node in (None, event.node)
            and kind in (None, event.kind)
            and zone in (None, event.zone)
        )[:limit]

    def refused(self, *, before: int | None, limit: int) -> tuple[RefusedView, ...]:
        newest = sorted(self.refused_views, key=lambda refused: -refused.id)
        return tuple(refused for refused in newest if before is None or refused.id < before)[:limit]

    def ledgers(self) -> tuple[LedgerView, ...]:
        return tuple(self.ledger_views)

    def counts(self) -> dict[str, int]:
        return {"events": len(self.event_views), "refused": len(self.refused_views)}

    def left_since(self, since_s: float) -> tuple[LeftView, ...]:
        sizes: dict[tuple[str, str], list[int]] = {}
        for event in self.event_views:
            if event.received_s >= since_s:
                sizes.setdefault((event.node, event.kind), []).append(len(event.payload))
        return tuple(LeftView(*key, len(found), sum(found), max(found)) for key, found in sorted(sizes.items()))

    def rolled_to(self) -> int:
        return 0

    def tallies(self, since_day: int, until_day: int, each: int, zone: ZoneKey | None) -> dict[int, Tally]:
        return {}

    def zone_tallies(self, since_day: int, until_day: int) -> dict[ZoneKey, Tally]:
        return {}

    def waits_by(self, since_day: int, until_day: int, each: int) -> dict[int, Numbers]:
        return {}

    def take(self, nudge_id: int, who: str, now_s: float) -> NudgeView | None:
        nudge = self.nudges.get(nudge_id)
        if nudge and nudge.state == "open":
            self.put(replace(nudge, state="taken", taken_s=now_s, taken_by=who))
        return self.nudges.get(nudge_id)

    def answer(self, nudge_id: int, outcome: Outcome, who: str, now_s: float) -> NudgeView | None:
        nudge = self.nudges.get(nudge_id)
        if nudge and nudge.state in ("open", "taken"):
            self.put(replace(nudge, state="answered", outcome=outcome, closed_s=now_s, taken_by=None))
        return self.nudges.get(nudge_id)

    def lessons(self) -> tuple[LessonView, ...]:
        return tuple(self.lesson_views)

    def delete_everything(self, now_s: float) -> None:
        for kept in (self.nudges, self.node_views, self.hours, self.event_views, self.refused_views, self.lesson_views):
            kept.clear()
        self.changes.touch()

    def forget(self, node: str, zone: int, now_s: float) -> None:
        self.lesson_views = [lesson for lesson in self.lesson_views if (lesson.node, lesson.zone) != (node, zone)]

    def order(self, command: Command, nodes: tuple[str, ...], now_s: float) -> bool:
        self.orders += [(command, nodes)] if self.broker else []
        return self.broker

    def accept_ledger(self, node: str, now_s: float) -> None:
        self.ledger_views = [ledger for ledger in self.ledger_views if ledger.node != node]
