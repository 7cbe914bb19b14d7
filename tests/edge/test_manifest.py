"""The eye opens no model file but the one its manifest describes."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(min_value=0), bit=st.integers(0, 7), keep=st.none() | st.floats(0, 0.999))
def test_a_flipped_or_truncated_file_is_refused(model: Path, place: int, bit: int, keep: float | None) -> None:
    content = bytearray((SHIPPED / "affect.tflite").read_bytes())
    content[place % len(content)] ^= 1 << bit
    model.write_bytes(content if keep is None else content[: int(len(content) * keep)])
    with pytest.raises(ModelError, match="SHA-256"):
        load(model)


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
