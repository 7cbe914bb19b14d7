"""The canary: a face that the eye finds in noise that is like no other, and that leaves when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from contract.errors import CameraError
from edge.config import NodeConfig
from edge.eye.faces import BlazeFace
from edge.eye.tags import TagReader
from edge.eye.tracks import Tracking, follow
from edge.prove import canary
from edge.prove.search import needles
from edge.scene.heads import PORTRAITS
from edge.values import Frame

MODELS = NodeConfig(node="n1").models
SIZES = [(640, 360), (640, 480), (1280, 720)]

if not PORTRAITS.exists() or not MODELS.faces.exists():
    pytest.skip("models or portraits are not there: python -m models.fetch --portraits", allow_module_level=True)


@pytest.fixture(autouse=True)
def unmoved() -> Iterator[None]:
    """A canary camera takes a signal: given back."""
    before = signal.getsignal(canary.LEAVE)
    yield
    signal.signal(canary.LEAVE, before)


@pytest.fixture(scope="module")
def detector() -> BlazeFace:
    return BlazeFace(MODELS.faces)


@pytest.mark.parametrize("size_px", SIZES)
def test_in_each_picture_a_face_is_found_that_may_be_read(size_px: tuple[int, int], detector: BlazeFace) -> None:
    reader = TagReader()
    frames = [Frame(1, i / 10, picture) for i, picture in enumerate(canary.pictures(7, size_px))]
    zones = NodeConfig(node="n1").zones
    for frame, people in follow(((frame, detector.detect(frame)) for frame in frames), Tracking(), zones):
        assert len(people) == 1
        assert reader.legible(frame, people[0])


def test_a_seed_gives_its_pictures_again_and_no_others(detector: BlazeFace) -> None:
    assert all(map(np.array_equal, canary.pictures(7, SIZES[0]), canary.pictures(7, SIZES[0])))
    searched = needles(canary.forms(canary.pictures(7, SIZES[0]), detector), 1_000)
    assert searched.count() == dict.fromkeys(("raw", "resized", "cropped", "int8", "JPEG", "PNG"), 1_000)
    for texts in canary.forms(canary.pictures(8, SIZES[0]), detector).values():
        assert sum(sum(searched.find(text).values()) for text in texts) == 0


def test_every_window_is_like_no_other(detector: BlazeFace) -> None:
    searched = needles(canary.forms(canary.pictures(7, SIZES[0]), detector), 5_000)
    for form in ("raw", "JPEG", "PNG"):
        windows = searched.windows[searched.form_of == searched.forms.index(form)]
        assert len(np.unique(windows, axis=0)) == len(windows)


def test_the_camera_gives_fresh_copies_until_it_is_told_to_leave() -> None:
    camera = canary.CanaryCamera("canary:7", fps=1000, size_px=SIZES[0])
    frames = camera.frames()
    shown = [next(frames) for _ in range(canary.PICTURES + 1)]
    assert np.array_equal(shown[0].luma, shown[canary.PICTURES].luma)
    assert shown[0].luma is not shown[canary.PICTURES].luma
    os.kill(os.getpid(), canary.LEAVE)
    assert np.unique(next(frames).luma).tolist() == [128]
    assert np.unique(next(frames).luma).tolist() == [128]
    camera.close()
    assert list(frames) == []


@pytest.mark.parametrize("source", ["canary:", "canary:x", "canary", "scene:busy"])
def test_what_is_no_canary_is_refused(source: str) -> None:
    with pytest.raises(CameraError, match="is no canary"):
        canary.seed_of(source)


def test_no_node_runs_on_a_canary(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text('node = "n1"\n[camera]\nsource = "canary:7"\n')
    ran = subprocess.run(
        (sys.executable, "-m", "edge", "run", "--config", str(config)), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 78
    assert "attune-edge prove alone" in ran.stderr
