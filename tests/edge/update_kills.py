"""``python -m tests.edge.update_kills 100``: a node loses its power, at random points, in the middle of an update.

Each point: a real process takes a release while another one writes the outbox; both are killed (SIGKILL); the node
starts, settles, and goes on. There must be exactly one whole version, old or new, and every event that was written.
At every other point the new version does not do well, so that going back is cut short too. Half of all points are
moments, half are steps: just before one of the calls by which the update changes files.

Left out: what a disk loses or mixes up of what was written and not flushed; a killed process loses none of that.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, Final

from contract.errors import UpdateError
from edge.courier.outbox import Outbox
from edge.update import flow
from edge.update.fetch import Source
from edge.update.slots import Slots
from tests.edge.updating import FakeWays, Publisher, runs, served, update

FILES: Final = 40
PATIENCE_S: Final = 60.0
#: Around switching and going back, where every other step is chosen from.
LAST_STEPS: Final = 40
CHANGING: Final = frozenset(
    ("open", "write", "flush", "fsync", "replace", "rename", "symlink", "unlink", "rmdir", "mkdir", "utime", "chmod")
)


@dataclass(slots=True)
class Found:
    """What came up, how often."""

    points: int = 0
    before: int = 0
    after: int = 0
    pending: int = 0
    finished: int = 0
    took_s: float = 0.0
    sick: int = 0
    steps: int = 0
    events: int = 0


class _Steps:
    """Counts the calls that change files, and ends this process just before the one it is told to."""

    def __init__(self, last: int = 0) -> None:
        self.count, self._last = 0, last

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        owner = getattr(argument, "__self__", None)  # a module, or an open file
        ours = getattr(owner, "__name__", type(owner).__module__) in ("posix", "io", "_io")
        if event == "c_call" and ours and argument.__name__ in CHANGING:
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)


def _updates(url: str, pinned: Path, folder: Path, begun: Connection, sick: str, last_step: int) -> None:
    begun.send("begun")
    if last_step:
        sys.setprofile(_Steps(last_step))
    with suppress(UpdateError):
        flow.update(Slots(folder), Source(url, pinned, folder), FakeWays(sick))


def _writes(folder: Path, told: Connection) -> None:
    outbox = Outbox(folder, 10_000, "shop", "door")
    while True:
        told.send((outbox.boot, outbox.append("mood", lambda seq: b'{"seq": %d}' % seq)))


def kills(folder: Path, points: int, seed: int) -> Found:
    """Kills so many updates. Raises: AssertionError at the first node that does not come up."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["edge.update.fetch", "edge.courier.outbox"])
    chance, found = random.Random(seed), Found()
    publisher = Publisher(folder / "publisher")
    publisher.release("v1", files=FILES)
    with served(publisher.repository) as hub:
        update(Slots(folder / "first"), hub, publisher)
        publisher.release("v2", files=FILES)
        steps, whole = _counted(folder, hub.url, publisher), Found()
        shutil.copytree(folder / "first", folder / "tried/slots", symlinks=True)
        _killed(
            context, (hub.url, publisher.pinned, folder / "tried/slots"), folder / "tried", PATIENCE_S, ("", 0), whole
        )
        for point in range(points):
            sick = "no eye" if point % 2 else ""
            node = folder / "node"
            shutil.copytree(folder / "first", node / "slots", symlinks=True)
            first = 1 if point % 8 < 4 else steps - LAST_STEPS
            step = chance.randint(first, steps) if point % 4 > 1 else 0
            until_s = PATIENCE_S if step else chance.uniform(0, 1.1 * whole.took_s)
            args = (hub.url, publisher.pinned, node / "slots")
            written = _killed(context, args, node, until_s, (sick, step), found)
            found.steps += bool(step)
            slots = Slots(node / "slots")
            flow.settle(slots)
            came_up = runs(slots)
            good = slots.good()
            assert good is not None
            assert slots.whole(good)
            assert came_up in (("v1", "m1"), ("v2", "m1"))
            found.before += came_up[0] == "v1"
            found.after += came_up[0] == "v2"
            found.pending += slots.pending()
            _survived(node / "outbox", written, found)
            with suppress(UpdateError):
                update(slots, hub, publisher, FakeWays(sick))
            assert (runs(slots), slots.pending()) == (("v1" if sick else "v2", "m1"), False)
            found.sick += bool(sick)
            shutil.rmtree(node)
            found.points += 1
    return found


def _counted(folder: Path, url: str, publisher: Publisher) -> int:
    """How many changing calls an update has that goes back in the end."""
    shutil.copytree(folder / "first", folder / "counted", symlinks=True)
    steps = _Steps()
    sys.setprofile(steps)
    try:
        with suppress(UpdateError):
            source = Source(url, publisher.pinned, folder / "counted")
            flow.update(Slots(folder / "counted"), source, FakeWays("no eye"))
    finally:
        sys.setprofile(None)
    return steps.count


def _killed(
    context: multiprocessing.context.ForkServerContext,
    source: tuple[str, Path, Path],
    node: Path,
    after_s: float,
    how: tuple[str, int],
    found: Found,
) -> list[tuple[str, int]]:
    """Lets an update run for so long; the events that were written by then."""
    hears, told = context.Pipe(duplex=False)
    listens, begun = context.Pipe(duplex=False)
    writer = context.Process(target=_writes, args=(node / "outbox", told))
    updater = context.Process(target=_updates, args=(*source, begun, *how))
    writer.start()
    written = [hears.recv()]  # the outbox is open
    updater.start()
    assert listens.recv() == "begun"
    begun_s = time.monotonic()
    begun.close()
    told.close()
    updater.join(after_s)
    found.took_s = time.monotonic() - begun_s
    for process in (updater, writer):
        process.kill()
        process.join()
    found.finished += updater.exitcode == 0
    try:
        while True:
            written.append(hears.recv())
    except (EOFError, OSError):
        return written


def _survived(folder: Path, written: list[tuple[str, int]], found: Found) -> None:
    outbox = Outbox(folder, 10_000, "shop", "door")
    try:
        assert outbox.put_aside is None
        assert len(outbox) >= len(written)
    finally:
        outbox.close()
    found.events += len(written)


def main() -> int:
    """The command."""
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory(prefix="attune-kills-") as folder:
        found = kills(Path(folder), points, seed=int(time.time()))
    print(
        f"{found.points} kills, {found.sick} of them with a version that does not do well, {found.steps} of them just"
        f" before a change of a file: {found.before} came up with the old version, {found.after} with the new one"
        f" ({found.pending} of them pending), {found.finished} had finished; {found.events} events written, none lost."
    )
    return 0


if __name__ == "__main__":
    from tests.edge.update_kills import main as known  # by the name that the killed processes know

    sys.exit(known())
