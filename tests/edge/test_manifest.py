"""The eye opens no model file but the one its manifest describes."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as tfl

from contract.errors import ModelError
from edge import manifest
from edge.apart import apart
from edge.manifest import detector, load

SHIPPED = Path(__file__).parents[2] / "models" / "affect"
SIZE = (SHIPPED / "affect.tflite").stat().st_size


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


def refused_under_its_own_hash(model: Path, content: bytes) -> bool:
    """The hash cannot tell here: a changed weight may load, a changed structure must be refused or crash elsewhere."""
    model.write_bytes(content)
    restate(model, sha256=hashlib.sha256(content).hexdigest())
    try:
        assert load(model).content == content
    except ModelError:
        return True
    return False


def test_of_damaged_files_under_their_own_hash_none_takes_this_process_down(model: Path) -> None:
    refused = sum(refused_under_its_own_hash(model, damaged(seed)) for seed in range(1_000, 1_050))
    assert refused > 25  # every truncated file, and some flipped ones


def test_nor_does_any_of_a_thousand(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred of them in each child process; of a hundred in which one crashed or hung, each in its own."""

    def together(seeds: range) -> None:
        monkeypatch.setattr(manifest, "apart", lambda check, what: check())
        for seed in seeds:
            content = damaged(seed)
            if not refused_under_its_own_hash(model, content) and len(content) < SIZE:
                raise ModelError("A truncated file was loaded.")

    for first in range(2_000, 3_000, 100):
        seeds = range(first, first + 100)
        try:
            apart(lambda seeds=seeds: together(seeds), "one of these")
        except ModelError as error:
            if "runtime down" not in str(error):
                raise
            for seed in seeds:
                refused_under_its_own_hash(model, damaged(seed))


def test_a_whole_file_of_another_quantisation_is_refused_under_its_own_hash(model: Path) -> None:
    graph = tfl.ModelT.InitFromObj(tfl.Model.GetRootAs(model.read_bytes(), 0))
    graph.subgraphs[0].tensors[graph.subgraphs[0].inputs[0]].quantization.scale = [2.0]
    builder = flatbuffers.Builder(SIZE)
    builder.Finish(graph.Pack(builder), b"TFL3")
    model.write_bytes(builder.Output())
    restate(model, sha256=hashlib.sha256(builder.Output()).hexdigest())
    with pytest.raises(ModelError, match="tensors inside"):
        load(model)


def test_a_detector_is_loaded_when_its_hash_is_pinned_or_stated_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "faces.tflite"
    path.write_bytes(b"a model")
    with pytest.raises(ModelError, match="no face detector that Attune knows"):
        detector(path)
    path.with_name("faces.tflite.sha256").write_text(f"{hashlib.sha256(b'a model').hexdigest()}  faces.tflite\n")
    assert detector(path) == b"a model"


@pytest.mark.parametrize("stated", [b"", b"\xff\xfe", b"0" * 64])
def test_a_detector_under_another_hash_is_refused(stated: bytes, tmp_path: Path) -> None:
    (tmp_path / "faces.tflite").write_bytes(b"a model")
    (tmp_path / "faces.tflite.sha256").write_bytes(stated)
    with pytest.raises(ModelError, match=r"models\.fetch"):
        detector(tmp_path / "faces.tflite")


def test_of_damaged_detectors_none_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "faces.tflite"
    shutil.copy(SHIPPED / "affect.tflite", path)
    path.with_name("faces.tflite.sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest())
    assert detector(path) == path.read_bytes()
    for seed in range(100):
        path.write_bytes(damaged(seed))
        with pytest.raises(ModelError, match="is damaged"):
            detector(path)


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
