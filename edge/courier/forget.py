"""What a node forgets, and when.

Rules:
- Live needs and walks go after a day, also needs that wait for a hub; what else was said or ordered after 13 months.
- No config lengthens it. Of what is forgotten the ledger keeps the hash, and says so in an entry of its own.

Left out: the hub's own (`hub.retention`).
"""

from __future__ import annotations

import sqlite3
from typing import Final, Literal

from contract.events import Kind
from contract.ledger import Ledger

Note = Literal["refusal", "switch"]  # what the courier itself has to say, and sends nobody
DAY_S: Final = 86_400.0
MOST_S: Final = 396 * DAY_S
KEPT_S: Final[dict[Kind | Note, float]] = {
    "mood": MOST_S, "hour": MOST_S, "assist": DAY_S, "walk": DAY_S, "status": MOST_S, "birth": MOST_S,
    "health": 14 * DAY_S, "self-test": MOST_S, "config": MOST_S, "command": MOST_S, "refusal": MOST_S, "switch": MOST_S,
    "checkpoint": 14 * DAY_S, "cosignature": 14 * DAY_S,
}  # fmt: skip


def forget(db: sqlite3.Connection, ledger: Ledger, now_s: float) -> int:
    """Inside the caller's transaction: how many needs that still waited for a hub went too."""
    for kind, keep_s in KEPT_S.items():
        while ledger.forget((kind,), now_s - keep_s, now_s):
            pass
    return db.execute(
        "DELETE FROM events WHERE kind = 'assist' AND json_extract(CAST(payload AS TEXT), '$.t_wall') < ?",
        (now_s - KEPT_S["assist"],),
    ).rowcount
