"""Replay as a person runs it: a process, a clip, and lines on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from edge import manifest
from edge.config import NodeConfig
from edge.eye.camera import open_camera
from edge.eye.faces import BlazeFace
from tests.edge.clips import with_a_face

REPLAY = (sys.executable, "-m", "edge", "replay")
FRAMES = 80


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_a_face(tmp_path_factory.mktemp("clip") / "face.avi", FRAMES)


def test_a_trace_is_one_line_a_frame_with_every_face_that_the_detector_finds(clip: Path) -> None:
    done = subprocess.run((*REPLAY, "--trace", clip), capture_output=True, text=True, check=True)
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    assert [frame["frame"] for frame in frames] == list(range(FRAMES))
    assert all(set(frame) == {"frame", "faces"} for frame in frames)
    detector = BlazeFace(NodeConfig(node="n1").models.faces)
    expected = [len(detector.detect(frame)) for frame in open_camera(str(clip), realtime=False).frames()]
    assert [len(frame["faces"]) for frame in frames] == expected
    assert sum(expected) > FRAMES / 2
    for face in (face for frame in frames for face in frame["faces"]):
        assert set(face) == {"box", "score", "track", "excluded", "skipped", "affect"}
        assert len(face["box"]) == 4
        assert 0 < face["score"] <= 1
        assert isinstance(face["track"], int)
        assert isinstance(face["excluded"], bool)
        assert (face["skipped"] is None) == (face["affect"] is not None)
        assert face["affect"] is None or tuple(face["affect"]) == manifest.LABELS


def test_the_last_word_says_what_became_of_the_faces(clip: Path) -> None:
    done = subprocess.run((*REPLAY, "--trace", clip), capture_output=True, text=True, check=True)
    faces = [face for line in done.stdout.splitlines() for face in json.loads(line)["faces"]]
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("Faces due: ")]
    whys = Counter(face["skipped"] for face in faces if face["skipped"])
    read, unsure = (int(said.partition(what)[2].split(",")[0].split(";")[0]) for what in ("read ", "not sure "))
    assert read + unsure == sum(face["affect"] is not None for face in faces)
    assert whys
    assert all(f"{why} {times}" in said for why, times in whys.items())


def test_records_and_complaints_may_be_redirected_into_files(clip: Path, tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("w") as said, err.open("w") as complained:
        subprocess.run((*REPLAY, clip), stdout=said, stderr=complained, check=True)
    (record,) = [json.loads(line) for line in out.read_text().splitlines()]
    assert (record["kind"], record["suppressed"]) == ("mood", True)
    assert "attune-edge:" not in err.read_text()


@pytest.mark.parametrize("read", [True, False], ids=["after a line", "at once"])
@pytest.mark.parametrize("trace", [("--trace",), ()], ids=["trace", "records"])
def test_a_reader_that_has_had_enough_is_no_error(clip: Path, read: bool, trace: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    process = subprocess.Popen((*REPLAY, *trace, clip), stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    if read:
        assert os.read(reading, 1) == b"{"
    os.close(reading)
    _, complained = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Error" not in complained
    assert "attune-edge:" not in complained


def refused(*arguments: str | Path) -> str:
    """The one sentence with which a replay ends."""
    done = subprocess.run((*REPLAY, *arguments), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert done.stdout == ""
    (sentence,) = [line for line in done.stderr.splitlines() if not line.startswith("INFO:")]  # LiteRT's own
    assert sentence.startswith("attune-edge: ")
    return sentence


@pytest.mark.parametrize("what", ["folder", "pipe", "device", "nothing"])
def test_only_regular_files_are_replayed(what: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    path = {"folder": tmp_path, "pipe": pipe, "device": Path("/dev/zero"), "nothing": tmp_path / "none.gif"}[what]
    assert ("There is no clip" if what == "nothing" else "is no regular file") in refused("--trace", path)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x00\xffnoise" * 500], ids=["empty", "cut", "noise"])
def test_a_file_that_is_no_clip_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    broken = tmp_path / "clip.gif"
    broken.write_bytes(content)
    assert "clip.gif" in refused(broken)


@pytest.mark.parametrize("trace", [("--trace",), ()], ids=["trace", "records"])
def test_a_model_that_is_not_there_is_one_sentence(trace: tuple[str, ...], clip: Path, tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text('node = "n1"\n[models]\naffect = "gone.tflite"\n')
    assert "gone.tflite" in refused(clip, "--config", config, *trace)
