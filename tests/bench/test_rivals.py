"""What ``make rivals`` makes of boxes and times; the others themselves are not installed here."""

from __future__ import annotations

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
    ran = [Ran(EYE, 120.0, 0.99, 104), Ran("MediaPipe + fer", 40.0, 1.0, 200), Ran("@vladmandic/human", 10.0, 0.5, 300)]
    told = report({CLIP.name: (CLIP, ran)})
    assert "| two people | Attune's eye | 120 | 3.0× the faster | 99% of 2 | 104 |" in told
    assert "| two people | MediaPipe + fer | 40 |  | 100% of 2 | 200 |" in told


def test_a_folder_without_clips_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give --clips a folder of clips"):
        clips_in(tmp_path, tmp_path)


def test_the_eye_runs_on_frames_in_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bench.rivals import eye

    np.save(tmp_path / "frames.npy", np.full((3, 120, 160, 3), 90, np.uint8))
    eye.main(str(tmp_path / "frames.npy"), 10.0, 1)
    assert '"boxes": [[], [], []]' in capsys.readouterr().out
