"""Badges before faces: simulated shoppers with real photographs of faces, through the real detector and badge reader.

In the left half of each scene everybody wears a badge (staff, and a customer who opted out), in the right half nobody
does. Twenty scenes: five sizes by four lights, each seen at another angle (the picture turned, and squeezed as a
chest turned aside is; the badges are pinned askew besides). Counted are the frames of tracks on badge-wearers, how
many of them were let through to be read, and whether anything of the left half reaches a count, a mood or a need.

    python -m tests.edge.badged [--seed 7001] [--seconds 20] [--every-frame]
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.events import ZoneSpec
from edge.clock import ClipClock
from edge.config import Models, Privacy
from edge.eye.affect import read_affect
from edge.eye.badge import leave_out
from edge.eye.faces import BlazeFace, detect
from edge.eye.schedule import Schedule
from edge.eye.tags import TagReader
from edge.eye.tracks import Tracking, follow
from edge.eye.window import tumble
from edge.manifest import LABELS
from edge.scene.render import Painter
from edge.scene.script import HEIGHT_PX, WIDTH_PX, Role, Script, Shopper, Stop, script_of
from edge.values import Frame, Luma, Moment, Visitors

FPS: Final = 10.0
SIZES_PX: Final = (42.0, 47.0, 53.0, 60.0, 68.0)
LIGHTS: Final = (1.0, 0.6, 0.35, 0.18)
ANGLES: Final = ((0.0, 0.0), (7.0, 0.0), (-7.0, 15.0), (0.0, 25.0), (4.0, 35.0))  # picture rolled, chest turned
GRAIN_SD: Final = 2.0
SCENES: Final = tuple(
    (size, light, ANGLES[(s + n) % len(ANGLES)]) for s, size in enumerate(SIZES_PX) for n, light in enumerate(LIGHTS)
)
ZONES: Final = (
    ZoneSpec(id=0, name="Badges", polygon=((0.0, 0.0), (0.56, 0.0), (0.56, 1.0), (0.0, 1.0))),
    ZoneSpec(id=1, name="Visitors", polygon=((0.56, 0.0), (1.0, 0.0), (1.0, 1.0), (0.56, 1.0))),
)


@dataclass(slots=True)
class Found:
    """``badged`` track frames of badge-wearers, ``let_through`` of them; ``visited`` those of others that were read.

    ``leaked`` visits, moods and needs of the zone in which everybody wears a badge; ``tracks`` that were let through.
    """

    badged: int = 0
    let_through: int = 0
    visitors: int = 0
    visited: int = 0
    leaked: int = 0
    tracks: int = 0

    def __iadd__(self, other: Found) -> Found:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


class _Calm:
    """An affect model that answers at once; which faces reach it is what counts."""

    abstain_below = 0.2
    asked = 0

    def read(self, crop: Luma) -> tuple[float, ...]:
        self.asked += 1
        return tuple(0.93 if label == "happiness" else 0.01 for label in LABELS)


def cast(seed: int, size_px: float, seconds: float) -> Script:
    """Two with badges to the left, one without to the right; each comes in, stands, and looks about."""

    def one(number: int, x: float, face_px: float, role: Role) -> Shopper:
        stop = Stop(x, face_px, seconds, searching=number % 2 == 1)
        return Shopper(f"{role} {number}", 10 * seed + number, 0.3 * number, (stop,), role, x < 0.5, x < 0.5)

    return script_of(
        (
            one(0, 0.18, size_px, "staff"),
            one(1, 0.42, size_px + 2, "opted_out"),
            one(2, 0.76, size_px, "visitor"),
        )
    )


def turned(roll_deg: float, aside_deg: float) -> NDArray[np.float64]:
    """The picture rolled about its middle, and narrowed as by a turn aside."""
    roll, narrow = math.radians(roll_deg), math.cos(math.radians(aside_deg))
    turn = np.array([[narrow * math.cos(roll), -math.sin(roll)], [narrow * math.sin(roll), math.cos(roll)]])
    middle = np.array([WIDTH_PX / 2, HEIGHT_PX / 2])
    return np.column_stack([turn, middle - turn @ middle])


def scene(painter: Painter, seed: int, number: int, seconds: float, *, every_frame: bool) -> Found:
    """One of `SCENES`, counted in the frames that are looked at."""
    size_px, light, angle = SCENES[number]
    play, move = cast(seed + number, size_px, seconds), turned(*angle)
    chance, said = np.random.default_rng(seed + number), Found()
    read_before: set[int] = set()

    def frames() -> Iterator[Frame]:
        for index in range(int(seconds * FPS)):
            picture = cv2.warpAffine(
                painter.paint(play.poses(index / FPS), seed + index),
                move,
                (WIDTH_PX, HEIGHT_PX),
                flags=cv2.INTER_AREA,
                borderMode=cv2.BORDER_REPLICATE,
            )
            dark = picture * light + chance.normal(0, GRAIN_SD, picture.shape)
            yield Frame(index, index / FPS, np.clip(dark, 0, 255).astype(np.uint8))

    def counted(seen: Sequence[Visitors] | Iterator[Visitors]) -> Iterator[Visitors]:
        for one in seen:
            _count(one, play, move, said, read_before)
            yield one

    people = follow(
        detect(frames(), BlazeFace(Models().faces, 1), None if every_frame else Schedule()), Tracking(), ZONES
    )
    moments = read_affect(counted(leave_out(people, TagReader(), (), ZONES)), _Calm())
    said.leaked += _leaks(moments)
    said.tracks = len(read_before)
    return said


def _count(one: Visitors, play: Script, move: NDArray[np.float64], said: Found, read_before: set[int]) -> None:
    """Sorts the tracks of a frame by whose face they stand on."""
    here = {
        tuple(move @ (*pose.centre_px, 1.0)): (pose.shopper.role, pose.face_px) for pose in play.poses(one.frame.t_s)
    }
    through = {person.track for person in one.visitors}
    everyone = (*one.visitors, *(person for person, _ in (*one.unread, *one.excluded)))
    for person in everyone:
        x, y = person.face.centre_px
        near = [(math.dist((x, y), place), *who) for place, who in here.items()]
        far_px, role, face_px = min(near, default=(math.inf, "visitor", 1.0))
        if far_px > 0.5 * face_px:
            continue
        if role == "visitor":
            said.visitors += 1
            said.visited += person.track in through
            continue
        said.badged += 1
        if person.track in through:
            said.let_through += 1
            read_before.add(person.track)


def _leaks(moments: Iterator[Moment]) -> int:
    """What the windows, the hour and the needs hold of the zone in which everybody wears a badge."""
    leaked = 0
    for step in tumble(moments, ZONES, ClipClock(0.0), Privacy(), flush=False):
        for tally in step.hours:
            leaked += tally.zone == 0 and tally.negative + tally.neutral + tally.positive + tally.unknown
        leaked += sum(zone.zone == 0 and zone.dwell_s > 0 for zone in step.now)
    return leaked


def run(
    seed: int, seconds: float, scenes: Sequence[int] = range(len(SCENES)), *, every_frame: bool = False
) -> tuple[Found, list[Found]]:
    """All of the scenes asked for, together and each."""
    painter, total, each = Painter(), Found(), []
    for number in scenes:
        each.append(scene(painter, seed, number, seconds, every_frame=every_frame))
        total += each[-1]
    return total, each


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.edge.badged", description=__doc__)
    parser.add_argument("--seed", type=int, default=7001)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--every-frame", action="store_true", help="look at every frame, not as the schedule says")
    options = parser.parse_args(arguments)
    total, each = run(options.seed, options.seconds, every_frame=options.every_frame)
    for (size, light, angle), found in zip(SCENES, each, strict=True):
        print(f"face {size:.0f} px, light {light}, angle {angle}: {found}")
    print(
        f"all: {total}; {1 - total.let_through / max(total.badged, 1):.4%} of the badge-wearers' frames were kept out"
    )
    return 0 if total.let_through <= 0.005 * total.badged and not total.leaked else 1


if __name__ == "__main__":
    sys.exit(main())
