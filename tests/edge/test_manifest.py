"""The eye opens no model file but the one its manifest describes."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from contract.errors import ModelError
from edge.manifest import load

SHIPPED = Path(__file__).parents[2] / "models" / "affect"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the shipped model that a test may damage."""
    for name in ("affect.tflite", "manifest.json"):
        shutil.copy(SHIPPED / name, tmp_path)
    return tmp_path / "affect.tflite"


def restate(model: Path, **changes: Any) -> None:
    path = model.with_name("manifest.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_shipped_model_loads_with_the_bytes_that_were_checked(model: Path) -> None:
    assert load(model).content == model.read_bytes()


def damaged(seed: int) -> bytes:
    """The shipped file with a bit flipped somewhere, or cut off somewhere; half of the flips in its structure."""
    rng = random.Random(seed)
    content = bytearray((SHIPPED / "affect.tflite").read_bytes())
    if rng.random() < 0.5:
        return bytes(content[: rng.randrange(len(content))])
    place = rng.choice((rng.randrange(len(content)), rng.randrange(4_000), len(content) - 1 - rng.randrange(16_000)))
    content[place] ^= 1 << rng.randrange(8)
    return bytes(content)


def test_of_a_thousand_damaged_files_none_is_loaded(model: Path) -> None:
    for seed in range(1_000):
        model.write_bytes(damaged(seed))
        with pytest.raises(ModelError, match="SHA-256"):
            load(model)


def test_of_damaged_files_under_their_own_hash_none_takes_this_process_down(model: Path) -> None:
    """The hash cannot tell here: a changed weight may load, a changed structure must be refused or crash elsewhere."""
    refused = 0
    for seed in range(10_000, 10_150):
        content = damaged(seed)
        model.write_bytes(content)
        restate(model, sha256=hashlib.sha256(content).hexdigest())
        try:
            assert load(model).content == content
        except ModelError:
            refused += 1
    assert refused > 75


@pytest.mark.parametrize("missing", ["affect.tflite", "manifest.json"])
def test_a_missing_file_is_named(model: Path, missing: str) -> None:
    model.with_name(missing).unlink()
    with pytest.raises(ModelError, match=missing):
        load(model)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"labels": 3}', "\x00"])
def test_a_file_that_is_no_manifest_is_refused(model: Path, text: str) -> None:
    model.with_name("manifest.json").write_text(text)
    with pytest.raises(ModelError, match="not a model manifest"):
        load(model)


def test_other_labels_are_refused(model: Path) -> None:
    restate(model, labels=["happy", "sad"])
    with pytest.raises(ModelError, match="labels"):
        load(model)


def test_another_input_is_refused(model: Path) -> None:
    restate(model, input={"shape": [1, 64, 64, 1], "dtype": "int8", "scale": 1.0, "zero_point": -128})
    with pytest.raises(ModelError, match="quantisation"):
        load(model)


def test_a_file_that_is_no_model_is_refused_even_under_its_own_hash(model: Path) -> None:
    model.write_bytes(b"not a model")
    restate(model, sha256=hashlib.sha256(b"not a model").hexdigest())
    with pytest.raises(ModelError, match="no model"):
        load(model)
