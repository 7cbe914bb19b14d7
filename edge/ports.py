"""The eye's ports: what it needs from outside, one or two methods each. Their fakes are in `edge.fakes`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from edge.values import Face, Frame, Luma, Person, Tag


class Camera(Protocol):
    """Gives frames, newest first served: a late frame is dropped, never queued.

    Raises: CameraError when it cannot be opened or stopped giving frames.
    """

    def frames(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


class Detector(Protocol):
    """Finds the faces in one frame, best score first."""

    def detect(self, frame: Frame) -> tuple[Face, ...]: ...


class AffectModel(Protocol):
    """Reads one aligned face.

    Shapes: crop (48, 48) uint8 luma in; eight probabilities out, in the order of the manifest's labels. A reading
    whose largest is under ``abstain_below`` is an abstention.
    """

    abstain_below: float

    def read(self, crop: Luma) -> tuple[float, ...]: ...


class BadgeReader(Protocol):
    """Looks for badges.

    `look` returns the tags seen on these people, and now and then any other in the picture; `legible` says
    whether a badge worn by this person would have been readable in this frame.

    Raises: BadgeError from `look` when it cannot look at all.
    """

    def look(self, frame: Frame, people: tuple[Person, ...]) -> tuple[Tag, ...]: ...

    def legible(self, frame: Frame, person: Person) -> bool: ...


class Clock(Protocol):
    """Wall time of a moment, which on a Pi is only a label.

    Units: ``t_s`` seconds of the frame clock in, seconds since the epoch (UTC) out.
    """

    def wall_s(self, t_s: float) -> float: ...


class RecordSink(Protocol):
    """Where released records go: the courier's socket, or a list in tests."""

    def send(self, record: bytes) -> None: ...
