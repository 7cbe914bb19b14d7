"""What an auditor asks for first, taken out of a ledger's entries: config and model history, spent ε, self-tests.

Rules:
- A line is a function of one entry and of those before it, so that the check takes it out anew and compares.
- It adds nothing and rounds nothing; what no longer stands in the ledger does not stand here.

Left out: writing (`contract.export`) and comparing (`contract.verify`). This file is part of every export's
``verify.py``: the standard library alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

HISTORY = "history.ndjson"
EPSILON = "epsilon.ndjson"
SELF_TESTS = "self-tests.ndjson"
_FILE_OF = {"birth": HISTORY, "config": HISTORY, "rules": HISTORY, "hour": EPSILON, "self-test": SELF_TESTS}
_SPENT = ("node", "zone", "hour_start", "epsilon", "suppressed")
_OF_THE_START = frozenset(("boot", "minor", "seq", "t_mono_s", "t_wall"))


def _files() -> dict[str, list[str]]:
    return {name: [] for name in (HISTORY, EPSILON, SELF_TESTS)}


@dataclass
class Extracts:
    """Lines by file, in the order of the entries. A birth or config that only repeats the last one stands once."""

    files: dict[str, list[str]] = field(default_factory=_files)
    last: dict[tuple[str, str], object] = field(default_factory=dict)

    def take(self, position: int, kind: str, at_ms: int, topic: str, payload: bytes) -> None:
        """Look at one entry."""
        name = _FILE_OF.get(kind)
        if name is None:
            return
        said = _said(payload)
        if said is not None and name == EPSILON:
            said = {key: said.get(key) for key in _SPENT}
        if said is not None and name == HISTORY:
            said = {key: value for key, value in said.items() if key not in _OF_THE_START}
            if self.last.get((kind, topic)) == said:
                return
            self.last[kind, topic] = said
        line = {"position": position, "at_ms": at_ms, "kind": kind, "said": said}
        self.files[name].append(json.dumps(line, separators=(",", ":")) + "\n")


def _said(payload: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
