"""Delete everything: what the shop's cameras ever told, at the owner's word, all of it or nothing.

Rules:
- Every message, hour, nudge, answer and refused message goes, and of every entry of the hub's ledger made of them the
  content and the salt. What is deleted is overwritten, not only unlinked.
- The ledger's hashes and checkpoints stay, with one entry more that says what was deleted: a check of the ledger
  still finds it whole, and nobody can deny that there was something.
- What a table is for decides whether it goes; a table that is in neither list is a fault that a test finds.

- The hourly copies of the database, and a damaged one that was put aside, go too (`hub.recovery`).

Left out: the nodes' own ledgers and outboxes (they forget by age, `edge.courier.forget`), exports that somebody took,
the broker's retained last words, and the hub's settings and doors, in which nothing of a camera stands.
"""

from __future__ import annotations

import json
from typing import Final

from contract.events import KINDS
from hub.store import Store

_AHEAD_S: Final = 1e9  # a clock that was ahead protects nothing
DELETED_KIND: Final = "deleted-everything"
GOES: Final = (
    *("shift_seats", "nudge_asks", "nudge_zones", "waiting_needs"),
    *("events", "hours", "refused", "nudge_steps", "nudges", "nodes", "forgotten"),
    "event_blocks",
    *("need_hours", "certificates"),
    *("experiments", "held_needs", "experiment_hours"),
    *("sales", "sales_most"),
    "plan_picture",  # whatever was on it
    *("history_days", "history_waits", "history_rolled"),
)
STAYS: Final = (
    *("_sqlite_migrations", "own_rules", "plan"),
    *("witnessed", "ledger_entries", "ledger_blocks", "ledger_subtrees", "ledger_checkpoints"),
)
REMAINS: Final = (
    "The hashes and signed checkpoints of this hub's ledger, with an entry that says what was deleted, and its nodes'"
    " signed checkpoints. The hub's settings, who may sign in, and API keys. Each node's own ledger and outbox, which"
    " forget live needs after a day and the rest after 13 months. Exports and backups that somebody took, and what"
    " other systems were told. What nodes say from now on."
)


def delete_everything(store: Store, now_s: float) -> dict[str, int]:
    """Inside the caller's batch: how many rows of each table went, and how many ledger entries lost their content."""
    gone = {table: store.run(f"DELETE FROM {table}").rowcount for table in GOES}
    gone["ledger"] = 0
    while went := store.forget(KINDS, now_s + _AHEAD_S, now_s):
        gone["ledger"] += went
    store.note(DELETED_KIND, json.dumps({"gone": gone, "remains": REMAINS}).encode(), now_s)
    store.sign(now_s)
    return gone
