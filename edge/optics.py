"""How large a face is in the picture, and so where to hang a camera: a pinhole, a face on its axis, and what the eye
needs.

Rules:
- A face is read from `READ_PX` on: not before a badge on the chest under it would be legible (rule 3).
- It is found, and its dwell counted, from `FOUND_PX` on.
- A face is `FACE_M` wide as the detector boxes it, which the badges' size follows from.

Left out: lens distortion, motion and light: `attune-edge check` and the walk after mounting tell of those.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from contract.badges import SIDE_MM
from edge.eye.tags import SIDE_FACES, SIDE_MIN_PX

FACE_M: Final = SIDE_MM / 1000 / SIDE_FACES
READ_PX: Final = SIDE_MIN_PX / SIDE_FACES
FOUND_PX: Final = 20.0
EYES_M: Final = 1.55  # of a standing adult, between the means of women and men
PITCH_MAX_DEG: Final = 25.0  # seen more steeply, a face is mostly forehead
NEAR_M: Final = 0.5


@dataclass(frozen=True, slots=True)
class Sight:
    """What a camera sees at one distance on the floor.

    Units: ``face_px`` the width of a face's box, ``badge_px`` a badge's side, ``across_m`` how much of the floor is in
    the picture there, ``pitch_deg`` how far down the camera looks at a standing person's eyes.
    """

    distance_m: float
    face_px: float
    badge_px: float
    across_m: float
    pitch_deg: float

    @property
    def says(self) -> str:
        """In words, what becomes of a face there."""
        if self.pitch_deg > PITCH_MAX_DEG:
            return "seen too steeply from above"
        if self.face_px >= READ_PX:
            return "read"
        return "found, not read" if self.face_px >= FOUND_PX else "too small to find"


def sight(distance_m: float, fov_deg: float, width_px: int, height_m: float = EYES_M) -> Sight:
    """Along the floor from under the camera.

    Units: ``fov_deg`` the lens's horizontal field of view, ``width_px`` the picture's width as the eye gets it,
    ``height_m`` the camera's above the floor.
    """
    rise_m = height_m - EYES_M
    ray_m = math.hypot(distance_m, rise_m)
    across_m = 2 * ray_m * math.tan(math.radians(fov_deg) / 2)
    px_per_m = width_px / across_m
    pitch_deg = abs(math.degrees(math.atan2(rise_m, distance_m)))
    return Sight(distance_m, FACE_M * px_per_m, SIDE_MM / 1000 * px_per_m, across_m, pitch_deg)


def reach_m(face_px: float, fov_deg: float, width_px: int, height_m: float = EYES_M) -> float:
    """From how far away, along the floor, a face is still as wide as that; 0 where it never is."""
    ray_m = FACE_M * width_px / face_px / (2 * math.tan(math.radians(fov_deg) / 2))
    return math.sqrt(max(0.0, ray_m**2 - (height_m - EYES_M) ** 2))


def report(fov_deg: float, width_px: int, height_m: float, distance_m: float | None = None) -> str:
    """For a person with a drill in his hand: one distance, or the row of them."""
    far_m = reach_m(FOUND_PX, fov_deg, width_px, height_m)
    distances = [distance_m] if distance_m is not None else [step / 2 for step in range(1, max(2, int(far_m * 2) + 2))]
    lines = ["distance  face    badge   across   looks down"]
    lines += [
        f"{one.distance_m:5.1f} m  {one.face_px:4.0f} px {one.badge_px:4.0f} px  {one.across_m:5.1f} m  "
        f"{one.pitch_deg:4.0f}°   {one.says}"
        for one in (sight(distance, fov_deg, width_px, height_m) for distance in distances)
    ]
    read_m = reach_m(READ_PX, fov_deg, width_px, height_m)
    near_m = max(NEAR_M, abs(height_m - EYES_M) / math.tan(math.radians(PITCH_MAX_DEG)))
    lines.append("")
    if read_m <= near_m:
        lines.append("Nobody is read with it there: hang it lower, take a longer lens, or set a wider picture.")
    else:
        lines.append(
            f"Faces are read between {near_m:.1f} and {read_m:.1f} m from under the camera ({READ_PX:.0f} px or more,"
            f" so that a badge on the chest can be read first), and counted up to {far_m:.1f} m."
        )
    return "\n".join(lines)
