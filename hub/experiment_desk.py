"""What the owner may ask of an experiment and do to it; over the store, and from values."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from hub import experiment_rows as kept
from hub.auth import Role
from hub.experiment_rows import Hours, Trial
from hub.reads import StoreReads
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


@dataclass(slots=True)
class FakeExperiment:
    """`ExperimentDesk` from values; for tests and for looking at pages."""

    now: Trial | None = None
    measured: Hours = field(default_factory=Hours)

    def trial(self) -> Trial | None:
        return self.now

    def hours(self, trial: Trial) -> Hours:
        return self.measured

    def start(self, share: float, smallest_s: float, by: Role, now_s: float) -> None:
        self.now = Trial(1, share, smallest_s, now_s, None)

    def stop(self, by: Role, now_s: float) -> None:
        if self.now:
            self.now = Trial(self.now.id, self.now.share, self.now.smallest_s, self.now.began_s, now_s)
