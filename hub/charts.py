"""Each chart of the owner's as names and rows: the picture, its table, its CSV and its print are made of the same.

Rules:
- A row without numbers says why in words; it is never a zero.
- Where numbers carry noise, the row says how much.
- A colour is never the only signal: each has its own pattern, on the page (`static/charts.js`) and on paper
  (`hub.week`).

Left out: the sums (`hub.history`), and all drawing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from hub.history import Past, Zone
from hub.tally import MANY, SOME, WAITS_UPTO_S, Numbers, Tally

Fill = Literal["sea", "sand", "clay", "stone", "sun", "none"]
FEW: Final = "not enough people"
NOTHING: Final = "nothing sensed"
NO_STAYS: Final = "no record"


@dataclass(frozen=True, slots=True)
class Row:
    """One bar. ``values`` are None where ``empty`` says why; ``more`` stands in the table behind the numbers."""

    label: str
    words: str
    values: Numbers | None
    empty: str = ""
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked bars; ``first`` is what a row is (an hour, a zone), ``unit`` what is counted."""

    name: str
    title: str
    first: str
    unit: str
    series: tuple[tuple[str, Fill], ...]
    rows: tuple[Row, ...]
    more: tuple[str, ...] = ()
    note: str = ""

    @property
    def drawn(self) -> bool:
        """Whether there is anything to draw, if only that there were too few people."""
        return any(any(row.values) if row.values else row.empty == FEW for row in self.rows)


MOOD: Final[tuple[tuple[str, Fill], ...]] = (
    ("less pleased", "clay"), ("neutral", "sand"), ("pleased", "sea"), ("not read", "stone"),
)  # fmt: skip
VISITS: Final[tuple[tuple[str, Fill], ...]] = (
    (f"fewer than {SOME} visits", "sand"), (f"{SOME} to {MANY - 1}", "sea"), (f"{MANY} or more", "sun"), (FEW, "none"),
)  # fmt: skip
STAYS: Final[tuple[tuple[str, Fill], ...]] = (
    ("up to 30 s", "stone"), ("30 s to 1 min", "sand"), ("1 to 2 min", "sea"), ("2 to 5 min", "sun"),
    ("over 5 min", "clay"),
)  # fmt: skip
NUDGES: Final[tuple[tuple[str, Fill], ...]] = (
    ("helped", "sea"), ("just browsing", "sand"), ("nobody there", "clay"), ("no answer", "stone"),
    ("nobody went", "none"),
)  # fmt: skip
WAITS: Final[tuple[tuple[str, Fill], ...]] = (
    (f"within {WAITS_UPTO_S[0]} s", "sea"), (f"to {WAITS_UPTO_S[1]} s", "sand"), (f"to {WAITS_UPTO_S[2]} s", "sun"),
    (f"to {WAITS_UPTO_S[3]} s", "clay"), ("later", "stone"),
)  # fmt: skip
_NOISE: Final = ("each within ±, 19 times in 20", "hours told", "hours with not enough people")


def charts_of(past: Past, zones: tuple[Zone, ...], first: str, *, whole: bool) -> tuple[Chart, ...]:
    """All charts of a span by time; ``whole`` is whether this is of all zones, which are then compared too."""
    found = [
        _by_time(past, "mood", "How visits felt", first, "visits", MOOD, _mood),
        _by_time(past, "visits", "Hours by how many visits they had", first, "hours of a zone", VISITS, _visits),
        _by_time(past, "nudges", "Nudges and how they went", first, "nudges", NUDGES, lambda of: (of.nudges, "")),
        Chart(
            "waits", "How soon somebody was on the way", first, "nudges", WAITS,
            tuple(Row(slot.label, slot.words, waited) for slot, waited in zip(past.slots, past.waits, strict=True)),
            note="Of the whole shop: it is counted for no zone and no person.",
        ),
    ]  # fmt: skip
    if first != "hour":
        stays = _by_time(past, "stays", "How long visits lasted", first, "windows", STAYS, _stays)
        found.insert(2, stays)
    if whole:
        found += [
            _by_zone(past, zones, "mood-zones", "How visits felt, by zone", "visits", MOOD, _mood),
            _by_zone(past, zones, "nudges-zones", "Nudges by zone", "nudges", NUDGES, lambda of: (of.nudges, "")),
        ]
    return tuple(found)


def as_csv(chart: Chart) -> str:
    """The chart's table. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow([chart.first, *(name for name, _ in chart.series), *chart.more, "why there is no number"])
    for row in chart.rows:
        values = row.values if row.values is not None else [""] * len(chart.series)
        more = row.more or ("",) * len(chart.more)
        lines.writerow([_inert(row.words), *values, *map(_inert, more), row.empty])
    return out.getvalue()


_Read = Callable[[Tally], tuple[Numbers | None, str]]


def _mood(tally: Tally) -> tuple[Numbers | None, str]:
    return (tally.moods, "") if tally.told else (None, FEW if tally.withheld else NOTHING)


def _visits(tally: Tally) -> tuple[Numbers | None, str]:
    return (tally.hours, "") if any(tally.hours) else (None, NOTHING)


def _stays(tally: Tally) -> tuple[Numbers | None, str]:
    return (tally.stays, "") if any(tally.stays) else (None, NO_STAYS)


def _by_time(
    past: Past, name: str, title: str, first: str, unit: str, series: tuple[tuple[str, Fill], ...], read: _Read
) -> Chart:
    bars = ((slot.label, slot.words, tally) for slot, tally in zip(past.slots, past.tallies, strict=True))
    return _chart(bars, name, title, first, unit, series, read)


def _by_zone(
    past: Past,
    zones: tuple[Zone, ...],
    name: str,
    title: str,
    unit: str,
    series: tuple[tuple[str, Fill], ...],
    read: _Read,
) -> Chart:
    bars = ((zone.name, zone.name, past.zones.get(zone.key, Tally())) for zone in zones)
    return _chart(bars, name, title, "zone", unit, series, read)


def _chart(
    bars: Iterable[tuple[str, str, Tally]],
    name: str,
    title: str,
    first: str,
    unit: str,
    series: tuple[tuple[str, Fill], ...],
    read: _Read,
) -> Chart:
    noisy = series is MOOD
    rows = []
    for label, words, tally in bars:
        values, empty = read(tally)
        more = (f"± {tally.noise_within}" if values else "", str(tally.told), str(tally.withheld)) if noisy else ()
        rows.append(Row(label, words, values, empty, more))
    return Chart(name, title, first, unit, series, tuple(rows), _NOISE if noisy else ())


def _inert(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
