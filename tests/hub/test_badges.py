"""Printed tags: as the family's table has them, at true size, and read by the eye that they are for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from contract.badges import MASK_IDS, OPT_OUT_IDS, SIDE_MM, STAFF_IDS
from edge.eye.markers import outlines
from edge.eye.tags import SWEEP_EVERY_S, TagReader
from edge.values import Frame
from hub.__main__ import main
from hub.badges import Wanted, modules, opt_out_sheet, sheet

pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed (extra dev)")
PRINTED = (STAFF_IDS.start, OPT_OUT_IDS.start, *MASK_IDS)
DOTS_PER_MM = 4
AFAR = 0.7  # so that a tag is as wide in the picture as it is to a camera in a shop: 49 pixels


def pages(pdf: bytes, dots_per_mm: float = DOTS_PER_MM) -> list[NDArray[np.uint8]]:
    """Each page as a grey picture."""
    document = pdfium.PdfDocument(pdf)
    return [np.array(page.render(scale=dots_per_mm * 25.4 / 72).to_pil().convert("L")) for page in document]


def read(picture: NDArray[np.uint8]) -> set[int]:
    """What the eye's reader finds while it sweeps the whole picture."""
    reader = TagReader()
    times_s = [SWEEP_EVERY_S * n for n in range(6)]
    return {tag.number for t_s in times_s for tag in reader.look(Frame(0, t_s, picture), ())}


def test_every_code_is_that_of_the_family() -> None:
    family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    for tag_id in PRINTED:
        expected = cv2.aruco.generateImageMarker(family, tag_id, 8) == 255
        assert modules(tag_id) == tuple(tuple(row) for row in expected.tolist()), tag_id


def test_every_tag_of_a_sheet_is_read_by_the_eyes_own_reader() -> None:
    printed = pages(sheet(Wanted(staff=2, opt_out=1, markers=100)), AFAR)
    assert len(printed) == 26
    seen = [read(page) for page in printed]
    assert [len(tags) for tags in seen] == [3, *[4] * 24, 3]  # the first page has the same staff badge twice
    assert set().union(*seen) == set(PRINTED)


def test_tags_are_printed_at_the_width_that_the_eye_expects() -> None:
    for page in pages(sheet(Wanted(markers=4))):
        for corners in outlines(page).values():
            sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
            assert sides / DOTS_PER_MM == pytest.approx(SIDE_MM, abs=0.5)


def test_all_badges_of_a_shop_are_one_tag_so_that_none_names_its_wearer() -> None:
    assert set(Wanted(staff=30).ids()) == {STAFF_IDS.start}
    assert set(Wanted(opt_out=30).ids()) == {OPT_OUT_IDS.start}


def test_the_rule_to_check_the_printer_by_is_50_mm_long() -> None:
    (page,) = pages(opt_out_sheet(), 10)
    row = page[290]
    dark = np.flatnonzero(row[140:680] < 128)
    assert (dark[-1] - dark[0]) / 10 == pytest.approx(50, abs=0.5)


def test_the_command_writes_the_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "badges.pdf"
    assert main(["badges", str(out), "--staff", "3", "--opt-out", "0"]) == 0
    assert read(pages(out.read_bytes(), AFAR)[0]) == {STAFF_IDS.start}
    assert "3 tags" in capsys.readouterr().out
    assert main(["badges", str(tmp_path / "no" / "b.pdf")]) == 1
    assert "cannot be written" in capsys.readouterr().err
