"""The Edge TPU check must pass the shipped model and name what is wrong with others."""

from __future__ import annotations

import numpy as np
import pytest

from contract.errors import ModelError
from models.edgetpu import problems
from models.evaluate import AFFECT
from models.flatfile import FlatFile, Grid

PIXELS = Grid((1.0,), -128)


def test_the_affect_model_fits_an_edge_tpu() -> None:
    assert problems((AFFECT / "affect.tflite").read_bytes()) == []


def test_a_mean_over_the_batch_is_refused() -> None:
    file = FlatFile()
    luma = file.tensor("luma", (1, 48, 48, 1), PIXELS)
    out = file.tensor("out", (48, 1), PIXELS)
    file.mean([luma, file.constant("axes", np.array([0, 1], np.int32))], out)
    assert problems(file.finish(luma, out, "test")) == ["MEAN: may reduce over height and width only"]


def test_a_bias_off_the_product_grid_is_refused() -> None:
    file = FlatFile()
    luma = file.tensor("luma", (1, 4), PIXELS)
    weight = file.constant("weight", np.ones((2, 4), np.int8), Grid((0.5,)))
    bias = file.constant("bias", np.ones(2, np.int32), Grid((0.25,)))
    out = file.tensor("out", (1, 2), PIXELS)
    file.dense([luma, weight, bias], out)
    assert problems(file.finish(luma, out, "test")) == [
        "FULLY_CONNECTED: its bias must be int32 on the grid of input times weight"
    ]


def test_an_open_shape_is_refused() -> None:
    file = FlatFile()
    luma = file.tensor("luma", (1, -1), PIXELS)
    out = file.tensor("out", (1, 8), PIXELS)
    file.softmax(luma, out)
    assert problems(file.finish(luma, out, "test")) == ["tensor luma: shape [1, -1] is not static"]


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(4096)])
def test_what_is_no_tflite_file_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(ModelError, match="TFLite"):
        problems(content)


def test_a_float_face_detector_is_refused() -> None:
    detector = AFFECT.parent / "faces" / "face_detection_full_range_sparse.tflite"
    if not detector.exists():
        pytest.skip("the face detector has not been fetched (python -m models.fetch)")
    assert "DENSIFY: not in the Edge TPU's table" in problems(detector.read_bytes())
