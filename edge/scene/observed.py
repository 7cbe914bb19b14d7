"""A script as the eye would observe it, without pixels: faces with the detector's noise through the eye's own stages.

Rules:
- Tracking, badges, windows, the need score and the gate are the eye's own code; only camera, detector, badge reader
  and affect model are stood in for.
- The noise was measured once with the shipped detector on three public clips of people (CREDIT), by linking its
  faces with the eye's tracker:
  near faces (50-64 px, five people, 235 face-frames): none missed, no track broken;
  far faces seen from above (36 px): 7 of 51 frames missed, in runs of one or two, and 1 new track in 67 frames.
  Jitter is the robust spread of second differences over the square root of six: 0.4-3 % of the face's width for its
  place, 0.8-1.6 % for its width, 0.008-0.024 for its yaw. A head turned in earnest reads ±0.4 of yaw.
- People look down at shelves, where no face is seen: assumed, not measured.

Left out: how the observations are judged (`edge.scene.judge`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

import numpy as np

from contract.badges import STAFF_IDS
from edge.config import Privacy
from edge.eye.affect import APART_S, Fusion
from edge.eye.badge import leave_out
from edge.eye.tags import SIDE_FACES
from edge.eye.tracks import Tracking, follow
from edge.eye.window import tumble
from edge.manifest import LABELS
from edge.scene.script import HEIGHT_PX, WIDTH_PX, ZONES, Pose, Script
from edge.values import Face, Frame, Moment, Person, Point, Reading, Tag, Tumbled, Visitors

FPS: Final = 4.0
MISSED: Final = (0.0, 7 / 51)  # of frames: the best and the worst clip, each shop somewhere between
MISSED_RUN: Final = 1.5  # frames
PLACE_SD, SIZE_SD, YAW_SD = 0.01, 0.012, 0.015
YAW_FULL: Final = 0.45  # what a head turned all the way reads

SHELF_EVERY_S, SHELF_S = 20.0, 4.0  # how often people look down at a shelf, and for how long: assumed
NEGATIVE_CALM, NEGATIVE_IMPATIENT, POSITIVE = 0.15, 0.5, 0.15  # share of readings: assumed

_BLANK: Final = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)


class SceneClock:
    """The wall is the scene's own time."""

    def wall_s(self, t_mono_s: float) -> float:
        return t_mono_s


@dataclass(slots=True)
class Sight:
    """What the stand-ins share: the noise of one shop, and whose face is which in this frame."""

    chance: Random
    missed: float
    whose: dict[Face, Pose] = field(default_factory=dict)
    poses: tuple[Pose, ...] = ()
    _hidden_until_s: dict[str, float] = field(default_factory=dict)

    def faces(self, t_s: float, poses: tuple[Pose, ...]) -> tuple[Face, ...]:
        """The detector's stand-in."""
        self.poses = poses
        seen = (pose for pose in poses if self._shows(pose, t_s))
        self.whose = {self._face(pose): pose for pose in seen}
        return tuple(self.whose)

    def _shows(self, pose: Pose, t_s: float) -> bool:
        if not (0 <= pose.centre_px[0] < WIDTH_PX and 0 <= pose.centre_px[1] < HEIGHT_PX):
            return False
        who = pose.shopper.who
        if t_s < self._hidden_until_s.get(who, 0.0):
            return False
        if self.chance.random() < self.missed / MISSED_RUN:
            self._hidden_until_s[who] = t_s + (1 + (self.chance.random() < MISSED_RUN - 1)) / FPS
            return False
        if self.chance.random() < 1 / (SHELF_EVERY_S * FPS):
            self._hidden_until_s[who] = t_s + self.chance.expovariate(1 / SHELF_S)
            return False
        return True

    def _face(self, pose: Pose) -> Face:
        noise = self.chance.gauss
        w = pose.face_px * (1 + noise(0, SIZE_SD))
        x, y = (c + noise(0, PLACE_SD) * w for c in pose.centre_px)
        yaw, eyes = YAW_FULL * pose.yaw + noise(0, YAW_SD), 0.4 * w
        points: list[Point] = [(x - eyes / 2, y - 0.15 * w), (x + eyes / 2, y - 0.15 * w), (x + yaw * eyes, y)]
        points += [(x, y + 0.2 * w), (x - 0.45 * w, y - 0.1 * w), (x + 0.45 * w, y - 0.1 * w)]
        return Face((x - w / 2, y - w / 2, w, w), 0.8, tuple(points))

    def look(self, frame: Frame, people: tuple[Person, ...]) -> tuple[Tag, ...]:
        """The badge reader's stand-in: it reads a badge of whoever it is asked to look at."""
        asked = [person.face for person in people]
        staff = ((face, pose) for face, pose in self.whose.items() if pose.shopper.role == "staff" and face in asked)
        return tuple(
            Tag(STAFF_IDS.start, (face.centre_px[0], face.centre_px[1] + 1.6 * w), SIDE_FACES * w)
            for face, _ in staff
            if (w := face.box_px[2])
        )

    def legible(self, frame: Frame, person: Person) -> bool:
        return True

    def read(self, pose: Pose) -> tuple[float, ...]:
        """The affect model's stand-in: one reading, right about as often as the label is drawn."""
        negative = NEGATIVE_CALM + (NEGATIVE_IMPATIENT - NEGATIVE_CALM) * pose.impatience
        drawn = self.chance.random()
        label = "sadness" if drawn < negative else "happiness" if drawn < negative + POSITIVE else "neutral"
        return tuple(0.79 if name == label else 0.03 for name in LABELS)


def observe(script: Script, seed: int, seconds: float, privacy: Privacy) -> Iterator[Tumbled]:
    """What the gate gets to see of this script, once per frame."""
    chance = Random(f"sight {seed}")
    sight = Sight(chance, chance.uniform(*MISSED))
    people = follow(_frames(script, sight, seconds), Tracking(), ZONES)
    return tumble(_moments(leave_out(people, sight, (), ZONES), sight), ZONES, SceneClock(), privacy)


def _frames(script: Script, sight: Sight, seconds: float) -> Iterator[tuple[Frame, tuple[Face, ...]]]:
    for index in range(int(seconds * FPS)):
        t_s = index / FPS
        yield Frame(index, t_s, _BLANK), sight.faces(t_s, script.poses(t_s))


@dataclass(slots=True)
class _Mind:
    fusion: Fusion = field(default_factory=Fusion)
    read_s: float = float("-inf")
    seen_s: float = 0.0


def _moments(visitors: Iterable[Visitors], sight: Sight) -> Iterator[Moment]:
    """As `edge.eye.affect.read_affect`, but reading the script instead of pixels."""
    minds: dict[int, _Mind] = {}
    for seen in visitors:
        t_s, readings = seen.frame.t_s, []
        for person in seen.visitors:
            mind = minds.setdefault(person.track, _Mind())
            mind.seen_s = t_s
            if t_s - mind.read_s >= APART_S:
                mind.fusion.add(sight.read(sight.whose[person.face]), t_s)
                mind.read_s = t_s
            if person.zone is not None:
                mood = mind.fusion.mood(t_s)
                readings.append(
                    Reading(person.zone, person.dwell_s, person.turns_per_min, person.returning, mood, False)
                )
        readings += [Reading(p.zone, 0.0, 0.0, False, None, False) for p, _ in seen.unread if p.zone is not None]
        minds = {track: mind for track, mind in minds.items() if t_s - mind.seen_s < 10}
        yield Moment(t_s, tuple(readings), seen.attended)
