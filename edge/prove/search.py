"""Looks for many 16-byte windows at any offset of files, payloads and the memory of processes.

Rules:
- A window at any offset holds one aligned 8-byte word. Each window is filed under its eight possible ones, so that a
  place is read in steps of eight bytes and no offset is missed; what fits is compared over all sixteen bytes.
- A window of few different bytes proves nothing (blank paper has it too) and is not looked for.
- What could not be read is said, never taken for clean. A namespace with a name (``ip netns`` mounts one below /run) is
  a file by its looks only: the kernel keeps no byte behind it, nobody can write to it, and that it was met is said.

Left out: what the windows are of (`edge.prove.canary`), and what a hit means (`edge.prove.report`).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

WINDOW_BYTES: Final = 16
DIFFERENT_MIN: Final = 8
CHUNK_BYTES: Final = 8 << 20
_WORD: Final = 8
_FILTER_BITS: Final = 24
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_NAMESPACE: Final = Path("/proc/self/ns/mnt")
_KERNELS_OWN: Final = ("[vvar]", "[vvar_vclock]", "[vsyscall]")
_MAPPING: Final = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (r)\S+ \S+ \S+ \d+ *(.*)$", re.MULTILINE)

Bytes = NDArray[np.uint8]
Hits = dict[str, int]


@dataclass(frozen=True, slots=True)
class Needles:
    """Windows by form, ready to be looked for.

    Shapes: ``windows`` (n, 16) uint8; ``form_of`` (n,); ``keys`` (8n,) sorted words, ``filed`` (8n,) the window and
    the place of the word in it as window · 8 + place; ``filter`` one flag for each hash of a word.
    """

    forms: tuple[str, ...]
    windows: Bytes
    form_of: NDArray[np.int32]
    keys: NDArray[np.uint64]
    filed: NDArray[np.int64]
    filter: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.windows)

    def count(self) -> Hits:
        """How many windows there are of each form."""
        return self._by_form(self.form_of)

    def find(self, data: bytes | bytearray | memoryview) -> Hits:
        """How often windows of each form stand in the data."""
        words = np.frombuffer(data, np.uint64, len(data) // _WORD)
        likely = self.filter[_hash(words)].nonzero()[0]
        left = np.searchsorted(self.keys, words[likely], "left")
        many = np.searchsorted(self.keys, words[likely], "right") - left
        entries = np.repeat(left, many) + _count_up(many)
        window, place = np.divmod(self.filed[entries], _WORD)
        start = np.repeat(likely, many) * _WORD - place
        inside = (start >= 0) & (start + WINDOW_BYTES <= len(data))
        window, start = window[inside], start[inside]
        plain = np.frombuffer(data, np.uint8)
        same = (plain[start[:, None] + np.arange(WINDOW_BYTES)] == self.windows[window]).all(axis=1)
        return self._by_form(self.form_of[window[same]])

    def _by_form(self, forms: NDArray[np.int32]) -> Hits:
        return dict(zip(self.forms, np.bincount(forms, minlength=len(self.forms)).tolist(), strict=True))


@dataclass(slots=True)
class Searched:
    """One place that was searched. ``why_not`` says why it was not, or not all of it; empty where it was.
    ``namespaces`` were met in it, which hold nothing.
    """

    place: str
    bytes: int = 0
    hits: Hits = field(default_factory=dict)
    why_not: str = ""
    namespaces: int = 0

    def add(self, hits: Hits, size_bytes: int) -> None:
        self.bytes += size_bytes
        self.hits = {form: self.hits.get(form, 0) + count for form, count in hits.items()}

    @property
    def total(self) -> int:
        return sum(self.hits.values())


def needles(texts: Mapping[str, Iterable[bytes]], each: int) -> Needles:
    """Up to ``each`` windows of each form, spread evenly over its texts and over all offsets."""
    parts = [_windows([np.frombuffer(text, np.uint8) for text in some], each) for some in texts.values()]
    windows = np.concatenate(parts)
    form_of = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts])
    words = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(windows, _WORD, axis=1)[:, :_WORD])
    keys = words.view(np.uint64).ravel()
    order = np.argsort(keys, kind="stable")
    flags = np.zeros(1 << _FILTER_BITS, np.bool_)
    flags[_hash(keys)] = True
    return Needles(tuple(texts), windows, form_of, keys[order], order.astype(np.int64), flags)


def _windows(texts: list[Bytes], each: int) -> Bytes:
    if not any(text.size >= WINDOW_BYTES for text in texts):
        return np.zeros((0, WINDOW_BYTES), np.uint8)
    every = [
        np.lib.stride_tricks.sliding_window_view(text, WINDOW_BYTES) for text in texts if text.size >= WINDOW_BYTES
    ]
    share = -(-2 * each // len(every))  # twice as many as wanted: some prove nothing
    taken = np.concatenate(
        [view[np.linspace(0, len(view) - 1, min(share, len(view)), dtype=np.int64)] for view in every]
    )
    ordered = np.sort(taken, axis=1)
    different = 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)
    telling: Bytes = np.unique(taken[different >= DIFFERENT_MIN], axis=0)
    return telling[np.linspace(0, len(telling) - 1, min(each, len(telling)), dtype=np.int64)]


def _hash(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed: NDArray[np.uint64] = (words * _MIX) >> np.uint64(64 - _FILTER_BITS)
    return mixed


def _count_up(many: NDArray[Any]) -> NDArray[np.int64]:
    """0, 1, … up to each number, one after the other."""
    counted: NDArray[np.int64] = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    return counted


def search_bytes(looked_for: Needles, place: str, texts: Iterable[bytes]) -> Searched:
    """Payloads, logs, records: what was caught on its way."""
    searched = Searched(place, hits=dict.fromkeys(looked_for.forms, 0))
    for text in texts:
        searched.add(looked_for.find(text), len(text))
    return searched


def search_files(looked_for: Needles, place: str, paths: Iterable[Path]) -> Searched:
    """Whole files; one that is gone by now is skipped, one that may not be read is said."""
    searched = Searched(place, hits=dict.fromkeys(looked_for.forms, 0))
    for path in paths:
        try:
            with path.open("rb", buffering=0) as file:
                for chunk in _chunks(file):
                    searched.add(looked_for.find(chunk), len(chunk))
        except FileNotFoundError:
            continue
        except OSError as error:
            if _is_namespace(path):
                searched.namespaces += 1
                continue
            searched.why_not = f"{path} cannot be read ({error.strerror})"
    return searched


def _is_namespace(path: Path) -> bool:
    """Whether a name stands for one of the kernel's namespaces: they all live on one device, which has nothing else."""
    try:
        return path.lstat().st_dev == _NAMESPACE.stat().st_dev
    except OSError:
        return False


def search_memory(looked_for: Needles, place: str, pid: int) -> Searched:
    """Everything that a process has mapped and may read, whether its own or shared."""
    searched = Searched(place, hits=dict.fromkeys(looked_for.forms, 0))
    try:
        maps = Path(f"/proc/{pid}/maps").read_text()
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            regions = [(int(low, 16), int(high, 16)) for low, high, _, name in _MAPPING.findall(maps)
                       if name not in _KERNELS_OWN]  # fmt: skip
            for low, high in regions:
                for chunk in _region(memory.fileno(), low, high):
                    searched.add(looked_for.find(chunk), len(chunk))
        if not regions:
            searched.why_not = "the process is gone"
    except PermissionError:
        searched.why_not = "needs root: nobody else may read this process"
    except OSError as error:
        searched.why_not = f"its memory cannot be read ({error.strerror})"
    return searched


def _region(memory: int, low: int, high: int) -> Iterator[bytes]:
    """One mapping; pages that the kernel will not give (a device's, or past a file's end) hold nothing of the eye."""
    at = low
    while at < high:
        try:
            chunk = os.pread(memory, min(CHUNK_BYTES, high - at), at)
        except PermissionError:
            raise
        except OSError:
            chunk = b""
        if not chunk:
            at += 4096
            continue
        yield chunk
        at += len(chunk) - (WINDOW_BYTES - 1 if at + len(chunk) < high else 0)


def _chunks(file: FileIO) -> Iterator[bytes]:
    """A file in pieces that overlap by one byte less than a window, so that none falls between two."""
    kept = b""
    while piece := file.read(CHUNK_BYTES):
        chunk = kept + piece
        yield chunk
        kept = chunk[-(WINDOW_BYTES - 1) :]


def changed_files(roots: Iterable[Path], since_s: float) -> Iterator[Path]:
    """Regular files under the roots whose content or name changed since a wall time; links are not followed."""
    seen: set[tuple[int, int]] = set()
    for root in roots:
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder) / name
                try:
                    found = path.lstat()
                except OSError:
                    continue
                key = (found.st_dev, found.st_ino)
                if stat.S_ISREG(found.st_mode) and max(found.st_mtime, found.st_ctime) >= since_s and key not in seen:
                    seen.add(key)
                    yield path
