"""What a hub may ask, and what it cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import ConfigError
from contract.events import Command, Config, Thresholds, ZoneSpec
from edge.config import NodeConfig
from edge.courier.control import WALKS_EVERY_S, WALKS_S, Heed, orders, taken
from edge.eye.settings import apply
from edge.order import Pause, Resume, decode_order, encode_order
from edge.zones import check

CONFIG = NodeConfig(node="n1")
LEFT = ZoneSpec(id=0, name="Left", polygon=((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
unit = st.floats(0.2, 1)


def test_a_newer_config_is_taken_and_an_older_is_not() -> None:
    config = taken(CONFIG, Config(version=2, zones=(LEFT,)))
    assert (config.version, config.zones) == (2, (LEFT,))
    with pytest.raises(ConfigError, match="not newer than 2"):
        taken(config, Config(version=1))


def test_zones_that_cannot_be_used_leave_the_config_in_force() -> None:
    with pytest.raises(ConfigError, match="overlap"):
        taken(CONFIG, Config(version=2, zones=(LEFT, LEFT.model_copy(update={"id": 1}))))


def test_zones_that_overlap_once_they_are_rounded_for_the_eye_are_refused_here_already() -> None:
    border = ((0.040309273, 0.0), (0.854230121, 1.0))
    left = LEFT.model_copy(update={"polygon": ((0.0, 0.0), *border, (0.0, 1.0))})
    right = ZoneSpec(id=1, name="Right", polygon=((1.0, 0.1), (1.0, 0.9), (0.619023029, 0.711019695)))
    check((left, right))
    with pytest.raises(ConfigError, match="overlap"):
        taken(CONFIG, Config(version=2, zones=(left, right)))


@pytest.mark.parametrize("zones", [(7,), (0, 0)])
def test_thresholds_of_no_zone_or_given_twice_are_refused(zones: tuple[int, ...]) -> None:
    thresholds = tuple(Thresholds(zone=zone, levels=(0.2, 0.3, 0.4)) for zone in zones)
    with pytest.raises(ConfigError, match="once for each zone"):
        taken(CONFIG, Config(version=2, thresholds=thresholds))


def test_no_zones_wanted_means_those_in_force() -> None:
    wanted = Config(version=5, thresholds=(Thresholds(zone=0, levels=(0.2, 0.3, 0.4)),))
    config = taken(CONFIG, wanted)
    assert config.zones == CONFIG.zones
    assert config.thresholds == wanted.thresholds


def test_walks_are_heeded_for_an_hour_a_day_and_no_longer() -> None:
    heed, now_s, walked_s = Heed(), 1000.0, 0
    for _ in range(60):
        now_s += 120.0
        if heed.walks(120, now_s):
            walked_s += 120
    assert walked_s == WALKS_S
    assert heed.takes(Command(command="pause"), False, now_s)
    assert heed.walks(120, now_s + WALKS_EVERY_S)


def test_the_answer_to_a_greeting_ends_with_a_word_on_sensing() -> None:
    assert orders(CONFIG, paused=True)[-1] == Pause()
    assert orders(CONFIG, paused=False)[-1] == Resume()


@given(st.lists(unit, min_size=3, max_size=3).map(sorted), st.integers(1, 65_535))
def test_the_eye_ends_with_the_settings_that_the_courier_took(levels: list[float], version: int) -> None:
    low, middle, high = levels
    wanted = Config(version=version, zones=(LEFT,), thresholds=(Thresholds(zone=0, levels=(low, middle, high)),))
    config = taken(CONFIG, wanted)
    heard = [decode_order(encode_order(order)) for order in orders(config, paused=False)]
    eye = apply(CONFIG, heard)
    assert (eye.version, len(eye.zones), eye.privacy) == (version, 1, CONFIG.privacy)
    assert eye.thresholds[0].levels == pytest.approx((low, middle, high), abs=1e-4)
