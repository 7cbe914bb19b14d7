"""Runs the eye over a recorded file and prints what it would have released, or, for development, what it saw.

Rules:
- The eye runs in a child behind the same walls as ever; only this parent prints.
- At the end a line on standard error says how many faces were read, and why others were not: sums, of a recording.
- A trace tells every face of every frame, so it is for recorded regular files only: no device, pipe or URL. It goes
  through a pipe of its own.

Left out: opening hours and the notice (rule 8), which are about live cameras.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import stat
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from contract.errors import AttuneError, CameraError, ConfigError
from edge.config import NodeConfig
from edge.courier.intake import event_of
from edge.record import RECORD_BYTES, decode, encode

if TYPE_CHECKING:
    from edge.eye.pipeline import Senses

Open = Callable[[NodeConfig], "Senses"]
Walls = Callable[[], object]
_NOWHERE: Final = "00000000-000000"


def replay(clip: Path, config: NodeConfig, open_senses: Open, walls: Walls, *, trace: bool) -> None:
    """Prints one JSON object a line: a released record, or with ``trace`` a frame.

    Raises: CameraError when the clip is no regular file or cannot be read; ConfigError for a trace without the
    development extra; any other error of the eye's as the sentence it said.
    """
    _regular(clip)
    if trace and importlib.util.find_spec("pytest") is None:
        raise ConfigError("--trace is for development: install it with pip install '.[dev]' in the clone.")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        ours.close()
        os.close(reading)
        status = 1
        try:
            status = _child(config, open_senses, walls, theirs, os.fdopen(writing, "w"), trace=trace)
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)  # whatever happens, no child goes on as a second parent
    theirs.close()
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            if not trace:
                for line in _records(ours, config):
                    print(line, flush=True)
            for line in told:
                said = json.loads(line)
                if "error" in said:
                    raise AttuneError(said["error"])
                if "tally" in said:
                    print(_summary(said["tally"]), file=sys.stderr)
                else:
                    print(line, end="")
    finally:
        ours.close()
        _, status = os.waitpid(child, 0)
    if status != 0:
        raise CameraError(f"The eye ended early ({os.waitstatus_to_exitcode(status)}) on {clip}.")


def _summary(tally: dict[str, int]) -> str:
    """What became of the faces, most frequent reason first."""
    done = {what: tally.pop(what, 0) for what in ("read", "not sure")}
    skipped = ", ".join(f"{why} {times}" for why, times in sorted(tally.items(), key=lambda one: -one[1]))
    return f"Faces due: read {done['read']}, not sure {done['not sure']}; skipped: {skipped or 'none'}."


def _regular(clip: Path) -> None:
    try:
        mode = clip.stat().st_mode
    except OSError as error:
        raise CameraError(f"There is no clip {clip}: check the name and the folder.") from error
    if not stat.S_ISREG(mode):
        raise CameraError(f"{clip} is no regular file: replay reads recorded clips only, no device, pipe or folder.")


def _records(ours: socket.socket, config: NodeConfig) -> Iterator[str]:
    seq = 0
    while data := ours.recv(RECORD_BYTES):
        seq += 1
        record = decode(data)
        event = event_of(record, node=config.node, boot=_NOWHERE, seq=seq, t_wall=record.head.t_mono_s, model="0" * 64)
        yield json.dumps(event.model_dump(mode="json"))


def _child(
    config: NodeConfig, open_senses: Open, walls: Walls, records: socket.socket, told: TextIO, *, trace: bool
) -> int:
    """The eye's side of the fork. Whatever goes wrong is one line through the pipe."""
    from edge.eye.gate import Budget, Gate, Spent
    from edge.eye.meter import Meter
    from edge.eye.pipeline import look

    try:
        senses = open_senses(config)
        walls()
        thresholds = {one.zone: one.levels for one in config.thresholds}
        gate = Gate(config.privacy, config.need.usual_dwell_s, thresholds, config.version, Budget(), Spent())
        tracer = (lambda seen: print(json.dumps(seen), file=told)) if trace else None
        meter = Meter()
        for record in look(senses, config, gate, meter, trace=tracer, flush=True):
            if record is not None and not trace:
                records.send(encode(record))
        print(json.dumps({"tally": meter.faces}), file=told, flush=True)
    except AttuneError as error:
        with suppress(BrokenPipeError):
            print(json.dumps({"error": str(error)}), file=told, flush=True)
    except (BrokenPipeError, KeyboardInterrupt):  # the parent has had enough
        pass
    return 0
