"""What the hub forgets, and when: days by kind of row.

Rules:
- Live needs (assists) and walks go after a day, the other events and the zone-hours after 13 months; the owner may
  shorten what is kept, never lengthen it.
- Rows go by the time at which they came, a few at a time, so that nothing waits long behind the clearing. What came
  while the hub did not know the time goes by the time at which it truly came (`hub.steady`).
- What an experiment measures of needs is measured before they go (`hub.experiment_rows`).
- How many needs there were goes into rounded counts before they go (`hub.need_hours`), and those after eight days.
- What is forgotten is forgotten in the ledger too, which keeps its hash and says so.
- Why a nudge was raised, and its steps, go with the needs, and so does what a refused need said. That there was a
  nudge, when, and how it went stays longer. One that is still open or taken stays.

Left out: the nodes' last words and checkpoints, one row each; the bound on how much is refused (`hub.store`).
"""

from __future__ import annotations

from typing import Final

from hub import blocks, commissioning, experiment_rows, need_hours, sales
from hub.config import KeepPart
from hub.steady import Gap, of_age_before_s
from hub.store import Store

DAY_S: Final = 86_400.0
CHUNK: Final = 1_000
_EVENT_KINDS: Final = ("mood", "hour", "status", "birth", "self-test", "checkpoint")
_OF_AGE: Final = {
    **{kind: blocks.of_age(kind) for kind in blocks.OFTEN_GONE},
    "hours": "DELETE FROM hours WHERE event IN (SELECT event FROM hours WHERE hour_start_s < ? LIMIT ?)",
    "events": "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE received_s < ? LIMIT ?)",
    "nudges": "DELETE FROM nudges WHERE id IN (SELECT id FROM nudges WHERE closed_s < ? LIMIT ?)",
    "needs": need_hours.OF_AGE,
    **sales.OF_AGE,
    **experiment_rows.OF_AGE,
    "rules": (  # the newest is in force, however old
        "DELETE FROM own_rules WHERE id IN (SELECT id FROM own_rules WHERE at_s < ?"
        " AND id < (SELECT max(id) FROM own_rules) LIMIT ?)"
    ),
    **commissioning.OF_AGE,
    "refused": "DELETE FROM refused WHERE id IN (SELECT id FROM refused WHERE received_s < ? LIMIT ?)",
}
_WHY: Final = (  # of a nudge that is over stays that it was, when, and how it went
    "UPDATE nudges SET reasons = '[]', level = raised_level WHERE id IN"
    " (SELECT id FROM nudges WHERE closed_s < ? AND (reasons != '[]' OR level != raised_level) LIMIT ?)",
    "DELETE FROM nudge_steps WHERE id IN (SELECT id FROM nudge_steps WHERE at_s < ? LIMIT ?)",
    "UPDATE refused SET payload = X'' WHERE id IN"
    " (SELECT id FROM refused WHERE received_s < ? AND topic LIKE '%/assist' AND length(payload) > 0 LIMIT ?)",
)


def sweep(store: Store, keep: KeepPart, now_s: float, gap: Gap | None = None) -> int:
    """Forget what is of age; how many rows went. ``gap`` is what is dated too early.

    Raises: StoreError when the disk does not take it.
    """
    with store.batch():
        need_hours.write_down(store.run, now_s)
        experiment_rows.measure(store.run, now_s)
    days = {
        "health": keep.health_days,
        "cosignature": keep.health_days,
        "assist": keep.assists_hours / 24,
        "walk": keep.assists_hours / 24,
        "hours": keep.events_days,
        "events": keep.events_days,
        "nudges": keep.events_days,
        "needs": min(keep.events_days, need_hours.KEPT_DAYS),
        "rules": keep.events_days,
        "sales": keep.events_days,
        "most of sales": keep.events_days,
        "held needs": keep.assists_hours / 24,
        "experiment hours": keep.events_days,
        "experiments": keep.events_days,
        "certificates": keep.events_days,
        "refused": keep.refused_days,
    }
    before_s = {what: of_age_before_s(now_s, kept * DAY_S, gap) for what, kept in days.items()}
    _forget(store, ("health", "cosignature"), before_s["health"], now_s)
    _forget(store, ("assist", "walk"), before_s["assist"], now_s)
    _forget(store, _EVENT_KINDS, before_s["events"], now_s)
    gone = sum(_clear(store, sql, before_s[what]) for what, sql in _OF_AGE.items())
    with store.batch():
        blocks.prune(store.run, before_s["assist"])
    return gone + sum(_clear(store, sql, before_s["assist"]) for sql in _WHY)


def _forget(store: Store, kinds: tuple[str, ...], before_s: float, now_s: float) -> None:
    gone = 1
    while gone:
        with store.batch():
            gone = store.forget(kinds, before_s, now_s)


def _clear(store: Store, sql: str, bound: float) -> int:
    gone = 0
    while True:
        with store.batch():
            rows = store.run(sql, bound, CHUNK).rowcount
        gone += rows
        if rows < CHUNK:
            return gone
