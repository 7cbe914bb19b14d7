"""Landlock: what the eye may do with paths, ports, abstract sockets and other processes' signals.

Rules:
- Two layers. The early one goes up before any thread, so that every thread stands behind it: nothing is written but
  devices that exist (a camera is opened for writing), no TCP, no abstract socket, no signal to anyone outside.
- The late one, once camera and models are open: no device either, and reading only what Python and the libraries may
  still load. Before ABI 8 the kernel binds only the calling thread and those it starts later; for the others the
  filter of system calls still refuses every writing.

Left out: files that are already open, and connecting to a Unix socket by its path: the filter refuses both.

Source: Documentation/userspace-api/landlock.rst, ABI 1 (Linux 5.13) to 8.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edge.eye.walls.kernel import AT_FDCWD, call

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_CHANGE_FOLDER: Final = sum(1 << bit for bit in range(4, 13))  # remove and make, of every kind
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_WRITING_BY_ABI: Final = {1: _WRITE_FILE | _CHANGE_FOLDER, 2: _REFER, 3: _TRUNCATE}
_READING: Final = _READ_FILE | _READ_DIR
_TCP_ABI, _SCOPE_ABI, _ALL_THREADS_ABI = 4, 6, 8
_TCP: Final = 1 | 1 << 1  # bind, connect
_SCOPE: Final = 1 | 1 << 1  # abstract Unix sockets, signals
_VERSION: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION
_ALL_THREADS: Final = 1 << 3  # LANDLOCK_RESTRICT_SELF_TSYNC
_PATH_BENEATH: Final = 1
_SYSTEM: Final = ("/usr", "/lib", "/lib64", "/etc/localtime", "/etc/timezone", "/etc/ld.so.cache", "/proc", "/sys",
                  "/dev/null", "/dev/zero", "/dev/urandom")  # fmt: skip


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """The kernel's Landlock ABI. Raises: OSError where there is none."""
    return call("landlock_create_ruleset", None, 0, _VERSION)


def raise_early() -> None:
    """Raises: OSError."""
    version = abi()
    net = _TCP if version >= _TCP_ABI else 0
    scoped = _SCOPE if version >= _SCOPE_ABI else 0
    _restrict(_Ruleset(_writing(version), net, scoped), {"/dev": _WRITE_FILE}, all_threads=False)


def raise_late() -> bool:
    """Returns whether every thread stands behind it, also those that ran before. Raises: OSError."""
    version = abi()
    every = version >= _ALL_THREADS_ABI
    allowed = dict.fromkeys((*_SYSTEM, *_python()), _READING)
    _restrict(_Ruleset(_writing(version) | _READING | _EXECUTE, 0, 0), allowed, all_threads=every)
    return every or len(list(Path("/proc/self/task").iterdir())) == 1


def _writing(version: int) -> int:
    return sum(rights for since, rights in _WRITING_BY_ABI.items() if since <= version)


def _python() -> Iterable[str]:
    """Where modules and their data may still be loaded from."""
    return {sys.prefix, sys.base_prefix, *(entry for entry in sys.path if entry)}


def _restrict(ruleset: _Ruleset, allowed: dict[str, int], *, all_threads: bool) -> None:
    fd = call("landlock_create_ruleset", ruleset, ctypes.sizeof(ruleset), 0)
    try:
        for path, rights in allowed.items():
            _allow(fd, path, rights)
        call("landlock_restrict_self", fd, _ALL_THREADS if all_threads else 0)
    finally:
        os.close(fd)


def _allow(ruleset: int, path: str, rights: int) -> None:
    if not Path(path).exists():
        return
    rule = _PathBeneath(rights if Path(path).is_dir() else rights & ~_READ_DIR, 0)
    rule.parent = call("openat", AT_FDCWD, path.encode(), os.O_PATH | os.O_CLOEXEC)
    try:
        call("landlock_add_rule", ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(rule.parent)
