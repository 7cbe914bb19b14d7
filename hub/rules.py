"""The owner's rules of nudges: what ``hub.toml`` says, what was set at the page over it, and who changed what.

Rules:
- What was set at the page stands in the database, one row a change, and each row holds all that differs from
  ``hub.toml``; the newest one is in force. A value that ``hub.toml`` says too is not set at the page.
- What is set must be a `hub.config.NudgePart`, as in ``hub.toml``. What no longer is (after an update, say) is not in
  force, and ``hub.toml`` alone is.
- Each change is an entry of the hub's ledger in the same transaction: what, when and from which room. No name.
- The writer takes the new rules with its next batch (`hub.writer`); a rest that has begun lasts as it was given.

Left out: the page (`hub.rule_pages`), what other rules would have done (`hub.whatif`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pydantic import ValidationError

from hub import recorded
from hub.auth import Role
from hub.config import HubConfig, NudgePart
from hub.experiment_rows import holding
from hub.nudge_types import Rules, ZoneKey
from hub.reads import StoreReads
from hub.replay import Recorded
from hub.store import Store

CHANGED_KIND: Final = "rules"  # an entry of the ledger
SHOWN: Final = 50
_NEWEST: Final = "SELECT said FROM own_rules ORDER BY id DESC LIMIT 1"
_ALL: Final = "SELECT at_s, by, said FROM own_rules ORDER BY id DESC LIMIT ?"
Said = Mapping[str, Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """One change at the page: what was in force before and after, by field; ``by`` is a room, not a person."""

    at_s: float
    by: Role
    fields: tuple[tuple[str, Any, Any], ...]


@dataclass(frozen=True, slots=True)
class RuleSheet:
    """What is in force, where it comes from, and what was changed, newest first. ``here`` names what the page set."""

    toml: NudgePart
    now: NudgePart
    here: frozenset[str]
    changes: tuple[Change, ...]


class RuleDesk(Protocol):
    """What the owner may ask of the rules and do to them. Every method may be called from any thread."""

    def sheet(self) -> RuleSheet:
        """The rules as they are."""

    def rules_of(self, part: NudgePart) -> Rules:
        """What the engine would go by."""

    def change(self, part: NudgePart, by: Role, now_s: float) -> None:
        """These rules from now on."""

    def zones(self, now_s: float) -> Mapping[ZoneKey, str]:
        """What the zones are called."""

    def recorded(self, now_s: float) -> Recorded:
        """The last day and week, to ask what other rules would have done."""


def said_in(part: NudgePart) -> dict[str, Any]:
    """The fields of a part as they stand in a file."""
    said: dict[str, Any] = json.loads(part.model_dump_json(by_alias=True))
    return said


def over(toml: NudgePart, said: Said) -> NudgePart:
    """``hub.toml`` with what was said at the page over it.

    Raises: pydantic.ValidationError when both together are no rules.
    """
    return NudgePart.model_validate_json(json.dumps({**said_in(toml), **said}))


def in_force(config: HubConfig, reads: StoreReads) -> HubConfig:
    """The config with the rules that the page set over it."""
    rows = reads.rows(_NEWEST)
    return config.model_copy(update={"nudges": _over(config.nudges, json.loads(rows[0][0]))}) if rows else config


def for_engine(config: HubConfig, reads: StoreReads) -> Rules:
    """The rules in force with what an experiment holds out, if one runs."""
    return holding(in_force(config, reads).rules(), reads.rows)


def write_change(store: Store, config: HubConfig, part: NudgePart, by: Role, now_s: float) -> None:
    """Inside a batch: the rules from now on, and an entry of the ledger that says so."""
    toml = said_in(config.nudges)
    said = {name: value for name, value in said_in(part).items() if toml.get(name) != value}
    before = store.run(_NEWEST).fetchone()
    if said == (json.loads(before[0]) if before else {}):
        return
    store.run("INSERT INTO own_rules (at_s, by, said) VALUES (?, ?, ?)", now_s, by, json.dumps(said))
    entry = {"by": by, "nudges": said_in(part), "over_hub_toml": sorted(said)}
    store.note(CHANGED_KIND, json.dumps(entry).encode(), now_s)


def _over(toml: NudgePart, said: Said) -> NudgePart:
    try:
        return over(toml, said)
    except ValidationError:
        log.error("What was set at the page of rules cannot be used any more: hub.toml is in force.")
        return toml


@dataclass(frozen=True, slots=True)
class RuleBook:
    """`RuleDesk` over the store; ``write`` has the one writer do something inside a batch."""

    config: HubConfig
    reads: StoreReads
    write: Callable[[Callable[[Store], object], float], None]

    def sheet(self) -> RuleSheet:
        """The rules as they are. Raises: StoreError."""
        toml = self.config.nudges
        rows = [(at_s, by, json.loads(said)) for at_s, by, said in self.reads.rows(_ALL, SHOWN + 1)]
        saids = [*(said for *_, said in rows), {}]
        changes = tuple(
            Change(at_s, by, _differ(said_in(toml), saids[number + 1], said))
            for number, (at_s, by, said) in enumerate(rows[:SHOWN])
        )
        now = _over(toml, saids[0])
        here = frozenset(saids[0]) if now is not toml else frozenset[str]()
        return RuleSheet(toml, now, here, changes)

    def rules_of(self, part: NudgePart) -> Rules:
        """What the engine would go by."""
        return self.config.model_copy(update={"nudges": part}).rules()

    def change(self, part: NudgePart, by: Role, now_s: float) -> None:
        """These rules from now on. Raises: StoreError when it could not be written down."""
        self.write(lambda store: write_change(store, self.config, part, by, now_s), now_s)

    def zones(self, now_s: float) -> Mapping[ZoneKey, str]:
        """What the zones are called. Raises: StoreError."""
        return recorded.zones(self.reads, now_s)

    def recorded(self, now_s: float) -> Recorded:
        """The last day and week. Raises: StoreError."""
        return recorded.read(self.reads, now_s)


def _differ(toml: Said, before: Said, after: Said) -> tuple[tuple[str, Any, Any], ...]:
    old, new = {**toml, **before}, {**toml, **after}
    return tuple((name, old.get(name), new.get(name)) for name in new if old.get(name) != new.get(name))


@dataclass(slots=True)
class FakeRules:
    """`RuleDesk` from values; for tests and for looking at pages."""

    config: HubConfig = field(default_factory=HubConfig)
    part: NudgePart | None = None
    changes: list[Change] = field(default_factory=list)
    kept: Recorded | None = None

    def sheet(self) -> RuleSheet:
        toml, now = said_in(self.config.nudges), said_in(self.part or self.config.nudges)
        here = frozenset(name for name in now if now[name] != toml[name])
        return RuleSheet(self.config.nudges, self.part or self.config.nudges, here, tuple(reversed(self.changes)))

    def rules_of(self, part: NudgePart) -> Rules:
        return self.config.model_copy(update={"nudges": part}).rules()

    def change(self, part: NudgePart, by: Role, now_s: float) -> None:
        self.changes.append(Change(now_s, by, _differ({}, said_in(self.sheet().now), said_in(part))))
        self.part = part

    def zones(self, now_s: float) -> Mapping[ZoneKey, str]:
        return self.recorded(now_s).zones

    def recorded(self, now_s: float) -> Recorded:
        return self.kept or Recorded(now_s - recorded.DAY_S, now_s)
