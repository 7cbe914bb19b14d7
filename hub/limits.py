"""How often one address, and all of them together, may try a door or write.

Rules:
- An address may do so many at once, and then as many again a minute, evenly.
- The memory is bounded: the longest unseen address is forgotten, which the bound on all addresses together makes
  harmless to whoever hops from one to the next.
- An IPv6 network of 64 bits counts as one address: a device may choose the rest by itself.

Left out: what a person's secret is worth after many wrong tries, over restarts (`hub.doors_backoff`).
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

TRIES_A_MINUTE: Final = 10
TRIES_IN_ALL: Final = 120
ADDRESSES_MAX: Final = 1_024


def network_of(address: str) -> str:
    """What counts as one address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))


@dataclass(slots=True)
class Tries:
    """Counts tries. Only the moment is kept at which an address has made up for all of its own."""

    _clock: Callable[[], float] = time.monotonic
    a_minute: int = TRIES_A_MINUTE
    in_all: int = TRIES_IN_ALL
    _even_s: OrderedDict[str, float] = field(default_factory=OrderedDict)
    _all_even_s: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allow(self, address: str) -> bool:
        """Count one try; False when there were too many, which is not counted."""
        now_s, one = self._clock(), network_of(address)
        with self._lock:
            even_s = _after(self._even_s.get(one, now_s), now_s, self.a_minute)
            all_even_s = _after(self._all_even_s, now_s, self.in_all)
            if even_s is None or all_even_s is None:
                return False
            self._even_s[one], self._all_even_s = even_s, all_even_s
            self._even_s.move_to_end(one)
            if len(self._even_s) > ADDRESSES_MAX:
                self._even_s.popitem(last=False)
        return True


def _after(even_s: float, now_s: float, a_minute: int) -> float | None:
    """When one more try would be made up for; None when that is more than a minute away."""
    after_s = max(even_s, now_s) + 60.0 / a_minute
    return after_s if after_s - now_s <= 60.0 + 1e-6 else None
