"""The certificate of a camera's commissioning, on A4: what walks showed of each zone, passed or failed, and why.

Rules:
- It shows the zones over a drawn grid, and where the walker's face was in cells of it: never a picture.
- It says what was measured and by which bounds, so that it can be done again and compared.

Left out: what passes (`hub.coverage`), keeping it (`hub.commissioning`).
"""

from __future__ import annotations

from typing import Final

from contract.walk import WALK_COLUMNS, WALK_ROWS
from hub.commissioning import Certificate
from hub.coverage import FRONTAL_MIN, READ_PX, SEEN_MIN, STEPS_MIN, WITHIN_MIN, Judged, passed
from hub.paper import INK, MARGIN_MM, SOFT, WIDTH_MM, Paper

GRID_MM: Final = 120.0
_LINE: Final = (221, 214, 200)
_CELL: Final = (190, 214, 218)
_EDGE: Final = (34, 98, 112)
_COLUMNS: Final = (
    *(("Zone", 44), ("Result", 24), ("Walked", 22), ("Seen", 20)),
    *(("Face", 22), ("To camera", 24), ("Light", 24)),
)


def print_certificate(certificate: Certificate) -> bytes:
    """The PDF: the same certificate is the same bytes."""
    paper = Paper(f"{certificate.shop}: commissioning of {certificate.node}")
    paper.add_page()
    paper.say(certificate.shop, 12, soft=True)
    paper.say(f"Commissioning of the camera {certificate.node}", 19, bold=True)
    paper.say(certificate.when, 10.5, soft=True)
    paper.ln(2)
    well = sum(one.verdict == "passed" for one in certificate.zones)
    word = "PASSED" if passed(certificate.zones) else "FAILED"
    paper.say(f"{word}: {well} of {len(certificate.zones)} zones pass.", 14, bold=True)
    paper.ln(3)
    _draw(paper, certificate.zones)
    _table(paper, certificate.zones)
    for one in certificate.zones:
        for sentence in one.advice:
            paper.say(f"{one.zone.name}: {sentence}", 10)
    paper.ln(3)
    paper.say(_how(certificate), 9, soft=True)
    paper.ln(10)
    paper.say("Walked and checked by ______________________________     on ____________________", 10.5)
    return paper.body()


def _how(certificate: Certificate) -> str:
    gate = certificate.birth.gate
    return (
        f"One person walked in each zone, alone in view and without a badge, while the camera sensed nobody. A zone"
        f" passes when it was walked for {STEPS_MIN} s or more, a face was seen in {SEEN_MIN:.0%} of them, the median"
        f" face is {READ_PX} px wide or wider, {FRONTAL_MIN} of 10 looked towards the camera in good light, and"
        f" {WITHIN_MIN:.0%} of the places where the face was lie in the zone. No picture was taken or kept: the camera"
        f" told these numbers and the cells that are shaded above. Model {certificate.birth.model[:16]}, zones version"
        f" {certificate.birth.config}, k {gate.k}, profile {gate.profile}. The figures stand in the hub's ledger"
        " with the SHA-256 of this paper."
    )


def _draw(paper: Paper, zones: tuple[Judged, ...]) -> None:
    left, top = MARGIN_MM + (WIDTH_MM - 2 * MARGIN_MM - GRID_MM) / 2, paper.get_y()
    wide, high = GRID_MM / WALK_COLUMNS, GRID_MM * 9 / 16 / WALK_ROWS
    paper.set_line_width(0.15)
    paper.set_draw_color(*_LINE)
    walked = {cell for one in zones if one.walk for cell in one.walk.cells}
    for cell in range(WALK_COLUMNS * WALK_ROWS):
        paper.set_fill_color(*(_CELL if cell in walked else (255, 255, 255)))
        x_mm, y_mm = left + cell % WALK_COLUMNS * wide, top + cell // WALK_COLUMNS * high
        paper.rect(x_mm, y_mm, wide, high, style="DF")
    paper.set_line_width(0.6)
    paper.set_draw_color(*_EDGE)
    for one in zones:
        corners = [(left + x * GRID_MM, top + y * GRID_MM * 9 / 16) for x, y in one.zone.polygon]
        paper.polygon(corners, style="D")
        paper.ink(9, bold=True)
        middle_x, middle_y = (sum(part) / len(corners) for part in zip(*corners, strict=True))
        paper.text(middle_x - paper.get_string_width(one.zone.name) / 2, middle_y, one.zone.name)
    paper.set_y(top + GRID_MM * 9 / 16 + 2)
    paper.say("Zones as the camera holds them; shaded is where the walker's face was. Far is up.", 9, soft=True)
    paper.ln(3)


def _table(paper: Paper, zones: tuple[Judged, ...]) -> None:
    paper.set_draw_color(*SOFT)
    paper.set_line_width(0.2)
    paper.ink(9.5, bold=True)
    for words, wide_mm in _COLUMNS:
        paper.cell(wide_mm, 7, words, border="B")
    paper.ln(7)
    for one in zones:
        for cell, (_, wide_mm) in zip(_cells(one), _COLUMNS, strict=True):
            paper.ink(9.5, bold=cell in ("passed", "failed"))
            paper.cell(wide_mm, 7, cell, border="B")
        paper.ln(7)
    paper.set_text_color(*INK)
    paper.ln(2)


def _cells(one: Judged) -> tuple[str, ...]:
    name = one.zone.name if len(one.zone.name) <= 22 else f"{one.zone.name[:21]}…"
    if (walk := one.walk) is None:
        return (name, "not walked", "", "", "", "", "")
    return (
        name, one.verdict, f"{walk.steps} s", f"{walk.seen} s", f"{walk.face_px} px +", f"{walk.frontal} of 10",
        walk.light,
    )  # fmt: skip
