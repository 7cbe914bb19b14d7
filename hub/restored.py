"""What the ledger says of a hub that was restored: when, from what, and since when it had missed what it took.

Left out: restoring by hand (`hub.backup`) and from an hourly copy (`hub.recovery`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any, Final

from contract.ledger import OF_KIND

RESTORED_KIND: Final = "restored"
SHOWN_S: Final = 31 * 86_400.0
Rows = Callable[..., list[tuple[Any, ...]]]


def missing_span(rows: Rows, zone: tzinfo, since_s: float = 0.0) -> str:
    """The span of the newest restore, if it was since then, as a person reads it; empty where there was none."""
    found = rows(
        f"SELECT payload FROM {OF_KIND} WHERE blocks.kind = ? ORDER BY block DESC, position DESC LIMIT 1",
        RESTORED_KIND,
    )
    if not found or (said := json.loads(found[0][0]))["restored_s"] < since_s:
        return ""
    until = _spoken(said["restored_s"], zone)
    if said["backup_s"] is None:
        return f"begun anew at {until}, since the database was damaged: what it took before is missing"
    of = "its copy of the last hours, since the database was damaged" if "damaged" in said else "a backup"
    since = _spoken(said["backup_s"], zone)
    return f"restored from {of}: what it took from {since} to {until} is missing, but for what nodes sent again"


def _spoken(at_s: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at_s, zone):%Y-%m-%d %H:%M}"
