"""What the pages see of the hub: plain values to read, two ports to reach it by, and one bell.

Rules:
- A page never sees a row, a connection or the nudge engine; it sees these values.
- Nothing here says which member of staff did what, but for `NudgeView.taken_by`, a random id of a signed-in tablet
  that stands only while somebody is on the way and is gone when the nudge closes.
- Zones are told apart by (node, zone); the name is only what people read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Final, Literal, Protocol

from contract.events import Birth, Command, Health, Reason, State, Trouble
from contract.jurisdiction import Jurisdiction
from contract.wire import HUB

if TYPE_CHECKING:
    from hub.nudge_types import Busy, OnShift, ZoneKey
    from hub.shift_rows import People
    from hub.tally import Numbers, Tally

UNNAMED: Final = "This shop"
Outcome = Literal["helped", "browsing", "nobody"]
Shown = Literal["open", "taken", "answered", "withdrawn", "expired"]


@dataclass(frozen=True, slots=True)
class NudgeView:
    """One nudge as people see it.

    Units: times are seconds since the epoch on the hub's clock.
    """

    id: int
    node: str
    zone: int
    zone_name: str
    level: int
    reasons: tuple[Reason, ...]
    state: Shown
    opened_s: float
    taken_s: float | None = None
    closed_s: float | None = None
    outcome: Outcome | None = None
    handovers: int = 0
    taken_by: str | None = None


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node: what it last said of itself, and when anything was last heard from it."""

    name: str
    state: State
    reason: Trouble | None
    since_s: float
    heard_s: float | None
    birth: Birth | None = None
    health: Health | None = None


@dataclass(frozen=True, slots=True)
class HourView:
    """Released history of one zone in one hour; a suppressed hour has no numbers."""

    node: str
    zone: int
    zone_name: str
    hour_start_s: int
    suppressed: bool
    epsilon: float
    negative: int = 0
    neutral: int = 0
    positive: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class EventView:
    """One event as received: `payload` is byte for byte what left the node."""

    id: int
    received_s: float
    node: str
    kind: str
    zone: int | None
    boot: str
    seq: int | None
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class RefusedView:
    """One message that was not in the contract, and why."""

    id: int
    received_s: float
    topic: str
    code: str
    reason: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LedgerView:
    """How long a ledger is as far as the hub has seen, and the last checkpoint that it cosigned.

    ``fork`` says why it is cosigned no longer; ``called_by`` are nodes that say the same of it.
    """

    node: str
    size: int
    checkpoint: str | None
    received_s: float | None
    fork: str | None = None
    called_by: tuple[str, ...] = ()

    @property
    def log(self) -> str:
        """Its name in topics."""
        return HUB if self.node == "this hub" else self.node


@dataclass(frozen=True, slots=True)
class Settings:
    """What the owner has said about the shop. ``hosts`` are the names, beside loopback, that pages answer to;
    ``controller`` is who answers for the processing, by legal name and address."""

    shop_name: str = UNNAMED
    contact: str | None = None
    hosts: tuple[str, ...] = ("attune.local",)
    legal_basis: str | None = None
    recipients: tuple[str, ...] = ()
    jurisdiction: Jurisdiction = "eu"
    express_consent: str = ""
    dpia_reference: str = ""
    assists_hours: float = 24.0
    keep_days: int = 396
    controller: str | None = None
    timezone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class LessonView:
    """What one zone's answers taught; `hub.learn` says how.

    ``answers`` counts those at this level and above; ``low`` to ``high`` holds the precision 9 times in 10.
    """

    node: str
    zone: int
    zone_name: str
    level_from: int
    answers: int
    precision: float
    low: float
    high: float
    attained: bool


@dataclass(frozen=True, slots=True)
class LeftView:
    """What left one node of one kind. Units: ``size_bytes`` of all payloads, ``longest_bytes`` of the longest one."""

    node: str
    kind: str
    records: int
    size_bytes: int
    longest_bytes: int


class Reads(Protocol):
    """What pages may read. Every method may be called from any thread."""

    def nudges_now(self, now_s: float) -> tuple[NudgeView, ...]:
        """Open and taken nudges, and those closed in the last 20 s."""

    def nudges_between(self, since_s: float, until_s: float) -> tuple[NudgeView, ...]:
        """Nudges opened in a span, oldest first."""

    def people(self) -> People:
        """Who is on shift and whom open nudges are asked of; for the staff page alone."""

    def nodes(self) -> tuple[NodeView, ...]:
        """Every node ever heard, by name."""

    def hours_between(self, since_s: int, until_s: int) -> tuple[HourView, ...]:
        """Zone-hours that start in a span, oldest first."""

    def events(
        self, *, before: int | None, limit: int, node: str | None, kind: str | None, zone: int | None
    ) -> tuple[EventView, ...]:
        """Events with an id under ``before``, newest first."""

    def refused(self, *, before: int | None, limit: int) -> tuple[RefusedView, ...]:
        """Quarantined messages with an id under ``before``, newest first."""

    def ledgers(self) -> tuple[LedgerView, ...]:
        """One line a node."""

    def counts(self) -> dict[str, int]:
        """How many ``events`` and how many ``refused`` the store holds."""

    def left_since(self, since_s: float) -> tuple[LeftView, ...]:
        """What came from each node since then, by node and kind."""

    def rolled_to(self) -> int:
        """The first day (its ordinal) that is not summed yet; 0 where none is."""

    def tallies(self, since_day: int, until_day: int, each: int, zone: ZoneKey | None) -> dict[int, Tally]:
        """The sums of every ``each`` days from the first on, of one zone or of all."""

    def zone_tallies(self, since_day: int, until_day: int) -> dict[ZoneKey, Tally]:
        """The sums of each zone over a span."""

    def waits_by(self, since_day: int, until_day: int, each: int) -> dict[int, Numbers]:
        """How soon somebody went, by every ``each`` days from the first on; of the whole shop."""


class Desk(Protocol):
    """What people may do to nudges and to what those taught. Every method may be called from any thread and returns
    after the commit."""

    def take(self, nudge_id: int, who: str, now_s: float) -> NudgeView | None:
        """The nudge as it now is (a colleague may have been quicker), or None where there is none."""

    def answer(self, nudge_id: int, outcome: Outcome, who: str, now_s: float) -> NudgeView | None:
        """The nudge as it now is, or None where there is none."""

    def staff(self, word: OnShift | Busy, now_s: float) -> None:
        """Somebody is on shift, or busy, or no longer."""

    def lessons(self) -> tuple[LessonView, ...]:
        """What the answers taught, a line for each zone that has any, by name."""

    def delete_everything(self, now_s: float) -> None:
        """All that nodes ever told goes (`hub.erase`)."""

    def forget(self, node: str, zone: int, now_s: float) -> None:
        """What was answered in a zone until now teaches nothing any more."""

    def order(self, command: Command, nodes: tuple[str, ...], now_s: float) -> bool:
        """Says a word to nodes, then writes down that it was; whether there was a broker to take it."""

    def accept_ledger(self, node: str, now_s: float) -> None:
        """A ledger that did not go on from what it signed before was begun anew, says the owner."""


@dataclass(slots=True)
class Changes:
    """The bell from the writer to the pages: something that they show has changed."""

    _listeners: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def listen(self, ring: Callable[[], None]) -> Callable[[], None]:
        """Calls ``ring`` on every touch, from the toucher's thread; returns what ends that."""
        with self._lock:
            self._listeners.append(ring)

        def stop() -> None:
            with self._lock:
                if ring in self._listeners:
                    self._listeners.remove(ring)

        return stop

    def touch(self) -> None:
        """Say that something has changed. Any thread; cheap; never raises."""
        with self._lock:
            listeners = tuple(self._listeners)
        for ring in listeners:
            ring()
