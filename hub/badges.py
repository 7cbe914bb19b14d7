"""The sheet of tags to print and cut out: staff badges, opt-out tags, markers for what must never be read.

Rules:
3. All staff badges of a sheet are one tag, and all opt-out tags another, so that no tag tells who wears it. Markers
   differ, for the installer's `attune-edge masks` reads which belong together.
-  The black square is `SIDE_MM` wide, as the eye expects, with one module of white around it; a rule tells whether
   the printer kept that.

Left out: reading them (`edge.eye.tags`).

Source: the codes are those of the family tag36h11 (Olson, 2011; Wang and Olson, 2016), six rows of six bits from the
top left, 1 for white, of the ids that Attune prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from contract.badges import MASK_IDS, OPT_OUT_IDS, SIDE_MM, STAFF_IDS, Meaning, meaning
from hub.paper import HEIGHT_MM, MARGIN_MM, WIDTH_MM, Paper

BITS: Final = 6
MODULES: Final = BITS + 2
MODULE_MM: Final = SIDE_MM / MODULES
COUNT_MAX: Final = 100
_MARKERS: Final = """
4933ade39 1f1c896c7 897665aba 92f46ba12 297981767 ad702cf8d 473198b90 ec2e8e06b 36a1d6980 a5ce8650f
637870348 f3ab41d46 e6032a8b5 4c11eec73 261de50d6 296616e32 37cff1a0a c457847ab 776e52ff9 980819bb9
50cb2b5d8 8b6918063 12d9c2ce9 158c2e738 6b84015ea 67695db9f 3e72745c1 01ca1a571 22e7036f5 d5dcedae1
809532c5b f7e4e9d54 59d84f9cb f42ed0851 5db4a91fa 0d58e5b1f 69fb9fa43 29ba51f60 587c67427 d8b9021ed
bb594449e aa231f35a 0d95943f4 dec461257 05a16930d e2512eb58 ab48e2dc0 0cb68494f 927a6b5b1 bb90f3450
632e8fad0 c2eeaf2a7 1eb2af39d 511548c52 4693d5de4 888e9161d 68836ff4f 51bd2e441 7a0ac40e9 8bb762b4a
1caf83a1a c2700bbbd fb2ed09aa f8520294e 7aa104ca6 6a96d2bcb 28f2ec75e 607065eb4 7ad9b3a8c 3572d6cbf
d426efb8f 64ee4dbaa 983d7a8f1 8ca31f499 025457b46 d53ae4149 9d3c64396 795332ee5 70884d664 1dd3528d8
d8e51d246 d6029ca38 d94ab610c 766bb8880 fd0c6b319 3bff8b9d1 e786f4d4e d4e6b9b79 cfa8bb369 20a4366c6
5cefb9536 0f06b6605 bb51d25e7 f7e262641 81fda9855 2241dbc59 56fb4b280 eda64c6d0 ce7b080f4 6192ee7e9
"""
_CODES: Final[dict[int, str]] = {
    STAFF_IDS.start: "21a146bab",
    OPT_OUT_IDS.start: "8a4cb8f0a",
    **dict(zip(MASK_IDS, _MARKERS.split(), strict=True)),
}
_LABEL: Final[dict[Meaning, tuple[str, str]]] = {
    "staff": ("Staff", "Wear it on the chest, outside the coat. The camera leaves you out."),
    "opted_out": ("Please leave me out", "Wear it on the chest. The camera then reads nothing of you."),
    "mask": ("Never read here", "Hang up at least 3 of one area around it, then run attune-edge masks."),
}
_CARD_MM: Final = (90.0, 108.0)
_TOP_MM: Final = 40.0
_OVERLAP_MM: Final = 0.02  # else viewers draw hair lines between modules


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many of each to print."""

    staff: int = 0
    opt_out: int = 0
    markers: int = 0

    def ids(self) -> tuple[int, ...]:
        """The tags of the sheet, in order."""
        return (
            *(STAFF_IDS.start for _ in range(self.staff)),
            *(OPT_OUT_IDS.start for _ in range(self.opt_out)),
            *MASK_IDS[: self.markers],
        )


def modules(tag_id: int) -> tuple[tuple[bool, ...], ...]:
    """The tag with its black border, row by row; True is white.

    Shapes: 8 by 8.
    """
    bits = int(_CODES[tag_id], 16)
    rows = [[bool(bits >> (BITS * BITS - 1 - BITS * y - x) & 1) for x in range(BITS)] for y in range(BITS)]
    black = (False,) * MODULES
    return (black, *((False, *row, False) for row in rows), black)


def sheet(wanted: Wanted) -> bytes:
    """The PDF."""
    return _print(wanted.ids(), "Attune badges")


def opt_out_sheet() -> bytes:
    """One opt-out tag, for whoever asks the public page for it."""
    return _print((OPT_OUT_IDS.start,), "Attune opt-out tag")


def _print(ids: Sequence[int], title: str) -> bytes:
    paper = Paper(title)
    paper.set_auto_page_break(auto=False)
    for index, (x_mm, y_mm) in zip(range(len(ids)), _places(), strict=False):
        if index % 4 == 0:
            paper.add_page()
            paper.ink(14, bold=True)
            paper.text(MARGIN_MM, 20, "Print at 100 %, then cut along the dashed lines")
            paper.check_rule(MARGIN_MM, 29, "must measure 50 mm; if not, switch off “fit to page”")
            paper.ink(9, soft=True)
            paper.text(
                MARGIN_MM, HEIGHT_MM - 12, "Matt paper reads best. A tag that is folded, covered or shiny is none."
            )
        _card(paper, ids[index], x_mm, y_mm)
    return paper.body()


def _places() -> Iterator[tuple[float, float]]:
    width_mm, height_mm = _CARD_MM
    left_mm = (WIDTH_MM - 2 * width_mm) / 2
    while True:
        yield from ((left_mm + x * width_mm, _TOP_MM + y * height_mm) for y in (0, 1) for x in (0, 1))


def _card(paper: Paper, tag_id: int, x_mm: float, y_mm: float) -> None:
    what = meaning(tag_id)
    assert what is not None
    width_mm, height_mm = _CARD_MM
    paper.set_draw_color(150)
    paper.set_line_width(0.2)
    paper.set_dash_pattern(dash=2, gap=2)
    paper.rect(x_mm, y_mm, width_mm, height_mm)
    paper.set_dash_pattern()
    side = (width_mm - SIDE_MM) / 2
    draw(paper, tag_id, x_mm + side, y_mm + side)
    name, words = _LABEL[what]
    if what == "mask":
        area, marker = divmod(tag_id - MASK_IDS.start, 10)
        name = f"{name} · area {area + 1}, marker {marker + 1}"
    paper.set_xy(x_mm + side, y_mm + SIDE_MM + 1.9 * side)
    paper.ink(13, bold=True)
    paper.cell(SIDE_MM, 6, name, align="C", new_x="LEFT", new_y="NEXT")
    paper.ink(7.5, soft=True)
    paper.multi_cell(SIDE_MM, 3.4, words, align="C")


def draw(paper: Paper, tag_id: int, x_mm: float, y_mm: float) -> None:
    """One tag, `SIDE_MM` wide, its top left corner here."""
    paper.set_fill_color(0)
    paper.rect(x_mm, y_mm, SIDE_MM, SIDE_MM, style="F")
    paper.set_fill_color(255)
    size_mm = MODULE_MM + _OVERLAP_MM
    for row, line in enumerate(modules(tag_id)):
        for column, white in enumerate(line):
            if white:
                paper.rect(x_mm + column * MODULE_MM, y_mm + row * MODULE_MM, size_mm, size_mm, style="F")
