"""The TFLite writer against arithmetic done by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.edgetpu import problems
from models.flatfile import FlatFile, Grid
from models.metrics import Reader

PIXELS, SOFTMAX = Grid((1.0,), -128), Grid((1 / 256,), -128)


def tiny_file(rng: np.random.Generator) -> tuple[bytes, np.ndarray, np.ndarray]:
    """Mean of a strided convolution of the picture, then softmax; with the float weights it stands for."""
    steps = rng.integers(-127, 128, (8, 3, 3, 1)).astype(np.int8)
    scale = rng.uniform(1e-5, 2e-5, 8)
    bias = rng.integers(-20_000, 20_000, 8).astype(np.int32)
    file = FlatFile()
    luma = file.tensor("luma", (1, 48, 48, 1), PIXELS)
    weight = file.constant("weight", steps, Grid(tuple(scale)))
    offset = file.constant("bias", bias, Grid(tuple(scale)))
    maps = file.tensor("maps", (1, 24, 24, 8), Grid((0.01,), 0))
    file.conv([luma, weight, offset], maps, stride=2, relu=False)
    logits = file.tensor("logits", (1, 8), Grid((0.01,), 0))
    file.mean([maps, file.constant("axes", np.array([1, 2], np.int32))], logits)
    probabilities = file.tensor("probabilities", (1, 8), SOFTMAX)
    file.softmax(logits, probabilities)
    return file.finish(luma, probabilities, "test"), steps * scale[:, None, None, None], bias * scale


def expected(image: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    padded = np.pad(image.astype(float), ((0, 1), (0, 1)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))[::2, ::2]
    logits = np.clip(np.einsum("yxij,cij->yxc", patches, weight[..., 0]) + bias, -1.28, 1.27).mean(axis=(0, 1))
    return np.exp(logits) / np.exp(logits).sum()


def test_a_written_file_computes_what_its_numbers_say() -> None:
    rng = np.random.default_rng(0)
    content, weight, bias = tiny_file(rng)
    image = rng.integers(0, 256, (48, 48)).astype(np.uint8)
    assert Reader(Path("tiny.tflite"), content).read_all(image[None])[0] == pytest.approx(
        expected(image, weight, bias), abs=0.01
    )


def test_the_same_tensors_give_the_same_bytes() -> None:
    assert tiny_file(np.random.default_rng(1))[0] == tiny_file(np.random.default_rng(1))[0]


def test_a_written_file_fits_an_edge_tpu() -> None:
    assert problems(tiny_file(np.random.default_rng(2))[0]) == []
