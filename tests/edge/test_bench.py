"""The bench measures what it says it measures; how fast is not for tests to judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.__main__ import _clip_senses, main
from edge.bench import bench, table
from edge.eye.pipeline import STAGES
from tests.edge.clips import with_a_face


@pytest.mark.timeout(120)
def test_a_clip_gives_figures_for_every_stage_of_every_frame(tmp_path: Path) -> None:
    figures = bench(with_a_face(tmp_path / "face.avi", 12), _clip_senses, passes=1)
    assert (figures.clip, figures.frames) == ("face.avi", 12)
    assert set(figures.stage_ms) == set(STAGES)
    assert figures.fps > 0
    assert figures.overhead > 0
    assert figures.bare_ms > 0
    assert figures.resident_mb > 0
    assert json.loads(table([figures], as_json=True))[0]["frames"] == 12
    head, rule, row = table([figures]).splitlines()
    assert len({line.count("|") for line in (head, rule, row)}) == 1


def test_a_clip_that_is_none_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(tmp_path / "none.gif")]) == 1
    assert "There is no clip" in capsys.readouterr().err
