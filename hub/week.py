"""A week on two sheets of A4, to print or to send to whom it concerns: the same sums as the page, and no more.

Rules:
- What is withheld is said to be, in words and by a hatched bar; the noise of every sum of visits is stated.
- It prints in black and white too: every colour has its pattern.

Left out: the sums (`hub.history`), the charts' rows (`hub.charts`), the sheet itself (`hub.paper`).
"""

from __future__ import annotations

from typing import Final

from hub.advice import advice
from hub.charts import FEW, Chart, Fill, charts_of
from hub.days import DAY
from hub.history import Past, Span, Zone, past, zones_of
from hub.paper import INK, MARGIN_MM, SOFT, WIDTH_MM, Paper
from hub.tally import WAITS_UPTO_S, Tally
from hub.views import UNNAMED, Reads, Settings

FILLS: Final[dict[Fill, tuple[int, int, int]]] = {
    "sea": (47, 127, 143), "sand": (205, 193, 168), "clay": (208, 134, 100), "stone": (190, 196, 192),
    "sun": (242, 184, 75), "none": (255, 255, 255),
}  # fmt: skip
_GAP_MM: Final = 8.0
_CHART_MM: Final = (WIDTH_MM - 2 * MARGIN_MM - _GAP_MM) / 2
_BARS_MM: Final = 46.0
_LINE: Final = (221, 214, 200)
_STEP_MM: Final = 1.5
_DOT_MM: Final = 1.8


def print_week(reads: Reads, span: Span, settings: Settings, now_s: float) -> bytes:
    """The PDF."""
    found = past(reads, span, settings.timezone)
    before = past(reads, Span(span.first - 7 * DAY, 7, 1), settings.timezone)
    zones = zones_of(reads, found.zones)
    month = "" if span.first.month == span.last.month else f" {span.first:%B}"
    days = f"{span.first.day}{month} to {span.last.day} {span.last:%B %Y}"
    paper = Paper(f"{settings.shop_name}: {days}")
    paper.add_page()
    if settings.shop_name == UNNAMED:
        paper.set_draw_color(*SOFT)
        paper.line(MARGIN_MM, paper.get_y() + 6, MARGIN_MM + 70, paper.get_y() + 6)
        paper.ln(8)
    else:
        paper.say(settings.shop_name, 12, soft=True)
    paper.say(f"The week from {days}", 19, bold=True)
    paper.ln(3)
    _glance(paper, found, before)
    by_time = [chart for chart in charts_of(found, zones, "day", whole=False) if chart.name != "waits"]
    top_mm = paper.get_y() + 5
    for place, chart in enumerate(by_time):
        x_mm = MARGIN_MM + (place % 2) * (_CHART_MM + _GAP_MM)
        draw(paper, chart, x_mm, top_mm + (place // 2) * (_BARS_MM + 37))
    paper.set_y(top_mm + 2 * (_BARS_MM + 37))
    _reading(paper, found)
    paper.add_page()
    _zones(paper, found, zones)
    paper.ln(5)
    paper.say("Cameras, as they are now", 13, bold=True)
    paper.ln(1)
    for node in reads.nodes():
        for sentence in advice(node, now_s):
            paper.say(sentence, 10)
    return paper.body()


def draw(paper: Paper, chart: Chart, x_mm: float, y_mm: float) -> None:
    """One chart with its title, its key and a line of noise, `_CHART_MM` wide."""
    paper.set_xy(x_mm, y_mm)
    paper.ink(11.5, bold=True)
    paper.cell(_CHART_MM, 5.5, chart.title)
    _key(paper, chart, x_mm, y_mm + 6.5)
    base_mm = y_mm + 18 + _BARS_MM
    totals = [sum(row.values or ()) for row in chart.rows]
    most = _round_up(max(4, *totals))
    paper.set_line_width(0.2)
    paper.set_draw_color(*_LINE)
    for part in (0, 0.5, 1):
        at_mm = base_mm - part * (_BARS_MM - 4)
        paper.line(x_mm + 10, at_mm, x_mm + _CHART_MM, at_mm)
        paper.ink(7.5, soft=True)
        paper.set_xy(x_mm, at_mm - 2)
        paper.cell(9, 4, f"{most * part:.0f}", align="R")
    wide_mm = (_CHART_MM - 10) / len(chart.rows)
    for place, row in enumerate(chart.rows):
        left_mm, bar_mm = x_mm + 10 + (place + 0.15) * wide_mm, wide_mm * 0.7
        up_mm = base_mm
        for value, (_, fill) in zip(row.values or (), chart.series, strict=False):
            high_mm = value / most * (_BARS_MM - 4)
            up_mm -= high_mm
            fill_in(paper, fill, left_mm, up_mm, bar_mm, high_mm)
        if row.values is None and row.empty == FEW:
            fill_in(paper, "none", left_mm, base_mm - _BARS_MM * 0.4, bar_mm, _BARS_MM * 0.4)
        paper.ink(8, soft=True)
        paper.set_xy(left_mm - 3, base_mm + 0.8)
        paper.cell(bar_mm + 6, 4, row.label, align="C")
    if chart.more:
        paper.ink(8, soft=True)
        paper.set_xy(x_mm, base_mm + 5.5)
        within = max((int(row.more[0].lstrip("± ") or 0) for row in chart.rows), default=0)
        paper.cell(_CHART_MM, 4, f"Each colour of a bar is within ± {within} or less, 19 times in 20.")


def _round_up(most: int) -> int:
    """The next number that halves into a round one."""
    step = int(10 ** (len(str(most)) - 1))
    return next(step * part // 10 for part in (10, 12, 16, 20, 30, 40, 60, 80, 100) if step * part // 10 >= most)


def fill_in(paper: Paper, fill: Fill, x_mm: float, y_mm: float, wide_mm: float, high_mm: float) -> None:
    """A box in a colour and its pattern."""
    if high_mm <= 0:
        return
    paper.set_fill_color(*FILLS[fill])
    paper.rect(x_mm, y_mm, wide_mm, high_mm, style="F")
    paper.set_draw_color(*(SOFT if fill == "none" else (255, 255, 255)))
    paper.set_line_width(0.25)
    right_mm, low_mm = x_mm + wide_mm, y_mm + high_mm
    match fill:
        case "stone":
            for step in range(1, int(high_mm / _STEP_MM) + 1):
                paper.line(x_mm, y_mm + step * _STEP_MM, right_mm, y_mm + step * _STEP_MM)
        case "sun":
            for step in range(1, int(wide_mm / _STEP_MM) + 1):
                paper.line(x_mm + step * _STEP_MM, y_mm, x_mm + step * _STEP_MM, low_mm)
        case "clay" | "none":
            with paper.rect_clip(x_mm, y_mm, wide_mm, high_mm):
                for step in range(int((wide_mm + high_mm) / _STEP_MM) + 1):
                    at_mm = x_mm + step * _STEP_MM
                    lean_mm = high_mm if fill == "clay" else -high_mm
                    shift_mm = 0 if fill == "clay" else -high_mm
                    paper.line(at_mm + shift_mm, y_mm, at_mm + shift_mm - lean_mm, low_mm)
        case "sand":
            paper.set_fill_color(255, 255, 255)
            for down in range(int(high_mm / _DOT_MM + 0.5)):
                for along in range(int(wide_mm / _DOT_MM + 0.5)):
                    paper.rect(x_mm + (along + 0.4) * _DOT_MM, y_mm + (down + 0.4) * _DOT_MM, 0.4, 0.4, style="F")
        case "sea":
            pass
    paper.set_draw_color(*SOFT)
    paper.set_line_width(0.1)
    paper.rect(x_mm, y_mm, wide_mm, high_mm)


def _key(paper: Paper, chart: Chart, x_mm: float, y_mm: float) -> None:
    x_mm += paper.c_margin
    at_mm, row_mm = x_mm, y_mm
    paper.ink(8, soft=True)
    for name, fill in chart.series:
        wide_mm = paper.get_string_width(name) + 9
        if at_mm + wide_mm > x_mm + _CHART_MM + 2:
            at_mm, row_mm = x_mm, row_mm + 4.8
        fill_in(paper, fill, at_mm, row_mm, 3.6, 3.2)
        paper.ink(8, soft=True)
        paper.set_xy(at_mm + 4, row_mm - 0.4)
        paper.cell(wide_mm, 4, name)
        at_mm += wide_mm


def _glance(paper: Paper, found: Past, before: Past) -> None:
    now, then = _total(found), _total(before)
    asked, asked_then = sum(now.nudges), sum(then.nudges)
    answered = sum(now.nudges[:3])
    waited = [sum(column) for column in zip(*found.waits, strict=True)]
    soon = sum(waited[:3])
    lines = (
        ("nudges", f"{asked}", f"the week before {asked_then}"),
        ("that helped", f"{now.nudges[0]} of {answered}" if answered >= 5 else "—",
         "by what staff tapped" if answered >= 5 else "too few answers to say"),
        (f"gone to within {WAITS_UPTO_S[2]} s", f"{soon} of {sum(waited)}" if sum(waited) else "—", "of those gone to"),
        ("hours told", f"{now.told}", f"{now.withheld} more had not enough people"),
    )  # fmt: skip
    wide_mm = (WIDTH_MM - 2 * MARGIN_MM) / len(lines)
    y_mm = paper.get_y()
    for place, (what, number, more) in enumerate(lines):
        for text, size_pt, bold, down_mm in ((number, 20, True, 0), (what, 10, False, 8.5), (more, 8.5, False, 13)):
            paper.set_xy(MARGIN_MM + place * wide_mm, y_mm + down_mm)
            paper.ink(size_pt, bold=bold, soft=size_pt < 10)
            paper.cell(wide_mm, 6, text)
    paper.set_y(y_mm + 19)


def _zones(paper: Paper, found: Past, zones: tuple[Zone, ...]) -> None:
    paper.say("By zone", 13, bold=True)
    paper.ln(1)
    heads = (
        "Zone",
        "pleased",
        "neutral",
        "less pleased",
        "not read",
        "each ±",
        "hours told",
        "withheld",
        "nudges",
        "helped",
    )
    widths = (42, 15, 15, 18, 15, 13, 16, 16, 14, 14)
    paper.ink(8, soft=True)
    for head, wide_mm in zip(heads, widths, strict=True):
        paper.cell(wide_mm, 6, head, align="L" if head == "Zone" else "R", border="B")
    paper.ln()
    for zone in zones:
        tally = found.zones.get(zone.key, Tally())
        negative, neutral, positive, unknown = tally.moods
        moods = tuple(map(str, (positive, neutral, negative, unknown, tally.noise_within)))
        if not tally.told:
            moods = (FEW if tally.withheld else "nothing sensed", "", "", "", "")
        cells = (zone.name, *moods, *map(str, (tally.told, tally.withheld, sum(tally.nudges), tally.nudges[0])))
        for place, (cell, wide_mm) in enumerate(zip(cells, widths, strict=True)):
            paper.ink(9.5, soft=place > 0 and not tally.told)
            said = cell if place else _short(paper, cell, wide_mm - 2)
            paper.cell(wide_mm, 5.6, said, align="R" if place > 1 or (tally.told and place) else "L")
        paper.ln()


def _short(paper: Paper, text: str, wide_mm: float) -> str:
    while paper.get_string_width(text) > wide_mm and len(text) > 1:
        text = text[:-2].rstrip() + "…"
    return text


def _reading(paper: Paper, found: Past) -> None:
    paper.set_draw_color(*INK)
    paper.say(
        "Only hours that had enough visits are in these sums; the others are counted as withheld and have no number."
        f" Over the whole week each sum of visits is within ± {_total(found).noise_within} of the true one, 19 times in"
        " 20: the cameras add noise on purpose. How people felt is an estimate from faces, and often wrong for one"
        " person. Nothing is counted by person.",
        9,
        soft=True,
    )


def _total(found: Past) -> Tally:
    return sum(found.tallies, Tally())
