"""Zones from where somebody stood: the cells of a walk become a convex polygon.

Rules:
- A polygon holds every cell of the walk, and a row more above and below, since heads are at other heights than the
  walker's. It has at most eight corners: of more, those go that take the least with them, at most a cell in 20.
- It takes nothing from another zone: where it would, the rows go first, and then it is refused with what to do.

Left out: who stood there, which no cell tells, and saving the zone, which the owner does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from contract.errors import ConfigError
from contract.events import ZoneSpec
from contract.polygons import AREA_FLOOR, Point, area, check
from contract.walk import WALK_COLUMNS, WALK_ROWS

CORNERS_MAX: Final = 8
CELLS_MIN: Final = 3
Corner = tuple[int, int]


def zone_from(cells: Iterable[int], zone: int, name: str, others: Sequence[ZoneSpec]) -> ZoneSpec:
    """The zone that was walked, fit to stand beside the others. Raises: ConfigError, one sentence."""
    walked = sorted(set(cells))
    wrong: ValueError | None = None
    for more in (1, 0):
        corners = polygon(walked, more)
        if len(walked) < CELLS_MIN or area(corners) < AREA_FLOOR:
            raise ConfigError("Too little of the zone was walked: go into its corners, too, and walk again.")
        made = ZoneSpec(id=zone, name=name, polygon=corners)
        try:
            check((*others, made))
        except ValueError as error:
            wrong = error
        else:
            return made
    raise ConfigError(f"The zone was not made: {wrong}. Walk it again, farther from the other, or draw both by hand.")


def polygon(cells: Sequence[int], more_rows: int) -> tuple[Point, ...]:
    """Around the cells and so many rows above and below. Units: fractions of the picture."""
    hull = _hull(
        {
            (cell % WALK_COLUMNS + right, min(max(cell // WALK_COLUMNS + down, 0), WALK_ROWS))
            for cell in cells
            for right in (0, 1)
            for down in (-more_rows, 1 + more_rows)
        }
    )
    while len(hull) > CORNERS_MAX:
        hull = _fewer(hull)
    return tuple((x / WALK_COLUMNS, y / WALK_ROWS) for x, y in hull)


def _fewer(hull: list[Corner]) -> list[Corner]:
    """Without the corner that takes the least with it."""
    return max((hull[:i] + hull[i + 1 :] for i in range(len(hull))), key=area)


def _hull(points: set[Corner]) -> list[Corner]:
    """Source: Andrew's monotone chain (1979)."""
    ordered = sorted(points)
    return [*_chain(ordered), *_chain(ordered[::-1])]


def _chain(points: Sequence[Corner]) -> list[Corner]:
    kept: list[Corner] = []
    for point in points:
        while len(kept) > 1 and _turn(kept[-2], kept[-1], point) <= 0:
            kept.pop()
        kept.append(point)
    return kept[:-1]


def _turn(a: Corner, b: Corner, c: Corner) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
