"""The system-call filter: what the eye may ask of the kernel once camera and models are open.

Rules:
- Refused calls get EPERM, not death: a library that tries something optional goes on without it, and the running eye
  can be asked what it is refused (`edge.eye.walls.probe`).
- What can be judged by its arguments is: files open for reading only, sending needs no address, threads but no
  processes, no shared mapping of a file. What hides its arguments behind a pointer (openat2, clone3) is refused whole.
- A call newer than the tables does not exist (ENOSYS, as on an older kernel); another machine's calls kill.
- All threads are filtered at once, and the filter cannot be taken off.

Left out: what fills the open files (`RLIMIT_FSIZE` holds that) and what can be read (Landlock).
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable
from typing import Final

from edge.eye.walls.kernel import call
from edge.eye.walls.syscalls import DENIED, NEWEST, Machine

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06  # BPF_LD|W|ABS, BPF_ALU|AND|K, BPF_RET|K
_EQUAL, _GREATER, _ANY_BIT = 0x15, 0x25, 0x45  # BPF_JMP: JEQ, JGT, JSET with a constant
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16  # struct seccomp_data
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_REFUSE: Final = _ERRNO | errno.EPERM
_ABSENT: Final = _ERRNO | errno.ENOSYS
_SET_MODE_FILTER, _ALL_THREADS = 1, 1

_O_TMPFILE: Final = 0o20000000
_WRITING: Final = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | _O_TMPFILE
_CLONE_THREAD: Final = 0x00010000
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
_PRCTLS: Final = (4, 35, 0x59616D61)  # PR_SET_DUMPABLE, PR_SET_MM, PR_SET_PTRACER
_IOCTLS: Final = (0x5412, 0x541C, 0x40049409, 0x4020940D)  # TIOCSTI, TIOCLINUX, FICLONE, FICLONERANGE

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


class _Filter(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Filter)))


def raise_filter(machine: Machine, pid: int) -> None:
    """Raises: OSError when the kernel has no seccomp filters or refuses this one."""
    instructions = program(machine, pid)
    block = (_Filter * len(instructions))(*(_Filter(*one) for one in instructions))
    refused = call("seccomp", _SET_MODE_FILTER, _ALL_THREADS, _Program(len(instructions), block))
    if refused:
        raise OSError(errno.ESRCH, f"thread {refused} cannot be filtered")


def program(machine: Machine, pid: int) -> list[Instruction]:
    """The whole filter, as BPF instructions; ``pid`` is the one process that may be signalled."""
    number = machine.numbers
    parts: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, machine.audit_arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_GREATER, 0, 1, NEWEST),  # also every x32 call, which carries a high bit
        (_RETURN, 0, 0, _ABSENT),
    ]
    for name, checks in _by_arguments(pid).items():
        if name in number:
            parts += [(_EQUAL, 0, len(checks) + 1, number[name]), *checks, (_RETURN, 0, 0, _ALLOW)]
    parts += [(_EQUAL, 0, 1, number["clone3"]), (_RETURN, 0, 0, _ABSENT)]
    for name in DENIED:
        if name in number:
            parts += [(_EQUAL, 0, 1, number[name]), (_RETURN, 0, 0, _REFUSE)]
    return [*parts, (_RETURN, 0, 0, _ALLOW)]


def _by_arguments(pid: int) -> dict[str, list[Instruction]]:
    return {
        "open": [_argument(1), (_ANY_BIT, 0, 1, _WRITING), _no()],
        "openat": [_argument(2), (_ANY_BIT, 0, 1, _WRITING), _no()],
        "sendto": _null(4),
        "prlimit64": _null(2),
        "mmap": [
            _argument(3),
            (_AND, 0, 0, _MAP_SHARED | _MAP_ANONYMOUS),
            (_EQUAL, 0, 1, _MAP_SHARED),  # MAP_SHARED_VALIDATE has the same bit
            _no(),
        ],
        "clone": [_argument(0), (_ANY_BIT, 1, 0, _CLONE_THREAD), _no()],
        "kill": [_argument(0), (_EQUAL, 1, 0, pid), _no()],
        "tgkill": [_argument(0), (_EQUAL, 1, 0, pid), _no()],
        "prctl": _none_of(0, _PRCTLS),
        "ioctl": _none_of(1, _IOCTLS),
    }


def _argument(index: int, *, high: bool = False) -> Instruction:
    return _LOAD, 0, 0, _ARGUMENTS_AT + 8 * index + 4 * high  # both machines are little-endian


def _no() -> Instruction:
    return _RETURN, 0, 0, _REFUSE


def _null(index: int) -> list[Instruction]:
    """The pointer must be NULL, in both halves."""
    return [_argument(index), (_EQUAL, 1, 0, 0), _no(), _argument(index, high=True), (_EQUAL, 1, 0, 0), _no()]


def _none_of(index: int, values: Iterable[int]) -> list[Instruction]:
    checks = [_argument(index)]
    for value in values:
        checks += [(_EQUAL, 0, 1, value), _no()]
    return checks
