"""Days that are over, summed once and kept: what the owner's history is read from, however long it is.

Rules:
- A day is summed when it is over, by the shop's calendar, and again when something of it came late; a shop that moves
  its clock (``timezone``) sums all of them anew.
- A few days a call, so that nothing waits long behind it.
- Sums go when their day is of age, and with *delete everything*: nothing outlives what it was made of.
- A window counts where it came within a day of its own; one that came later is history for the auditor alone.

Left out: the sums themselves (`hub.tally`), the tables (`hub.history_rows`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, tzinfo
from typing import Final

from hub.days import DAY, begins_s, day_of
from hub.history_rows import COLUMNS
from hub.store import Store
from hub.tally import Window, by_zone, waits
from hub.views import HourView, NudgeView

DAYS_AT_ONCE: Final = 7
LATE_S: Final = 86_400.0
_MOOD: Final = "json_extract(CAST(payload AS TEXT), '$.{}')".format


def roll(store: Store, timezone: tzinfo, now_s: float, keep_days: int) -> bool:
    """Sum some of what is new; whether there is more.

    Raises: StoreError when the disk does not take it; what was summed before stands.
    """
    today = day_of(now_s, timezone).toordinal()
    oldest = today - keep_days + 1  # the first day is kept for less than all of it, never longer
    with store.batch():
        for table in ("history_days", "history_waits"):
            store.run(f"DELETE FROM {table} WHERE day < ?", oldest)
        at = _where_it_stood(store, timezone)
        if at is None:
            return False
        mark = _mark(store)
        late = [day for day in _touched(store, timezone, at) if oldest <= day < min(at[0], today)]
        first = max(at[0], oldest)
        until = min(first + DAYS_AT_ONCE, max(first, today))
        for day in range(first, until):
            _sum(store, date.fromordinal(day), timezone)
        _stands_at(store, timezone, (until, *at[1:]))
    if until < today:
        return True
    for begin in range(0, len(late), DAYS_AT_ONCE):
        with store.batch():
            for day in late[begin : begin + DAYS_AT_ONCE]:
                _sum(store, date.fromordinal(day), timezone)
    with store.batch():
        _stands_at(store, timezone, (until, *mark))
    return False


def _stands_at(store: Store, timezone: tzinfo, at: tuple[int, int, float]) -> None:
    store.run("INSERT OR REPLACE INTO history_rolled VALUES (1, ?, ?, ?, ?)", str(timezone), *at)


def _where_it_stood(store: Store, timezone: tzinfo) -> tuple[int, int, float] | None:
    """The first day not summed, and up to which event and closing; None where there is nothing to sum yet."""
    row = store.run("SELECT timezone, next_day, event, closed_s FROM history_rolled").fetchone()
    if row is not None and row[0] == str(timezone):
        return row[1], row[2], row[3]
    for table in ("history_days", "history_waits", "history_rolled"):
        store.run(f"DELETE FROM {table}")
    sql = "SELECT (SELECT min(hour_start_s) FROM hours), (SELECT min(opened_s) FROM nudges)"
    began = [at_s for at_s in store.run(sql).fetchone() if at_s is not None]
    return (day_of(min(began), timezone).toordinal(), *_mark(store)) if began else None


def _mark(store: Store) -> tuple[int, float]:
    sql = "SELECT (SELECT coalesce(max(id), 0) FROM events), (SELECT coalesce(max(closed_s), 0) FROM nudges)"
    row: tuple[int, float] = store.run(sql).fetchone()
    return row


def _touched(store: Store, timezone: tzinfo, at: tuple[int, int, float]) -> list[int]:
    """Days of which something came since."""
    _, event, closed_s = at
    found = {row[0] for row in store.run("SELECT DISTINCT hour_start_s FROM hours WHERE event > ?", event)}
    found |= {row[0] for row in store.run("SELECT opened_s FROM nudges WHERE closed_s > ?", closed_s)}
    # "+kind": by id, not by kind
    sql = f"SELECT DISTINCT {_MOOD('t_wall')} / 3600 * 3600 FROM events WHERE id > ? AND +kind = 'mood'"
    found |= {row[0] for row in store.run(sql, event)}
    return sorted({day_of(at_s, timezone).toordinal() for at_s in found})


def _sum(store: Store, day: date, timezone: tzinfo) -> None:
    since_s, until_s = begins_s(day, timezone), begins_s(day + DAY, timezone)
    hours = [
        HourView(node, zone, "", at_s, bool(suppressed), *rest)
        for node, zone, at_s, suppressed, *rest in store.run(
            "SELECT node, zone, hour_start_s, suppressed, epsilon, negative, neutral, positive, unknown FROM hours"
            " WHERE hour_start_s >= ? AND hour_start_s < ?",
            since_s,
            until_s,
        )
    ]
    nudges = [
        NudgeView(number, node, zone, "", 0, (), *rest)
        for number, node, zone, *rest in store.run(
            "SELECT id, node, zone, state, opened_s, taken_s, closed_s, outcome FROM nudges"
            " WHERE opened_s >= ? AND opened_s < ?",
            since_s,
            until_s,
        )
    ]
    for table in ("history_days", "history_waits"):
        store.run(f"DELETE FROM {table} WHERE day = ?", day.toordinal())
    places = ", ".join("?" * (3 + len(COLUMNS)))
    for (node, zone), tally in by_zone(hours, nudges, _windows(store, since_s, until_s)).items():
        store.run(f"INSERT INTO history_days VALUES ({places})", day.toordinal(), node, zone, *tally.row)
    if any(waited := waits(nudges)):
        store.run("INSERT INTO history_waits VALUES (?, ?, ?, ?, ?, ?)", day.toordinal(), *waited)


def _windows(store: Store, since_s: float, until_s: float) -> Iterator[Window]:
    fields = ", ".join(map(_MOOD, ("t_wall", "window_s", "dwell_s")))
    for node, zone, ended_s, window_s, dwell in store.run(
        f"SELECT node, zone, {fields} FROM events WHERE kind = 'mood' AND received_s >= ? AND received_s < ?"
        f" AND NOT {_MOOD('suppressed')}",
        since_s,
        until_s + LATE_S,
    ):
        if since_s <= ended_s - window_s < until_s:
            yield Window(node, zone, ended_s - window_s, ended_s, dwell)
