"""In which zone a point is; what a zone may look like stands in `contract.polygons`.

Left out: where zones come from (config, or a hub's order) and what happens in them.
"""

from __future__ import annotations

from collections.abc import Sequence

from contract.events import ZoneSpec
from contract.polygons import AREA_FLOOR, Point, area, check, inside

__all__ = ("AREA_FLOOR", "area", "check", "inside", "zone_of")


def zone_of(zones: Sequence[ZoneSpec], point: Point) -> int | None:
    """The id of the zone that holds this point (fractions of the picture), or None."""
    for zone in zones:
        if inside(zone.polygon, point):
            return zone.id
    return None
