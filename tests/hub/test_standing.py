"""Zones from where somebody stood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import ConfigError
from contract.events import ZoneSpec
from contract.polygons import area, check, inside
from contract.walk import WALK_COLUMNS, WALK_ROWS
from hub.coverage import middle
from hub.standing import CORNERS_MAX, polygon, zone_from
from tests.hub.walks import SQUARE

LEFT = ZoneSpec(id=0, name="Left", polygon=((0.0, 0.0), (0.25, 0.0), (0.25, 1.0), (0.0, 1.0)))
cells = st.sets(st.integers(0, WALK_COLUMNS * WALK_ROWS - 1), min_size=1, max_size=40)


@given(cells)
def test_a_zone_from_a_walk_is_fit_for_a_node_or_refused_in_words(stood: set[int]) -> None:
    try:
        zone = zone_from(stood, 1, "Shelf", (LEFT,))
    except ConfigError:
        return
    check((LEFT, zone))
    assert 3 <= len(zone.polygon) <= CORNERS_MAX


@given(cells)
def test_a_polygon_of_few_corners_holds_every_cell_of_the_walk(stood: set[int]) -> None:
    drawn = polygon(sorted(stood), 0)
    if len(drawn) < CORNERS_MAX:
        assert all(inside(drawn, middle(cell)) for cell in stood)
    assert area(drawn) <= 1


@given(st.floats(3, 13), st.floats(2, 7), st.floats(1, 6), st.floats(1, 3))
def test_a_round_walk_loses_at_most_a_cell_in_20_to_its_corners(x: float, y: float, wide: float, high: float) -> None:
    stood = [c for c in range(144) if ((c % 16 - x) / wide) ** 2 + ((c // 16 - y) / high) ** 2 <= 1]
    if len(stood) >= 3:
        drawn = polygon(stood, 0)
        assert sum(not inside(drawn, middle(cell)) for cell in stood) <= len(stood) / 20


def test_a_walk_makes_its_zone_with_a_row_more_above_and_below() -> None:
    zone = zone_from(SQUARE, 1, "Shelf", ())
    assert {y for _, y in zone.polygon} == {2 / 9, 7 / 9}
    assert {x for x, _ in zone.polygon} == {4 / 16, 9 / 16}


def test_the_rows_more_go_where_another_zone_is() -> None:
    above = ZoneSpec(id=0, name="Above", polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 0.3), (0.0, 0.3)))
    zone = zone_from(SQUARE, 1, "Shelf", (above,))
    assert {y for _, y in zone.polygon} == {3 / 9, 6 / 9}


@pytest.mark.parametrize(
    ("stood", "says"), [((0,), "Too little"), ((), "Too little"), (tuple(range(0, 144, 4)), "overlap")]
)
def test_what_is_no_zone_is_refused_with_what_to_do(stood: tuple[int, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        zone_from(stood, 1, "Shelf", (LEFT,))
