"""The search: every planted window is found at every offset, and nothing else is."""

from __future__ import annotations

import errno
import itertools
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.prove import search
from edge.prove.search import WINDOW_BYTES, changed_files, needles, search_bytes, search_files, search_memory

TEXT = random.Random(1).randbytes(4_000)
OTHER = random.Random(2).randbytes(1_000)
NEEDLES = needles({"raw": [TEXT], "int8": [OTHER]}, 500)
FORM_OF = {window.tobytes(): NEEDLES.forms[form] for window, form in zip(NEEDLES.windows, NEEDLES.form_of, strict=True)}
WHERE = sorted(TEXT.find(window) for window, form in FORM_OF.items() if form == "raw")


def plainly_found(data: bytes) -> dict[str, int]:
    """What the slowest search there is finds."""
    ends = range(WINDOW_BYTES, len(data) + 1)
    found = [FORM_OF.get(data[end - WINDOW_BYTES : end]) for end in ends]
    return {form: found.count(form) for form in NEEDLES.forms}


@given(st.integers(0, len(NEEDLES) - 1), st.binary(max_size=70), st.binary(max_size=40))
def test_a_window_is_found_at_any_offset_as_often_as_a_plain_search_finds_it(
    number: int, before: bytes, after: bytes
) -> None:
    data = before + NEEDLES.windows[number].tobytes() + after
    expected = plainly_found(data)
    assert NEEDLES.find(data) == expected
    assert expected[NEEDLES.forms[NEEDLES.form_of[number]]] >= 1


def test_two_windows_that_overlap_are_two() -> None:
    pairs = (pair for pair in itertools.pairwise(WHERE) if pair[1] - pair[0] < WINDOW_BYTES)
    first, second = next(pairs)
    assert NEEDLES.find(TEXT[first : second + WINDOW_BYTES]) == {"raw": 2, "int8": 0}


@given(st.integers(0, len(NEEDLES) - 1), st.integers(0, WINDOW_BYTES - 1), st.integers(1, 255), st.integers(0, 30))
def test_a_window_with_one_byte_changed_is_no_hit(number: int, where: int, change: int, before: int) -> None:
    window = bytearray(NEEDLES.windows[number].tobytes())
    window[where] ^= change
    data = bytes(before) + bytes(window) + bytes(9)
    assert NEEDLES.find(bytes(window)) == {"raw": 0, "int8": 0}
    assert NEEDLES.find(data) == plainly_found(data)


def test_a_whole_text_holds_every_window_of_it() -> None:
    assert NEEDLES.find(b"abc" + TEXT) == {"raw": 500, "int8": 0}
    assert NEEDLES.count() == {"raw": 500, "int8": 500}


@given(st.binary(max_size=200))
def test_what_holds_no_window_gives_no_hit(data: bytes) -> None:
    assert sum(NEEDLES.find(data).values()) == 0


def test_windows_that_anything_could_hold_are_not_looked_for() -> None:
    assert len(needles({"raw": [bytes(5_000), b"ab" * 500]}, 100)) == 0


def test_a_window_across_two_pieces_of_a_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "CHUNK_BYTES", 64)
    window = NEEDLES.windows[3].tobytes()
    for before in range(40, 70):
        path = tmp_path / f"at-{before}"
        path.write_bytes(bytes(before) + window + bytes(50))
        assert search_files(NEEDLES, "files", [path]).total == 1


def test_a_file_that_is_gone_is_skipped_and_one_that_is_closed_is_said(tmp_path: Path) -> None:
    assert search_files(NEEDLES, "files", [tmp_path / "gone"]).why_not == ""
    assert "cannot be read" in search_files(NEEDLES, "files", [tmp_path]).why_not


_NAMED = """
import sys
from pathlib import Path
from edge.prove.search import changed_files, needles, search_files
name = Path(sys.argv[1])
found = search_files(needles({"raw": [bytes(range(64))]}, 9), "files", changed_files([name.parent], 0))
try:
    name.read_bytes()
except OSError as error:
    print(error.errno, found.namespaces, found.why_not, found.bytes)
"""


def test_a_namespace_with_a_name_is_no_file_that_could_not_be_read(tmp_path: Path) -> None:
    name = tmp_path / "shop"
    name.touch()
    mounted = f'mount --bind /proc/self/ns/net {name} && exec "$@"'
    command = ("unshare", "-rm", "sh", "-c", mounted, "sh", sys.executable, "-B", "-c", _NAMED, str(name))
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if "mount" in said.stderr or "unshare" in said.stderr:
        pytest.skip(f"nothing may be mounted here: {said.stderr.strip()}")
    assert said.stdout.split() == [str(errno.EINVAL), "1", "0"], said.stderr


def test_memory_of_a_process_is_searched() -> None:
    held = NEEDLES.windows[0].tobytes() * 2
    code = f"import sys; held = sys.stdin.buffer.read({len(held)}); print(len(held), flush=True); sys.stdin.read()"
    with subprocess.Popen((sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin
        assert holder.stdout
        holder.stdin.write(held)
        holder.stdin.flush()
        assert int(holder.stdout.readline()) == len(held)
        searched = search_memory(NEEDLES, "a process", holder.pid)
    assert searched.why_not == ""
    assert searched.total >= len(held) // WINDOW_BYTES
    assert searched.bytes > 1_000_000


def test_memory_that_may_not_be_read_is_not_called_clean() -> None:
    assert search_memory(NEEDLES, "nobody", 2**22 + 1).why_not


AS_NOBODY = """
import os, random, sys
from edge.prove.search import needles, search_memory
looked_for = needles({"raw": [random.randbytes(400)]}, 10)
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
print(search_memory(looked_for, "a test", int(sys.argv[1])).why_not)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes nobody")
def test_whoever_is_not_root_is_told_to_be() -> None:
    command = (sys.executable, "-c", AS_NOBODY, str(os.getpid()))
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("needs root")


def test_caught_texts_are_counted() -> None:
    searched = search_bytes(NEEDLES, "payloads", [b"x" + TEXT[:100], b"nothing"])
    assert searched.bytes == 108
    assert searched.hits["raw"] > 0


def test_only_files_that_changed_are_listed(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("x")
    changed_s = (tmp_path / "old").stat().st_ctime + 1
    assert list(changed_files([tmp_path], changed_s)) == []
    assert list(changed_files([tmp_path, tmp_path], changed_s - 2)) == [tmp_path / "old"]
