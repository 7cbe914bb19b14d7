"""Faces to people: who is the same from frame to frame, where they are, and how long they have been there.

Rules:
- Motion and size only; no appearance is compared or kept (rule 1).
- An id is random, lives in RAM for at most `life_max_s` and is then drawn anew; nothing outlives the camera (rule 2).
- Only people whose face is in this very frame are given. A face that is lost for a moment keeps its id; one that
  turns up again in the same place within `linger_s` gets a new id but keeps its dwell: people look at shelves.
- A person is in another zone only after a second there, so that borders do not flap.

Left out: who may be read (`edge.eye.badge`) and what dwell means (`edge.eye.need`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from secrets import randbits
from typing import Final

from contract.events import ZoneSpec
from edge.values import Face, Frame, Person, Point
from edge.zones import zone_of

TURNED: Final = 0.22  # nose off the middle of the eyes, in eye distances, that counts as looking to a side
TURNS_OVER_S: Final = 30.0
ZONE_SURE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Tracking:
    """How far and how long a face may stray and still be the same.

    Units: ``reach_faces`` in widths of the face; ``size_ratio_max`` between two sightings; the rest in seconds.
    """

    reach_faces: float = 0.9
    size_ratio_max: float = 1.6
    coast_s: float = 1.5
    linger_s: float = 15.0
    return_s: float = 120.0
    life_max_s: float = 300.0


@dataclass(slots=True)
class _Track:
    """One followed face. Units: pixels and seconds; ``velocity_px_s`` of its centre."""

    face: Face
    began_s: float
    seen_s: float
    zone: int | None
    zone_since_s: float
    returning: bool = False
    number: int = field(default_factory=lambda: randbits(48))
    velocity_px_s: Point = (0.0, 0.0)
    next_zone: int | None = None
    next_zone_since_s: float | None = None
    side: int = 0
    turns_s: deque[float] = field(default_factory=deque)

    def expected_px(self, t_s: float) -> Point:
        """Where its centre should be now; momentum fades within half a second."""
        ahead_s = min(t_s - self.seen_s, 0.5)
        (x, y), (vx, vy) = self.face.centre_px, self.velocity_px_s
        return x + vx * ahead_s, y + vy * ahead_s

    def see(self, face: Face, t_s: float, zone: int | None) -> None:
        step_s = max(t_s - self.seen_s, 1e-3)
        (x, y), (px, py), (vx, vy) = face.centre_px, self.face.centre_px, self.velocity_px_s
        self.velocity_px_s = (0.6 * vx + 0.4 * (x - px) / step_s, 0.6 * vy + 0.4 * (y - py) / step_s)
        self.face, self.seen_s = face, t_s
        self._enter(zone, t_s)
        self._turn(t_s)

    def _enter(self, zone: int | None, t_s: float) -> None:
        if zone == self.zone:
            self.next_zone_since_s = None
        elif self.next_zone_since_s is None or zone != self.next_zone:
            self.next_zone, self.next_zone_since_s = zone, t_s
        elif t_s - self.next_zone_since_s >= ZONE_SURE_S:
            self.zone, self.zone_since_s, self.returning = zone, self.next_zone_since_s, False
            self.next_zone_since_s = None

    def _turn(self, t_s: float) -> None:
        """A turn is a sweep from one side to the other."""
        turned = yaw(self.face)
        side = (turned > TURNED) - (turned < -TURNED)
        if side and side == -self.side:
            self.turns_s.append(t_s)
        self.side = side or self.side
        while self.turns_s and t_s - self.turns_s[0] > TURNS_OVER_S:
            self.turns_s.popleft()

    def person(self, t_s: float) -> Person:
        return Person(
            face=self.face,
            track=self.number,
            age_s=t_s - self.began_s,
            zone=self.zone,
            dwell_s=t_s - self.zone_since_s,
            turns_per_min=len(self.turns_s) * 60 / TURNS_OVER_S,
            returning=self.returning,
        )


def follow(
    faces: Iterable[tuple[Frame, tuple[Face, ...]]], tracking: Tracking, zones: Sequence[ZoneSpec]
) -> Iterator[tuple[Frame, tuple[Person, ...]]]:
    """Each frame with the people whose faces are in it, in the order of the faces."""
    tracks: list[_Track] = []
    lost: list[_Track] = []
    for frame, found in faces:
        t_s = frame.t_s
        lost = [track for track in lost if t_s - track.seen_s <= tracking.return_s]
        lost += [track for track in tracks if t_s - track.seen_s > tracking.coast_s]
        tracks = [track for track in tracks if t_s - track.seen_s <= tracking.coast_s]
        places = [zone_of(zones, _fraction(frame, face)) for face in found]
        matched = match(tracks, found, t_s, tracking)
        for i, (face, zone) in enumerate(zip(found, places, strict=True)):
            track = matched.get(i)
            if track is None:
                matched[i] = _begin(face, t_s, zone, lost, tracking)
                tracks.append(matched[i])
                continue
            track.see(face, t_s, zone)
            if t_s - track.began_s >= tracking.life_max_s:
                track.number, track.began_s = randbits(48), t_s
        yield frame, tuple(matched[i].person(t_s) for i in range(len(found)))


def match(tracks: Sequence[_Track], found: Sequence[Face], t_s: float, tracking: Tracking) -> dict[int, _Track]:
    """Which face is which track's: the nearest pairs first, each once, none out of reach."""
    pairs = sorted(
        (distance, i, j)
        for j, track in enumerate(tracks)
        for i, face in enumerate(found)
        if (distance := _apart(track.expected_px(t_s), track.face, face, tracking)) is not None
    )
    matched: dict[int, _Track] = {}
    taken: set[int] = set()
    for _, i, j in pairs:
        if i not in matched and j not in taken:
            matched[i] = tracks[j]
            taken.add(j)
    return matched


def yaw(face: Face) -> float:
    """How far the head is turned: the nose's offset from the middle of the eyes, in eye distances.

    Units: 0 straight ahead, about ±0.5 at 45°, positive towards the picture's right.
    """
    right_eye, left_eye, nose = face.keypoints_px[:3]
    apart = math.dist(right_eye, left_eye)
    return (nose[0] - (right_eye[0] + left_eye[0]) / 2) / apart if apart > 0 else 0.0


def _begin(face: Face, t_s: float, zone: int | None, lost: list[_Track], tracking: Tracking) -> _Track:
    """A new track; in the place of one lost just now it goes on with that one's dwell."""
    near = [
        track
        for track in lost
        if track.zone == zone and _apart(track.face.centre_px, track.face, face, tracking) is not None
    ]
    heir_of = next((track for track in near if t_s - track.seen_s <= tracking.linger_s), None)
    if heir_of is None:
        stayed = any(track.seen_s - track.zone_since_s > ZONE_SURE_S for track in near)
        return _Track(face, t_s, t_s, zone, t_s, returning=stayed and zone is not None)
    lost.remove(heir_of)
    track = _Track(face, t_s, t_s, zone, heir_of.zone_since_s, heir_of.returning)
    track.turns_s, track.side = heir_of.turns_s, heir_of.side
    return track


def _apart(expected_px: Point, last: Face, face: Face, tracking: Tracking) -> float | None:
    """Distance in face widths, or None where it cannot be the same person."""
    before, now = last.box_px[2], face.box_px[2]
    ratio = max(before, now) / max(min(before, now), 1e-6)
    distance = math.dist(expected_px, face.centre_px) / max(before, now, 1e-6)
    return distance if ratio <= tracking.size_ratio_max and distance <= tracking.reach_faces else None


def _fraction(frame: Frame, face: Face) -> Point:
    x, y = face.centre_px
    return x / frame.width_px, y / frame.height_px
