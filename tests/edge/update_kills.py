"""``python -m tests.edge.update_kills 100``: a node loses its power, at random points, in the middle of an update.

Each point: a real process takes a release while another one writes the outbox; both are killed (SIGKILL); the node
starts, settles, and goes on. There must be exactly one whole version, old or new, and every event that was written.

Left out: what a disk does that lies about a flush.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from edge.courier.outbox import Outbox
from edge.update import flow
from edge.update.fetch import Source
from edge.update.slots import Slots
from tests.edge.updating import FakeWays, Publisher, runs, served, update

FILES = 40


@dataclass(slots=True)
class Found:
    """What came up, how often."""

    points: int = 0
    before: int = 0
    after: int = 0
    pending: int = 0
    finished: int = 0
    events: int = 0


def _updates(url: str, pinned: Path, folder: Path, begun: Connection) -> None:
    begun.send("begun")
    flow.update(Slots(folder), Source(url, pinned, folder), FakeWays())
    begun.send("done")


def _writes(folder: Path, told: Connection) -> None:
    outbox = Outbox(folder, 10_000, "shop", "door")
    while True:
        told.send((outbox.boot, outbox.append("mood", lambda seq: b'{"seq": %d}' % seq)))


def kills(folder: Path, points: int, seed: int) -> Found:
    """Kills so many updates. Raises: AssertionError at the first node that does not come up."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.edge.update_kills"])
    chance, found = random.Random(seed), Found()
    publisher = Publisher(folder / "publisher")
    publisher.release("v1", files=FILES)
    with served(publisher.repository) as hub:
        update(Slots(folder / "first"), hub, publisher)
        publisher.release("v2", files=FILES)
        took_s = _measured(folder, hub.url, publisher)
        for _ in range(points):
            node = folder / "node"
            shutil.copytree(folder / "first", node / "slots", symlinks=True)
            written = _killed(context, hub.url, publisher.pinned, node, chance.uniform(0, 1.2 * took_s), found)
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
            update(slots, hub, publisher)
            assert (runs(slots), slots.pending()) == (("v2", "m1"), False)
            shutil.rmtree(node)
            found.points += 1
    return found


def _measured(folder: Path, url: str, publisher: Publisher) -> float:
    shutil.copytree(folder / "first", folder / "tried", symlinks=True)
    begun_s = time.monotonic()
    flow.update(Slots(folder / "tried"), Source(url, publisher.pinned, folder / "tried"), FakeWays())
    return time.monotonic() - begun_s


def _killed(
    context: multiprocessing.context.ForkServerContext, url: str, pinned: Path, node: Path, after_s: float, found: Found
) -> list[tuple[str, int]]:
    """Lets an update run for so long; the events that were written by then."""
    hears, told = context.Pipe(duplex=False)
    listens, begun = context.Pipe(duplex=False)
    writer = context.Process(target=_writes, args=(node / "outbox", told))
    updater = context.Process(target=_updates, args=(url, pinned, node / "slots", begun))
    writer.start()
    written = [hears.recv()]  # the outbox is open
    updater.start()
    assert listens.recv() == "begun"
    begun.close()
    told.close()
    updater.join(after_s)
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
        f"{found.points} kills: {found.before} came up with the old version, {found.after} with the new one"
        f" ({found.pending} of them pending), {found.finished} had finished; {found.events} events written, none lost."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
