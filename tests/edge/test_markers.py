"""Mask markers become polygons that the node's config takes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.__main__ import main
from edge.config import NodeConfig
from edge.eye.markers import areas, told
from edge.values import Frame
from edge.zones import inside

WIDTH_PX, HEIGHT_PX = 640, 360
FAMILY = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)


def frame(index: int = 0, **places: tuple[int, int]) -> Frame:
    """A grey wall with markers, by ``mNUMBER=(left, top)``, each 40 px wide with its white rim."""
    luma = np.full((HEIGHT_PX, WIDTH_PX), 120, np.uint8)
    for name, (left, top) in places.items():
        luma[top : top + 56, left : left + 56] = 255
        luma[top + 8 : top + 48, left + 8 : left + 48] = cv2.aruco.generateImageMarker(FAMILY, int(name[1:]), 40)
    return Frame(index=index, t_s=index / 10, luma=luma)


def still(count: int = 3, **places: tuple[int, int]) -> list[Frame]:
    return [frame(index, **places) for index in range(count)]


SQUARE = {"m200": (100, 60), "m201": (400, 60), "m202": (400, 240), "m203": (100, 240)}


def test_four_markers_cover_what_is_between_them_and_themselves() -> None:
    (area,) = areas(still(**SQUARE))
    assert area.markers == (200, 201, 202, 203)
    assert area.polygon is not None
    for x, y in ((250, 150), (110, 70), (446, 286)):
        assert inside(area.polygon, (x / WIDTH_PX, y / HEIGHT_PX))
    for x, y in ((80, 150), (250, 40), (470, 150), (250, 310)):
        assert not inside(area.polygon, (x / WIDTH_PX, y / HEIGHT_PX))


@settings(max_examples=10)
@given(order=st.permutations(sorted(SQUARE)))
def test_the_order_in_which_they_hang_does_not_matter(order: list[str]) -> None:
    swapped = dict(zip(order, SQUARE.values(), strict=True))
    (first,), (second,) = areas(still(**SQUARE)), areas(still(**swapped))
    assert np.allclose(sorted(first.polygon or ()), sorted(second.polygon or ()), atol=0.01)


def test_two_areas_are_kept_apart_by_their_tens() -> None:
    found = areas(still(**SQUARE, m210=(500, 10), m211=(570, 120), m212=(500, 230)))
    assert [area.number for area in found] == [1, 2]
    assert [area.markers for area in found] == [(200, 201, 202, 203), (210, 211, 212)]
    assert all(area.polygon for area in found)


def test_two_markers_bound_nothing_and_the_installer_is_told() -> None:
    (area,) = areas(still(m200=(100, 60), m201=(400, 60)))
    assert area.polygon is None
    assert "needs 3 markers" in told((area,))
    assert tomllib.loads(told((area,))) == {"masks": []}


def test_a_marker_seen_once_is_chance() -> None:
    frames = still(**{name: SQUARE[name] for name in ("m200", "m201", "m202")})
    (area,) = areas([*frames, frame(9, m203=SQUARE["m203"])])
    assert area.markers == (200, 201, 202)


def test_badges_bound_nothing() -> None:
    assert areas(still(m7=(100, 60), m8=(400, 60), m9=(400, 240), m150=(100, 240))) == ()


def test_what_is_told_is_taken_by_the_config() -> None:
    masks = tomllib.loads(told(areas(still(**SQUARE))))["masks"]
    config = NodeConfig.model_validate({"node": "window-1", "masks": masks})
    assert len(config.masks) == 1


def test_the_command_reads_a_recorded_wall_and_says_what_to_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "wall.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"MJPG"), 10, (WIDTH_PX, HEIGHT_PX))
    for shot in still(6, **SQUARE):
        writer.write(cv2.cvtColor(shot.luma, cv2.COLOR_GRAY2BGR))
    writer.release()
    config = tmp_path / "node.toml"
    config.write_text(f'node = "window-1"\n[camera]\nsource = "{clip}"\n')
    assert main(["masks", "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert "markers 200, 201, 202, 203 seen, covered" in said
    assert len(tomllib.loads(said)["masks"]) == 1


def test_no_marker_is_said_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "wall.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"MJPG"), 10, (WIDTH_PX, HEIGHT_PX))
    for shot in still(4):
        writer.write(cv2.cvtColor(shot.luma, cv2.COLOR_GRAY2BGR))
    writer.release()
    config = tmp_path / "node.toml"
    config.write_text(f'node = "window-1"\n[camera]\nsource = "{clip}"\n')
    assert main(["masks", "--config", str(config)]) == 1
    assert "no mask marker" in capsys.readouterr().err
