"""What the owner may ask of an experiment and do to it; over the store, and from values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from hub import experiment_rows as kept
from hub import sales as taken
from hub.auth import Role
from hub.experiment_rows import Hours, Trial
from hub.reads import StoreReads
from hub.sales import Sales
from hub.store import Store

CHANGED_KIND: Final = "experiment"  # an entry of the ledger


class ExperimentDesk(Protocol):
    """Every method may be called from any thread."""

    def trial(self) -> Trial | None:
        """The experiment that runs, or the last one."""

    def hours(self, trial: Trial) -> Hours:
        """What was measured in it."""

    def start(self, share: float, smallest_s: float, by: Role, now_s: float) -> None:
        """Hold a share of zone-hours out from now on."""

    def stop(self, by: Role, now_s: float) -> None:
        """Hold nothing from now on."""

    def sales(self, trial: Trial) -> Sales:
        """What the shop took in its hours, where the owner told it."""

    def tell(self, hours: Mapping[int, float], most: float | None, now_s: float) -> int:
        """Sales by the hour, and what an hour takes at most; how many of these hours had been told before."""


@dataclass(frozen=True, slots=True)
class ExperimentBook:
    """`ExperimentDesk` over the store; ``write`` has the one writer do something inside a batch."""

    reads: StoreReads
    write: Callable[[Callable[[Store], object], float], None]

    def trial(self) -> Trial | None:
        """Raises: StoreError."""
        return kept.newest(self.reads.rows)

    def hours(self, trial: Trial) -> Hours:
        """Raises: StoreError."""
        return kept.hours(self.reads.rows, trial)

    def start(self, share: float, smallest_s: float, by: Role, now_s: float) -> None:
        """Raises: StoreError when it could not be written down."""

        def begin(store: Store) -> None:
            kept.begin(store.run, share, smallest_s, now_s)
            said = {"by": by, "began": {"share": share, "smallest_s": smallest_s}}
            store.note(CHANGED_KIND, json.dumps(said).encode(), now_s)

        self.write(begin, now_s)

    def stop(self, by: Role, now_s: float) -> None:
        """Raises: StoreError when it could not be written down."""

        def end(store: Store) -> None:
            kept.end(store.run, now_s)
            store.note(CHANGED_KIND, json.dumps({"by": by, "ended": True}).encode(), now_s)

        self.write(end, now_s)

    def sales(self, trial: Trial) -> Sales:
        """Raises: StoreError."""
        return taken.told(self.reads.rows, trial)

    def tell(self, hours: Mapping[int, float], most: float | None, now_s: float) -> int:
        """Raises: StoreError when it could not be written down."""
        before: list[int] = []
        trial = self.trial()

        def keep(store: Store) -> None:
            before.append(taken.keep(store.run, hours))
            if most is not None and trial is not None:
                taken.keep_most(store.run, trial.id, most)

        self.write(keep, now_s)
        return before[-1]


@dataclass(slots=True)
class FakeExperiment:
    """`ExperimentDesk` from values; for tests and for looking at pages."""

    now: Trial | None = None
    measured: Hours = field(default_factory=Hours)
    taken: dict[int, float] = field(default_factory=dict)
    told: Sales = field(default_factory=Sales)

    def trial(self) -> Trial | None:
        return self.now

    def hours(self, trial: Trial) -> Hours:
        return self.measured

    def start(self, share: float, smallest_s: float, by: Role, now_s: float) -> None:
        self.now = Trial(1, share, smallest_s, now_s, None)

    def stop(self, by: Role, now_s: float) -> None:
        if self.now:
            self.now = Trial(self.now.id, self.now.share, self.now.smallest_s, self.now.began_s, now_s)

    def sales(self, trial: Trial) -> Sales:
        return self.told

    def tell(self, hours: Mapping[int, float], most: float | None, now_s: float) -> int:
        before = len(self.taken.keys() & hours.keys())
        self.taken |= hours
        self.told = Sales(len(self.taken), self.told.most or most, self.told.units)
        return before
