"""Fakes of the ports in `edge.ports`, for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from contract.errors import BadgeError, CameraError
from edge.values import Frame, Luma, Person, Tag


@dataclass(slots=True)
class FakeCamera:
    """Gives these pictures, ``1 / fps`` seconds apart, then ends; with ``breaks`` it stops giving frames instead."""

    pictures: Sequence[Luma]
    fps: float = 10.0
    breaks: bool = False
    closed: bool = False

    def frames(self) -> Iterator[Frame]:
        for index, luma in enumerate(self.pictures):
            yield Frame(index, index / self.fps, luma)
        if self.breaks:
            raise CameraError("The fake camera stopped giving frames: check its script.")

    def close(self) -> None:
        self.closed = True


@dataclass(slots=True)
class FakeBadgeReader:
    """Sees ``tags`` at each frame index, and finds a badge legible where ``clear`` says so; ``broken`` cannot look.

    ``asked`` keeps whom it was asked to look at.
    """

    tags: dict[int, tuple[Tag, ...]] = field(default_factory=dict)
    clear: Callable[[Frame, Person], bool] = lambda frame, person: True
    broken: bool = False
    asked: list[tuple[int, frozenset[int]]] = field(default_factory=list)

    def look(self, frame: Frame, people: tuple[Person, ...]) -> tuple[Tag, ...]:
        if self.broken:
            raise BadgeError("The fake badge reader cannot look: mend it.")
        self.asked.append((frame.index, frozenset(person.track for person in people)))
        return self.tags.get(frame.index, ())

    def legible(self, frame: Frame, person: Person) -> bool:
        return self.clear(frame, person)
