"""What a doctor says, of a node or of a hub: one line for each thing that was looked at.

Left out: what is looked at (`edge.doctor`, `hub.doctor`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from contract.errors import AttuneError


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it is well, and what was found or is to be done."""

    what: str
    passed: bool
    says: str


def looked(looks: Iterable[tuple[str, Callable[[], str]]]) -> list[Finding]:
    """Each look in turn: what it returns is well, an `AttuneError` says what is to be done."""
    return [_look(what, one) for what, one in looks]


def _look(what: str, one: Callable[[], str]) -> Finding:
    try:
        return Finding(what, passed=True, says=one())
    except AttuneError as error:
        return Finding(what, passed=False, says=str(error))


def report(findings: Sequence[Finding], *, as_json: bool = False) -> str:
    """The findings for a person, or as JSON."""
    if as_json:
        return json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)
    width = max(len(finding.what) for finding in findings)
    return "\n".join(f"{'ok  ' if one.passed else 'FAIL'}  {one.what:<{width}}  {one.says}" for one in findings)
