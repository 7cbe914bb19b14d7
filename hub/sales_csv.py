"""A shop's sales by the hour from a CSV file, whatever its till or spreadsheet made of it. Pure.

Rules:
- Two columns count: when the hour begins, by the shop's clock, and what was taken in it. Others are left alone.
- Delimiter (tab, semicolon, comma), decimal mark and encoding are found out from the file; a number that can be read in
  two ways is refused, not guessed.
- A line that cannot be used is refused with its number and the reason; the others count. An hour that stands twice is
  what its last line says.

Left out: receipts and anything finer than an hour, keeping (`hub.sales`).
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import islice
from typing import Final

from contract.errors import ConfigError
from hub.experiment import HOUR_S

BYTES_MAX: Final = 1_048_576
LINES_MAX: Final = 20_000
AMOUNT_MAX: Final = 1e9
_SHAPES: Final = (
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%y %H:%M"),
    *("%d.%m.%Y %H", "%Y/%m/%d %H:%M", "%Y.%m.%d %H:%M", "%Y. %m. %d. %H:%M"),
)
_CROSSED: Final = re.compile(r"\d{1,2}/\d{1,2}/\d{2,4}")
_RANGE: Final = re.compile(r"(\d{1,2}:\d{2})\s*[-–—].*")
_HAS_HOUR: Final = re.compile(r"\d[.\s]*[ T]\s*\d{1,2}(:|$)")
_SPACES: Final = re.compile(r"[\s'’\u00a0\u202f]+")
_MONEY: Final = re.compile(r"^[^\d+\-.,]{0,4}|[^\d.,]{0,4}$")
_NUMBER: Final = re.compile(r"[+-]?\d+([.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was not used, by its number in the file, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file says. Units: ``hours`` by their start since the epoch, in the shop's money; ``twice`` how many lines
    replaced one before them."""

    hours: dict[int, float]
    refused: tuple[Refused, ...] = ()
    twice: int = 0


class _Unusable(ValueError):
    pass


def parse(content: bytes, timezone: tzinfo, now_s: float) -> Sheet:
    """The hours of a file.

    Raises: ConfigError where it is no file of sales at all.
    """
    text = _text(content)
    lines = text.splitlines()
    if len(lines) > LINES_MAX:
        raise ConfigError(f"That file has more than {LINES_MAX} lines: send a year of hours at most, in parts.")
    rows = [(n, row) for n, row in _rows(lines) if any(cell.strip() for cell in row)]
    if rows and not any(char.isdigit() for char in "".join(rows[0][1])):
        rows = rows[1:]  # the head
    if not rows or all(len(row) < 2 for _, row in rows):
        raise ConfigError("That is no file of sales: it needs two columns, when an hour begins and what was taken.")
    mark = _mark([row[1] for _, row in rows if len(row) > 1])
    hours: dict[int, float] = {}
    refused: list[Refused] = []
    twice = 0
    for number, row in rows:
        try:
            hour_s, again = _hour_s(row[0], timezone, hours)
            amount = _amount(row[1] if len(row) > 1 else "", mark)
            if hour_s + HOUR_S > now_s:
                raise _Unusable("that hour is not over yet")
        except (_Unusable, OverflowError, OSError) as error:
            refused.append(Refused(number, str(error) if isinstance(error, _Unusable) else "no such time"))
            continue
        twice += again
        hours[hour_s] = amount
    return Sheet(hours, tuple(refused), twice)


def _text(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    if "\0" in text:
        raise ConfigError("That is no CSV file: in the spreadsheet, choose Save as, and CSV.")
    return text


def _rows(lines: list[str]) -> list[tuple[int, list[str]]]:
    first = list(islice((line for line in lines if line.strip()), 20))
    delimiter = next((one for one in "\t;" if 2 * sum(one in line for line in first) > len(first)), ",")
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise ConfigError(f"That file is no CSV from line {reader.line_num} on ({error}).") from None


def _hour_s(cell: str, timezone: tzinfo, known: dict[int, float]) -> tuple[int, bool]:
    """When an hour began, and whether it stands in the file already."""
    at = _moment(cell.strip() if "T" in cell else _RANGE.sub(r"\1", " ".join(cell.split())))
    local = at.tzinfo is None
    at = at.replace(tzinfo=timezone) if local else at
    at_s = at.timestamp()
    if local and datetime.fromtimestamp(at_s, timezone).replace(tzinfo=None) != at.replace(tzinfo=None):
        raise _Unusable("the clocks went forward: there was no such hour")
    if at_s % HOUR_S:
        raise _Unusable("that is not the beginning of a full hour")
    late_s = at.replace(fold=1).timestamp()
    if local and late_s != at_s and int(at_s) in known:  # the hour that the clocks went back over
        at_s = late_s
    return int(at_s), int(at_s) in known


def _moment(text: str) -> datetime:
    if _CROSSED.match(text):
        raise _Unusable("day and month cannot be told apart: write 2026-05-04 09:00")
    if not _HAS_HOUR.search(text):
        raise _Unusable("its first column has no hour: write 2026-05-04 09:00")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for shape in _SHAPES:
        try:
            return datetime.strptime(text, shape)
        except ValueError:
            continue
    raise _Unusable("its first column is no time such as 2026-05-04 09:00")


def _mark(cells: list[str]) -> str:
    """The decimal mark of the file: of the first number that leaves no doubt; nothing where none does."""
    for cell in map(_plain, cells):
        marks = [char for char in cell if char in ".,"]
        if len(set(marks)) == 2:
            return marks[-1]
        if len(marks) > 1:
            return "." if marks[0] == "," else ","
        if marks and len(cell.rpartition(marks[0])[2]) != 3:
            return marks[0]
    return ""


def _plain(cell: str) -> str:
    return _SPACES.sub("", _MONEY.sub("", _SPACES.sub("", cell)))


def _amount(cell: str, mark: str) -> float:
    text = _plain(cell)
    if not _NUMBER.fullmatch(text):
        raise _Unusable("its second column is no amount")
    if not mark and set(text) & set(".,"):
        raise _Unusable("that can be a thousand or a decimal: write it with two decimals")
    other = {".": ",", ",": "."}.get(mark, "")
    whole, _, part = text.replace(other, "").partition(mark) if mark else (text, "", "")
    if mark and mark in part:
        raise _Unusable("its second column is no amount")
    amount = float(f"{whole}.{part or 0}")
    if abs(amount) > AMOUNT_MAX:
        raise _Unusable("no shop takes that much in an hour")
    return amount


def example(now_s: float, timezone: tzinfo) -> str:
    """A file as it may be, of yesterday."""
    day: date = datetime.fromtimestamp(now_s, timezone).date() - timedelta(days=1)
    lines = [f"{day} {hour:02}:00;{taken}" for hour, taken in ((9, "182,50"), (10, "240,00"), (11, "0,00"))]
    return "\n".join(("hour;sales", *lines, ""))
