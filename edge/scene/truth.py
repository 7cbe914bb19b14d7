"""The ground truth of a script: who was where and when, as plain values and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from contract.events import ZoneSpec
from edge.scene.script import HEIGHT_PX, WIDTH_PX, ZONES, Role, Script
from edge.values import Box
from edge.zones import zone_of


@dataclass(frozen=True, slots=True)
class Seen:
    """One person in one frame, whose face centre is inside the picture.

    Units: ``box_px`` (x, y, width, height) of the face, which may reach outside the picture.
    """

    frame: int
    t_s: float
    who: str
    role: Role
    zone: int | None
    box_px: Box
    needs_help: bool


@dataclass(frozen=True, slots=True)
class Stay:
    """One unbroken stay of one person in one zone; ``help_from_s`` is None when no help was needed."""

    who: str
    role: Role
    zone: int
    t_enter_s: float
    t_leave_s: float
    help_from_s: float | None


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that was true of one run."""

    stays: tuple[Stay, ...]
    seen: tuple[Seen, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def truth(script: Script, seconds: float, fps: float, zones: Sequence[ZoneSpec] = ZONES) -> Truth:
    """What is true of the frames that a camera at ``fps`` takes in the first ``seconds`` of the script."""
    seen = tuple(s for frame in range(int(seconds * fps)) for s in seen_at(script, frame, frame / fps, zones))
    return Truth(_stays(seen, 1 / fps), seen)


def seen_at(script: Script, frame: int, t_s: float, zones: Sequence[ZoneSpec] = ZONES) -> tuple[Seen, ...]:
    """Everyone whose face centre is in the picture at this moment."""
    return tuple(
        Seen(
            frame,
            t_s,
            pose.shopper.who,
            pose.shopper.role,
            zone_of(zones, (pose.centre_px[0] / WIDTH_PX, pose.centre_px[1] / HEIGHT_PX)),
            pose.box_px,
            pose.needs_help,
        )
        for pose in script.poses(t_s)
        if 0 <= pose.centre_px[0] < WIDTH_PX and 0 <= pose.centre_px[1] < HEIGHT_PX
    )


def _stays(seen: Sequence[Seen], step_s: float) -> tuple[Stay, ...]:
    """Joins the frames in which one person stood in one zone."""
    done: list[Stay] = []
    latest: dict[str, Stay] = {}
    for s in seen:
        stay = latest.get(s.who)
        if stay is not None and (stay.zone != s.zone or s.t_s > stay.t_leave_s + step_s / 2):
            done.append(latest.pop(s.who))
            stay = None
        if s.zone is None:
            continue
        enter_s = s.t_s if stay is None else stay.t_enter_s
        needed_s = stay.help_from_s if stay is not None else None
        if s.needs_help and needed_s is None:
            needed_s = s.t_s
        latest[s.who] = Stay(s.who, s.role, s.zone, enter_s, s.t_s + step_s, needed_s)
    return tuple(sorted((*done, *latest.values()), key=lambda stay: (stay.t_enter_s, stay.who)))
