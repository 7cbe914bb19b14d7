"""Fakes of the ports in `edge.ports`, for tests and for the simulated shop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FakeClock:
    """A wall clock that reads ``start_s`` when the frame clock reads 0. Also the clock of a recorded clip."""

    start_s: float = 0.0

    def wall_s(self, t_s: float) -> float:
        return self.start_s + t_s
