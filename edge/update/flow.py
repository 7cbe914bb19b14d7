"""The way of an update: ask, fetch, unpack into the other slot, switch, watch for two minutes, keep it or go back.

Rules:
- Up to the switch nothing that runs is touched, so that whatever fails before it changes nothing.
- A release is taken while the shop is closed, when nobody misses the eye, and kept once it is open and the eye has
  looked: by night no camera can be tried.
- The version that ran before judges the new one. What was rolled back is not tried again; a newer release is.
- The power may go between any two steps. A start that finds a pending slot counts, and after three it goes back.

Left out: how a version is judged and what is started again (`Ways`; `edge.update.ways` has the real ones).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from tuf.api.metadata import TargetFile

from contract.errors import UnreachedError, UpdateError
from contract.release import Kind, unpack
from edge.update.fetch import Source
from edge.update.slots import Slots

WATCH_S: Final = 120.0
STARTS_MAX: Final = 3
INCOMING: Final = "incoming"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the life of a node: in its ledger, and in the life of each unit."""

    position: int = -1
    starts: Mapping[str, int] = field(default_factory=dict)


class Ways(Protocol):
    """What an update does to the machine around the slots."""

    def prepare(self, slot: Path) -> None:
        """Makes a slot that was unpacked ready to run. Raises: UpdateError when it never will be."""

    def restart(self) -> None:
        """Starts again whatever runs from the current slot."""

    def mark(self) -> Mark:
        """Where the node is now, to tell what came after it."""

    def wait(self, seconds: float) -> None:
        """Lets time pass."""

    def ails(self, slot: Path, mark: Mark) -> str:
        """What is wrong with the version in a slot since a mark; empty where nothing is."""


def offered(slots: Slots, source: Source) -> tuple[str, Mapping[Kind, TargetFile]]:
    """What is to be said of the hub's release, and what of it is to be installed, if anything."""
    newest = source.newest()
    if not newest:
        return "The hub offers no release yet.", {}
    wanted = {str(kind): _sha256(target) for kind, target in newest.items()}
    if wanted == slots.installed():
        return "This node has the newest release.", {}
    if wanted in slots.refused():
        return "The hub's release was rolled back here: the node waits for another.", {}
    return f"The hub has another release: {_told(newest)}.", newest


@dataclass(frozen=True, slots=True)
class When:
    """``begin``: whether a release may be taken now; ``keep``: whether one that does well may be kept now."""

    begin: bool = True
    keep: bool = True


ALWAYS: Final = When()


def update(slots: Slots, source: Source, ways: Ways, when: When = ALWAYS) -> str:
    """Takes the hub's release, if there is a new one. Returns what is to be said.

    Raises: UpdateError when it could not be had, or was rolled back; what ran before runs.
    """
    if slots.pending() and slots.good() is not None:
        return watch(slots, ways, when)
    try:
        said = _taken(slots, source, ways, when)
    except UnreachedError:
        raise
    except UpdateError:
        slots.tell(failed=True)
        raise
    slots.tell(failed=False)
    return watch(slots, ways, when) if slots.pending() else said


def _taken(slots: Slots, source: Source, ways: Ways, when: When) -> str:
    """Up to the switch and past it, where there is something to take."""
    said, newest = offered(slots, source)
    if not newest:
        return said
    if not when.begin and slots.good() is not None:
        return f"{said} It is taken when the shop is closed (--now takes it at once)."
    name = slots.other()
    slot = slots.emptied(name)
    kept = _kept(slots)
    for kind, target in newest.items():
        if kept.get(kind) == _sha256(target):
            shutil.copytree(_running(slots) / kind, slot / kind)
        else:
            _fetched(slots, source, kind, target, slot)
    ways.prepare(slot)
    slots.seal(name, {kind: _sha256(target) for kind, target in newest.items()})
    slots.switch(name, ways.mark().position)
    ways.restart()
    return said


def watch(slots: Slots, ways: Ways, when: When = ALWAYS) -> str:
    """Judges a pending slot after two minutes. Raises: UpdateError when it was rolled back."""
    name = slots.current()
    if name is None or not slots.pending():
        return "There is no update to watch."
    mark = replace(ways.mark(), position=slots.switched_at())
    ways.wait(WATCH_S)
    wrong = ways.ails(slots.path(name), mark)
    if not wrong and not when.keep:
        return f"The update in slot {name} does well so far; it is kept once the shop is open and the eye has looked."
    if not wrong:
        slots.confirm()
        return f"The update in slot {name} does well and is kept."
    if slots.good() is None:
        raise UpdateError(f"The first install does not do well, and there is none to go back to: {wrong}")
    slots.roll_back()
    ways.restart()
    raise UpdateError(f"The update did not do well and was rolled back to slot {slots.good()}: {wrong}")


def settle(slots: Slots) -> str:
    """What a start decides, before anything runs from the slots."""
    name, good = slots.current(), slots.good()
    if name is None and good is not None:
        slots.roll_back()
        return f"Nothing was said to run: slot {good}, which was confirmed, does again."
    if name is None:
        return "Nothing is installed in the slots yet."
    if name == good:
        return f"Slot {name} runs, and was confirmed."
    starts = slots.started()
    if good is None:
        return f"Slot {name} is the first install, not confirmed yet; there is none to go back to."
    if not slots.whole(name):
        slots.roll_back()
        return f"Slot {name} is damaged: rolled back to slot {good}."
    if starts > STARTS_MAX:
        slots.roll_back()
        return f"Slot {name} was started {STARTS_MAX} times and never confirmed: rolled back to slot {good}."
    return f"Slot {name} is pending, start {starts} of {STARTS_MAX}."


def _kept(slots: Slots) -> Mapping[str, str]:
    """What of the running slot may be taken over: all or nothing, as its bytes are still the signed ones."""
    name = slots.current()
    return slots.installed() if name is not None and slots.whole(name) else {}


def _running(slots: Slots) -> Path:
    name = slots.current()
    assert name is not None
    return slots.path(name)


def _fetched(slots: Slots, source: Source, kind: Kind, target: TargetFile, slot: Path) -> None:
    incoming = slots.folder / INCOMING
    try:
        source.get(target, incoming)
        unpack(incoming, slot / kind)
    finally:
        incoming.unlink(missing_ok=True)


def _sha256(target: TargetFile) -> str:
    return target.hashes["sha256"]


def _told(newest: Mapping[Kind, TargetFile]) -> str:
    return ", ".join(f"{kind} {_sha256(target)[:12]}… of {target.length} bytes" for kind, target in newest.items())
