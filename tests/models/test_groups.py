"""Recall by group on an annotated set of the caller's own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.errors import ConfigError
from edge.manifest import LABELS
from models.groups import Annotated, compare, load, report


def annotate(folder: Path, *lines: str) -> Path:
    for name, tone in (("dark.png", 40), ("light.png", 200)):
        cv2.imwrite(str(folder / name), np.full((60, 50), tone, np.uint8))
    path = folder / "set.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_an_annotated_set_is_read_with_its_groups(tmp_path: Path) -> None:
    path = annotate(tmp_path, "image,label,age", "dark.png,fear,old", "light.png,neutral,")
    faces = load(path, LABELS)
    assert faces.images.shape == (2, 48, 48)
    assert faces.labels.tolist() == [6, 0]
    assert faces.groups == {"age": ["old", "unknown"]}


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("image,label,age", "dark.png,joy,old"), "line 2: 'joy' is not one of neutral"),
        (("image,label,age", "dark.png,fear,old", "gone.png,fear,old"), "line 3: there is no picture"),
        (("image,label", "dark.png,fear"), "at least one group"),
        (("image,label,age",), "a row for each face"),
    ],
)
def test_a_set_that_cannot_be_used_is_refused_with_its_place(tmp_path: Path, lines: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(annotate(tmp_path, *lines), LABELS)


def test_a_group_that_is_misread_shows_as_a_gap() -> None:
    pytest.importorskip("fairlearn", reason="comparing groups needs the [train] extra")
    labels = np.arange(200) % 2
    groups = ["a"] * 100 + ["b"] * 100
    answers = np.where((np.arange(200) >= 100) & (np.arange(200) % 4 == 0), 1, labels)
    faces = Annotated(np.zeros((200, 48, 48), np.uint8), labels, {"group": groups})
    found = compare(answers, faces)["group"]
    assert found["groups"]["a"]["recall"] == 1.0
    assert found["worst_gap"] == pytest.approx(0.25)
    low, high = found["worst_gap_interval"]
    assert 0 < low < 0.25 < high
    assert "group: worst gap 25.0 %" in report({"group": found})
