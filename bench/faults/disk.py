"""What a disk holds after a power cut: file operations as strace recorded them, and what may be left of them.

Rules:
- What was synced stands. Of what was written since, any part may be there, in any order, each write torn at any sector
  of 512 bytes, and what was never written may hold anything.
- A name that was given or taken since its folder, or the file itself, was synced may be there or not; names come in
  order, as in a journal.

Left out: ``-shm`` files, which SQLite makes anew, and files that only lock.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contract.errors import LinkError

SECTOR: Final = 512
_LINE: Final = re.compile(r"^(\d+\.\d+) (\w+)\((.*)\) += (-?\d+)(.*)$")
_TEXT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_FD: Final = re.compile(r"^(-?\d+)<(.*?)>")
_CALLS: Final = "openat,write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat,link,linkat"


@dataclass(frozen=True, slots=True)
class Op:
    """One call. ``other`` is a second path."""

    call: str
    path: str
    data: bytes = b""
    at: int = 0
    other: str = ""


def record(command: tuple[str, ...], folder: Path) -> list[Op]:
    """What a program did to the files of ``folder``, in order. Raises: LinkError where strace is missing."""
    strace = shutil.which("strace")
    if strace is None:
        raise LinkError("The power cut is recorded with strace: install it (Debian: apt install strace).")
    traces = folder.with_name(folder.name + "-traces")
    traces.mkdir()
    options = ("-ff", "-ttt", "-y", "-xx", "-s", "1000000", "-e", f"trace={_CALLS}", "-o", str(traces / "of"))
    subprocess.run((strace, *options, sys.executable, *command), check=True, stdout=subprocess.DEVNULL)
    lines = sorted(line for trace in traces.iterdir() for line in trace.read_text().splitlines())
    return [op for line in lines for op in _parsed(line, str(folder))]


def _parsed(line: str, folder: str) -> Iterator[Op]:
    found = _LINE.match(line)
    if not found or int(found[4]) < 0:
        return
    call, arguments = found[2], found[3]
    texts = [_bytes(text) for text in _TEXT.findall(arguments)]
    held = _FD.match(arguments)
    path = _bytes(held[2]).decode(errors="replace") if held else ""
    if call == "write" and held and held[1] == "1":
        yield Op("said", "", texts[0])
    elif call in ("write", "pwrite64", "ftruncate", "fsync", "fdatasync"):
        if path.startswith(folder) and not path.endswith(("-shm", ".lock")):
            at = int(arguments.rsplit(", ", 1)[1]) if call in ("pwrite64", "ftruncate") else -1
            yield Op("sync" if "sync" in call else call, path, texts[0] if texts else b"", at)
    elif texts and (names := [text.decode() for text in texts])[0].startswith(folder):
        if call == "openat" and "O_CREAT" in arguments and not names[0].endswith(("-shm", ".lock")):
            yield Op("create", names[0])
        elif call.startswith(("rename", "link")):
            yield Op(call[: 6 if call.startswith("rename") else 4], names[0], other=names[1])
        elif call.startswith("unlink"):
            yield Op("unlink", names[0])


def _bytes(text: str) -> bytes:
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


@dataclass(slots=True)
class _Inode:
    synced: bytearray = field(default_factory=bytearray)
    pending: list[Op] = field(default_factory=list)
    size: int = 0  # as the program sees it


@dataclass(slots=True)
class Disk:
    """A disk, moved on by operations."""

    names: dict[str, _Inode] = field(default_factory=dict)
    kept: dict[str, _Inode] = field(default_factory=dict)
    renamed: list[tuple[str, _Inode | None]] = field(default_factory=list)  # since then, in order

    def do(self, op: Op) -> None:
        """What the program saw happen."""
        match op.call:
            case "create" if op.path not in self.names:
                self._name(op.path, _Inode())
            case "write" | "pwrite64":
                inode = self.names[op.path]
                at = inode.size if op.at < 0 else op.at
                inode.pending.append(Op("pwrite64", op.path, op.data, at))
                inode.size = max(inode.size, at + len(op.data))
            case "ftruncate":
                self.names[op.path].pending.append(op)
                self.names[op.path].size = op.at
            case "sync" if op.path in self.names:
                self._sync(self.names[op.path])
            case "sync":
                self._journal(len(self.renamed))
            case "rename":
                self._name(op.other, self.names[op.path])
                self._name(op.path, None)
            case "link":
                self._name(op.other, self.names[op.path])
            case "unlink" if op.path in self.names:
                self._name(op.path, None)

    def _name(self, path: str, inode: _Inode | None) -> None:
        _named(self.names, path, inode)
        self.renamed.append((path, inode))

    def _sync(self, inode: _Inode) -> None:
        for op in inode.pending:
            _apply(inode.synced, op)
        inode.pending.clear()
        first = [number for number, (_, named) in enumerate(self.renamed, 1) if named is inode]
        self._journal(first[0] if first else 0)

    def _journal(self, until: int) -> None:
        for path, inode in self.renamed[:until]:
            _named(self.kept, path, inode)
        del self.renamed[:until]

    def cut(self, chance: random.Random) -> dict[str, bytes]:
        """The files that one power cut leaves."""
        names = dict(self.kept)
        for path, inode in self.renamed[: chance.randint(0, len(self.renamed))]:
            _named(names, path, inode)
        return {path: _left(inode, chance) for path, inode in names.items()}


def _named(names: dict[str, _Inode], path: str, inode: _Inode | None) -> None:
    if inode is None:
        names.pop(path, None)
    else:
        names[path] = inode


def _apply(content: bytearray, op: Op) -> None:
    if op.call == "ftruncate":
        del content[op.at :]
        content.extend(bytes(op.at - len(content)))
        return
    content.extend(bytes(max(0, op.at + len(op.data) - len(content))))
    content[op.at : op.at + len(op.data)] = op.data


def _left(inode: _Inode, chance: random.Random) -> bytes:
    content, pending = bytearray(inode.synced), list(inode.pending)
    how = chance.choice(("all", "none", "first", "some", "torn", "torn"))
    if how == "first":
        pending = pending[: chance.randint(0, len(pending))]
    elif how in ("some", "torn"):
        pending = [op for op in pending if chance.random() < 0.7]
        chance.shuffle(pending)
    for number, op in enumerate(pending if how != "none" else ()):
        torn = how == "torn" and (number == len(pending) - 1 or chance.random() < 0.3)
        for part in _torn(op, chance) if torn and op.call == "pwrite64" else (op,):
            _apply(content, part)
    return bytes(content)


def _torn(op: Op, chance: random.Random) -> Iterator[Op]:
    """Some sectors of it, some of them with what stood on the disk before; sectors are those of the file."""
    at = 0
    while at < len(op.data):
        until = min(len(op.data), at + SECTOR - (op.at + at) % SECTOR)
        fate = chance.random()
        if fate < 0.5:
            yield Op("pwrite64", op.path, op.data[at:until], op.at + at)
        elif fate < 0.6:
            yield Op("pwrite64", op.path, chance.randbytes(until - at), op.at + at)
        at = until
