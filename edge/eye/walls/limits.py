"""The limits that every Unix process can put on itself, and the network namespace.

Left out: paths (`edge.eye.walls.landlock`) and system calls (`edge.eye.walls.seccomp`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import resource
import signal
import sys
from pathlib import Path
from typing import Final

from edge.eye.walls import kernel

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_CAP_IPC_LOCK: Final = 14
_M_PERTURB: Final = -6
_WIPED_WITH: Final = 0x5A
_TUNABLES: Final = "GLIBC_TUNABLES"
_NO_CACHE: Final = "glibc.malloc.tcache_count=0"
_CAPABILITY_VERSION_3: Final = 0x20080522
_NOT_FILES: Final = ("/dev/", "/dmabuf:", "/memfd:", "/SYSV", "/drm", "/i915")
_MAPPING: Final = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S{4} \S+ \S+ \d+ +(/.*)$")


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (("sets", ctypes.c_uint32 * 6),)


def shut_core() -> str:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return "no core file is written"


def shut_memory() -> str:
    """Nobody else of the same user may read this memory; a core dump is off too where it would go to a program."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    return "no other process of this user may read the memory"


def start_uncached() -> None:
    """Starts this program anew, once, with a setting that glibc only reads then: what is freed is given back at once.

    Otherwise each thread keeps small pieces aside as they are: eight rows of a face lay there for minutes.
    """
    set_before = os.environ.get(_TUNABLES, "")
    if _NO_CACHE not in set_before:
        tunables = ":".join(filter(None, (set_before, _NO_CACHE)))
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | {_TUNABLES: tunables})


def wipe_freed() -> str:
    """Memory that is given back is overwritten at once, so that no picture lies where the next allocation looks.

    Raises: OSError where the C library has no such setting, or was not started with its cache off.
    """
    setting = getattr(ctypes.CDLL(None), "mallopt", None)
    if setting is None or not setting(_M_PERTURB, _WIPED_WITH):
        raise OSError("this C library cannot: use one of glibc")
    if _NO_CACHE not in os.environ.get(_TUNABLES, ""):
        raise OSError(f"small pieces wait in glibc's cache: start the eye with {_TUNABLES}={_NO_CACHE}")
    return "freed memory is overwritten"


def shut_privileges() -> str:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    return "no program run from here could gain rights"


def shut_files() -> str:
    """Writing into a regular file fails (EFBIG) also through what is open already; pipes and terminals still take logs.

    Raises: OSError when a file is mapped for writing, which no limit would stop.
    """
    if mapped := shared_files():
        raise OSError(f"{mapped[0]} is mapped for writing")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    return "no regular file takes a byte"


def shared_files() -> list[str]:
    """Regular files mapped here so that writing memory could change them, the deleted ones included."""
    files, path = [], ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if mapping := _MAPPING.match(line):
            path = mapping[1]
        elif line[0] in "0123456789abcdef":
            path = ""
        elif line.startswith("VmFlags:") and " sh " in line and path and _is_file(path):
            files.append(path)
    return files


def lock_memory() -> str:
    """Keeps pixels out of swap. Only pages in use are locked: whole mappings took 505 MB instead of 103.

    Raises: OSError where the limit would later make an allocation fail.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if hard == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
    elif not _may_lock():
        raise OSError(f"RLIMIT_MEMLOCK is {soft // 1024} kB: set LimitMEMLOCK=infinity, or run without swap")
    kernel.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)
    return "no page in use goes to swap"


def leave_network() -> None:
    """Moves into an empty network namespace, through a user namespace where privilege is lacking.

    Raises: OSError where neither is allowed, or threads already run.
    """
    try:
        kernel.unshare(kernel.CLONE_NEWNET)
    except PermissionError:
        uid, gid = os.geteuid(), os.getegid()
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET)
        with contextlib.suppress(OSError):  # unmapped, the eye is "nobody" by name and itself by right
            kernel.put("/proc/self/uid_map", f"{uid} {uid} 1")
            kernel.put("/proc/self/setgroups", "deny")
            kernel.put("/proc/self/gid_map", f"{gid} {gid} 1")
        kernel.call("capset", _CapabilityHeader(_CAPABILITY_VERSION_3, 0), _Capabilities())


def network_left() -> str:
    """Raises: OSError when there is more than a loopback here."""
    devices = Path("/proc/self/net/dev").read_text().splitlines()[2:]
    names = sorted(line.partition(":")[0].strip() for line in devices)
    if names != ["lo"]:
        raise OSError(f"{', '.join(names)} can be seen: neither privilege nor user namespaces are allowed here")
    return "no network but an empty loopback"


def _may_lock() -> bool:
    status = Path("/proc/self/status").read_text()
    effective = int(re.findall(r"^CapEff:\s+(\w+)$", status, re.MULTILINE)[0], 16)
    return bool(effective >> _CAP_IPC_LOCK & 1)


def _is_file(path: str) -> bool:
    return path.startswith("/dev/shm/") or not path.startswith(_NOT_FILES)  # noqa: S108 shared memory is a file
