"""What the eye asked of the kernel: every call that opens, writes, makes or connects, as strace saw it.

Rules:
- Counted is what the kernel granted, from the first instruction on; what it refused is counted apart.
- Devices and the kernel's own small files under /proc are no regular files; a pipe and a Unix socket are no network.
- Where there is no strace, the eye's walls are raised around an empty process and each forbidden act is tried: that
  shows what would be refused, not what was done.

Left out: what the calls that are let through carry (`edge.prove.channel`).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

OPENING: Final = ("open", "openat", "openat2", "creat")
WRITING: Final = ("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "copy_file_range", "splice")
MAKING: Final = ("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "mkdir", "mkdirat",
                 "mknod", "mknodat", "unlink", "unlinkat", "truncate", "ftruncate", "fallocate",
                 "memfd_create")  # fmt: skip
REACHING: Final = ("connect", "bind", "sendto", "sendmsg", "sendmmsg")
_PROBE: Final = "import json; from edge.eye.walls import raise_walls, probe; raise_walls(); print(json.dumps(probe()))"
_CALL: Final = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+|\?)(?:<(.*?)>)?(?: (E\w+).*)?$", re.DOTALL)
_FOR_WRITING: Final = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE")
_FD_PATH: Final = re.compile(r"^(?:\d+|AT_FDCWD)<(/[^>]*)>")
_OUT_PATH: Final = {"sendfile": 0, "copy_file_range": 2, "splice": 2}
_NO_FILE: Final = re.compile(r"/dev/(?!shm/)|/proc/")


@dataclass(slots=True)
class Traced:
    """What was seen. ``how`` is strace, or probe where only the limits were asked; ``strangers`` names what broke the
    rule, the first few.
    """

    how: str
    seconds: float = 0.0
    calls: int = 0
    opened_for_writing: int = 0
    bytes_to_files: int = 0
    made: int = 0
    network: int = 0
    refused: int = 0
    why_not: str = ""
    strangers: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        return not (self.opened_for_writing or self.bytes_to_files or self.made or self.network or self.strangers)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "held": self.held}


def tracer(out: Path) -> list[str] | None:
    """The command that runs a program under strace, as that program's grandchild; None where there is none."""
    program = shutil.which("strace")
    if program is None:
        return None
    calls = ",".join(f"?{name}" for name in (*OPENING, *WRITING, *MAKING, *REACHING))
    return [program, "-D", "-f", "-y", "-qq", "-s", "0", "-o", str(out), "-e", f"trace={calls}", "-e", "signal=none"]


def traced(out: Path, seconds: float) -> Traced:
    """Reads what strace wrote. Units: ``seconds`` for which it ran."""
    found = Traced("strace", round(seconds, 1))
    with out.open(encoding="utf-8", errors="replace") as lines:
        for call, arguments, result, path, error in _calls(lines):
            found.calls += 1
            if error:
                found.refused += _asks_much(call, arguments)
            elif what := _breaks(call, arguments, path):
                _note(found, what, result, f"{call}({arguments[:120]})")
    if not found.calls:
        found.why_not = "strace wrote nothing: is tracing allowed here (kernel.yama.ptrace_scope)?"
    return found


def _note(found: Traced, what: str, result: int, line: str) -> None:
    match what:
        case "open":
            found.opened_for_writing += 1
        case "write":
            found.bytes_to_files += result
        case "make":
            found.made += 1
        case _:
            found.network += 1
    if len(found.strangers) < 5:
        found.strangers.append(line)


def _breaks(call: str, arguments: str, path: str) -> str | None:
    """Which rule a call that was granted breaks, if any."""
    if call in OPENING:
        writes = call == "creat" or _FOR_WRITING.search(arguments)
        return "open" if writes and not _NO_FILE.match(path) else None
    if call in WRITING:
        parts = arguments.split(", ")
        target = _FD_PATH.match(parts[min(_OUT_PATH.get(call, 0), len(parts) - 1)])
        return "write" if target and not _NO_FILE.match(target[1]) else None
    if call in MAKING:
        return "make"
    return "network" if _is_network(arguments) else None


def _is_network(arguments: str) -> bool:
    family = re.search(r"sa_family=(\w+)", arguments)
    return bool(family and family[1] not in ("AF_UNIX", "AF_UNSPEC")) or bool(re.match(r"\d+<(TCP|UDP)", arguments))


def _asks_much(call: str, arguments: str) -> bool:
    return call not in OPENING or bool(_FOR_WRITING.search(arguments))


def _calls(lines: Iterable[str]) -> Iterator[tuple[str, str, int, str, str]]:
    """Name, arguments, result, its path and error of each call; one that another thread cut in two is put together."""
    begun: dict[str, str] = {}
    for line in lines:
        thread, _, text = line.strip().partition(" ")
        text = text.strip()
        if text.endswith("<unfinished ...>"):
            begun[thread] = text.removesuffix("<unfinished ...>").rstrip()
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>\s*(.*)$", text):
            text = begun.pop(thread, "") + resumed[1]
        if (call := _CALL.match(text)) and call[3] != "?":
            yield call[1], call[2], int(call[3]), call[4] or "", call[5] or ""


def probed(command: Sequence[str] = (sys.executable, "-B", "-c", _PROBE)) -> Traced:
    """Without strace: the walls around an empty process, and what they refuse."""
    found = Traced("probe")
    try:
        said = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
        acts: dict[str, bool] = json.loads(said)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        found.why_not = f"the walls could not be asked ({type(error).__name__})"
        return found
    counts = Counter(acts.values())
    found.calls, found.refused = len(acts), counts[True]
    found.strangers = [name for name, refused in acts.items() if not refused][:5]
    return found
