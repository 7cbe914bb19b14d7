"""``attune-edge prove``: plant, show, search, trace, count; one report. At most three minutes.

The order: what must be found is planted first. The canary is shown to the eye until the eye says that somebody may
welcome a hand: then it was found, cleared and read. It leaves; one second later eye and courier are stopped for the
moment of the search. A second eye then sees a drawn shop under strace, and what it says is counted.

Left out: what is looked for (`edge.prove.canary`), how (`edge.prove.search`), and the verdict (`edge.prove.report`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from contract.errors import CameraError
from edge.config import NodeConfig
from edge.eye.faces import BlazeFace
from edge.prove import canary
from edge.prove.channel import Budgeted, Packet, budget
from edge.prove.report import Report
from edge.prove.rig import PLANTED, Heard, Rig, broker, rig
from edge.prove.search import (
    Needles,
    Searched,
    changed_files,
    needles,
    search_bytes,
    search_files,
    search_memory,
)
from edge.prove.trace import Traced, probed, traced, tracer

WINDOWS_EACH: Final = 10_000
SEEN_WITHIN_S: Final = 40.0
GONE_S: Final = 1.0
FOOTAGE_S: Final = 60.0
FOOTAGE: Final = "scene:busy"
_ASSIST: Final = 3
_PLANT: Final = "planted.bin"
_HOLDER: Final = (
    "import sys; held = sys.stdin.buffer.read(int(sys.argv[1])); print(flush=True); sys.stdin.buffer.read()"
)


def prove(config: NodeConfig, settings: Path | None, footage_s: float = FOOTAGE_S) -> Report:
    """The whole run. ``settings`` is the node's own config file, whose folder is searched too.

    Raises: CameraError or ModelError when portraits or models are missing; LinkError when the broker does not start.
    """
    at_s, began_s = time.time(), time.monotonic()
    source = canary.new_source()
    size_px = (config.camera.width_px, config.camera.height_px)
    shown = canary.pictures(canary.seed_of(source), size_px)
    kept = canary.forms(shown, BlazeFace(config.models.faces, config.models.threads))
    looked_for = needles(kept, WINDOWS_EACH)
    plant = b"".join(texts[0] for texts in kept.values())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="attune-prove-", dir=_home(config))))
        (folder / _PLANT).write_bytes(plant)
        holder = stack.enter_context(_holding(plant))
        heard = stack.enter_context(broker(folder))
        heard.planted(plant)
        roots = _roots(config, settings, folder)
        while_shown, seen, places = _show(config, folder, source, heard, looked_for, roots, at_s)
        trace, channel, said = _watch(config, folder, heard, footage_s)
        places += [
            _files(looked_for, "files, once all had ended", roots, at_s, folder),
            _payloads(looked_for, "what passed the broker", heard, planted=False),
            search_bytes(looked_for, "what the eye said over the drawn shop", said),
        ]
        planted = (
            search_files(looked_for, "a file", [folder / _PLANT]),
            _payloads(looked_for, "a payload", heard, planted=True),
            search_memory(looked_for, "the memory of a process", holder.pid),
        )
    took_s = time.monotonic() - began_s
    return Report(
        config.node, config.store, int(at_s), took_s, looked_for.count(), while_shown, seen, tuple(places), planted,
        trace, channel,
    )  # fmt: skip


def _show(
    config: NodeConfig, folder: Path, source: str, heard: Heard, looked_for: Needles, roots: Sequence[Path], at_s: float
) -> tuple[Searched, bool, list[Searched]]:
    """The canary before the eye, then gone."""
    with rig(config, folder / "canary", source, heard) as running:
        seen = running.tap.heard(_a_person, SEEN_WITHIN_S)
        while_shown = _memory(looked_for, "the eye's memory while the canary was shown", running.eye.pid)
        if running.eye.poll() is not None:
            raise CameraError(f"The eye ended before it saw the canary: {_last(running)}")
        if seen:  # else it may not be there to take the signal
            running.eye.send_signal(canary.LEAVE)
        time.sleep(GONE_S)
        with _still(running.eye.pid), _still(running.courier.pid):
            places = [
                search_memory(looked_for, "the eye's memory, 1 s after", running.eye.pid),
                search_memory(looked_for, "the courier's memory", running.courier.pid),
            ]
        pids = (running.eye.pid, running.courier.pid)
        places.append(search_files(looked_for, "files held open by eye and courier", _held_open(pids)))
        places.append(_files(looked_for, "files, while eye and courier ran", roots, at_s, folder))
        records = [packet for _, packet in running.tap.said]
    places.append(search_bytes(looked_for, "what the eye said", records))
    places.append(search_bytes(looked_for, "what eye and courier printed", map(bytes, running.printed.values())))
    return while_shown, seen, places


def _watch(config: NodeConfig, folder: Path, heard: Heard, footage_s: float) -> tuple[Traced, Budgeted, list[bytes]]:
    """A drawn shop before the eye, every call of which is written down."""
    out = folder / "calls"
    command = tracer(out)
    with rig(config, folder / "footage", FOOTAGE, heard, command or ()) as running:
        running.tap.heard(lambda said: len(said) > 1, SEEN_WITHIN_S)
        began_s = time.monotonic()
        time.sleep(footage_s)
        said, seconds = list(running.tap.said), time.monotonic() - began_s
    return (traced(out, seconds) if command else probed()), budget(said, seconds), [packet for _, packet in said]


def _a_person(said: Sequence[Packet]) -> bool:
    return any(packet[0] & 0x0F == _ASSIST and packet[8] for _, packet in said)


def _last(running: Rig) -> str:
    lines = bytes(running.printed["eye"]).decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it said nothing (status {running.eye.returncode})."


def _memory(looked_for: Needles, place: str, pid: int) -> Searched:
    with _still(pid):
        return search_memory(looked_for, place, pid)


@contextmanager
def _still(pid: int) -> Iterator[None]:
    """A process that stands still, so that nothing moves while it is searched."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _held_open(pids: Sequence[int]) -> Iterator[Path]:
    """Regular files that the processes hold open, also those that are deleted."""
    for pid in pids:
        with suppress(OSError):
            yield from (link for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_file())


def _files(looked_for: Needles, place: str, roots: Sequence[Path], since_s: float, folder: Path) -> Searched:
    planted = folder / _PLANT
    return search_files(looked_for, place, (path for path in changed_files(roots, since_s) if path != planted))


def _payloads(looked_for: Needles, place: str, heard: Heard, *, planted: bool) -> Searched:
    with heard.news:
        texts = [payload for topic, payload in heard.payloads if (topic == PLANTED) == planted]
    found = search_bytes(looked_for, place, texts)
    if heard.client is None:
        found.why_not = "mosquitto is not installed on this node"
    return found


@contextmanager
def _holding(plant: bytes) -> Iterator[subprocess.Popen[bytes]]:
    """A process that keeps what an eye must not."""
    command = (sys.executable, "-B", "-c", _HOLDER, str(len(plant)))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(plant)
        holder.stdin.flush()
        holder.stdout.readline()
        yield holder


def _home(config: NodeConfig) -> Path | None:
    """The disk that the node itself writes to, where it has written before."""
    folder = config.outbox.folder
    return folder if folder.is_dir() and os.access(folder, os.W_OK) else None


def _roots(config: NodeConfig, settings: Path | None, folder: Path) -> list[Path]:
    """Where an eye or courier could have written: its own folders, and every common place for what is passing."""
    own = [folder, config.outbox.folder, *([settings.parent] if settings else []), Path.cwd()]
    common = [tempfile.gettempdir(), "/var/tmp", "/dev/shm", "/run", "/var/log", "/var/lib/attune"]  # noqa: S108
    return [root for root in (*own, *map(Path, common)) if root.is_dir()]
