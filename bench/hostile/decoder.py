"""Mutated messages through what reads every message of the wire: each is taken whole or refused by a reason."""

from __future__ import annotations

import ctypes
import gc
import itertools
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.hostile.mutate import corpus, mutants
from contract import wire
from hub.ingest import Refused, judge
from hub.store import Message
from tests.contract.events import STORE


@dataclass(slots=True)
class Read:
    """What became of them. Units: ``grown_mb`` over the second half, when every bounded memory has filled."""

    messages: int = 0
    taken: int = 0
    nobodys: int = 0
    changed: int = 0
    grown_mb: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)


def read(count: int, seed: int, progress: Callable[[int], None] = lambda _: None) -> Read:
    """So many; a crash is whatever is raised, ``changed`` what was taken and does not come back from its own bytes."""
    found, warm_mb = Read(), 0.0
    for topic, payload in itertools.islice(mutants(corpus(), seed), count):
        _one(found, topic, payload)
        found.messages += 1
        if found.messages % 10_000 == 0:
            progress(found.messages)
        if found.messages == count // 2:
            warm_mb = resident_mb()
    found.grown_mb = round(resident_mb() - warm_mb, 1)
    return found


def _one(found: Read, topic: str, payload: bytes) -> None:
    try:
        event = judge(Message(topic, payload, 0.0, 0.0), STORE)
    except Exception:
        found.crashes.append(f"{topic[:80]!r} {payload[:200]!r}: {traceback.format_exc(limit=-1)}")
        return
    if isinstance(event, Refused):
        found.refused[event.code] += 1
    elif event is None:
        found.nobodys += 1
    else:
        found.taken += 1
        found.changed += wire.decode(topic, wire.encode(event)) != event


def resident_mb() -> float:
    """What this process holds, once the allocator has given back what nobody uses."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return resident_mb_of("self")


def resident_mb_of(process: int | str) -> float:
    """What a process holds."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
