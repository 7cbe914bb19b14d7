"""Plain calls into the kernel, by ctypes: the only place where the walls touch it.

Left out: what is called and why (the walls themselves).
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Final

from edge.eye.walls.syscalls import this_machine

PR_GET_DUMPABLE: Final = 3
PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38
PR_GET_NO_NEW_PRIVS: Final = 39
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWNET: Final = 0x40000000
AT_FDCWD: Final = -100

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.prctl.restype = ctypes.c_int

Argument = int | bytes | ctypes.Structure | None


def call(name: str, *arguments: Argument) -> int:
    """One system call by name; a structure is passed by its address.

    Raises: OSError with the kernel's errno; ENOSYS where this machine has no such call.
    """
    machine = this_machine()
    number = machine.numbers.get(name) if machine else None
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return _checked(_libc.syscall(ctypes.c_long(number), *map(_raw, arguments)))


def prctl(option: int, value: int = 0) -> int:
    """Raises: OSError."""
    return _checked(_libc.prctl(ctypes.c_int(option), *map(ctypes.c_ulong, (value, 0, 0, 0))))


def unshare(flags: int) -> None:
    """Raises: OSError."""
    _checked(_libc.unshare(ctypes.c_int(flags)))


def mlockall(flags: int) -> None:
    """Raises: OSError."""
    _checked(_libc.mlockall(ctypes.c_int(flags)))


def put(path: str, text: str) -> None:
    """Writes one of the kernel's own small files under ``/proc``. Raises: OSError."""
    fd = call("openat", AT_FDCWD, path.encode(), os.O_WRONLY | os.O_CLOEXEC)
    try:
        data = text.encode()
        call("write", fd, data, len(data))
    finally:
        os.close(fd)


def _raw(argument: Argument) -> object:
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    return ctypes.byref(argument) if isinstance(argument, ctypes.Structure) else ctypes.c_char_p(argument)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
