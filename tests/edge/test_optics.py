"""How large a face is at a distance, and where a camera reads one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.__main__ import main
from edge.optics import EYES_M, FACE_M, FOUND_PX, READ_PX, reach_m, report, sight

fovs = st.floats(20, 150)
widths = st.integers(320, 1920)


def test_a_face_that_fills_the_picture_is_as_wide_as_it() -> None:
    assert sight(FACE_M / 2, 90.0, 640).face_px == pytest.approx(640)


def test_a_camera_module_3_at_three_metres_by_hand() -> None:
    """2 · 3 m · tan 33° = 3.896 m across; 1280 px over that, 0.175 m of face."""
    seen = sight(3.0, 66.0, 1280)
    assert (round(seen.across_m, 3), round(seen.face_px, 1), round(seen.badge_px, 1)) == (3.896, 57.5, 23.0)
    assert seen.says == "read"


@given(st.floats(0.5, 20), fovs, widths)
def test_twice_as_far_is_half_as_wide(distance_m: float, fov_deg: float, width_px: int) -> None:
    near, far = sight(distance_m, fov_deg, width_px), sight(2 * distance_m, fov_deg, width_px)
    assert near.face_px == pytest.approx(2 * far.face_px)


@given(fovs, widths, st.floats(1.0, 3.0))
def test_at_its_reach_a_face_is_just_as_wide_as_asked(fov_deg: float, width_px: int, height_m: float) -> None:
    far_m = reach_m(READ_PX, fov_deg, width_px, height_m)
    if far_m > 0:
        assert sight(far_m, fov_deg, width_px, height_m).face_px == pytest.approx(READ_PX, rel=1e-6)
    assert far_m <= reach_m(FOUND_PX, fov_deg, width_px, height_m)


def test_a_face_under_a_high_camera_is_seen_too_steeply() -> None:
    assert sight(1.0, 66.0, 640, height_m=3.0).says == "seen too steeply from above"
    assert sight(1.0, 66.0, 640, height_m=EYES_M).says == "read"


def test_where_no_face_is_read_the_report_says_what_to_change() -> None:
    assert "hang it lower, take a longer lens" in report(150.0, 320, 3.0)


def test_the_command_says_one_distance_or_a_row_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optics", "--distance", "3", "--fov", "66", "--width", "1280"]) == 0
    said = capsys.readouterr().out
    assert "57 px" in said
    assert said.count(" m  ") == 2
    main(["optics"])
    assert capsys.readouterr().out.count(" m  ") > 10


@pytest.mark.parametrize("wrong", [("--fov", "0"), ("--fov", "x"), ("--distance", "-1"), ("--height", "nan")])
def test_what_is_no_camera_is_refused(wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["optics", *wrong])
    assert "is not a number from" in capsys.readouterr().err
