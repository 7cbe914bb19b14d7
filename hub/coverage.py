"""How well a camera covers its zones, from the numbers of an installer's walk: what passes, and what to move.

Rules:
- A zone passes when it was walked in the set it runs now, enough steps were seen, faces there are wide enough to be
  read (`edge.optics`), most of them turned to the camera, in good light, and within the zone as it is drawn. Where no
  badge could be looked for, no field is told, and the zone does not pass.
- A zone that was walked too little, or among others, is not judged: no numbers are never a pass, and neither is a
  camera without zones.
- Every zone that fails says what to do, worst cause first.

Left out: where the numbers come from (`edge.eye.walk`), and the paper (`hub.certificate`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from contract.events import ZoneSpec
from contract.polygons import Point, inside
from contract.walk import WALK_COLUMNS, WALK_ROWS, Walk

STEPS_MIN: Final = 20  # seconds alone in view: less says nothing of a zone
SEEN_MIN: Final = 0.8
FRONTAL_MIN: Final = 5  # tenths
WITHIN_MIN: Final = 0.7
READ_PX: Final = 40  # `edge.optics.READ_PX`: a badge under the face would be legible (rule 3)
FOUND_PX: Final = 20  # `edge.optics.FOUND_PX`
_CHEST: Final = "have the chest in the picture, too, and light on it."
Verdict = Literal["passed", "failed", "walk it", "walk more"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A zone with what the newest walk showed of it, the verdict and what to do."""

    zone: ZoneSpec
    walk: Walk | None
    verdict: Verdict
    advice: tuple[str, ...] = ()


def judge_all(zones: Sequence[ZoneSpec], walks: Mapping[int, Walk], config: int | None) -> tuple[Judged, ...]:
    """Every zone by the rules above; walks of another version of the zones are none."""
    fresh = {zone: walk for zone, walk in walks.items() if walk.config == config}
    return tuple(judge(zone, fresh.get(zone.id)) for zone in zones)


def judge(zone: ZoneSpec, walk: Walk | None) -> Judged:
    """One zone by its walk."""
    if walk is None:
        return Judged(zone, None, "walk it")
    alone_s = walk.steps - walk.crowded
    if alone_s < STEPS_MIN or not walk.over:
        others = f" Others were in view for {walk.crowded} s: walk while nobody else is." if walk.crowded else ""
        return Judged(zone, walk, "walk more", (f"{alone_s} s alone in view so far, of {STEPS_MIN}.{others}",))
    advice = _advice(zone, walk, alone_s)
    return Judged(zone, walk, "failed" if advice else "passed", advice)


def passed(zones: Sequence[Judged]) -> bool:
    """Whether the camera may be left as it hangs."""
    return bool(zones) and all(zone.verdict == "passed" for zone in zones)


def whole(zones: Sequence[Judged]) -> bool:
    """Whether every zone was walked enough to be judged."""
    return bool(zones) and all(zone.verdict in ("passed", "failed") for zone in zones)


def middle(cell: int) -> Point:
    """The middle of a cell, in fractions of the picture."""
    return (cell % WALK_COLUMNS + 0.5) / WALK_COLUMNS, (cell // WALK_COLUMNS + 0.5) / WALK_ROWS


def _advice(zone: ZoneSpec, walk: Walk, alone_s: int) -> tuple[str, ...]:
    if walk.seen == 0:
        return ("No face was seen: turn the camera to this zone, and take a badge off before you walk.",)
    said: list[str] = []
    if walk.face_px == 0:
        said.append("Faces are under 12 px wide, too small to be found reliably: bring the camera much nearer.")
    elif walk.face_px < READ_PX:
        small = "too small to be found reliably" if walk.face_px < FOUND_PX else "found, but too small to be read"
        nearer = 1 - walk.face_px / READ_PX
        said.append(
            f"Faces are about {walk.face_px} px wide, {small}: bring the camera {nearer:.0%} of the way nearer, or use"
            f" a lens {READ_PX / walk.face_px:.1f} times as long."
        )
    if walk.light == "dark":
        said.append("It is too dark: put light on the faces.")
    if walk.light == "bright":
        said.append("It is too bright: turn the camera away from the window or the lamp.")
    if walk.frontal < FRONTAL_MIN:
        said.append(f"{walk.frontal} of 10 faces looked this way: hang the camera where people come from, and lower.")
    if walk.seen < SEEN_MIN * alone_s:
        said.append(f"A face was seen for {walk.seen} of {alone_s} s: clear what stands between, or widen the view.")
    if not walk.cells and not said:
        said.append("A badge under the face could not be looked for, so that nobody would be read: " + _CHEST)
    within = [inside(zone.polygon, middle(cell)) for cell in walk.cells]
    if sum(within) < WITHIN_MIN * len(within):
        said.append(
            f"{sum(within)} of the {len(within)} places where your face was lie in the zone as it is drawn: make the"
            " zone from this walk, or draw it again."
        )
    return tuple(said)
