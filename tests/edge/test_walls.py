"""The walls of the eye: every forbidden act is refused behind them and done without them, and the eye still sees."""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.eye.walls import Wall, Walls, probe, seccomp
from edge.eye.walls.syscalls import DENIED, MACHINES, NEWEST
from edge.order import Resume, encode_order
from edge.record import Head, PulseRecord, decode

if sys.platform != "linux" or platform.machine() not in MACHINES:
    pytest.skip("the walls are for 64-bit Linux on ARM or Intel", allow_module_level=True)

ROOT = Path(__file__).parents[2]
WALLED = Path(__file__).with_name("walled.py")
SEEING = Path(__file__).with_name("seeing.py")
REFUSALS = {"EPERM", "EACCES", "ENOSYS", "EFBIG"}
NEED_PRIVILEGE_TO_TEST = {"trace", "signal"}  # without walls, a stricter kernel may still refuse these
USERS = [
    pytest.param(False, id="as is"),
    pytest.param(True, id="as nobody", marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes nobody")),
]
Run = Callable[..., dict[str, Any]]


def start(**options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WALLED), json.dumps(options)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(child: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    answer: dict[str, Any] = json.loads(out)
    return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that nobody, too, may write; the parents only pytest's."""
    for path in (tmp_path, *tmp_path.parents[:3]):
        if path.owner() == Path(tmp_path).owner() and os.access(path, os.W_OK) and path != Path("/tmp"):
            path.chmod(0o777 if path == tmp_path else path.stat().st_mode | 0o755)
    return tmp_path


@pytest.fixture
def run_acts(folder: Path) -> Iterator[Run]:
    """Runs every forbidden act for real, against listeners and a neighbour that are really there."""
    kinds = ((socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM))
    tcp, udp = (socket.socket(*kind) for kind in kinds)
    path, hidden = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    name = f"attune-test-{os.getpid()}"
    for listener, address in ((tcp, ("127.0.0.1", 0)), (udp, ("127.0.0.1", 0)), (path, str(folder / "listener")),
                              (hidden, "\0" + name)):  # fmt: skip
        listener.bind(address)
        if listener is not udp:
            listener.listen()
    (folder / "listener").chmod(0o777)
    neighbours = []

    def run(**options: object) -> dict[str, Any]:
        neighbour = start(do="wait", walls="none", nobody=options.get("nobody"))
        neighbours.append(neighbour)
        assert neighbour.stdout is not None
        neighbour.stdout.readline()
        ports = [tcp.getsockname()[1], udp.getsockname()[1]]
        around = {"folder": str(folder), "ports": ports, "abstract": name, "neighbour": neighbour.pid}
        return said(start(do="acts", **around, **options))

    yield run
    for neighbour in neighbours:
        neighbour.communicate()
    for listener in (tcp, udp, path, hidden):
        listener.close()


def done(acts: dict[str, str]) -> set[str]:
    return {act for act, came in acts.items() if came not in REFUSALS}


@pytest.mark.parametrize("nobody", USERS)
def test_behind_the_walls_nothing_is_written_connected_or_started(run_acts: Run, folder: Path, nobody: bool) -> None:
    answer = run_acts(walls="all", nobody=nobody)
    assert not done(answer["acts"])
    assert all(answer["probe"].values())
    kept = {"cut", "held", "mapped", "removed", "moved", "changed", "written", "splicing"}
    assert {path.name for path in folder.iterdir()} == {*kept, "listener"}
    assert all((folder / name).read_bytes() == b"as it was" for name in kept)


@pytest.mark.parametrize("nobody", USERS)
def test_without_walls_the_same_acts_are_done(run_acts: Run, nobody: bool) -> None:
    answer = run_acts(walls="none", nobody=nobody)
    assert set(answer["acts"]) - done(answer["acts"]) <= NEED_PRIVILEGE_TO_TEST
    assert not [act for act, refused in answer["probe"].items() if refused and act not in kernel_refuses()]


def kernel_refuses() -> set[str]:
    """What many a kernel refuses to everyone."""
    return {"submit through a ring", "enter a namespace", "trace a process", "signal another process"}


@pytest.mark.parametrize("nobody", USERS)
def test_a_kernel_without_landlock_still_refuses_it_all_and_says_what_is_missing(run_acts: Run, nobody: bool) -> None:
    answer = run_acts(walls="all", nobody=nobody, landlock=False)
    assert not done(answer["acts"])
    assert answer["walls"]["paths"] == "Function not implemented"
    assert "paths: Function not implemented" in answer["summary"]


def test_the_early_walls_alone_refuse_paths_and_networks(run_acts: Run) -> None:
    full = run_acts(walls="all")
    if full["walls"]["paths"] is not None:
        pytest.skip(f"no Landlock here: {full['walls']['paths']}")
    early = run_acts(walls="early")["acts"]
    forbidden = ("create a file", "create an unnamed file", "open for writing", "remove", "rename", "make a folder",
                 "link", "make a symbolic link", "create a file in a thread that ran before")  # fmt: skip
    assert not done({act: early[act] for act in forbidden})


@pytest.mark.parametrize("nobody", USERS)
def test_what_must_stand_stands_and_the_rest_has_a_reason(run_acts: Run, nobody: bool) -> None:
    walls = run_acts(walls="all", nobody=nobody)["walls"]
    assert all(walls[name] is None for name in ("core dumps", "memory", "privileges", "files", "system calls"))
    assert all(reason is None or reason for reason in walls.values())


@pytest.mark.parametrize("readable", [True, False], ids=["readable", "writable"])
@pytest.mark.parametrize("removed", [True, False], ids=["removed", "there"])
def test_a_file_mapped_before_the_walls_stops_the_eye(folder: Path, readable: bool, removed: bool) -> None:
    answer = said(start(do="mapped", folder=str(folder), readable=readable, removed=removed))
    assert str(folder / "mapped") in answer["error"]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_behind_the_walls_leaves_no_core(folder: Path, number: signal.Signals) -> None:
    child = start(do="crash", folder=str(folder), walls="all", signal=number)
    assert not core_dumped(child, number)
    assert not list(folder.iterdir())


def test_a_crash_without_walls_leaves_a_core(folder: Path) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("this machine allows no core dump at all")
    if Path("/proc/sys/kernel/core_pattern").read_text().startswith("|"):
        pytest.skip("cores go to a program here, which would keep the test's")
    child = start(do="crash", folder=str(folder), walls="none", signal=signal.SIGABRT)
    assert core_dumped(child, signal.SIGABRT)


def core_dumped(child: subprocess.Popen[str], number: signal.Signals) -> bool:
    """As the kernel tells it, wherever the core went."""
    _, status = os.waitpid(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.communicate()
    assert os.WTERMSIG(status) == number
    return os.WCOREDUMP(status)


def peek(walls: str, nobody: bool) -> dict[str, Any]:
    held = start(do="wait", walls=walls, nobody=nobody)
    assert held.stdout is not None
    try:
        told = json.loads(held.stdout.readline())
        return said(start(do="peek", pid=held.pid, address=told["address"], nobody=nobody))
    finally:
        held.communicate()


def test_nobody_of_the_same_user_reads_or_traces_the_eye() -> None:
    if os.geteuid() == 0:
        assert peek("all", nobody=True) == {"read": "EACCES", "trace": "EPERM"}
    else:
        assert peek("all", nobody=False) == {"read": "EACCES", "trace": "EPERM"}


def test_without_walls_the_same_user_reads_it() -> None:
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    if scope.exists() and scope.read_text().strip() != "0":
        pytest.skip("this kernel lets no process read another of the same user")
    assert peek("none", nobody=os.geteuid() == 0)["read"] == "done"


def test_the_probe_does_no_harm_where_no_wall_stands() -> None:
    answers = probe()
    assert not answers["create a file"]
    assert not answers["open a local socket"]


def test_walls_are_told_in_one_line() -> None:
    walls = Walls((Wall("files", stands=True, says="…"), Wall("paths", stands=False, says="no Landlock")))
    assert walls.summary() == "1 of 2 walls stand; paths: no Landlock"


# ---- what the eye needs ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cv2 = pytest.importorskip("cv2")
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (320, 240))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no clip")
    for shade in range(30):
        writer.write(np.full((240, 320, 3), 8 * shade, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize("camera", ["clip", "scene:quiet"])
def test_behind_the_walls_the_eye_sees_reads_speaks_and_listens(camera: str, clip: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    model = ROOT / "models" / "affect" / "affect.tflite"
    if not model.is_file():
        pytest.skip("the affect model is not here")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    source = str(clip) if camera == "clip" else camera
    with ours, theirs:
        ours.send(encode_order(Resume()))
        child = subprocess.run(
            [sys.executable, str(SEEING), str(theirs.fileno()), source, str(model)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            pass_fds=(theirs.fileno(),),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert child.returncode == 0, child.stderr
        seen = json.loads(child.stdout)
        assert decode(ours.recv(64)) == PulseRecord(Head(0, 1, 2), 10.0, 1.0, 0.0, 0.0, 0.0, 0.0, memory_mb=1)
    assert seen["frames"] == 20
    assert seen["affect_sum"] == pytest.approx(1, abs=0.05)
    assert seen["order"] == "Resume()"
    assert seen["threads"] == 4
    assert seen["zone"] == "Europe/Berlin"
    assert seen["refused"] == []
    assert "a word for the log" in child.stderr


# ---- the filter, run by hand for both machines ----------------------------------------------------------------

ALLOW, KILL, REFUSE, ABSENT = "allow", "kill", "refuse", "absent"


def judged(machine: str, call: str | int, *arguments: int, arch: int | None = None) -> str:
    """What the filter answers: its instructions, interpreted as the kernel would."""
    on = MACHINES[machine]
    number = call if isinstance(call, int) else on.numbers[call]
    words = [number, on.audit_arch if arch is None else arch, 0, 0]
    for argument in (*arguments, *(0,) * (6 - len(arguments))):
        words += [argument & 0xFFFFFFFF, argument >> 32 & 0xFFFFFFFF]
    at, held = 0, 0
    instructions = seccomp.program(on, pid=77)
    while True:
        code, yes, no, k = instructions[at]
        at += 1
        match code:
            case 0x20:
                held = words[k // 4]
            case 0x54:
                held &= k
            case 0x15:
                at += yes if held == k else no
            case 0x25:
                at += yes if held > k else no
            case 0x45:
                at += yes if held & k else no
            case 0x06:
                return {0x7FFF0000: ALLOW, 0x80000000: KILL, 0x50001: REFUSE, 0x50026: ABSENT}[k]
            case _:
                raise AssertionError(code)


O_CREAT, O_TRUNC, O_RDWR = 0o100, 0o1000, 2
FORK, THREAD = 17, 0x3D0F00


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("call", "arguments", "answer"),
    [
        ("openat", (0, 1, os.O_RDONLY), ALLOW),
        ("openat", (0, 1, O_RDWR), REFUSE),
        ("openat", (0, 1, O_CREAT), REFUSE),
        ("openat", (0, 1, O_TRUNC), REFUSE),
        ("openat", (0, 1, 0o20000000), REFUSE),
        ("openat2", (), REFUSE),
        ("write", (1, 2, 3), ALLOW),
        ("sendto", (3, 1, 32, 0, 0, 0), ALLOW),
        ("sendto", (3, 1, 32, 0, 1, 0), REFUSE),
        ("sendto", (3, 1, 32, 0, 1 << 40, 0), REFUSE),
        ("mmap", (0, 4096, 3, 0x22, -1, 0), ALLOW),
        ("mmap", (0, 4096, 3, 0x21, -1, 0), ALLOW),
        ("mmap", (0, 4096, 3, 0x01, 5, 0), REFUSE),
        ("mmap", (0, 4096, 1, 0x03, 5, 0), REFUSE),
        ("mmap", (0, 4096, 5, 0x02, 5, 0), ALLOW),
        ("clone", (THREAD,), ALLOW),
        ("clone", (FORK,), REFUSE),
        ("clone3", (), ABSENT),
        ("kill", (77, 9), ALLOW),
        ("kill", (78, 0), REFUSE),
        ("tgkill", (77, 78, 6), ALLOW),
        ("prlimit64", (0, 1, 0, 1), ALLOW),
        ("prlimit64", (0, 1, 1 << 33, 0), REFUSE),
        ("prctl", (15,), ALLOW),
        ("prctl", (4, 1), REFUSE),
        ("ioctl", (3, 0xC0585611), ALLOW),
        ("ioctl", (3, 0x5412), REFUSE),
        (NEWEST + 1, (), ABSENT),
        (0x40000001, (), ABSENT),
    ],
)
def test_the_filter_judges_by_arguments(machine: str, call: str | int, arguments: tuple[int, ...], answer: str) -> None:
    assert judged(machine, call, *arguments) == answer


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_refuses_every_listed_call_and_kills_another_machines(machine: str) -> None:
    listed = [call for call in DENIED if call in MACHINES[machine].numbers]
    assert {judged(machine, call) for call in listed} == {REFUSE}
    assert judged(machine, "write", arch=0x40000003) == KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_a_number_names_one_call(machine: str) -> None:
    numbers = MACHINES[machine].numbers
    assert len(set(numbers.values())) == len(numbers)
    assert max(numbers.values()) <= NEWEST


@pytest.mark.parametrize(
    ("machine", "header"),
    [("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), ("aarch64", "/usr/include/asm-generic/unistd.h")],
)
def test_the_numbers_are_the_kernels(machine: str, header: str) -> None:
    if not Path(header).exists():
        pytest.skip(f"the kernel's header {header} is not installed")
    told = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text())
    kernels = {name: int(number) for name, number in told}
    ours = MACHINES[machine].numbers
    assert {name: number for name, number in ours.items() if kernels.get(name, number) != number} == {}
    assert not {name for name in DENIED if name in kernels} - set(ours)


WIPED = """
import ctypes, sys
from edge.eye.walls import limits, start_uncached
start_uncached()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
limits.wipe_freed()
size = int(sys.argv[1])
held = [libc.malloc(size) for _ in range(3)]
for one in held:
    ctypes.memset(one, ord("x"), size)
libc.free(held[1])
print(ctypes.string_at(held[1], size).count(b"x"))
"""


@pytest.mark.parametrize("size_bytes", [100, 400, 1_000, 5_000, 60_000])
def test_what_is_freed_is_overwritten_be_it_large_or_small(tmp_path: Path, size_bytes: int) -> None:
    program = tmp_path / "program.py"
    program.write_text(WIPED)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        (sys.executable, str(program), str(size_bytes)), capture_output=True, text=True, check=True, env=environment
    )
    assert int(said.stdout) <= 8  # glibc wipes all but what it shares with the next piece
