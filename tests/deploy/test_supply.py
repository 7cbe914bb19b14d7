"""What ships is known, listed with its licence, and built the same twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy import supply

ROOT = Path(__file__).parents[2]
listed = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the list is made with Python 3.11, which has every package of the lock"
)
PACKAGES = ("contract", "edge", "hub", "models")


@listed
def test_the_list_of_licences_is_that_of_the_lock() -> None:
    assert supply.LICENCES.read_text(encoding="utf-8") == supply.licences(), "run 'make licences'"


@listed
def test_everything_that_ships_says_its_licence() -> None:
    unsaid = [part.name for part in supply.shipped() if part.licence in ("", "see the package")]
    assert unsaid == []


@listed
def test_front_end_fonts_and_models_ship_too() -> None:
    kinds = {part.name: part.kind for part in supply.shipped()}
    assert kinds["htmx.org"] == kinds["uplot"] == "front end"
    assert kinds["attune-affect"] == kinds["face_detection_full_range_sparse"] == "model"
    assert kinds["pydantic"] == "library"


def test_what_only_tests_or_other_systems_need_does_not_ship() -> None:
    names = set(supply.locked())
    assert not names & {"pytest", "hypothesis", "schemathesis", "playwright", "torch"}
    assert not names & {"pywin32", "colorama"}


@listed
def test_the_bill_of_materials_is_cyclonedx_and_the_same_twice() -> None:
    text = supply.sbom()
    assert text == supply.sbom()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.decode()) is None
    refs = [one["bom-ref"] for one in json.loads(text)["components"]]
    assert len(refs) == len(set(refs))


def test_where_nobody_can_be_asked_the_audit_says_so_and_is_content(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supply, "OSV", "127.0.0.1.invalid")
    assert supply.main(["audit"]) == 0
    assert "Not audited" in capsys.readouterr().out


def built(tree: Path, out: Path) -> bytes:
    """The wheel of a tree."""
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out))
    subprocess.run(
        command, cwd=tree, check=True, capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    )
    (wheel,) = out.glob("*.whl")
    return wheel.read_bytes()


def test_two_builds_of_the_wheel_are_the_same_bytes(tmp_path: Path) -> None:
    """From two copies of the tree whose files have other times and rights."""
    trees = tmp_path / "one", tmp_path / "other"
    for tree in trees:
        for package in PACKAGES:
            ignored = shutil.ignore_patterns("__pycache__", "faces", "runs")
            shutil.copytree(ROOT / package, tree / package, ignore=ignored)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, tree)
    for path in trees[1].rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
        if path.is_file():
            path.chmod(0o640)
    assert built(trees[0], tmp_path / "a") == built(trees[1], tmp_path / "b")
