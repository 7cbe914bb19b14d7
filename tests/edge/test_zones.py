"""Zones: disjoint, large enough, drawn in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.events import ZoneSpec
from edge import zones as z

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
unit = st.floats(0, 1)


def zone(zone_id: int, polygon: tuple[tuple[float, float], ...]) -> ZoneSpec:
    return ZoneSpec(id=zone_id, name=f"Zone {zone_id}", polygon=polygon)


def test_neighbours_may_share_a_border() -> None:
    z.check((zone(0, LEFT), zone(1, RIGHT)))


@given(st.tuples(unit, unit))
def test_a_point_is_in_at_most_one_of_two_neighbours(point: tuple[float, float]) -> None:
    assert not (z.inside(LEFT, point) and z.inside(RIGHT, point))


@pytest.mark.parametrize(
    ("polygons", "wrong"),
    [
        (((0, LEFT), (1, ((0.4, 0.2), (0.9, 0.2), (0.9, 0.8), (0.4, 0.8)))), "overlap"),
        (((0, LEFT), (1, ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4)))), "overlap"),
        (((0, LEFT), (1, LEFT)), "overlap"),
        (((0, LEFT), (0, RIGHT)), "same id"),
        (((0, ((0.0, 0.0), (0.1, 0.0), (0.1, 0.1), (0.0, 0.1))),), "draw it larger"),
        (((0, ((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0))),), "crosses itself"),
    ],
)
def test_zones_that_cannot_be_used_are_refused_with_what_to_do(
    polygons: tuple[tuple[int, tuple[tuple[float, float], ...]], ...], wrong: str
) -> None:
    with pytest.raises(ValueError, match=wrong):
        z.check([zone(zone_id, polygon) for zone_id, polygon in polygons])


def test_area_is_a_fraction_of_the_picture() -> None:
    assert z.area(LEFT) == 0.5


def test_the_zone_of_a_point_is_the_one_that_holds_it() -> None:
    zones = (zone(3, LEFT), zone(5, RIGHT))
    assert [z.zone_of(zones, p) for p in ((0.2, 0.5), (0.7, 0.5), (1.5, 0.5))] == [3, 5, None]
