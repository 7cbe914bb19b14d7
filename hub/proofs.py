"""What each node last proved (rule 11), for the auditor's page.

Rules:
- What stands here is what the node signed; this hub adds nothing and has tested nothing.

Left out: the test (the node's), asking for one (`hub.orders`), and keeping its result (`hub.store`, like every event).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from contract.events import SelfTest
from hub.views import Reads

SAYS: Final = {
    "passed": "proved",
    "failed": "FAILED",
    "void": "void: nothing is proved",
    "partial": "partly proved",
}


@dataclass(frozen=True, slots=True)
class ProofView:
    """One node's newest self-test; None where it never said one. ``lines`` are its findings as name and figure."""

    node: str
    test: SelfTest | None
    says: str = ""
    lines: tuple[tuple[str, str], ...] = ()


def proofs(reads: Reads) -> list[ProofView]:
    """A line a node, by name."""
    return [_proof(reads, node.name) for node in reads.nodes()]


def _proof(reads: Reads, node: str) -> ProofView:
    for event in reads.events(before=None, limit=1, node=node, kind="self-test", zone=None):
        try:
            test = SelfTest.model_validate_json(event.payload)
        except ValidationError:
            break
        try:
            report = json.loads(test.note.partition("\n")[0])
            return ProofView(node, test, str(report["says"]), tuple(_lines(report)))
        except (ValueError, LookupError, TypeError, AttributeError):  # signed all the same: its bytes stand below
            return ProofView(node, test)
    return ProofView(node, None)


def _lines(report: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [("While the canary was shown", _found(report["shown"]))]
    lines += [(f"Searched: {place['place']}", _found(place)) for place in report["places"]]
    lines += [(f"Planted in {place['place']}", _found(place)) for place in report["planted"]]
    trace, channel = report["trace"], report["channel"]
    if trace["how"] == "strace":
        calls = (
            f"{trace['opened_for_writing']} files opened for writing, {trace['bytes_to_files']} bytes to files, "
            f"{trace['network']} network connects in {trace['seconds']:g} s"
        )
    else:
        calls = f"no strace there: {trace['refused']} of {trace['calls']} forbidden acts are refused"
    lines.append(("System calls of the eye", calls))
    for kind in channel["kinds"]:
        rates = f"{kind['per_minute']:g} a minute, {kind['bit_s']:g} bit/s"
        said = f"{rates}; together they told {kind['entropy_bits']:g} bits"
        lines.append((f"Records: {kind['kind']}", said))
    bounds = channel["bounds_bit_s"]
    lines.append(("The busiest kind and zone", f"{channel['busiest_bit_s']:g} of at most {bounds[0]:g} bit/s"))
    lines.append(("The eye in all", f"{channel['bit_s']:g} of at most {bounds[1]:g} bit/s"))
    return lines


def _found(place: dict[str, Any]) -> str:
    if "not_checked" in place:
        return f"not checked: {place['not_checked']}"
    size = place["bytes"]
    amount = f"{size / 2**20:.1f} MB" if size > 100_000 else f"{size / 1024:.1f} kB" if size > 1000 else f"{size} bytes"
    beside = f" and {place['namespaces']} names of namespaces, which hold no byte" if "namespaces" in place else ""
    return f"{sum(place['hits'].values())} hits in {amount}{beside}"
