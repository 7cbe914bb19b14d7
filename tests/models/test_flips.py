"""Fused against single moods: what counts as a flip, and what the real clip shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.manifest import LABELS
from models.flips import AFFECT, course, disturbed, draw, flips, kind, readings, sign, step, summed, table

CLIP = "head-pose-face-detection-female-and-male.gif"


def sure(label: str) -> tuple[float, ...]:
    return tuple(0.93 if name == label else 0.01 for name in LABELS)


def frames(*labels: str) -> list[tuple[float, tuple[float, ...]]]:
    """One frame every half second, each read."""
    return [(i / 2, sure(label)) for i, label in enumerate(labels)]


def test_an_odd_frame_flips_its_own_mood_twice_and_the_fused_one_never() -> None:
    one = course(frames(*["happiness"] * 5, "anger", *["happiness"] * 5), abstain_below=0.5)
    assert flips(one.single, kind) == flips(one.single, sign) == 2
    assert flips(one.fused, kind) == flips(one.fused, sign) == 0


def test_a_mood_that_has_changed_changes_the_fused_one_once() -> None:
    one = course(frames(*["happiness"] * 6, *["sadness"] * 14), abstain_below=0.5)
    assert flips(one.single, kind) == flips(one.fused, kind) == 1
    assert kind(one.fused[-1]) == "negative"


def test_only_frames_with_both_moods_are_compared() -> None:
    one = course(frames(*["happiness"] * 4), abstain_below=0.5)
    assert one.t_s == (0.5, 1.0, 1.5)  # the first reading gives no mood yet
    assert len(one.single) == len(one.fused) == 3
    assert course(frames(*["happiness"] * 4), abstain_below=0.99).t_s == ()


def test_between_two_readings_a_live_eye_s_mood_stays() -> None:
    many = [(i / 20, sure("anger" if i % 10 else "happiness")) for i in range(60)]
    assert flips(course(many, abstain_below=0.5).fused, step) == 0


def test_on_the_real_clip_the_fused_mood_flips_less(footage_dir: Path, tmp_path: Path) -> None:
    courses = [course(track, abstain_below=0.0) for track in readings(footage_dir / CLIP)]
    assert len(courses) == 2
    assert all(len(one.t_s) > 20 for one in courses)
    single, fused = (sum(flips(getattr(one, of), step) for one in courses) for of in ("single", "fused"))
    assert fused < single
    assert all(flips(one.fused, kind) <= flips(one.single, kind) for one in courses)
    assert table(courses).count("→") == 6
    pytest.importorskip("matplotlib", reason="drawing needs the [train] extra")
    draw(courses, CLIP, tmp_path / "moods.png")
    assert (tmp_path / "moods.png").read_bytes().startswith(b"\x89PNG")


def test_a_face_disturbed_by_the_camera_alone_flips_less_when_fused() -> None:
    """With a reader that takes a dark picture for another mood, as a poor model would."""
    face = np.tile(np.linspace(90, 180, 48).astype(np.uint8), (48, 1))

    def gloomy(images: np.ndarray) -> np.ndarray:
        return np.array([sure("anger" if image.mean() < 100 else "happiness") for image in images])

    courses = [course(track, abstain_below=0.5) for track in disturbed(np.stack([face] * 20), gloomy)]
    single, fused = (sum(flips(getattr(one, of), kind) for one in courses) for of in ("single", "fused"))
    assert single > 20
    assert fused < single / 4
    assert summed(courses).count("%") == 6


def test_the_shipped_model_is_where_the_command_looks() -> None:
    assert AFFECT.exists()
