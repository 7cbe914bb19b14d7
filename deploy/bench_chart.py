"""Stacked bars as SVG, by hand: the report needs no plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

_COLOURS: Final = ("#1b4965", "#5fa8d3", "#f4a259", "#bc4b51", "#8cb369", "#5b5f97")
_NAME_PX, _BAR_PX, _ROW_PX, _TOP_PX = 330, 480, 34, 70


def bars(title: str, rows: Sequence[tuple[str, Sequence[float]]], parts: Sequence[str]) -> str:
    """One bar a row, its parts side by side, with their sum at the end. Shapes: as many values a row as ``parts``."""
    most = max(sum(values) for _, values in rows) or 1.0
    height = _TOP_PX + _ROW_PX * len(rows) + 10
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{height}" viewBox="0 0 900 {height}"'
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="900" height="{height}" fill="#fff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for i, part in enumerate(parts):
        drawn.append(f'<rect x="{16 + 110 * i}" y="40" width="12" height="12" fill="{_colour(i)}"/>')
        drawn.append(f'<text x="{32 + 110 * i}" y="51">{escape(part)}</text>')
    for number, (name, values) in enumerate(rows):
        x, y = float(_NAME_PX), _TOP_PX + _ROW_PX * number
        drawn.append(f'<text x="{_NAME_PX - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>')
        for i, value in enumerate(values):
            width = max(value, 0.0) / most * _BAR_PX
            drawn.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="22" fill="{_colour(i)}"/>')
            x += width
        drawn.append(f'<text x="{x + 6:.1f}" y="{y + 16}">{sum(values):,.1f}</text>')
    return "\n".join([*drawn, "</svg>\n"])


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]
