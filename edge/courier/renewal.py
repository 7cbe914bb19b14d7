"""Keeps the node's certificate in force while the courier runs.

Rules:
- It is looked at each hour. A hub that does not answer is asked again an hour later; there is a month for it.
- A new certificate is used by a new connection, made at once. What is on its way is in the outbox.

Left out: asking for one (`edge.enrol`).
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Final

from contract.errors import AttuneError
from edge.config import NodeConfig
from edge.courier.keep import complain
from edge.enrol import due, renew

EVERY_S: Final = 3_600.0


def keep_renewed(config: NodeConfig, redial: Callable[[], None], ending: Event, every_s: float = EVERY_S) -> None:
    """Until it is to end. Any thread but the courier's own, for a hub may be slow."""
    said = ""
    while True:
        try:
            if due(config.broker):
                renew(config.broker, config.node)
                redial()
            said = ""
        except AttuneError as error:
            if str(error) != said:
                complain(f"The certificate was not renewed: {error}")
            said = str(error)
        if ending.wait(every_s):
            return
