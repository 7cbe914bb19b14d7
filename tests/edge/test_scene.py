"""The simulated shop: the same seed gives the same day, and the truth says who was where."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import CameraError
from edge.config import NodeConfig
from edge.eye.camera import open_camera
from edge.eye.faces import BlazeFace
from edge.eye.tracks import TURNED, yaw
from edge.scene.__main__ import main
from edge.scene.camera import SceneCamera
from edge.scene.cast import CHAPTER_S, busy, day, quiet, script
from edge.scene.heads import PORTRAITS
from edge.scene.render import Painter
from edge.scene.script import CERAMICS, HEIGHT_PX, TEXTILES, WIDTH_PX, ZONES, Pose, Shopper, Stop, script_of
from edge.scene.truth import seen_at, truth
from edge.values import Frame
from edge.zones import check


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stand-ins for the two photographs: what the scene does with them does not depend on whose they are."""
    folder = tmp_path_factory.mktemp("portraits")
    noise = np.random.default_rng(0).integers(60, 220, (600, 512), np.uint8)
    for name in ("astronaut.png", "grace_hopper.jpg"):
        cv2.imwrite(str(folder / name), cv2.GaussianBlur(noise, (0, 0), 3))
    return folder


def frames_of(portraits: Path, name: str, seconds: float) -> list[Frame]:
    return list(SceneCamera(script(name), fps=5, realtime=False, seconds=seconds, portraits=portraits).frames())


def test_the_same_seed_gives_the_same_pictures(portraits: Path) -> None:
    one, again, other = (frames_of(portraits, seed, 12.0) for seed in ("7", "7", "8"))
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(one, again, strict=True))
    assert any(not np.array_equal(a.luma, b.luma) for a, b in zip(one, other, strict=True))


def test_pictures_are_luma_of_the_stated_size_and_show_the_people(portraits: Path) -> None:
    frames = frames_of(portraits, "quiet", 10.0)
    assert all(f.luma.shape == (HEIGHT_PX, WIDTH_PX) and f.luma.dtype == np.uint8 for f in frames)
    empty, full = frames[0].luma.astype(int), frames[-1].luma.astype(int)
    for person in seen_at(quiet(), 49, 49 / 5):
        x, y, w, h = (round(v) for v in person.box_px)
        assert np.abs(full - empty)[y : y + h, x : x + w].mean() > 10


@given(seed=st.integers(0, 10_000), t_s=st.floats(0, 40 * CHAPTER_S))
def test_any_moment_of_a_day_can_be_asked_for_in_any_order(seed: int, t_s: float) -> None:
    play = day(seed)
    poses = play.poses(t_s)
    assert poses == day(seed).poses(t_s)
    assert [p.face_px for p in poses] == sorted(p.face_px for p in poses)
    for p in poses:
        assert 32 <= p.face_px <= 80
        assert -1 <= p.yaw <= 1
        assert 0 <= p.impatience <= 1


@given(seed=st.integers(0, 1000), chapter=st.integers(0, 30))
def test_every_chapter_of_a_day_begins_and_ends_with_an_empty_shop(seed: int, chapter: int) -> None:
    play = day(seed)
    assert not play.poses(chapter * CHAPTER_S)
    assert not play.poses((chapter + 1) * CHAPTER_S - 0.1)


@given(seed=st.integers(0, 200), chapter=st.integers(0, 5), at=st.integers(0, 20 * int(CHAPTER_S)))
def test_nobody_jumps(seed: int, chapter: int, at: int) -> None:
    play, t_s = day(seed), chapter * CHAPTER_S + at / 20
    before = {p.shopper.who: p for p in play.poses(t_s)}
    for p in play.poses(t_s + 0.05):
        if p.shopper.who in before:
            q = before[p.shopper.who]
            assert abs(p.centre_px[0] - q.centre_px[0]) < 0.3 * p.face_px
            assert abs(p.yaw - q.yaw) < 0.25


def test_in_quiet_one_customer_waits_long_in_ceramics_and_staff_is_elsewhere() -> None:
    stays = truth(quiet(), 110.0, 5.0).stays
    waiting = [s for s in stays if s.help_from_s is not None]
    assert [(s.role, s.zone) for s in waiting] == [("visitor", CERAMICS)]
    assert waiting[0].t_leave_s - waiting[0].t_enter_s > 90
    assert 30 < waiting[0].help_from_s - waiting[0].t_enter_s < 60  # type: ignore[operator]
    assert {s.zone for s in stays if s.role == "staff"}
    assert all(s.zone != CERAMICS for s in stays if s.role == "staff")


def test_in_busy_six_visitors_are_in_textiles_for_a_whole_mood_window() -> None:
    seen = truth(busy(), 340.0, 1.0).seen
    together = Counter(s.frame for s in seen if s.zone == TEXTILES and s.role == "visitor")
    assert sum(n >= 6 for n in together.values()) >= 270
    assert {s.role for s in seen} == {"visitor", "staff", "opted_out"}


def test_a_day_has_people_who_need_help_a_crowd_and_staff() -> None:
    seen = truth(day(1), 6 * CHAPTER_S, 0.5).seen
    together = Counter((s.frame, s.zone) for s in seen if s.role == "visitor")
    assert any(s.needs_help for s in seen)
    assert max(together.values()) >= 6
    assert {s.role for s in seen} == {"visitor", "staff", "opted_out"}


def test_the_truth_is_the_cast_as_told() -> None:
    cast = [
        Shopper("ann", 1, 1.0, (Stop(0.1, 50.0, 20.0, patience_s=12.0),)),
        Shopper("bo", 2, 3.0, (Stop(0.5, 40.0, 5.0),)),
    ]
    told = truth(script_of(cast), 30.0, 10.0)
    ann = next(s for s in told.stays if s.who == "ann")
    assert (ann.zone, ann.role) == (CERAMICS, "visitor")
    assert ann.help_from_s is not None
    assert 20 < ann.t_leave_s - ann.t_enter_s < 26
    for s in told.seen:
        assert s.t_s == s.frame / 10
        assert s.box_px[2] == s.box_px[3]
        assert not s.needs_help or (s.who == "ann" and s.t_s >= ann.help_from_s)
    assert json.loads(told.to_json())["stays"][0]["who"] == "ann"


def test_the_zones_of_the_shop_are_valid() -> None:
    check(ZONES)


def test_a_live_scene_drops_the_moments_that_passed_while_the_eye_was_busy(portraits: Path) -> None:
    now_s = [1000.0]

    def sleep(seconds: float) -> None:
        now_s[0] += seconds

    camera = SceneCamera(quiet(), fps=10, portraits=portraits, clock=lambda: now_s[0], sleep=sleep)
    frames, given = camera.frames(), []
    for busy_s in (0.0, 0.0, 0.35, 0.02, 0.95, 0.0):
        given.append(next(frames))
        now_s[0] += busy_s
    assert [f.index for f in given] == [0, 1, 2, 5, 6, 15]
    assert [round(f.t_s - 1000.0, 3) for f in given] == [0.0, 0.1, 0.2, 0.5, 0.6, 1.5]
    camera.close()
    assert next(frames, None) is None


def test_a_faster_scene_takes_longer_steps(portraits: Path) -> None:
    camera = SceneCamera(quiet(), fps=10, speed=8.0, portraits=portraits, clock=lambda: 0.0, sleep=lambda _: None)
    frames = camera.frames()
    assert [round(next(frames).t_s, 3) for _ in range(3)] == [0.0, 0.8, 1.6]


def test_nothing_is_opened_after_the_scene_was(portraits: Path, tmp_path: Path) -> None:
    moved = tmp_path / "portraits"
    moved.mkdir()
    for path in portraits.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    camera = SceneCamera(busy(), fps=1, realtime=False, seconds=60, portraits=moved)
    for path in moved.iterdir():
        path.unlink()
    assert len(list(camera.frames())) == 60


def test_a_missing_portrait_is_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"missing or unreadable: run python -m models\.fetch --portraits"):
        SceneCamera(quiet(), portraits=tmp_path)


def test_an_unknown_scene_is_refused() -> None:
    with pytest.raises(CameraError, match="use quiet, busy, walk, day or a whole number"):
        script("loud")


@pytest.mark.skipif(not PORTRAITS.exists(), reason="no portraits: python -m models.fetch --portraits")
def test_a_written_clip_replays_with_its_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, told = tmp_path / "quiet.mp4", tmp_path / "truth.json"
    assert main(["--preset", "quiet", "--seconds", "4", "--fps", "5", "--out", str(clip), "--truth", str(told)]) == 0
    frames = list(open_camera(str(clip), realtime=False).frames())
    assert len(frames) == 20
    assert {s["frame"] for s in json.loads(told.read_text())["seen"]} <= {f.index for f in frames}
    assert "20 frames" in capsys.readouterr().out


@pytest.mark.parametrize("asked", [["--preset", "loud", "--out", "x.mp4"], ["--out", "x.txt"]])
def test_a_clip_that_cannot_be_written_is_one_sentence(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.skipif(not PORTRAITS.exists(), reason="no portraits: python -m models.fetch --portraits")
def test_a_drawn_head_turns_as_the_detector_sees_it_and_stays_a_face() -> None:
    painter, detector = Painter(), BlazeFace(NodeConfig(node="shop").models.faces)
    seen: dict[float, list[float]] = {-1.0: [], -0.7: [], 0.0: [], 0.7: [], 1.0: []}
    looks = range(2, 10)
    for turned, yaws in seen.items():
        for look in looks:
            who = Shopper("ann", look, 0.0, (Stop(0.5, 56.0, 10.0),))
            picture = painter.paint([Pose(who, (320.0, 158.0), 56.0, turned, 0.0, False)], 1)
            yaws += [yaw(face) for face in detector.detect(Frame(0, 0.0, picture))]
    assert all(len(seen[turned]) >= len(looks) - 1 for turned in (-0.7, 0.0, 0.7))
    left, right = (np.median(seen[turned]) for turned in (-1.0, 1.0))
    assert left < -TURNED < TURNED < right
    assert left < np.median(seen[-0.7]) < np.median(seen[0.7]) < right
