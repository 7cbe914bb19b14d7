"""What a hub may change on an eye: whole, fit sets of zones and thresholds, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.config import NodeConfig
from edge.eye.settings import apply
from edge.order import ApplyConfig, BeginConfig, Order, Pause, Resume, SetLevels, SetZone

CONFIG = NodeConfig(node="n1")
LEFT = SetZone(0, ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
RIGHT = SetZone(1, ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)))
TINY = SetZone(1, ((0.9, 0.9), (1.0, 0.9), (1.0, 1.0)))


def test_a_whole_set_is_taken_with_its_version() -> None:
    config = apply(CONFIG, [BeginConfig(7), LEFT, RIGHT, SetLevels(1, (0.2, 0.4, 0.6)), ApplyConfig(7)])
    assert [zone.id for zone in config.zones] == [0, 1]
    assert config.thresholds[0].levels == (0.2, 0.4, 0.6)
    assert config.version == 7


def test_half_a_set_changes_nothing() -> None:
    assert apply(CONFIG, [BeginConfig(7), LEFT]) == CONFIG
    assert apply(CONFIG, [LEFT, ApplyConfig(7)]) == CONFIG
    assert apply(CONFIG, [BeginConfig(7), LEFT, ApplyConfig(8)]) == CONFIG


def test_zones_that_overlap_or_are_too_small_change_nothing() -> None:
    assert apply(CONFIG, [BeginConfig(7), LEFT, LEFT, ApplyConfig(7)]) == CONFIG
    assert apply(CONFIG, [BeginConfig(7), LEFT, TINY, ApplyConfig(7)]) == CONFIG


def test_thresholds_that_do_not_rise_change_nothing() -> None:
    assert apply(CONFIG, [BeginConfig(7), LEFT, SetLevels(0, (0.9, 0.4, 0.6)), ApplyConfig(7)]) == CONFIG


unit = st.floats(0, 1)
orders: st.SearchStrategy[Order] = st.one_of(
    st.builds(BeginConfig, st.integers(0, 3)),
    st.builds(ApplyConfig, st.integers(0, 3)),
    st.sampled_from((LEFT, RIGHT, TINY)),
    st.builds(SetLevels, st.integers(0, 255), st.tuples(unit, unit, unit)),
    st.just(Pause()),
    st.just(Resume()),
)


@given(st.lists(orders, max_size=30))
def test_no_orders_ever_move_privacy_notice_or_hours(said: list[Order]) -> None:
    config = apply(CONFIG, said)
    assert config.model_copy(update={"zones": (), "thresholds": (), "version": 0}) == CONFIG.model_copy(
        update={"zones": (), "thresholds": (), "version": 0}
    )


def test_thresholds_below_the_floor_change_nothing() -> None:
    assert apply(CONFIG, [BeginConfig(7), LEFT, SetLevels(0, (0.0, 0.4, 0.6)), ApplyConfig(7)]) == CONFIG
