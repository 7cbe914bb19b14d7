"""Zones as shapes: disjoint polygons in fractions of the picture, each large enough to hold people.

A node judges by these every zone that it is given, and the hub every zone that is drawn on it.

Left out: where zones come from and what happens in them.
"""

from __future__ import annotations

from collections.abc import Sequence

from contract.events import ZoneSpec

Point = tuple[float, float]
AREA_FLOOR = 0.02


def area(polygon: Sequence[Point]) -> float:
    """Fraction of the picture, by the shoelace formula."""
    pairs = zip(polygon, (*polygon[1:], polygon[0]), strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def inside(polygon: Sequence[Point], point: Point) -> bool:
    """Whether the point is in the polygon (even–odd rule; each edge owns its lower end)."""
    x, y = point
    odd = False
    for (x1, y1), (x2, y2) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd


def check(zones: Sequence[ZoneSpec]) -> None:
    """Raises: ValueError when ids repeat, a zone is too small or crosses itself, or two zones overlap."""
    if len({zone.id for zone in zones}) != len(zones):
        raise ValueError("two zones have the same id; give each its own")
    for zone in zones:
        if _crosses_itself(zone.polygon):
            raise ValueError(f"zone '{zone.name}' crosses itself; list its corners in order around it")
        if area(zone.polygon) < AREA_FLOOR:
            raise ValueError(f"zone '{zone.name}' is under {AREA_FLOOR:.0%} of the picture; draw it larger")
    for i, one in enumerate(zones):
        for other in zones[i + 1 :]:
            if _overlap(one.polygon, other.polygon):
                raise ValueError(f"zones '{one.name}' and '{other.name}' overlap; draw them apart")


def _edges(polygon: Sequence[Point]) -> list[tuple[Point, Point]]:
    return list(zip(polygon, (*polygon[1:], polygon[0]), strict=True))


def _cross(o: Point, a: Point, b: Point) -> float:
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


def _properly_cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two segments cross in the inside of both; touching is not crossing."""
    a, b = one
    c, d = other
    return _cross(a, b, c) * _cross(a, b, d) < 0 and _cross(c, d, a) * _cross(c, d, b) < 0


def _crosses_itself(polygon: Sequence[Point]) -> bool:
    edges = _edges(polygon)
    return any(_properly_cross(edges[i], edges[j]) for i in range(len(edges)) for j in range(i + 2, len(edges)))


def _overlap(one: Sequence[Point], other: Sequence[Point]) -> bool:
    if any(_properly_cross(a, b) for a in _edges(one) for b in _edges(other)):
        return True
    return any(inside(other, p) for p in _inner_points(one)) or any(inside(one, p) for p in _inner_points(other))


def _inner_points(polygon: Sequence[Point]) -> list[Point]:
    """The centre, and points just inside each corner: corners on a shared border must not count."""
    cx = sum(x for x, _ in polygon) / len(polygon)
    cy = sum(y for _, y in polygon) / len(polygon)
    near = [(x + (cx - x) * 1e-3, y + (cy - y) * 1e-3) for x, y in polygon]
    return [p for p in ((cx, cy), *near) if inside(polygon, p)]
