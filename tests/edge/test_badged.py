"""Badges before faces, in short; `python -m tests.edge.badged` runs all twenty scenes."""

from __future__ import annotations

import pytest

from edge.config import Models
from edge.scene.heads import PORTRAITS
from tests.edge.badged import SCENES, run

needs_faces = pytest.mark.skipif(
    not (PORTRAITS / "astronaut.png").exists() or not Models().faces.exists(),
    reason="no portraits or no face detector: python -m models.fetch --portraits",
)


def test_twenty_scenes_differ_in_size_light_and_angle() -> None:
    assert len(set(SCENES)) == 20
    assert len({size for size, _, _ in SCENES}) == 5
    assert len({light for _, light, _ in SCENES}) == 4
    assert len({angle for _, _, angle in SCENES}) == 5


@needs_faces
def test_no_badge_wearer_is_let_through_and_nothing_of_them_is_counted() -> None:
    total, _ = run(seed=8_101, seconds=5.0, scenes=(4, 9, 17), every_frame=True)
    assert total.badged > 150
    assert total.visited > 30
    assert (total.let_through, total.leaked) == (0, 0)


@needs_faces
def test_no_badge_wearer_is_let_through_when_not_every_frame_is_looked_at() -> None:
    total, _ = run(seed=8_102, seconds=6.0, scenes=(5, 13))
    assert total.badged > 50
    assert total.visited > 10
    assert (total.let_through, total.leaked) == (0, 0)
