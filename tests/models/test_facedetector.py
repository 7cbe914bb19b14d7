"""The int8 face detector: made from the pinned file, fit for an Edge TPU, finding what the float one finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contract.errors import ConfigError
from edge.eye.faces import BlazeFace
from edge.tflite import Tflite
from edge.values import Face, Frame
from models import facedetector
from models.edgetpu import problems
from models.facedetector import INT8_NAME, MATCH_MIN, Match, compare, make, table, widened
from models.fetch import DENSE_DETECTOR, FetchError, fetch


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    try:
        fetch(DENSE_DETECTOR, folder)
    except FetchError as error:
        pytest.skip(f"the dense detector cannot be had: {error}")
    return folder / DENSE_DETECTOR.name


def test_widened_weights_answer_bit_for_bit_as_the_pinned_file_does(dense: Path) -> None:
    look = np.random.default_rng(0).uniform(-1, 1, (192, 192, 3)).astype(np.float32)
    answers = []
    for content in (dense.read_bytes(), widened(dense.read_bytes())):
        model = Tflite(dense, content=content)
        model.input[0] = look
        answers.append(model.invoke())
    for one, other in zip(*answers, strict=True):
        assert np.array_equal(one, other)


def test_the_float_file_does_not_fit_an_edge_tpu(dense: Path) -> None:
    assert problems(widened(dense.read_bytes()))


def test_the_int8_file_fits_an_edge_tpu_and_finds_what_the_float_file_finds(dense: Path, footage_dir: Path) -> None:
    pytest.importorskip("ai_edge_quantizer", reason="quantising needs the [train] extra")
    out, matches = make(sorted(footage_dir.glob("*.gif")), dense.parent)
    assert out.name == INT8_NAME
    assert problems(out.read_bytes()) == []
    assert sum(match.faces for match in matches) > 100
    assert sum(match.found for match in matches) >= MATCH_MIN * sum(match.faces for match in matches)
    assert sum(match.extra for match in matches) <= 0.05 * sum(match.faces for match in matches)
    detector = BlazeFace(out)
    assert {detector.model.inputs[0]["dtype"], *(output["dtype"] for output in detector.model.outputs)} == {np.int8}


class Finds:
    """A detector that finds the same boxes in every frame."""

    def __init__(self, boxes: list[tuple[float, float, float, float]]) -> None:
        self._faces = tuple(Face(box, 0.9, ()) for box in boxes)

    def detect(self, frame: Frame) -> tuple[Face, ...]:
        return self._faces


def test_clips_without_a_face_are_no_proof(dense: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blank = [Frame(index=i, t_s=i / 10, luma=np.full((96, 128), 90, np.uint8)) for i in range(3)]
    monkeypatch.setattr(facedetector, "_frames", lambda clip, calibrating: iter(blank))
    monkeypatch.setattr(facedetector, "quantised", lambda model, looks: b"anything")
    monkeypatch.setattr(facedetector, "problems", lambda content: [])
    monkeypatch.setattr(facedetector, "BlazeFace", lambda path, second_look: Finds([]))
    with pytest.raises(ConfigError, match="None of the clips shows a face"):
        make([tmp_path / "blank.gif"], dense.parent)


def test_faces_are_compared_by_overlap() -> None:
    frames = [Frame(index=i, t_s=i / 10, luma=np.zeros((9, 9), np.uint8)) for i in range(2)]
    ours, theirs = Finds([(0, 0, 10, 10), (50, 50, 10, 10)]), Finds([(1, 0, 10, 10), (80, 0, 10, 10)])
    match = compare("clip", frames, ours, theirs)  # type: ignore[arg-type]
    assert (match.faces, match.found, match.extra) == (4, 2, 2)
    assert match.share == 0.5
    assert "| clip | 4 | 50.0 % | 2 |" in table([match])
    assert Match("empty", 0, 0, 0, 1.0).share == 1.0
