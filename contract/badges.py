"""What the printed tags mean: the hub prints them, the eye reads them.

All are AprilTags of the family tag36h11 (Olson, 2011; ids 0 to 586), the black square `SIDE_MM` wide on white.
Every id of a range means the same, and the eye forgets which one it was: a shop prints one id for all its
badges, so that a badge names nobody.
"""

from __future__ import annotations

from typing import Final, Literal

Meaning = Literal["staff", "opted_out", "mask"]

SIDE_MM: Final = 70
STAFF_IDS: Final = range(0, 100)
OPT_OUT_IDS: Final = range(100, 200)
MASK_IDS: Final = range(200, 300)


def meaning(tag_id: int) -> Meaning | None:
    """What this tag says, or None when Attune prints no such tag."""
    if tag_id in STAFF_IDS:
        return "staff"
    if tag_id in OPT_OUT_IDS:
        return "opted_out"
    if tag_id in MASK_IDS:
        return "mask"
    return None
