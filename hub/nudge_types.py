"""What the nudge engine speaks of: the owner's rules, what happens, how a zone is, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import Final

from contract.events import Reason
from hub.experiment import HoldOut
from hub.shift import Asked, Fairness, Shift
from hub.views import Outcome

HOUR_S: Final = 3_600.0
ZoneKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Quiet:
    """A span of the day without nudges; it may pass midnight. Units: minutes since midnight, local time."""

    from_min: int
    to_min: int

    def holds(self, minute: int) -> bool:
        """Whether this minute of the day lies in the span."""
        if self.from_min <= self.to_min:
            return self.from_min <= minute < self.to_min
        return minute >= self.from_min or minute < self.to_min


@dataclass(frozen=True, slots=True)
class Rules:
    """What the owner has set. ``level_from`` holds for every zone that ``zone_level_from`` does not name; 4 is never.

    ``learns``: whether answers move the levels (`hub.learn`), towards ``precision``, the share of nudges that help.
    ``neighbours``: groups of zones that raise one nudge together. Units: a need must have stood ``first_approach_s``.
    """

    level_from: int = 1
    zone_level_from: Mapping[ZoneKey, int] = field(default_factory=dict)
    learns: bool = False
    precision: float = 0.7
    hand_over_s: float = 45.0
    expires_s: float = 120.0
    taken_max_s: float = 600.0
    rest_s: float = 120.0
    rest_browsing_s: float = 600.0
    per_hour: int = 20
    quiet: tuple[Quiet, ...] = ()
    timezone: tzinfo = UTC
    hold_out: HoldOut | None = None
    first_approach_s: float = 0.0
    neighbours: tuple[frozenset[ZoneKey], ...] = ()
    fair: Fairness = field(default_factory=Fairness)

    def is_quiet(self, now_s: float) -> bool:
        """Whether the shop wants no nudge raised at this moment."""
        local = datetime.fromtimestamp(now_s, self.timezone)
        return any(span.holds(local.hour * 60 + local.minute) for span in self.quiet)

    def beside(self, zone: ZoneKey) -> frozenset[ZoneKey]:
        """The zones that raise one nudge with this one, itself among them."""
        return frozenset((zone,)).union(*(group for group in self.neighbours if zone in group))

    def rest_after_s(self, outcome: Outcome | None) -> float:
        """How long a zone is left alone after a nudge that ended so."""
        return self.rest_browsing_s if outcome == "browsing" else self.rest_s


# --- what happens ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assisted:
    """A node said how much help a zone may welcome. Units: ``until_s`` when that is no longer good."""

    zone: ZoneKey
    level: int
    reasons: tuple[Reason, ...]
    until_s: float
    late: bool = False


@dataclass(frozen=True, slots=True)
class Silent:
    """A node stopped sensing, or is gone."""

    node: str


@dataclass(frozen=True, slots=True)
class TakenBy:
    """A tablet said *on my way*."""

    nudge: int
    who: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A tablet said how it went."""

    nudge: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


@dataclass(frozen=True, slots=True)
class OnShift:
    """A tablet said *on shift*, or that the shift is over."""

    seat: str
    on: bool = True


@dataclass(frozen=True, slots=True)
class Busy:
    """A tablet said *not me, I'm busy*, or that this is over."""

    seat: str
    busy: bool = True


Event = Assisted | Silent | TakenBy | Answered | OnShift | Busy | Tick


# --- how a zone is --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Need:
    """What a camera last said of one zone; level 0 once that is over. Units: ``until_s`` when it is no longer good."""

    zone: ZoneKey
    level: int
    reasons: tuple[Reason, ...]
    until_s: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """A need that nobody is asked about yet (``first_approach_s``). Units: ``since_s`` when it began."""

    since_s: float
    need: Need


@dataclass(frozen=True, slots=True)
class Open:
    """Staff are asked, nobody is on the way. Units: ``asked_s`` when they were last asked.

    ``needs``: of each zone that the nudge is about or was, once neighbours share it; ``level``, ``reasons`` and
    ``until_s`` are those of all.
    """

    id: int
    level: int
    reasons: tuple[Reason, ...]
    opened_s: float
    until_s: float
    asked_s: float
    handovers: int = 0
    needs: tuple[Need, ...] = ()
    asked: Asked = field(default_factory=Asked)


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """Somebody took it. ``zones`` are those that share it, where neighbours do."""

    id: int
    opened_s: float
    taken_s: float
    who: str
    zones: tuple[ZoneKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Resting:
    """The zone is left alone for a while."""

    since_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Held:
    """An experiment holds the nudge that there would be: nobody is asked (`hub.experiment`)."""

    opened_s: float
    until_s: float


Zone = Waiting | Open | OnTheWay | Resting | Held


@dataclass(frozen=True, slots=True)
class State:
    """Everything the engine remembers; a zone that is not in ``zones`` has nothing going on, or shares a neighbour's
    nudge.

    Units: ``raised_s`` when each nudge of the last hour was raised, oldest first.
    """

    zones: Mapping[ZoneKey, Zone] = field(default_factory=lambda: MappingProxyType({}))
    raised_s: tuple[float, ...] = ()
    next_id: int = 1
    shift: Shift = field(default_factory=lambda: MappingProxyType({}))


# --- what to do -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Raise:
    """Ask staff."""

    zone: ZoneKey
    nudge: Open


@dataclass(frozen=True, slots=True)
class Renew:
    """The need goes on; ``seen`` when what staff read has changed."""

    nudge: Open
    seen: bool


@dataclass(frozen=True, slots=True)
class HandOver:
    """Ask again."""

    nudge: Open


@dataclass(frozen=True, slots=True)
class Take:
    """Somebody is on the way."""

    nudge: OnTheWay


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The customer moved on, or the node no longer looks."""

    id: int
    why: str


@dataclass(frozen=True, slots=True)
class Expire:
    """Nobody came, or nobody said how it went."""

    id: int


@dataclass(frozen=True, slots=True)
class Close:
    """Staff answered."""

    id: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Hold:
    """A need is held, or goes on being held."""

    zone: ZoneKey
    held: Held


@dataclass(frozen=True, slots=True)
class LetGo:
    """A held need is over."""

    zone: ZoneKey


@dataclass(frozen=True, slots=True)
class Wait:
    """A need has begun, or goes on, that nobody is asked about yet."""

    zone: ZoneKey
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class WaitNoMore:
    """Such a need is over, or somebody is asked about it now."""

    zone: ZoneKey


@dataclass(frozen=True, slots=True)
class Staffed:
    """Who is on shift has changed, or whose turn it is."""

    shift: Shift


Action = Raise | Renew | HandOver | Take | Withdraw | Expire | Close | Hold | LetGo | Wait | WaitNoMore | Staffed
