"""The zip around an export: fixed files in fixed order, stored as they are, so that each byte has one right value.

Rules:
- The same ledger with the same papers is the same bytes: no time of making, no compression, no extra fields.
- The zip's own headers are held against the only ones that an export has, so that nothing can hide between the files.

Left out: what the files hold (`contract.verify`).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from contract.extracts import EPSILON, HISTORY, SELF_TESTS

ENTRIES = "entries.ndjson"
CHECKPOINTS = "checkpoints.json"
PROOFS = "proofs.json"
KEY = "key.txt"
MANIFEST = "manifest.txt"
SBOM = "sbom.cdx.json"
CARD = "model-card.md"
NOTICES = "notices.html"
PAPERS = (SBOM, CARD, NOTICES)
EXTRACTS = (HISTORY, EPSILON, SELF_TESTS)
MEMBERS = ("README.txt", "verify.py", KEY, CHECKPOINTS, PROOFS, ENTRIES, *EXTRACTS, *PAPERS, MANIFEST)
LINE_MAX = 1 << 20
_FIXED = (20, 0, 0, 0, 0x21)  # version 2.0, no flags, stored, midnight, 1 January 1980
_MODE = 0o600 << 16
_WRONG = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, struct.error)


class Tampered(Exception):
    """What was found does not fit what was signed."""


class Unreadable(Exception):
    """There is nothing here to check."""


@dataclass(frozen=True)
class Member:
    """Where one file of the zip lies. Units: ``start`` and ``size`` in bytes."""

    name: str
    start: int
    size: int
    crc: int

    def read(self, raw: IO[bytes]) -> bytes:
        """The whole file. Raises: Tampered."""
        return b"".join(self.lines(raw))

    def lines(self, raw: IO[bytes]) -> Iterator[bytes]:
        """The file line by line; its checksum comes last, so that a bad line is seen as such. Raises: Tampered."""
        raw.seek(self.start)
        left, crc = self.size, 0
        while left:
            line = raw.readline(min(left, LINE_MAX))
            if not line:
                break
            left, crc = left - len(line), zlib.crc32(line, crc)
            yield line
        if left or crc != self.crc:
            raise Tampered(f"{self.name} is damaged.")


def new_member(name: str) -> zipfile.ZipInfo:
    """How `zipfile` must be told to write a file, for `members` to accept it."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, _MODE
    return info


def members(raw: IO[bytes]) -> dict[str, Member]:
    """The files of an export. Raises: Tampered, Unreadable."""
    try:
        infos = zipfile.ZipFile(raw).infolist()
    except _WRONG:
        raise Unreadable("this is not a zip file, or it is cut short.") from None
    names = [info.filename for info in infos]
    if ENTRIES not in names and MANIFEST not in names:
        raise Unreadable("this zip is not an export of a ledger.")
    if names != list(MEMBERS):
        raise Tampered("the zip does not hold the files of an export, in their order.")
    try:
        return _held_against_headers(raw, infos)
    except _WRONG:
        raise Tampered("the zip's headers contradict each other.") from None


def _held_against_headers(raw: IO[bytes], infos: list[zipfile.ZipInfo]) -> dict[str, Member]:
    at, central, found = 0, b"", {}
    for info in infos:
        name = info.filename.encode()
        common = struct.pack("<5H3L2H", *_FIXED, info.CRC, info.file_size, info.file_size, len(name), 0)
        raw.seek(at)
        if raw.read(30 + len(name)) != b"PK\3\4" + common + name:
            raise Tampered(f"the zip's header of {info.filename} is not as an export has it.")
        central += b"PK\1\2\x14\3" + common + struct.pack("<3H2L", 0, 0, 0, _MODE, at) + name
        start = at + 30 + len(name)
        found[info.filename] = Member(info.filename, start, info.file_size, info.CRC)
        at = start + info.file_size
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(infos), len(infos), len(central), at, 0)
    raw.seek(at)
    if raw.read(len(central) + len(end) + 1) != central + end:
        raise Tampered("the zip's directory is not as an export has it.")
    return found
