"""What is known of the eye from what it says, and from its silence.

Rules:
- An eye that ends is given a moment to come back before anybody is told: each life that ends for a new config, a pause
  or the opening hours is followed by another.
- An eye that senses gives a pulse every minute; one that gives none for longer has a camera that hangs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final, Literal

from contract.events import Trouble
from edge.record import PulseRecord, Record, StateRecord

GRACE_S: Final = 5.0
SILENT_S: Final = 150.0

Accelerator = Literal["cpu", "edgetpu"]


@dataclass(slots=True)
class EyeWatch:
    """``pulse`` is the newest of the eye that senses now; ``accelerator`` is what the last one of any life ran on.

    Units: moments on the monotonic clock.
    """

    pulse: PulseRecord | None = None
    accelerator: Accelerator = "cpu"
    _trouble: Trouble | None = "eye_stopped"
    _before: Trouble | None = "eye_stopped"
    _since_s: float = 0.0
    _heard_s: float = field(default_factory=time.monotonic)

    def heard(self, record: Record, now_s: float) -> None:
        """The eye has said something."""
        self._heard_s = now_s
        if isinstance(record, PulseRecord):
            self.pulse = record
            self.accelerator = "edgetpu" if record.edgetpu else "cpu"
        elif isinstance(record, StateRecord):
            self._is(record.trouble, now_s)

    def gone(self, now_s: float) -> None:
        """The eye's connection has ended. What it said last, of a camera or a model, stands while it comes back."""
        self.pulse = None
        self._is("eye_stopped", now_s)

    @property
    def senses(self) -> bool:
        """Whether the eye has said that it looks, be it for a walk, and not yet that it stopped."""
        return self._trouble in (None, "accelerator_lost", "commissioning")

    @property
    def accelerator_lost(self) -> bool:
        """Whether the eye goes on without an accelerator that should be there."""
        return self._trouble == "accelerator_lost"

    def trouble(self, now_s: float) -> Trouble | None:
        """What keeps the eye from sensing, or None when it senses."""
        if self._trouble == "eye_stopped" and now_s - self._since_s < GRACE_S:
            return self._before
        if self.senses and now_s - self._heard_s > SILENT_S:
            return "camera_lost"
        return self._trouble

    def _is(self, trouble: Trouble | None, now_s: float) -> None:
        if trouble != self._trouble:
            self._before = self.trouble(now_s)
            self._since_s = now_s
        self._trouble = trouble
