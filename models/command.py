"""How the commands of `models` end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from contract.errors import AttuneError


def finish(command: Callable[[], None]) -> NoReturn:
    """Runs a command to its end; a refusal is one sentence on standard error and exit status 1."""
    try:
        command()
    except AttuneError as error:
        sys.exit(str(error))
    sys.exit(0)
