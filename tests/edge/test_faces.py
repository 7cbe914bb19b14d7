"""BlazeFace on LiteRT: decoded as published, and finding what MediaPipe's own detector finds."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.errors import ModelError
from edge.config import SHIPPED, Models
from edge.eye.camera import open_camera
from edge.eye.faces import GRID, SIDE_PX, BlazeFace, decode, detect, first_looks, overlap, suppress
from edge.values import Box, Face, Frame

ORACLE: dict[str, list[list[list[float]]]] = json.loads(
    (Path(__file__).parents[1] / "oracle" / "boxes.json").read_text()
)
FACING = ("face-demographics-walking-and-pause.gif", "head-pose-face-detection-female-and-male.gif")
DETECTOR = Models().faces


@pytest.fixture(scope="module")
def detector_path() -> Path:
    if not DETECTOR.exists():
        pytest.skip("the face detector is not there: python -m models.fetch")
    return DETECTOR


def matched(ours: list[Box], theirs: list[Box]) -> int:
    """How many of theirs one of ours overlaps by half, each of ours once."""
    left = list(ours)
    found = 0
    for box in theirs:
        best = max(left, key=lambda one: overlap(one, box), default=None)
        if best is not None and overlap(best, box) >= 0.5:
            left.remove(best)
            found += 1
    return found


@pytest.mark.parametrize("clip", FACING)
@pytest.mark.parametrize("second_look", [False, True], ids=["one look", "second look"])
def test_it_finds_what_mediapipe_finds_and_little_else(
    clip: str, second_look: bool, footage_dir: Path, detector_path: Path
) -> None:
    detector = BlazeFace(detector_path, second_look=second_look)
    camera = open_camera(str(footage_dir / clip), realtime=False)
    ours = [[face.box_px for face in faces] for _, faces in detect(camera.frames(), detector)]
    theirs = [[(x, y, w, h) for x, y, w, h, _ in faces] for faces in ORACLE[clip]]
    assert len(ours) == len(theirs)
    found = sum(matched(one, other) for one, other in zip(ours, theirs, strict=True))
    assert found / sum(map(len, theirs)) >= 0.97
    assert (sum(map(len, ours)) - found) / sum(map(len, theirs)) <= 0.03


def test_a_second_look_finds_faces_of_twenty_pixels_that_the_first_misses(
    footage_dir: Path, detector_path: Path
) -> None:
    camera = open_camera(str(footage_dir / FACING[0]), realtime=False)
    small = [cv2.resize(frame.luma, None, fx=0.36, fy=0.36, interpolation=cv2.INTER_AREA) for frame in camera.frames()]
    canvas = np.full((270, 480), 110, np.uint8)

    def found(second_look: bool) -> int:
        detector, total = BlazeFace(detector_path, second_look=second_look), 0
        for index, picture in enumerate(picture for picture in small for _ in range(3)):
            far = canvas.copy()
            far[80 : 80 + picture.shape[0], 160 : 160 + picture.shape[1]] = picture
            total += len(detector.detect(Frame(index, index / 10, far)))
        return total

    assert found(second_look=True) > 5 * max(found(second_look=False), 1)


def test_an_empty_picture_has_no_face(detector_path: Path) -> None:
    assert BlazeFace(detector_path).detect(Frame(0, 0.0, np.full((360, 640), 128, np.uint8))) == ()


def test_the_first_look_is_whole_or_in_squares_that_cover_the_picture() -> None:
    assert first_looks(480, 270) == [(0, 0, 480, 270)]
    assert first_looks(640, 360) == [(0, 0, 360, 360), (280, 0, 360, 360)]
    assert first_looks(360, 640) == [(0, 0, 360, 360), (0, 280, 360, 360)]
    covered = {x for left, _, side, _ in first_looks(1280, 720) for x in range(left, left + side)}
    assert covered == set(range(1280))


def test_an_anchor_is_decoded_at_its_cell() -> None:
    raw, logits = np.zeros((GRID * GRID, 16), np.float32), np.full(GRID * GRID, -9.0, np.float32)
    cell = 10 * GRID + 20
    raw[cell, :4] = (1.0, 2.0, 30.0, 40.0)
    logits[cell] = 2.0
    points, scores = decode(raw, logits, 0.5)
    step = SIDE_PX / GRID
    assert points[0, 0].tolist() == [20.5 * step + 1 - 15, 10.5 * step + 2 - 20]
    assert points[0, 1].tolist() == [30.0, 40.0]
    assert scores[0] == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert len(scores) == 1


def boxes(*at: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Square candidates of 40 pixels: (x, y, score)."""
    points = np.zeros((len(at), 8, 2), np.float32)
    for i, (x, y, _) in enumerate(at):
        points[i, 0], points[i, 1] = (x, y), (40.0, 40.0)
    return points, np.array([score for _, _, score in at], np.float32)


def test_what_overlaps_is_blended_by_score_and_what_does_not_stays() -> None:
    faces = suppress(*boxes((10, 10, 0.9), (14, 10, 0.6), (100, 100, 0.7)))
    assert [round(face.score, 3) for face in faces] == [0.9, 0.7]
    assert faces[0].box_px[0] == pytest.approx((10 * 0.9 + 14 * 0.6) / 1.5)
    assert faces[1].box_px == (100, 100, 40, 40)


def test_overlap_is_intersection_over_union() -> None:
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (20, 0, 10, 10)) == 0


def test_a_missing_or_other_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"models\.fetch"):
        BlazeFace(tmp_path / "none.tflite")
    with pytest.raises(ModelError, match="no face detector that Attune knows"):
        BlazeFace(SHIPPED / "affect" / "affect.tflite")
    other = tmp_path / "other.tflite"
    shutil.copy(SHIPPED / "affect" / "affect.tflite", other)
    vouch(other)
    with pytest.raises(ModelError, match="no BlazeFace"):
        BlazeFace(other)


def vouch(path: Path) -> None:
    """States a file's hash beside it, so that the eye knows it."""
    path.with_name(f"{path.name}.sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x00" * 4096])
def test_a_damaged_model_never_takes_the_process_down(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "faces.tflite").write_bytes(content)
    vouch(tmp_path / "faces.tflite")
    code = (
        "import sys; from pathlib import Path; from contract.errors import ModelError\n"
        "from edge.eye.faces import BlazeFace\n"
        "try: BlazeFace(Path(sys.argv[1]))\n"
        "except ModelError: sys.exit(3)"
    )
    done = subprocess.run(
        (sys.executable, "-c", code, str(tmp_path / "faces.tflite")), check=False, capture_output=True, env=os.environ
    )
    assert done.returncode == 3


def test_faces_come_best_score_first(footage_dir: Path, detector_path: Path) -> None:
    frame = next(iter(open_camera(str(footage_dir / FACING[0]), realtime=False).frames()))
    found: tuple[Face, ...] = BlazeFace(detector_path).detect(frame)
    assert [face.score for face in found] == sorted((face.score for face in found), reverse=True)
