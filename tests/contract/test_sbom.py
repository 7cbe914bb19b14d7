from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import pytest

from contract import sbom as sboms
from contract.sbom import model_card, sbom

ROOT = Path(__file__).parents[2]


def test_it_names_what_is_installed_by_version_and_purl() -> None:
    body = json.loads(sbom())
    assert (body["bomFormat"], body["specVersion"], body["version"]) == ("CycloneDX", "1.6", 1)
    by_name = {one["name"]: one for one in body["components"]}
    assert by_name["pydantic"]["version"] == version("pydantic")
    assert by_name["pydantic"]["purl"] == f"pkg:pypi/pydantic@{version('pydantic')}"
    assert by_name["CPython"]["type"] == "platform"
    refs = [one["bom-ref"] for one in body["components"]]
    assert len(refs) == len(set(refs))


def test_it_holds_the_hash_of_the_model_that_is_there() -> None:
    model = next(one for one in json.loads(sbom())["components"] if one["type"] == "machine-learning-model")
    affect = ROOT / "models" / "affect"
    assert model["hashes"] == [
        {"alg": "SHA-256", "content": json.loads((affect / "manifest.json").read_text())["sha256"]}
    ]
    assert model["hashes"][0]["content"] == hashlib.sha256((affect / "affect.tflite").read_bytes()).hexdigest()
    assert model_card() == (affect / "card.md").read_bytes()


def test_the_same_environment_gives_the_same_bytes() -> None:
    assert sbom() == sbom()


def test_a_missing_model_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sboms, "_MODEL", tmp_path)
    assert "machine-learning-model" not in sbom().decode()
    assert b"No model card is installed" in model_card()
