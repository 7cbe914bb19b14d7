"""Asks the kernel, from inside, what it refuses: each forbidden act is tried once, harmlessly.

Rules: every act is one that could do no harm if it were allowed (it names nothing that exists, or lasts no longer than
the question), so that it may also be asked of an eye whose walls are down. Refused means that a wall answered; an
"allowed" act fails for another reason, or succeeds and is undone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
from collections.abc import Callable
from typing import Final

from edge.eye.walls import kernel
from edge.eye.walls.kernel import AT_FDCWD, call

_REFUSALS: Final = {errno.EPERM, errno.EACCES, errno.ENOSYS}
_NOWHERE: Final = b"/proc/self/attune-probe/none"  # no file system lets anyone make this
_PTRACE_ATTACH: Final = 16
_AF_UNIX, _AF_INET, _STREAM, _DATAGRAM = 1, 2, 1, 2
_SIGCHLD: Final = 17
_MAP_SHARED, _PROT_BOTH = 1, 3


class _Address(ctypes.Structure):
    _fields_ = (("family", ctypes.c_uint16), ("rest", ctypes.c_char * 14))


def probe() -> dict[str, bool]:
    """Each forbidden act, and whether it was refused."""
    return {name: _refused(act) for name, act in _acts().items()}


def _acts() -> dict[str, Callable[[], object]]:
    nowhere = _Address(_AF_UNIX, _NOWHERE[:13])
    return {
        "create a file": lambda: _open(os.O_WRONLY | os.O_CREAT),
        "open a file for writing": lambda: _open(os.O_RDWR),
        "open a file by openat2": lambda: call("openat2", AT_FDCWD, _NOWHERE, None, 0),
        "write into an open file": lambda: _limited(resource.RLIMIT_FSIZE),
        "raise the limit again": lambda: call("setrlimit", 99, None),
        "truncate a file": lambda: call("truncate", _NOWHERE, 0),
        "truncate an open file": lambda: call("ftruncate", -1, 0),
        "grow a file": lambda: call("fallocate", -1, 0, 0, 1),
        "map a file for writing": lambda: call("mmap", None, 4096, _PROT_BOTH, _MAP_SHARED, -1, 0),
        "make a file in memory": lambda: _closed(call("memfd_create", b"attune-probe", 1)),
        "rename": lambda: call("renameat2", AT_FDCWD, _NOWHERE, AT_FDCWD, _NOWHERE, 0),
        "link": lambda: call("linkat", AT_FDCWD, _NOWHERE, AT_FDCWD, _NOWHERE, 0),
        "make a symbolic link": lambda: call("symlinkat", _NOWHERE, AT_FDCWD, _NOWHERE),
        "make a folder": lambda: call("mkdirat", AT_FDCWD, _NOWHERE, 0o700),
        "remove": lambda: call("unlinkat", AT_FDCWD, _NOWHERE, 0),
        "change a mode": lambda: call("fchmodat", AT_FDCWD, _NOWHERE, 0o600),
        "set an attribute": lambda: call("setxattr", _NOWHERE, b"user.a", b"a", 1, 0),
        "open a network socket": lambda: _closed(call("socket", _AF_INET, _STREAM, 0)),
        "open a datagram socket": lambda: _closed(call("socket", _AF_INET, _DATAGRAM, 0)),
        "open a local socket": lambda: _closed(call("socket", _AF_UNIX, _STREAM, 0)),
        "connect": lambda: call("connect", -1, nowhere, 16),
        "send to an address": lambda: call("sendto", -1, b"", 0, 0, nowhere, 16),
        "send or take a descriptor": lambda: call("recvmsg", -1, None, 0),
        "fork": _fork,
        "run a program": lambda: call("execve", _NOWHERE, None, None),
        "trace a process": lambda: call("ptrace", _PTRACE_ATTACH, -1, None, None),
        "read another's memory": lambda: call("process_vm_readv", -1, None, 0, None, 0, 0),
        "signal another process": lambda: call("kill", os.getppid(), 0),
        "submit through a ring": lambda: call("io_uring_setup", 0, None),
        "enter a namespace": lambda: call("setns", -1, 0),
        "be dumped": lambda: _unless(kernel.prctl(kernel.PR_GET_DUMPABLE) == 0),
        "leave a core file": lambda: _limited(resource.RLIMIT_CORE),
        "become readable again": lambda: kernel.prctl(kernel.PR_SET_DUMPABLE, 99),
    }


def _refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError as error:
        return error.errno in _REFUSALS
    return False


def _open(flags: int) -> None:
    _closed(call("openat", AT_FDCWD, _NOWHERE, flags | os.O_CLOEXEC, 0o600))


def _closed(fd: int) -> None:
    os.close(fd)


def _fork() -> None:
    child = call("clone", _SIGCHLD, None, None, None, None)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _limited(limit: int) -> None:
    _unless(resource.getrlimit(limit) == (0, 0))


def _unless(held: bool) -> None:
    if held:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
