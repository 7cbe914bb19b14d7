"""The rows of an experiment: what is held, what each hour of a zone came to, and when it began and ended.

Rules:
- An hour of a zone is measured once, from what its camera said, before live needs are forgotten: how long its first
  need lasted, to `ROUNDED_TO_S`, and the next released window of that zone that began after it.
- A camera that stops speaking in the middle of a need leaves that hour unmeasured, on either side, and no later need
  takes its place.
- The key of an experiment is in its row and on no page. Held needs go with live needs; hours go with events.

Left out: what is drawn and reckoned (`hub.experiment`), when this is called (`hub.retention`).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from contract.events import Assist, MoodReleased
from hub import nudge_types as nudges
from hub.experiment import LIMIT_S, HoldOut, Unit, hour_of
from hub.shift import JUMP_S

KEY_BYTES: Final = 32
ROUNDED_TO_S: Final = 10
MOOD_WITHIN_S: Final = 3_600.0
MOOD_SPAN: Final = 14  # positive minus negative tenths: each is 1 to 9, together 10 with neutral, so -7 to 7
_SLACK_S: Final = 60.0
_BACK_S: Final = 86_400.0
TABLES: Final = (
    """CREATE TABLE experiments (
      id INTEGER PRIMARY KEY, key BLOB NOT NULL, share REAL NOT NULL, smallest_s REAL NOT NULL, began_s REAL NOT NULL,
      ended_s REAL) STRICT""",
    """CREATE TABLE held_needs (
      id INTEGER PRIMARY KEY, node TEXT NOT NULL, zone INTEGER NOT NULL, opened_s REAL NOT NULL, until_s REAL NOT NULL,
      closed_s REAL) STRICT""",
    """CREATE TABLE experiment_hours (
      id INTEGER PRIMARY KEY, experiment INTEGER NOT NULL, node TEXT NOT NULL, zone INTEGER NOT NULL,
      hour_s INTEGER NOT NULL, held INTEGER NOT NULL, waited_s INTEGER, mood INTEGER, mood_since_s REAL,
      UNIQUE (experiment, hour_s, node, zone)) STRICT""",
)
OF_AGE: Final = {
    "held needs": "DELETE FROM held_needs WHERE id IN (SELECT id FROM held_needs WHERE closed_s < ? LIMIT ?)",
    "experiment hours": (
        "DELETE FROM experiment_hours WHERE id IN (SELECT id FROM experiment_hours WHERE hour_s < ? LIMIT ?)"
    ),
    "experiments": "DELETE FROM experiments WHERE id IN (SELECT id FROM experiments WHERE ended_s < ? LIMIT ?)",
}
_NEWEST: Final = "SELECT id, key, share, smallest_s, began_s, ended_s FROM experiments ORDER BY id DESC LIMIT 1"
_NEEDS: Final = (
    "SELECT opened_s, node, zone FROM nudges WHERE opened_s >= ?1 AND opened_s < ?2 UNION ALL"
    " SELECT opened_s, node, zone FROM held_needs WHERE opened_s >= ?1 AND opened_s < ?2 ORDER BY opened_s"
)
_SAID: Final = (
    "SELECT received_s, payload FROM events WHERE kind = 'assist' AND late = 0 AND received_s >= ? AND received_s <= ?"
    " AND node = ? AND zone = ? ORDER BY id"
)
_MOODS: Final = (
    "SELECT received_s, payload FROM events WHERE kind = 'mood' AND late = 0 AND received_s >= ? AND received_s <= ?"
    " AND node = ? AND zone = ? ORDER BY id"
)
Run = Callable[..., sqlite3.Cursor]
Rows = Callable[..., Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Trial:
    """One experiment as the owner may see it: no key. Units: times since the epoch, ``smallest_s`` seconds."""

    id: int
    share: float
    smallest_s: float
    began_s: float
    ended_s: float | None


@dataclass(frozen=True, slots=True)
class Hours:
    """The measured hours of a trial, in order of time: by how long needs lasted, and by the windows after."""

    waits: tuple[Unit, ...] = ()
    moods: tuple[Unit, ...] = ()


def begin(run: Run, share: float, smallest_s: float, now_s: float, key: bytes | None = None) -> None:
    """A new experiment; one that still runs ends."""
    end(run, now_s)
    key = key or secrets.token_bytes(KEY_BYTES)
    run("INSERT INTO experiments (key, share, smallest_s, began_s) VALUES (?, ?, ?, ?)", key, share, smallest_s, now_s)


def end(run: Run, now_s: float) -> None:
    """No need is held from now on."""
    run("UPDATE experiments SET ended_s = ? WHERE ended_s IS NULL", now_s)


def holding(own: nudges.Rules, rows: Rows) -> nudges.Rules:
    """The owner's rules with what the experiment holds, if one runs."""
    drawn = next((HoldOut(row[1], row[2], row[4]) for row in rows(_NEWEST) if row[5] is None), None)
    return replace(own, hold_out=drawn)


def newest(rows: Rows) -> Trial | None:
    """The experiment that runs, or the last one."""
    return next((Trial(row[0], *row[2:]) for row in rows(_NEWEST)), None)


def hours(rows: Rows, trial: Trial) -> Hours:
    """What was measured."""
    found = rows(
        "SELECT hour_s, held, waited_s, mood FROM experiment_hours WHERE experiment = ? ORDER BY hour_s, id", trial.id
    )
    return Hours(
        tuple(Unit(at_s, bool(held), waited / LIMIT_S) for at_s, held, waited, _ in found if waited is not None),
        tuple(Unit(at_s, bool(held), mood / MOOD_SPAN) for at_s, held, _, mood in found if mood is not None),
    )


def act(db: Callable[[str, tuple[object, ...]], object], action: nudges.Hold | nudges.LetGo, now_s: float) -> None:
    """Write down what the nudge engine holds or lets go."""
    node, zone = action.zone
    if isinstance(action, nudges.LetGo):
        db("UPDATE held_needs SET closed_s = ? WHERE node = ? AND zone = ? AND closed_s IS NULL", (now_s, node, zone))
        return
    held = action.held
    open_still = "node = ? AND zone = ? AND closed_s IS NULL"
    db(f"UPDATE held_needs SET until_s = ? WHERE {open_still}", (held.until_s, node, zone))
    db(
        "INSERT INTO held_needs (node, zone, opened_s, until_s) SELECT ?, ?, ?, ?"
        f" WHERE NOT EXISTS (SELECT 1 FROM held_needs WHERE {open_still})",
        (node, zone, held.opened_s, held.until_s, node, zone),
    )


def held_zones(
    db: Callable[[str, tuple[object, ...]], Iterable[tuple[Any, ...]]], rules: nudges.Rules, now_s: float
) -> dict[nudges.ZoneKey, nudges.Zone]:
    """The zones that hold a need, or rest after one."""
    found: dict[nudges.ZoneKey, nudges.Zone] = {}
    sql = "SELECT node, zone, opened_s, until_s, closed_s FROM held_needs WHERE closed_s IS NULL OR closed_s > ?"
    for node, zone, opened_s, until_s, closed_s in db(f"{sql} ORDER BY id", (now_s - rules.rest_s,)):
        if closed_s is None:
            found[node, zone] = nudges.Held(opened_s, until_s)
        elif closed_s <= now_s + JUMP_S:
            found[node, zone] = nudges.Resting(closed_s, closed_s + rules.rest_s)
    return found


def measure(run: Run, now_s: float) -> None:
    """Inside a batch: every hour's first need that is over by now, and the windows that came since."""
    row = run(_NEWEST).fetchone()
    if row is None:
        return
    number, key, share, _, began_s, ended_s = row
    drawn = HoldOut(key, share, began_s)
    since_s = max(began_s, now_s - _BACK_S)
    until_s = min(now_s - LIMIT_S - _SLACK_S, ended_s or now_s)
    for opened_s, node, zone in run(_NEEDS, since_s, until_s).fetchall():
        place = (number, node, zone, hour_of(opened_s))
        known = "SELECT 1 FROM experiment_hours WHERE experiment = ? AND node = ? AND zone = ? AND hour_s = ?"
        if run(known, *place).fetchone() is None:
            waited_s = _waited_s(run, node, zone, opened_s)
            run(
                "INSERT INTO experiment_hours (experiment, node, zone, hour_s, held, waited_s, mood_since_s)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                *place, drawn.holds((node, zone), opened_s), waited_s, opened_s,
            )  # fmt: skip
    due = "SELECT id, node, zone, mood_since_s FROM experiment_hours WHERE mood_since_s < ?"
    for unit, node, zone, opened_s in run(due, now_s - MOOD_WITHIN_S).fetchall():
        mood = _mood_after(run, node, zone, opened_s)
        run("UPDATE experiment_hours SET mood = ?, mood_since_s = NULL WHERE id = ?", mood, unit)


def _waited_s(run: Run, node: str, zone: int, opened_s: float) -> int | None:
    """How long a need lasted, at most `LIMIT_S`; None where the camera stopped speaking."""
    good_until_s: float | None = None
    for at_s, payload in run(_SAID, opened_s - _SLACK_S, opened_s + LIMIT_S, node, zone):
        said = Assist.model_validate_json(payload)
        if at_s > opened_s and good_until_s is not None:
            if at_s > good_until_s:
                return None
            if said.level == 0:
                lasted_s: float = at_s - opened_s
                return min(int(LIMIT_S), round(lasted_s / ROUNDED_TO_S) * ROUNDED_TO_S)
        good_until_s = at_s + said.ttl_s if said.level else None
    return int(LIMIT_S) if good_until_s is not None and good_until_s >= opened_s + LIMIT_S else None


def _mood_after(run: Run, node: str, zone: int, opened_s: float) -> int | None:
    """Positive minus negative tenths, from 0 up, of the first released window that began after the need did."""
    for at_s, payload in run(_MOODS, opened_s, opened_s + MOOD_WITHIN_S, node, zone):
        if json.loads(payload)["suppressed"]:
            continue
        said = MoodReleased.model_validate_json(payload)
        if at_s - said.window_s >= opened_s:
            return said.shares.positive - said.shares.negative + MOOD_SPAN // 2
    return None
