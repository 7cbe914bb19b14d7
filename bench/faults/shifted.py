"""A program whose wall clock is shifted: ``python -m bench.faults.shifted FILE MODULE …`` runs the module, and adds the
seconds that stand in the file, now, to each answer of `time.time`. The monotonic clock stays as it is, and nothing
vouches for the wall clock."""

from __future__ import annotations

import runpy
import sys
import time
from pathlib import Path

from hub import clocks

_REAL = time.time


def shift(file: Path) -> None:
    """From now on in this process."""

    def shifted() -> float:
        try:
            return _REAL() + float(file.read_text())
        except ValueError:  # it is being written
            return shifted()

    time.time = shifted
    clocks.synchronised = lambda: False


if __name__ == "__main__":
    shift(Path(sys.argv[1]))
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
