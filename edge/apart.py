"""Runs a check in a child process, so that what crashes there does not crash here.

Left out: limits on what the child may do; it is this program, for a moment.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from contract.errors import ModelError

PATIENCE_S: Final = 20
_FAILED: Final = 1


def apart(check: Callable[[], object], what: str) -> None:
    """Runs ``check`` in a fork. Nothing comes back but whether it passed.

    Raises: ModelError with the check's own sentence, or saying that ``what`` crashed or hung.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _check(check, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        sentence = said.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == _FAILED:
        raise ModelError(sentence)
    if code != 0:
        name = signal.Signals(-code).name if code < 0 else f"exit {code}"
        raise ModelError(f"{what} takes the model runtime down ({name}): fetch or install it again.")


def _check(check: Callable[[], object], writing: int) -> None:
    """The child's whole life: it never returns."""
    status = 2
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE_S)
        faulthandler.disable()
        with Path(os.devnull).open("wb") as nowhere:  # what a runtime prints of a bad file says nothing to a person
            os.dup2(nowhere.fileno(), 2)
        try:
            check()
            status = 0
        except ModelError as error:
            os.write(writing, str(error).encode())
            status = _FAILED
    finally:
        with suppress(OSError):
            os.close(writing)
        os._exit(status)
