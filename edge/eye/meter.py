"""How long each stage takes, measured around the generators so that no stage knows of it, and what became of faces.

Rule: figures are means and sums over a minute and more (rule 10): nothing per frame or face is kept. Sums of faces stay
in the eye: `health` has none, and only `replay`, on a recorded file, prints them.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Meter:
    """Inclusive seconds spent in each stage's ``next``; a stage's own time is its less its upstream's.

    Units: seconds; ``frames`` counted at the first stage.
    """

    now_s: Callable[[], float] = perf_counter
    frames: int = 0
    order: list[str] = field(default_factory=list)
    inclusive_s: dict[str, float] = field(default_factory=dict)
    faces: Counter[str] = field(default_factory=Counter)

    def around(self, stage: str, stream: Iterable[T]) -> Iterator[T]:
        """The same stream, with the time each item took to come added to ``stage``. Call in pipeline order."""
        self.order.append(stage)  # now, not at the first item: a generator would register last stage first
        self.inclusive_s[stage] = 0.0
        return self._timed(stage, iter(stream), first=len(self.order) == 1)

    def _timed(self, stage: str, items: Iterator[T], *, first: bool) -> Iterator[T]:
        while True:
            began_s = self.now_s()
            try:
                item = next(items)
            except StopIteration:
                return
            self.inclusive_s[stage] += self.now_s() - began_s
            self.frames += first
            yield item

    def tally(self, what: str) -> None:
        """One more face that was read, left unsure or skipped for this reason."""
        self.faces[what] += 1

    def own_ms(self) -> dict[str, float]:
        """Milliseconds a frame in each stage itself."""
        frames = max(self.frames, 1)
        upstream_s = [0.0, *(self.inclusive_s[stage] for stage in self.order)]
        return {
            stage: 1000 * (self.inclusive_s[stage] - before_s) / frames
            for stage, before_s in zip(self.order, upstream_s, strict=False)
        }

    def reset(self) -> None:
        """Begin the next minute."""
        self.frames = 0
        self.faces.clear()
        self.inclusive_s = dict.fromkeys(self.inclusive_s, 0.0)


def resident_mb() -> int:
    """Peak resident memory of this process. Units: MB (2²⁰ bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
