"""Staff, opted-out and masked people leave here, before any face is read (rule 3).

Rules:
- A track is on probation until badges were looked for `LOOKS` times where one would have been legible: the chest in
  the picture and not behind somebody nearer, the face in light and focus, the person nearly still.
- A badge seen once excludes its track for the rest of its life, and whoever appears in its place soon after it was
  lost. A tag between two chests excludes both.
- Two faces that come close enough to be mistaken for each other, also on their way from one look to the next, and a
  track that was away, go back on probation.
- A cleared person is read only at sizes at which a badge would be legible.
- While the badge reader does not work, nobody is read. A face inside a mask is never looked at.
- A zone is attended while a member of staff is in it, and for `ATTENDED_S` after.

Left out: reading the tags (`edge.eye.tags`), what the numbers mean (`contract.badges`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from contract.badges import meaning
from contract.errors import BadgeError
from contract.events import ZoneSpec
from edge.eye.tags import CHEST_FACES, CHEST_SEEN_FACES, SIDE_FACES, SIDE_MIN_PX, side_px
from edge.ports import BadgeReader
from edge.values import Frame, Person, Point, Tag, Visitors
from edge.zones import inside, zone_of

LOOKS: Final = 3
LOOK_GAP_S: Final = 0.12
CHECK_EVERY_S: Final = 0.5
ATTENDED_S: Final = 20.0
# A badge blurs beyond reading when the face moves about 0.06 of its width during an exposure of 1/30 s.
SPEED_MAX_FACES_S: Final = 1.8
AWAY_S: Final = 0.6
HEIR_S: Final = 5.0
_CHEST_Y_FACES: Final = 1.6
_MEETING_FACES: Final = 0.7
# Sizes tell who is nearer only roughly: one this much narrower may still stand in front.
_SURELY_BEHIND: Final = 0.85
_HIDDEN_HALF_FACES: Final = 0.45

ON_PROBATION: Final = "on probation"
NOT_LEGIBLE: Final = "badge not legible"
NO_READER: Final = "no badge reader"

Wearer = Literal["staff", "opted_out"]


@dataclass(frozen=True, slots=True)
class Probation:
    """Nothing seen yet; ``looks`` that counted, the last at ``last_s``."""

    looks: int = 0
    last_s: float = -math.inf


@dataclass(frozen=True, slots=True)
class Cleared:
    """No badge where one would have been legible."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """A badge was seen."""

    wearer: Wearer


State = Probation | Cleared | Excluded


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of one track."""

    state: State
    seen_s: float
    person: Person
    looked_s: float = -math.inf
    speed_faces_s: float = 0.0


def leave_out(
    people: Iterable[tuple[Frame, tuple[Person, ...]]],
    reader: BadgeReader | None,
    masks: Sequence[Sequence[Point]],
    zones: Sequence[ZoneSpec] = (),
) -> Iterator[Visitors]:
    """Each frame's people, sorted into those who may be read and those who may not."""
    roll = _Roll(reader, zones)
    for frame, present in people:
        masked = tuple(p for p in present if any(inside(mask, _fraction(frame, p.face.centre_px)) for mask in masks))
        open_ = tuple(p for p in present if p not in masked)
        yield roll.call(frame, open_, masked)


class _Roll:
    """What is known of each track and of each zone's attendance; lives as long as the camera's stream."""

    def __init__(self, reader: BadgeReader | None, zones: Sequence[ZoneSpec]) -> None:
        self._reader, self._zones = reader, zones
        self._known: dict[int, _Known] = {}
        self._looked_s = -math.inf
        self._attended_until_s: dict[int, float] = {}

    def call(self, frame: Frame, people: tuple[Person, ...], masked: tuple[Person, ...]) -> Visitors:
        self._meet(frame, people)
        works = self._look(frame, people)
        visitors: list[Person] = []
        unread: list[tuple[Person, str]] = []
        excluded = [(person, "masked") for person in masked]
        for person in people:
            state = self._known[person.track].state
            if isinstance(state, Excluded):
                excluded.append((person, state.wearer.replace("_", " ")))
                if state.wearer == "staff":
                    self._attend(person.zone, frame.t_s)
            elif not works:
                unread.append((person, NO_READER))
            elif side_px(person) < SIDE_MIN_PX:
                unread.append((person, NOT_LEGIBLE))
            elif isinstance(state, Cleared):
                visitors.append(person)
            else:
                unread.append((person, ON_PROBATION if state.looks else NOT_LEGIBLE))
        return Visitors(frame, tuple(visitors), tuple(unread), tuple(excluded), self._attended(frame.t_s))

    def _meet(self, frame: Frame, people: tuple[Person, ...]) -> None:
        """Takes note of everyone in the picture, and of whom they may be mistaken for."""
        here = {person.track for person in people}
        before = {track: known.person for track, known in self._known.items() if known.seen_s == self._looked_s}
        self._looked_s = frame.t_s
        for person in people:
            known = self._known.get(person.track)
            if known is None:
                self._known[person.track] = _Known(self._inherited(frame.t_s, person, here), frame.t_s, person)
                continue
            state = known.state
            away = frame.t_s - known.seen_s > AWAY_S
            if not isinstance(state, Excluded) and (away or _meets(person, people, before)):
                state = Probation()
            speed = _speed(known, person, frame.t_s)
            self._known[person.track] = replace(
                known, state=state, seen_s=frame.t_s, person=person, speed_faces_s=speed
            )
        self._known = {t: k for t, k in self._known.items() if frame.t_s - k.seen_s <= 2 * HEIR_S}

    def _inherited(self, t_s: float, person: Person, here: set[int]) -> State:
        """A new track in the place of an excluded one that was just lost is taken for the same person."""
        for track, known in self._known.items():
            lost = track not in here and t_s - known.seen_s <= HEIR_S
            if lost and isinstance(known.state, Excluded) and _same_place(known.person, person):
                del self._known[track]
                return known.state
        return Probation()

    def _look(self, frame: Frame, people: tuple[Person, ...]) -> bool:
        """Looks at those whose turn it is; False when nobody can look."""
        due = tuple(p for p in people if self._due(self._known[p.track], frame.t_s))
        if self._reader is None:
            return False
        try:
            tags = self._reader.look(frame, due)
        except BadgeError:
            return False
        for tag in tags:
            self._read(tag, frame, people)
        for person in due:
            known = self._known[person.track]
            if isinstance(known.state, Probation) and self._counts(frame, person, people):
                looks = known.state.looks + 1
                known = replace(known, state=Probation(looks, frame.t_s) if looks < LOOKS else Cleared())
            self._known[person.track] = replace(known, looked_s=frame.t_s)
        return True

    def _due(self, known: _Known, t_s: float) -> bool:
        """Those on probation at every turn that can count, the cleared and the far now and then."""
        if isinstance(known.state, Excluded):
            return False
        near = side_px(known.person) >= SIDE_MIN_PX
        gap_s = LOOK_GAP_S if isinstance(known.state, Probation) and near else CHECK_EVERY_S
        return t_s - known.looked_s >= gap_s

    def _counts(self, frame: Frame, person: Person, people: tuple[Person, ...]) -> bool:
        return (
            self._reader is not None
            and self._known[person.track].speed_faces_s <= SPEED_MAX_FACES_S
            and not any(_hides(other, person) for other in people)
            and self._reader.legible(frame, person)
        )

    def _read(self, tag: Tag, frame: Frame, people: tuple[Person, ...]) -> None:
        """One tag: its wearers are excluded, and staff attend their zone even when their face is turned away."""
        said = meaning(tag.number)
        if said not in ("staff", "opted_out"):
            return
        for person in _wearers(tag, people):
            known = self._known[person.track]
            if not isinstance(known.state, Excluded):
                self._known[person.track] = replace(known, state=Excluded(said))
        if said == "staff" and self._zones:
            x, y = tag.centre_px
            head = (x, max(y - _CHEST_Y_FACES * tag.side_px / SIDE_FACES, 0.0))
            self._attend(zone_of(self._zones, _fraction(frame, head)), frame.t_s)

    def _attend(self, zone: int | None, t_s: float) -> None:
        if zone is not None:
            self._attended_until_s[zone] = t_s + ATTENDED_S

    def _attended(self, t_s: float) -> frozenset[int]:
        return frozenset(zone for zone, until_s in self._attended_until_s.items() if t_s <= until_s)


def _wearers(tag: Tag, people: Sequence[Person]) -> list[Person]:
    """Those on whose chest the tag is: the nearest chest, and any other that is about as near."""
    far = [(_from_chest(tag, person), person) for person in people if _on_chest(tag, person)]
    nearest = min((d for d, _ in far), default=0.0)
    return [person for d, person in far if d <= 1.3 * nearest + 0.1]


def _on_chest(tag: Tag, person: Person) -> bool:
    half, top, foot = CHEST_FACES
    x, y = person.face.centre_px
    w = person.face.box_px[2]
    right, down, wide = (tag.centre_px[0] - x) / w, (tag.centre_px[1] - y) / w, tag.side_px / w
    return abs(right) <= half and top <= down <= foot and SIDE_FACES / 2 <= wide <= SIDE_FACES * 2


def _from_chest(tag: Tag, person: Person) -> float:
    x, y = person.face.centre_px
    w = person.face.box_px[2]
    return math.hypot((tag.centre_px[0] - x) / w, (tag.centre_px[1] - y) / w - _CHEST_Y_FACES)


def _hides(other: Person, person: Person) -> bool:
    """Whether somebody who may be nearer stands with head or shoulders before this person's chest."""
    w, wide = person.face.box_px[2], other.face.box_px[2]
    if other.track == person.track or wide < _SURELY_BEHIND * w:
        return False
    (x, y), (ox, oy) = person.face.centre_px, other.face.centre_px
    _, top, foot = CHEST_SEEN_FACES
    aside = abs(ox - x) - _HIDDEN_HALF_FACES * w
    head = aside < 0.7 * wide and oy - 0.9 * wide < y + foot * w and oy + 0.7 * wide > y + top * w
    body = aside < 1.15 * wide and oy + 0.7 * wide < y + foot * w
    return head or body


def _meets(person: Person, people: Sequence[Person], before: Mapping[int, Person]) -> bool:
    return any(
        _nearest(person, other, before) < _MEETING_FACES * (person.face.box_px[2] + other.face.box_px[2]) / 2
        for other in people
        if other.track != person.track
    )


def _nearest(person: Person, other: Person, before: Mapping[int, Person]) -> float:
    """How near two faces came since the look before, each on a straight way."""
    now = _from_to(person, other)
    then = _from_to(before.get(person.track, person), before.get(other.track, other))
    step = now[0] - then[0], now[1] - then[1]
    length = step[0] ** 2 + step[1] ** 2
    part = -(then[0] * step[0] + then[1] * step[1]) / length if length else 0.0
    part = min(max(part, 0.0), 1.0)
    return math.hypot(then[0] + part * step[0], then[1] + part * step[1])


def _from_to(one: Person, other: Person) -> Point:
    (x, y), (ox, oy) = one.face.centre_px, other.face.centre_px
    return ox - x, oy - y


def _same_place(lost: Person, new: Person) -> bool:
    before, now = lost.face.box_px[2], new.face.box_px[2]
    return _apart(lost, new) <= 1.2 * max(before, now) and 0.7 <= now / before <= 1.4


def _apart(one: Person, other: Person) -> float:
    return math.dist(one.face.centre_px, other.face.centre_px)


def _speed(known: _Known, person: Person, t_s: float) -> float:
    step_s = max(t_s - known.seen_s, 1e-3)
    return _apart(known.person, person) / person.face.box_px[2] / step_s


def _fraction(frame: Frame, point: Point) -> Point:
    return point[0] / frame.width_px, point[1] / frame.height_px
