"""The plain frozen values that pass from stage to stage inside one eye.

Rules:
- Pixels exist in `Frame` and die in `read_affect`: no value below the line holds an array or a track id.
- `Frame` cannot be pickled and its ``repr`` shows no pixel (rule 1).
- Places and boxes are in source pixels until `Zone`, which is in fractions of the picture, so that a zone
  survives a change of resolution.
- Times are seconds of the frame clock (monotonic for a camera, clip time for a recording).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from contract.events import Dwell

Luma = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture, 8-bit luma only.

    Shapes: ``luma`` (height, width) uint8.
    Units: ``t_s`` seconds of the frame clock; ``index`` counts from 0.
    """

    index: int
    t_s: float
    luma: Luma = field(repr=False)

    @property
    def width_px(self) -> int:
        return int(self.luma.shape[1])

    @property
    def height_px(self) -> int:
        return int(self.luma.shape[0])

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A frame never leaves the eye: it cannot be pickled or copied out.")


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face.

    Shapes: ``keypoints_px`` six (x, y): the person's right eye, left eye, nose tip, mouth centre, right ear,
    left ear (BlazeFace's order).
    Units: ``box_px`` (x, y, width, height) in source pixels, may reach outside the picture; ``score`` 0 to 1.
    """

    box_px: Box
    score: float
    keypoints_px: tuple[Point, ...]

    @property
    def centre_px(self) -> Point:
        x, y, w, h = self.box_px
        return x + w / 2, y + h / 2


@dataclass(frozen=True, slots=True)
class Person:
    """One face, followed: what the tracker knows of it at this frame.

    Units: ``track`` a random id that lives in RAM for at most 5 minutes (rule 2); ``age_s`` since the track
    began; ``zone`` the zone's id or None; ``dwell_s`` time in that zone; ``turns_per_min`` how often the head
    swept from side to side lately (searching); ``returning`` whether someone left this zone near here less
    than two minutes before.
    """

    face: Face
    track: int
    age_s: float
    zone: int | None
    dwell_s: float
    turns_per_min: float
    returning: bool


@dataclass(frozen=True, slots=True)
class Tag:
    """One printed tag that was read (`contract.badges` says what its number means).

    Units: ``side_px`` mean length of the black square's sides.
    """

    number: int
    centre_px: Point
    side_px: float


@dataclass(frozen=True, slots=True)
class Visitors:
    """The people of one frame after badges and masks.

    ``visitors`` may be read for affect; ``unread`` are people who count as present but may not be read yet
    (on probation, too small: the reason is for ``--trace``); ``excluded`` (staff, opted out, masked) are here
    only so that a trace can list them; ``attended`` are zones in which a staff badge was seen lately.
    """

    frame: Frame
    visitors: tuple[Person, ...]
    unread: tuple[tuple[Person, str], ...]
    excluded: tuple[tuple[Person, str], ...]
    attended: frozenset[int]


# ---- pixels die above this line: nothing below holds an array or a track id ----------------------------------


@dataclass(frozen=True, slots=True)
class Mood:
    """One person's fused mood.

    Units: ``valence`` and ``arousal`` −1 to 1 on Russell's circumplex; the three shares sum to 1.
    """

    negative: float
    neutral: float
    positive: float
    valence: float
    arousal: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One person present at one moment, with nothing that could single them out at another.

    ``mood`` is None when no affect was read or the model abstained (``abstained`` tells the two apart).
    """

    zone: int
    dwell_s: float
    turns_per_min: float
    returning: bool
    mood: Mood | None
    abstained: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to one zone that has just ended; ``mood`` is its last fused one."""

    zone: int
    mood: Mood | None


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything the later stages may know of one frame.

    ``visits`` are those that ended at this frame, fragments of a returning visitor left out.
    Units: ``t_s`` seconds of the frame clock.
    """

    t_s: float
    readings: tuple[Reading, ...]
    attended: frozenset[int]
    visits: tuple[Visit, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """One zone over one window, ready for the gate.

    ``people`` is the largest number of different people who were surely there: the most seen at one moment, so
    that one lingering shopper, however often lost and found, is one. Moods are means over those moments at
    which at least k were present, so that no one weighs more than 1/k.
    Units: ``length_s`` seconds; ``abstained`` 0 to 1; ``dwell`` the bucket of the median over those moments.
    """

    zone: int
    t_end_s: float
    length_s: float
    people: int
    mood: Mood | None
    dwell: Dwell
    abstained: float


@dataclass(frozen=True, slots=True)
class ZoneNow:
    """One zone right now, as the need score sees it.

    ``mood`` is the mean over the last minutes' moments with at least the profile's number of people, else None.
    """

    zone: int
    people: int
    dwell_s: float
    turns_per_min: float
    returning: bool
    attended: bool
    mood: Mood | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Visits to one zone in one clock hour, exact, and never leaving the eye so (rule 7).

    ``negative``, ``neutral`` and ``positive`` count visits by their prevailing mood, ``unknown`` the rest. ``people``
    is how many there were at least: who may be one that was just lost from sight is no other.
    """

    zone: int
    hour_index: int
    people: int
    negative: int
    neutral: int
    positive: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Tumbled:
    """What one moment gives the gate: windows and hours that closed, and each zone as it is now."""

    t_s: float
    closed: tuple[Window, ...]
    hours: tuple[Tally, ...]
    now: tuple[ZoneNow, ...]
