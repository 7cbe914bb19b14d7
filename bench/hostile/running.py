"""A hub as a process of its own, as a shop runs it, to be attacked."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contract.errors import LinkError


@dataclass(frozen=True, slots=True)
class Hub:
    """Where its pages, its broker and its data are. ``log`` is what it said on standard error."""

    process: subprocess.Popen[str]
    port: int
    broker: str
    data: Path
    log: Path

    @property
    def said(self) -> str:
        """What it said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def hub(folder: Path, *more: str) -> Iterator[Hub]:
    """Raises: LinkError when it does not come up."""
    data, log = folder / "hub", folder / "hub.log"
    data.mkdir(parents=True, exist_ok=True)
    (data / "hub.toml").write_text(
        "[nudges]\nfirst_approach_s = 0.0\n"
    )  # whoever floods is to be held by the caps alone
    command = (sys.executable, "-m", "hub", "serve", "--data", str(data), "--http", "127.0.0.1:0", *more)
    with log.open("w", encoding="utf-8") as kept:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=kept, text=True)
    assert process.stdout
    try:
        line = process.stdout.readline()
        found = re.match(r"Pages at http://127\.0\.0\.1:(\d+), broker (\S+)\. ", line)
        if not found:
            raise LinkError(f"The hub did not come up: {line}{log.read_text()}")
        yield Hub(process, int(found[1]), found[2], data, log)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
