"""What the ledger says of a hub that was restored from a backup: when, and since when it had missed what it took.

Left out: restoring (`hub.backup`).
"""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from contract.ledger import OF_KIND

RESTORED_KIND: Final = "restored"


def missing_span(db: sqlite3.Connection, zone: ZoneInfo) -> str:
    """The span of the newest restore, as a person reads it; empty where there was none."""
    row = db.execute(
        f"SELECT payload FROM {OF_KIND} WHERE blocks.kind = ? ORDER BY block DESC, position DESC LIMIT 1",
        (RESTORED_KIND,),
    ).fetchone()
    if row is None:
        return ""
    said = json.loads(row[0])
    since, until = (f"{datetime.fromtimestamp(said[key], zone):%Y-%m-%d %H:%M}" for key in ("backup_s", "restored_s"))
    return f"restored from a backup: what it took from {since} to {until} is missing, but for what nodes sent again"
