"""A power cut at any moment, in the outbox and in the hub's database: what was vouched for is there.

Half of the moments are right before a sync, where most is pending; the others are anywhere.
"""

from __future__ import annotations

import random
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from bench.faults.disk import Disk, Op, record
from bench.faults.power_writer import payload
from contract.errors import AttuneError
from edge.courier.outbox import Outbox
from hub.store import Store

EVENTS: Final = 400
START_MAX_S: Final = 5.0
_QUICK: Final = Path("/dev/shm")  # noqa: S108 (what was recorded was on the disk; here files only stand)


def cuts(what: str, times: int, seed: int, folder: Path, events: int = EVENTS) -> dict[str, float]:
    """One recording, cut so often. Raises: LinkError where nothing can be recorded."""
    where = folder / what
    where.mkdir(parents=True)
    ops = record(("-m", "bench.faults.power_writer", what, str(where), str(events)), where)
    chance = random.Random(seed)
    syncs = [number for number, op in enumerate(ops) if op.call == "sync"]
    moments = [chance.choice(syncs) if one % 2 else chance.randrange(len(ops)) for one in range(times)]
    disk, vouched, done = Disk(), 0, 0
    lost = damaged = refused = 0
    longest_s = 0.0
    wrong: list[str] = []
    for moment in sorted(moments):
        for op in ops[done:moment]:
            disk.do(op)
            vouched = max(vouched, _vouched(op))
        done = max(done, moment)
        with tempfile.TemporaryDirectory(dir=_QUICK if _QUICK.is_dir() else None) as place:
            for path, content in disk.cut(chance).items():
                (Path(place) / Path(path).name).write_bytes(content)
            found, intact, took_s, said = _OPENED[what](Path(place))
        longest_s = max(longest_s, took_s)
        gone = sum(found.get(seq) != payload(seq) for seq in range(1, vouched + 1))
        lost, damaged, refused = lost + gone, damaged + (not intact), refused + bool(said)
        if said or gone or not intact:
            wrong.append(f"after {moment} of {len(ops)} operations, {gone} of {vouched} lost: {said}")
    for line in wrong[:5]:
        print(line, file=sys.stderr)
    return {
        "tried": times, "well": not (lost or damaged or refused) and longest_s < START_MAX_S, "operations": len(ops),
        "syncs": len(syncs), "lost": lost, "damaged": damaged, "refused": refused, "longest_s": round(longest_s, 3),
    }  # fmt: skip


def _vouched(op: Op) -> int:
    return int(op.data.split()[-1]) if op.call == "said" and re.match(rb"done \d+\n", op.data) else 0


_Found = tuple[dict[int, bytes], bool, float, str]


def _outbox(folder: Path) -> _Found:
    began_s = time.monotonic()
    try:
        box = Outbox(folder, 10_000, "shop", "aisle")
    except AttuneError as error:
        return {}, True, 0.0, str(error)
    took_s = time.monotonic() - began_s
    box.append("mood", payload)
    box.close()
    said = "it was put aside" if box.put_aside is not None else ""
    return *_events(folder / "outbox.db", "kind IN ('assist', 'mood')"), took_s, said


def _hub(folder: Path) -> _Found:
    began_s = time.monotonic()
    try:
        store = Store(folder / "hub.db")
    except AttuneError as error:
        return {}, True, 0.0, str(error)
    took_s = time.monotonic() - began_s
    with store.batch():
        store.note("asked", b"{}", time.time())
    store.close()
    found, intact = _events(folder / "hub.db", "kind IN ('assist', 'mood')")
    with closing(sqlite3.connect(folder / "hub.db")) as db:
        stored = [row[0] for row in db.execute("SELECT payload FROM events WHERE seq IS NOT NULL ORDER BY seq")]
    return found, intact and sorted(stored) == sorted(found.values()), took_s, ""


_OPENED: Final[dict[str, Callable[[Path], _Found]]] = {"outbox": _outbox, "hub": _hub}


def _events(path: Path, where: str) -> tuple[dict[int, bytes], bool]:
    """What the ledger holds, by seq, and whether the file is whole."""
    with closing(sqlite3.connect(path)) as db:
        lines = db.execute(f"SELECT payload FROM ledger_entries WHERE {where} ORDER BY position").fetchall()
        found: dict[int, bytes] = {}
        for (line,) in lines:
            seq = int(re.search(rb'"seq":(\d+)', line)[1])  # type: ignore[index]
            found.setdefault(seq, line)
        return found, db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
