"""The notice as one sheet of A4, to hang up where people meet the cameras first."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final, cast

import segno

from hub.notice import Notice
from hub.paper import MARGIN_MM, WIDTH_MM, Paper

_QR_MM: Final = 34.0
_LABEL_MM: Final = 34.0
_TITLE_MM: Final = 11.0


@lru_cache(maxsize=32)
def print_notice(notice: Notice) -> bytes:
    """The PDF."""
    paper = Paper(notice.title)
    paper.set_lang(notice.language)
    paper.set_auto_page_break(auto=True, margin=8)
    paper.add_page()
    paper.set_fill_color(20, 28, 30)
    paper.ink(27, bold=True)
    width_mm = WIDTH_MM - 2 * MARGIN_MM
    lines = cast(list[str], paper.multi_cell(width_mm, _TITLE_MM, notice.title, dry_run=True, output="LINES"))
    band_mm = _TITLE_MM * len(lines) + 18
    paper.rect(0, 0, WIDTH_MM, band_mm, style="F")
    paper.set_y(9)
    paper.set_text_color(255, 255, 255)
    paper.multi_cell(0, _TITLE_MM, notice.title, align="L", new_x="LMARGIN", new_y="NEXT")
    paper.set_y(band_mm + 6)
    paper.say(notice.lead, 12)
    for section in notice.sections:
        paper.ln(3)
        paper.say(section.head, 13, bold=True)
        for line in section.lines:
            _point(paper, line, bulleted=len(section.lines) > 1)
    paper.ln(4)
    for label, text in notice.facts:
        _fact(paper, label, text)
    _code(paper, notice)
    return paper.body()


def _point(paper: Paper, text: str, *, bulleted: bool) -> None:
    paper.ink(10)
    paper.ln(0.6)
    if bulleted:
        paper.cell(4, 4.7, "•")
    paper.multi_cell(0, 4.7, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _fact(paper: Paper, label: str, text: str) -> None:
    paper.ink(10, bold=True)
    paper.cell(_LABEL_MM, 5.2, label)
    paper.ink(10)
    paper.multi_cell(0, 5.2, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _code(paper: Paper, notice: Notice) -> None:
    paper.ln(4)
    y_mm = paper.get_y()
    picture = io.BytesIO()
    segno.make(notice.url, error="m").save(picture, kind="png", scale=12, border=0)
    paper.image(picture, MARGIN_MM + paper.c_margin, y_mm, _QR_MM, alt_text=notice.url)
    paper.set_xy(MARGIN_MM + _QR_MM + 6, y_mm + 8)
    paper.ink(11, bold=True)
    paper.multi_cell(0, 5.4, notice.scan, align="L", new_x="LEFT", new_y="NEXT")
    paper.ink(11)
    paper.multi_cell(0, 5.4, notice.url, align="L")
