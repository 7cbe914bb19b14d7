"""``attune-edge prover``: runs the self-test for whoever may reach its socket, as a user who may read the eye's memory.

Rules:
- It takes no argument: a connection is the whole question, and nothing is read from it.
- One run at a time, and a rest after each: what asks often is not answered more often.
- It stays small: each test is a process of its own.

Left out: who may reach the socket (its folder's and unit's business), and the result's way (`edge.courier.selftest`).
"""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

REST_S: Final = 120.0
LONGEST_S: Final = 600.0
_TICK_S: Final = 0.5
_CHATTER: Final = "INFO:"  # the model runtime's own


def serve(listener: socket.socket, options: Sequence[str]) -> int:
    """Waits to be asked until SIGTERM or SIGINT; ``options`` are those of each ``attune-edge prove``."""
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: ended.append(number))
    command = (sys.executable, "-B", "-m", "edge", "prove", *options)
    answer(listener, lambda: _proved(command, lambda: bool(ended)), lambda: bool(ended))
    return 0


def answer(listener: socket.socket, run: Callable[[], str], ended: Callable[[], bool], rest_s: float = REST_S) -> None:
    """One run for each connection, none within ``rest_s`` of the last. ``run`` gives a sentence for the log."""
    rested_s = 0.0
    while not ended():
        if not select.select([listener], [], [], _TICK_S)[0]:
            continue
        listener.accept()[0].close()
        if time.monotonic() < rested_s:
            _log("Asked again too soon after the last self-test: nothing is done.")
            continue
        _log("Asked for a self-test: it takes up to three minutes.")
        _log(run())
        rested_s = time.monotonic() + rest_s


def _proved(command: Sequence[str], ended: Callable[[], bool]) -> str:
    until_s = time.monotonic() + LONGEST_S
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as test:
        while not ended() and time.monotonic() < until_s:
            try:
                said = test.communicate(timeout=_TICK_S)[0].decode(errors="replace").strip().splitlines()
            except subprocess.TimeoutExpired:
                continue
            return next((line for line in said if not line.startswith(_CHATTER)), f"It ended with {test.returncode}.")
        test.terminate()
    return "The self-test was ended before it was done."


def _log(sentence: str) -> None:
    sys.stderr.write(f"attune-edge prover: {sentence}\n")
    sys.stderr.flush()
