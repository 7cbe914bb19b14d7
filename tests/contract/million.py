"""How long it takes to check an export of very many entries: ``python -m tests.contract.million [1000000]``."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from contract.verify import verify
from tests.contract.logs import Log


def main(entries: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Log(Path(folder) / "log")
        log.db.execute("PRAGMA synchronous = OFF")
        for _ in range(0, entries, 10_000):
            log.write(10_000)
            log.sign()
        export = log.export()
        began_s = time.perf_counter()
        verdict = verify(export, log.notes[0])
        took_s = time.perf_counter() - began_s
        print(f"{verdict.sentence}\n{export.stat().st_size / 2**20:.0f} MB, checked in {took_s:.1f} s")
        sys.exit(verdict.status)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
