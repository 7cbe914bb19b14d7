"""What was proved, as one JSON, one sentence and one signature.

Rules:
- Failed: something of a canary was found, or the eye broke a limit. Void: what was planted was not found, or the eye
  did not see the canary; then no hit means nothing. Partial: something could not be checked, and it says what. Passed
  is only what is none of these.
- It is signed with the key of the node's ledger, as a note whose text is the JSON.

Left out: how it comes into the ledger (the courier writes that).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from contract.checkpoint import KEY_FILE, Signer
from contract.errors import StoreError
from edge.courier.selftest import NOTE
from edge.prove.channel import Budgeted
from edge.prove.search import Hits, Searched
from edge.prove.trace import Traced

Result = Literal["passed", "failed", "void", "partial"]


@dataclass(frozen=True, slots=True)
class Report:
    """One run. ``shown``: what the eye's memory held while the canary was before it; ``seen``: whether the eye spoke of
    a person then. Units: ``at_s`` since the epoch.
    """

    node: str
    store: str
    at_s: int
    took_s: float
    windows: Hits
    shown: Searched
    seen: bool
    places: tuple[Searched, ...]
    planted: tuple[Searched, ...]
    trace: Traced
    channel: Budgeted

    @property
    def hits(self) -> int:
        return sum(place.total for place in self.places)

    @property
    def searched_mb(self) -> int:
        return sum(place.bytes for place in self.places) >> 20

    @property
    def result(self) -> Result:
        if self.hits or not (self.trace.held and self.channel.held):
            return "failed"
        if any(self.voids()):
            return "void"
        return "partial" if any(self.unchecked()) else "passed"

    def voids(self) -> Iterator[str]:
        """Why no hit would mean nothing."""
        if not self.seen:
            yield "the eye saw no person in the canary"
        if not self.shown.why_not and not self.shown.hits.get("raw"):
            yield "the canary was not found in the eye's memory while it was shown"
        for place in self.planted:
            lost = [form for form, count in self.windows.items() if count and not place.hits.get(form)]
            if lost and not place.why_not:
                yield f"{', '.join(lost)} planted in {place.place} was not found"

    def unchecked(self) -> Iterator[str]:
        """What could not be looked at, and why."""
        for place in (*self.places, *self.planted, self.shown):
            if place.why_not:
                yield f"{place.place}: {place.why_not}"
        if self.trace.why_not:
            yield f"system calls: {self.trace.why_not}"

    def sentence(self) -> str:
        """For a person."""
        counted = f"{sum(self.windows.values())} windows, {self.hits} hits in {self.searched_mb} MB"
        found = [f"{place.total} in {place.place}" for place in self.places if place.total]
        match self.result:
            case "passed":
                return f"Proved: {counted}; every plant was found."
            case "failed":
                broken = [*found, *self.trace.strangers, *(() if self.channel.held else ("the channel's bound",))]
                return f"FAILED: {counted}; {'; '.join(broken)}."
            case "void":
                return f"Void: {'; '.join(self.voids())}. Nothing is proved."
            case _:
                return f"Partly proved: {counted}. Not checked: {'; '.join(self.unchecked())}."

    def as_json(self) -> dict[str, Any]:
        return {
            "v": 1,
            "node": self.node,
            "store": self.store,
            "at_s": self.at_s,
            "took_s": round(self.took_s, 1),
            "result": self.result,
            "says": self.sentence(),
            "windows": self.windows,
            "hits": self.hits,
            "searched_mb": self.searched_mb,
            "seen": self.seen,
            "shown": _place(self.shown),
            "places": [_place(place) for place in self.places],
            "planted": [_place(place) for place in self.planted],
            "trace": self.trace.as_json(),
            "channel": self.channel.as_json(),
        }


def _place(place: Searched) -> dict[str, Any]:
    found = {form: count for form, count in place.hits.items() if count}
    said = {"place": place.place, "bytes": place.bytes, "hits": found}
    if place.namespaces:
        said["namespaces"] = place.namespaces  # names of the kernel's own, which hold no byte (`edge.prove.search`)
    return said | ({"not_checked": place.why_not} if place.why_not else {})


def signed(report: Report, folder: Path) -> str:
    """The report as a note signed for the ledger in this folder.

    Raises: LedgerError when the node has no key yet, or this user may not read it.
    """
    text = json.dumps(report.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Signer.load(folder / KEY_FILE).sign(f"{text}\n")


def hand_over(note: str, folder: Path) -> None:
    """Puts the note where the courier finds it, as the folder's own user.

    Raises: StoreError when it cannot be put there.
    """
    part = folder / f"{NOTE}.new"
    try:
        owner = folder.stat()
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(note)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        part.replace(folder / NOTE)
    except OSError as error:
        raise StoreError(f"The result cannot be put into {folder} ({error.strerror}): run this as root.") from error
