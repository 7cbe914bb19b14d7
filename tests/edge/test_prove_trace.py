"""The trace: what strace writes is read for what breaks rule 1, whatever thread cut it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge.prove.trace import probed, traced, tracer

QUIET = """\
11 openat(AT_FDCWD</work>, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3</etc/ld.so.cache>
11 openat(AT_FDCWD</>, "/dev/null", O_RDWR) = 4</dev/null<char 1:3>>
11 connect(3<socket:[42]>, {sa_family=AF_UNIX, sun_path="/run/attune/eye.sock"}, 30) = 0
11 sendto(3<socket:[42]>, ""..., 32, 0, NULL, 0) = 32
11 write(2<pipe:[7]>, ""..., 6) = 6
12 openat(AT_FDCWD</>, "/tmp/x", O_WRONLY|O_CREAT, 0666) = -1 EPERM (Operation not permitted)
"""


def read(tmp_path: Path, text: str) -> dict[str, object]:
    (tmp_path / "out").write_text(text)
    return traced(tmp_path / "out", 5.0).as_json()


def test_reading_a_local_socket_and_a_log_are_no_breach(tmp_path: Path) -> None:
    found = read(tmp_path, QUIET)
    assert found["held"]
    assert (found["calls"], found["refused"]) == (6, 1)


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        ('openat(AT_FDCWD</>, "/tmp/x", O_WRONLY|O_CREAT, 0666) = 3</tmp/x>', "opened_for_writing"),
        ('creat("/tmp/x", 0666) = 3</tmp/x>', "opened_for_writing"),
        ('write(5</var/log/x>, ""..., 9) = 9', "bytes_to_files"),
        ("sendfile(5</dev/shm/x>, 6</tmp/y>, NULL, 9) = 9", "bytes_to_files"),
        ('rename("/tmp/x", "/tmp/y") = 0', "made"),
        ("connect(3<socket:[42]>, {sa_family=AF_INET, sin_port=htons(1883)}, 16) = 0", "network"),
        ('sendto(3<UDP:[127.0.0.1:5]>, ""..., 9, 0, NULL, 0) = 9', "network"),
    ],
)
def test_each_breach_is_counted_and_named(tmp_path: Path, line: str, counted: str) -> None:
    found = read(tmp_path, f"{QUIET}11 {line}\n")
    assert found[counted] in (1, 9)
    assert not found["held"]
    assert found["strangers"]


def test_a_call_that_another_thread_cut_in_two_is_read_whole(tmp_path: Path) -> None:
    cut = (
        '11 openat(AT_FDCWD</>, "/tmp/x", O_RDWR|O_CREAT, 0600 <unfinished ...>\n'
        '12 write(2<pipe:[7]>, ""..., 6) = 6\n'
        "11 <... openat resumed>) = 3</tmp/x>\n"
    )
    assert read(tmp_path, cut)["opened_for_writing"] == 1


def test_a_trace_of_nothing_proves_nothing(tmp_path: Path) -> None:
    assert "wrote nothing" in str(read(tmp_path, "")["why_not"])


def test_a_real_write_is_seen(tmp_path: Path) -> None:
    command = tracer(tmp_path / "out")
    if command is None:
        pytest.skip("strace is not installed: apt-get install strace")
    wrote = f"open({str(tmp_path / 'made')!r}, 'w').write('x' * 9)"
    shown = subprocess.run([*command, sys.executable, "-B", "-c", wrote], capture_output=True, text=True, check=False)
    if "ptrace" in shown.stderr:
        pytest.skip("tracing is not allowed here")
    found = traced(tmp_path / "out", 1.0)
    assert (found.opened_for_writing, found.bytes_to_files) == (1, 9)


def test_without_strace_the_walls_are_asked() -> None:
    found = probed()
    assert found.why_not == ""
    assert found.held
    assert found.refused == found.calls > 20


def test_walls_that_cannot_be_asked_are_not_called_whole() -> None:
    assert "could not be asked" in probed((sys.executable, "-c", "raise SystemExit(1)")).why_not
