"""How ``python -m bench.instructions`` counts and reckons; two short runs under qemu where that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.instructions.__main__ import BOARDS, X86, _sysroot, report
from contract.errors import ConfigError

SOURCE = Path(__file__).parents[2] / "bench" / "instructions" / "count.c"
LACKING = [name for name in ("qemu-x86_64", "cc", "as", "ld") if shutil.which(name) is None]
LOOP = """.globl _start
_start: mov ${times}, %ecx
again: dec %ecx
 jnz again
 mov $60, %eax
 xor %edi, %edi
 syscall
"""


@pytest.mark.skipif(LACKING != [] or os.uname().machine != "x86_64", reason=f"This needs x86-64 and {LACKING}.")
def test_the_plugin_counts_each_instruction_once(tmp_path: Path) -> None:
    plugin = tmp_path / "libcount.so"
    subprocess.run(("cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", SOURCE, "-o", plugin), check=True)
    for times in (10, 1000):
        (tmp_path / "loop.s").write_text(LOOP.format(times=times))
        subprocess.run(("as", "loop.s", "-o", "loop.o"), cwd=tmp_path, check=True)
        subprocess.run(("ld", "loop.o", "-o", "loop"), cwd=tmp_path, check=True)
        run = ("qemu-x86_64", "-plugin", f"{plugin},out={tmp_path}/out", tmp_path / "loop")
        assert subprocess.run(run, capture_output=True, check=False).returncode == 0
        assert int((tmp_path / "out").read_text()) == 1 + 2 * times + 3


def test_an_emulated_board_names_the_processor_of_a_real_one(tmp_path: Path) -> None:
    for board in BOARDS:
        told = (_sysroot(board, tmp_path, tmp_path / board.cpu) / "proc" / "cpuinfo").read_text()
        assert told.count("processor\t:") == 4
        assert ("asimddp" in told) == (board.name == "Pi 5")


def test_the_report_sets_counts_beside_times_that_are_called_an_estimate() -> None:
    told = report({"one look": {X86: 30e6, "Pi 4": 45e6, "Pi 5": 36e6}})
    assert "| one look | 30.0 | 45.0 | 36.0 | 20.0 to 60.0 | 7.5 to 20.0 |" in told
    assert "Pi 4, ms (estimate)" in told


def test_a_folder_without_clips_is_said(tmp_path: Path) -> None:
    from bench.instructions.__main__ import tasks

    with pytest.raises(ConfigError, match="give --clips a folder of clips"):
        tasks(tmp_path, tmp_path)
