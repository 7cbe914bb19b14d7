"""A process with or without walls, run by `test_walls`: does what it is told and says as JSON what came of it."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import mmap
import os
import queue
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contract.errors import WallError
from edge.eye.walls import Walls, kernel, landlock, probe, raise_early, raise_late

NOBODY = 65534
PTRACE_SEIZE = 0x4206  # unlike attaching, it stops nobody, and ends with the tracer
Acts = dict[str, Callable[[], object]]


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


def no_landlock() -> int:
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


def outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "?")
    except ValueError as error:  # how `resource` tells EPERM
        return "EPERM" if "not allowed" in str(error) else "EINVAL"
    return "done"


def file_acts(folder: Path) -> Acts:
    """Each names its own file, so that no act depends on another."""
    for name in ("cut", "held", "mapped", "removed", "moved", "changed", "written", "splicing"):
        (folder / name).write_bytes(b"as it was")
    held = os.open(folder / "held", os.O_RDWR)
    appended = os.open(folder / "written", os.O_WRONLY | os.O_APPEND)
    mapped = os.open(folder / "mapped", os.O_RDWR)
    splicing = os.open(folder / "splicing", os.O_RDWR)
    source = os.open("/bin/true", os.O_RDONLY)

    def write_mapped() -> None:
        with mmap.mmap(mapped, 9) as memory:
            memory[:3] = b"was"

    def unnamed() -> None:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR))

    return {
        "create a file": lambda: (folder / "made").write_bytes(b"x"),
        "create a file in /dev/shm": lambda: Path(f"/dev/shm/attune-test-{os.getpid()}").write_bytes(b""),
        "create an unnamed file": unnamed,
        "open for writing": lambda: os.close(os.open(folder / "held", os.O_WRONLY)),
        "truncate by path": lambda: os.truncate(folder / "cut", 1),
        "truncate an open file": lambda: os.ftruncate(held, 1),
        "write into an open file": lambda: os.write(held, b"x"),
        "write within an open file": lambda: os.pwrite(held, b"x", 3),
        "append to an open file": lambda: os.write(appended, b"x"),
        "grow an open file": lambda: os.posix_fallocate(held, 0, 100),
        "write a mapped file": write_mapped,
        "send a file into a file": lambda: os.sendfile(splicing, source, 0, 100),
        "remove": lambda: (folder / "removed").unlink(),
        "rename": lambda: (folder / "moved").rename(folder / "away"),
        "make a folder": lambda: (folder / "folder").mkdir(),
        "link": lambda: os.link(folder / "held", folder / "linked"),
        "make a symbolic link": lambda: (folder / "symbolic").symlink_to("held"),
        "change a mode": lambda: (folder / "changed").chmod(0o600),
        "change a time": lambda: os.utime(folder / "changed", (1, 1)),
        "make a pipe in a folder": lambda: os.mkfifo(folder / "fifo"),
        "make a file in memory": lambda: os.close(os.memfd_create("x")),
    }


def socket_acts(tcp_port: int, udp_port: int, folder: Path, abstract: str) -> Acts:
    """One socket of each kind is made before the walls; what is refused is using it, and making another."""
    tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    unix, hidden = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    return {
        "connect by TCP": lambda: tcp.connect(("127.0.0.1", tcp_port)),
        "send by UDP": lambda: udp.sendto(b"x", ("127.0.0.1", udp_port)),
        "connect to a path": lambda: unix.connect(str(folder / "listener")),
        "connect to an abstract name": lambda: hidden.connect("\0" + abstract),
        "make a TCP socket": lambda: socket.socket().close(),
        "make a UDP socket": lambda: socket.socket(type=socket.SOCK_DGRAM).close(),
        "make a pair": lambda: [end.close() for end in socket.socketpair()],
    }


def process_acts(neighbour: int) -> Acts:
    def fork() -> None:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)

    return {
        "fork": fork,
        "run a program": lambda: subprocess.run(["/bin/true"], check=True),
        "trace": lambda: kernel.call("ptrace", PTRACE_SEIZE, neighbour, None, None),
        "signal": lambda: os.kill(neighbour, 0),
        "raise the limit of files": lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        ),
    }


def from_an_old_thread(folder: Path) -> Callable[[], str]:
    """A thread that ran before the walls, and what it is answered behind them."""
    asked, answers = threading.Event(), queue.Queue[str]()

    def run() -> None:
        asked.wait()
        answers.put(outcome(lambda: (folder / "threaded").write_bytes(b"x")))

    threading.Thread(target=run, daemon=True).start()

    def ask() -> str:
        asked.set()
        return answers.get(timeout=10)

    return ask


def build(options: dict[str, Any], between: Callable[[], object] = lambda: None) -> Walls | None:
    """Raises what ``walls`` asks for: ``all``, ``early`` or ``none``; ``between`` is when the eye opens things."""
    if options["walls"] != "none":
        raise_early()
    between()
    return raise_late() if options["walls"] == "all" else None


def acts(options: dict[str, Any]) -> None:
    folder = Path(options["folder"])
    subprocess.run(["/bin/true"], check=True)  # so that what it needs is loaded
    todo = file_acts(folder) | socket_acts(*options["ports"], folder, options["abstract"])
    todo |= process_acts(options["neighbour"])
    asks: list[Callable[[], str]] = []
    raised = build(options, lambda: asks.append(from_an_old_thread(folder)))
    came = {name: outcome(act) for name, act in todo.items()}
    came["create a file in a thread that ran before"] = asks[0]()
    with contextlib.suppress(OSError):
        Path(f"/dev/shm/attune-test-{os.getpid()}").unlink()
    said = {wall.name: None if wall.stands else wall.says for wall in raised.walls} if raised else {}
    say(acts=came, walls=said, summary=raised.summary() if raised else "", probe=probe())


def mapped(options: dict[str, Any]) -> None:
    """A file mapped before the walls, writable or with only the right to become so."""
    path = Path(options["folder"]) / "mapped"
    path.write_bytes(b"as it was")
    fd = os.open(path, os.O_RDWR)
    held = mmap.mmap(fd, 9, mmap.MAP_SHARED, mmap.PROT_READ if options["readable"] else mmap.PROT_WRITE)
    os.close(fd)
    if options["removed"]:
        path.unlink()
    try:
        raise_early()
        raise_late()
    except WallError as error:
        say(error=str(error), size=len(held))


def crash(options: dict[str, Any]) -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    os.chdir(options["folder"])
    build(options)
    if options["signal"] == signal.SIGSEGV:
        ctypes.string_at(0)
    os.abort()


def wait(options: dict[str, Any]) -> None:
    secret = ctypes.create_string_buffer(b"a pixel")
    build(options)
    say(address=ctypes.addressof(secret))
    sys.stdin.read()


def peek(options: dict[str, Any]) -> None:
    def read() -> None:
        fd = os.open(f"/proc/{options['pid']}/mem", os.O_RDONLY)
        assert os.pread(fd, 7, options["address"]) == b"a pixel"

    def seize() -> None:
        kernel.call("ptrace", PTRACE_SEIZE, options["pid"], None, None)

    say(read=outcome(read), trace=outcome(seize))


def main() -> None:
    options = json.loads(sys.argv[1])
    if options.get("nobody"):
        become_nobody()
    if options.get("landlock") is False:
        landlock.abi = no_landlock
    {"acts": acts, "mapped": mapped, "crash": crash, "wait": wait, "peek": peek}[options["do"]](options)


if __name__ == "__main__":
    main()
