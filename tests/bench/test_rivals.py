"""What ``make rivals`` makes of boxes and times; the others themselves are not installed here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.rivals.__main__ import EYE, Clip, Ran, clips_in, found, report
from contract.errors import ConfigError

CLIP = Clip("two people", Path("two.npy"), (2, 270, 480, 3), 12.5, 2)
LEFT, RIGHT, NOWHERE = [10, 10, 50, 50], [200, 10, 50, 50], [400, 200, 20, 20]


def test_a_face_counts_when_another_has_it_too() -> None:
    boxes = [[LEFT, RIGHT, NOWHERE], [LEFT]]
    others = [[[LEFT], []], [[RIGHT], [[12, 12, 50, 50]]]]
    assert found(boxes, others, CLIP) == 3 / 4
    assert found([[NOWHERE], []], others, CLIP) == 0


def test_the_report_says_how_many_times_faster_than_the_faster_of_the_others() -> None:
    ran = [
        Ran(EYE, 120.0, 0.98, 0.99, 160, 104),
        Ran("MediaPipe + fer", 40.0, 1.0, 1.0, 80, 200),
        Ran("@vladmandic/human", 10.0, 0.5, 0.5, 80, 300),
    ]
    told = report({CLIP.name: (CLIP, ran)})
    assert "| two people | Attune's eye | 120 | 3.0× the faster | 98% of 2 | 99% of 2 | 160 | 104 |" in told
    assert "| two people | MediaPipe + fer | 40 |  | 100% of 2 | 100% of 2 | 80 | 200 |" in told


def test_a_folder_without_clips_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give --clips a folder of clips"):
        clips_in(tmp_path, tmp_path)


def test_the_eye_runs_on_frames_in_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bench.rivals import eye

    np.save(tmp_path / "frames.npy", np.full((3, 120, 160, 3), 90, np.uint8))
    eye.main(str(tmp_path / "frames.npy"), 10.0, 1)
    said = json.loads(capsys.readouterr().out)
    assert said["boxes"] == [[], [], []]
    assert said["looks"] == [0, 2]
    assert said["oldest_s"] == 0  # of nobody


def test_between_its_looks_the_eye_is_held_to_what_it_saw_last() -> None:
    from bench.rivals.eye import _Watched

    watched = _Watched(detector=None, looks={0: (0.0, [LEFT]), 2: (0.16, []), 4: (0.9, [RIGHT])})  # type: ignore[arg-type]
    assert watched.held(6) == [[LEFT], [LEFT], [], [], [RIGHT], [RIGHT]]
    assert watched.oldest_s() == 0.16
