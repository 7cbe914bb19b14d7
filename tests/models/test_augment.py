"""Degradations and variants: seeded, same shape, never blank."""

from __future__ import annotations

import numpy as np
import pytest

from models.augment import augment, batch
from models.degrade import CONDITIONS, degrade_all, rotate


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Smooth blobs: enough structure for every degradation to change something."""
    y, x = np.mgrid[0:48, 0:48] / 48
    waves = [np.sin(6 * x * (k + 1)) * np.cos(5 * y * (k + 2)) for k in range(6)]
    return np.stack([(127 + 100 * wave).astype(np.uint8) for wave in waves])


def test_a_variant_depends_on_seed_epoch_and_row_alone(crops: np.ndarray) -> None:
    rows = np.arange(6)
    whole = batch(crops, rows, seed=3, epoch=5)
    turned = batch(crops[::-1], rows[::-1], seed=3, epoch=5)
    assert np.array_equal(whole, turned[::-1])
    assert np.array_equal(augment(crops[2], 3, 5, 2), whole[2])


def test_each_epoch_sees_another_variant(crops: np.ndarray) -> None:
    assert not np.array_equal(augment(crops[0], 1, 0, 0), augment(crops[0], 1, 1, 0))


def test_variants_are_luma_crops(crops: np.ndarray) -> None:
    for epoch in range(60):
        variant = augment(crops[0], 1, epoch, 0)
        assert variant.shape == (48, 48)
        assert variant.dtype == np.uint8


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_degradation_is_seeded_and_leaves_its_input_alone(name: str, crops: np.ndarray) -> None:
    before = crops.copy()
    once, again = (degrade_all(crops, CONDITIONS[name], seed=1) for _ in range(2))
    assert np.array_equal(once, again)
    assert np.array_equal(crops, before)
    assert not np.array_equal(once, crops)
    assert once.shape == crops.shape
    assert once.dtype == np.uint8


@pytest.mark.parametrize("seed", range(4))
def test_rotated_means_turned_by_what_it_says_to_either_side(seed: int) -> None:
    """A bar through the centre comes back at 20° to the level, and its length stays."""
    bar = np.zeros((48, 48), np.uint8)
    bar[23:25, 8:40] = 255
    y, x = np.nonzero(rotate(bar, np.random.default_rng(seed)) > 100)
    assert abs(np.degrees(np.arctan(np.polyfit(x, y, 1)[0]))) == pytest.approx(20, abs=1)
    assert np.hypot(np.ptp(x), np.ptp(y)) == pytest.approx(31, abs=2)


def test_it_rotates_to_both_sides() -> None:
    ramp = np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1))
    lower_is_brighter = {
        bool(turned[40, 24] > turned[8, 24]) for turned in (rotate(ramp, np.random.default_rng(i)) for i in range(20))
    }
    assert lower_is_brighter == {True, False}
