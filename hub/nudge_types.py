"""What the nudge engine speaks of: the owner's rules, what happens, how a zone is, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import Final

from contract.events import Reason
from hub.experiment import HoldOut
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

    def is_quiet(self, now_s: float) -> bool:
        """Whether the shop wants no nudge raised at this moment."""
        local = datetime.fromtimestamp(now_s, self.timezone)
        return any(span.holds(local.hour * 60 + local.minute) for span in self.quiet)

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


Event = Assisted | Silent | TakenBy | Answered | Tick


# --- how a zone is --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """Staff are asked, nobody is on the way. Units: ``asked_s`` when they were last asked."""

    id: int
    level: int
    reasons: tuple[Reason, ...]
    opened_s: float
    until_s: float
    asked_s: float
    handovers: int = 0


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """Somebody took it."""

    id: int
    opened_s: float
    taken_s: float
    who: str


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


Zone = Open | OnTheWay | Resting | Held


@dataclass(frozen=True, slots=True)
class State:
    """Everything the engine remembers; a zone that is not in ``zones`` has nothing going on.

    Units: ``raised_s`` when each nudge of the last hour was raised, oldest first.
    """

    zones: Mapping[ZoneKey, Zone] = field(default_factory=lambda: MappingProxyType({}))
    raised_s: tuple[float, ...] = ()
    next_id: int = 1


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


Action = Raise | Renew | HandOver | Take | Withdraw | Expire | Close | Hold | LetGo
