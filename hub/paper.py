"""Things to print, at true size: A4, the pages' own typeface, and a rule to check the printer by.

Left out: what is printed (`hub.badges`, `hub.notices`, `hub.dpia`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fpdf import FPDF

from contract.errors import StoreError

FONTS: Final = Path(__file__).parent / "fonts"
FAMILY: Final = "Atkinson"
WIDTH_MM: Final = 210.0
HEIGHT_MM: Final = 297.0
MARGIN_MM: Final = 15.0
RULE_MM: Final = 50
INK: Final = (20, 28, 30)
SOFT: Final = (90, 98, 100)


class Paper(FPDF):
    """A document on A4. Units: millimetres, but for type, in points."""

    def __init__(self, title: str) -> None:
        super().__init__(unit="mm", format="A4")
        for style, weight in (("", "regular"), ("B", "bold")):
            self.add_font(FAMILY, style, FONTS / f"atkinson-hyperlegible-next-{weight}.ttf")
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM)
        self.set_title(title)
        self.set_creation_date(datetime(2026, 1, 1, tzinfo=UTC))  # the same sheet is the same bytes
        self.ink()

    def ink(self, size_pt: float = 10.5, *, bold: bool = False, soft: bool = False) -> None:
        """The type from here on."""
        self.set_font(FAMILY, "B" if bold else "", size_pt)
        self.set_text_color(*(SOFT if soft else INK))

    def say(self, text: str, size_pt: float = 10.5, *, bold: bool = False, soft: bool = False) -> None:
        """A paragraph over the whole width."""
        self.ink(size_pt, bold=bold, soft=soft)
        self.multi_cell(0, size_pt * 0.47, text, align="L", new_x="LMARGIN", new_y="NEXT")

    def check_rule(self, x_mm: float, y_mm: float, words: str) -> None:
        """A line of `RULE_MM` with a tick each 10 mm: who measures less has printed with "fit to page"."""
        self.set_draw_color(*INK)
        self.set_line_width(0.3)
        self.line(x_mm, y_mm, x_mm + RULE_MM, y_mm)
        for tick in range(0, RULE_MM + 1, 10):
            self.line(x_mm + tick, y_mm - 1.5, x_mm + tick, y_mm + 1.5)
        self.ink(9, soft=True)
        self.text(x_mm + RULE_MM + 4, y_mm + 1.1, words)

    def body(self) -> bytes:
        """The document's bytes."""
        return bytes(self.output())


def write(out: Path, body: bytes) -> None:
    """Raises: StoreError where the file cannot be written."""
    try:
        out.write_bytes(body)
    except OSError as error:
        raise StoreError(f"{out} cannot be written ({error.strerror}): give another file name.") from None
