"""The privacy meter: what left each node today, in bytes and records, beside what one small picture of a face needs.

Rules:
- It counts the payloads that this hub took, kind by kind, and says what it does not count.
- It is no proof: many bytes may say little, and few may say much. What a record can say is bounded by the contract, and
  the node's self-test measures it; the page says so too.

Left out: the query (`hub.reads`), and the drawing (`templates/_meter.html`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from hub.views import LeftView, Reads

FACE_PX: Final = 48
FACE_BYTES: Final = FACE_PX * FACE_PX
_OF_PEOPLE: Final = frozenset(("mood", "hour", "assist"))


@dataclass(frozen=True, slots=True)
class Bar:
    """One kind of record. ``tenths`` is its length in tenths of a percent of the longest bar of all nodes."""

    kind: str
    of_people: bool
    records: int
    size_bytes: int
    longest_bytes: int
    tenths: int


@dataclass(frozen=True, slots=True)
class Meter:
    """One node's day. ``face_tenths`` is where one face ends on the bars' own scale."""

    node: str
    bars: tuple[Bar, ...]
    face_tenths: int

    @property
    def records(self) -> int:
        return sum(bar.records for bar in self.bars)

    @property
    def size_bytes(self) -> int:
        return sum(bar.size_bytes for bar in self.bars)

    @property
    def longest_bytes(self) -> int:
        """The longest single record."""
        return max((bar.longest_bytes for bar in self.bars), default=0)


def meters(reads: Reads, since_s: float) -> list[Meter]:
    """A meter for every node ever heard, by name; all on one scale, so that they can be compared."""
    left = reads.left_since(since_s)
    longest = max([FACE_BYTES, *(one.size_bytes for one in left)])
    by_node = {node: list(found) for node, found in groupby(left, key=lambda one: one.node)}
    names = sorted({node.name for node in reads.nodes()} | set(by_node))
    face = _tenths(FACE_BYTES, longest)
    return [Meter(name, tuple(_bars(by_node.get(name, ()), longest)), face) for name in names]


def _bars(left: Iterable[LeftView], longest: int) -> list[Bar]:
    """What tells of people first, then what tells of the machine; the most bytes first."""
    bars = [
        Bar(
            one.kind,
            one.kind in _OF_PEOPLE,
            one.records,
            one.size_bytes,
            one.longest_bytes,
            _tenths(one.size_bytes, longest),
        )
        for one in left
    ]
    return sorted(bars, key=lambda bar: (not bar.of_people, -bar.size_bytes, bar.kind))


def _tenths(part: int, whole: int) -> int:
    """At least one, so that nothing that left is drawn as nothing."""
    return max(1, round(1000 * part / whole)) if part else 0
