"""The eye's end of the socket: 32-byte records out, 64-byte orders in, and nothing else.

Left out: what is said (`edge.eye.gate`) and the other end (`edge.courier.intake`).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from contract.errors import LinkError
from edge.order import ORDER_BYTES, Order, decode_order
from edge.record import Record, encode

PATIENCE_S: Final = 10.0
_RETRY_S: Final = 0.1


class Link:
    """A connected ``SOCK_SEQPACKET`` socket. One record or order is one packet."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    @classmethod
    def connect(cls, path: Path, given_up: Callable[[], bool] = lambda: False) -> Link:
        """Waits up to `PATIENCE_S` for the courier, unless given up before.

        Raises: LinkError when nobody listens at ``path``.
        """
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                link.connect(str(path))
                return cls(link)
            except OSError as error:
                if time.monotonic() < until_s and not given_up():
                    time.sleep(_RETRY_S)
                    continue
                link.close()
                raise LinkError(f"The courier does not listen at {path}: start attune-edge courier first.") from error

    def send(self, record: Record) -> None:
        """Raises: LinkError when the courier is gone."""
        try:
            self._socket.send(encode(record))
        except OSError as error:
            raise LinkError("The courier is gone: the eye ends and its supervisor starts it again.") from error

    def orders(self, wait_s: float = 0.0) -> list[Order]:
        """The orders that have come, after waiting up to ``wait_s`` for the first.

        Raises: LinkError when the courier is gone; WireError when it said what is no order.
        """
        orders: list[Order] = []
        while data := self._packet(0.0 if orders else wait_s):
            orders.append(decode_order(data))
        return orders

    def _packet(self, wait_s: float) -> bytes | None:
        self._socket.settimeout(wait_s)
        try:
            data = self._socket.recv(ORDER_BYTES + 1)
        except (BlockingIOError, TimeoutError):
            return None
        except OSError as error:
            raise LinkError("The courier is gone: the eye ends and its supervisor starts it again.") from error
        finally:
            self._socket.settimeout(None)
        if not data:
            raise LinkError("The courier is gone: the eye ends and its supervisor starts it again.")
        return data
