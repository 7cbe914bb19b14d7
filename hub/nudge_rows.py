"""The rows of nudges: what the engine decided is written down, and what it remembered is read again.

Rules:
- Every decision is a row or a change of one, and a step with its time; no step names anybody.
- Who is on the way stands in the row until the nudge closes, and then nowhere (nor who was asked, `hub.shift_rows`).

Left out: what is decided (`hub.nudge`), and the transaction around it (`hub.store`).
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import Any

from contract.events import Birth
from hub import experiment_rows, shift_rows
from hub import nudge_types as nudges
from hub.shift import JUMP_S, Asked


def act(db: sqlite3.Connection, action: nudges.Action, now_s: float) -> None:
    """Write down what the nudge engine decided."""
    match action:
        case nudges.Raise((node, zone), asked):
            db.execute(
                "INSERT INTO nudges (id, node, zone, zone_name, level, reasons, state, opened_s, until_s, asked_s,"
                " handovers, raised_level) VALUES (?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, 0, ?)",
                (asked.id, node, zone, _zone_name(db, node, zone), asked.level, json.dumps(asked.reasons),
                 asked.opened_s, asked.until_s, asked.asked_s, asked.level),
            )  # fmt: skip
            shift_rows.asked(db, asked)
            _step(db, asked.id, "raised", now_s)
        case nudges.Renew(asked, seen):
            _set(db, asked.id, level=asked.level, reasons=json.dumps(asked.reasons), until_s=asked.until_s)
            shift_rows.shared(db, asked, lambda node, zone: _zone_name(db, node, zone))
            if seen:
                _step(db, asked.id, f"level {asked.level}", now_s)
        case nudges.HandOver(asked):
            _set(db, asked.id, asked_s=asked.asked_s, handovers=asked.handovers)
            shift_rows.asked(db, asked)
            _step(db, asked.id, "handed over", now_s)
        case nudges.Take(taken):
            _set(db, taken.id, state="taken", taken_s=taken.taken_s, taken_by=taken.who)
            shift_rows.unasked(db, taken.id)
            _step(db, taken.id, "taken", now_s)
        case nudges.Withdraw(number, why):
            _end(db, number, "withdrawn", now_s)
            _step(db, number, f"withdrawn: {why}", now_s)
        case nudges.Expire(number):
            _end(db, number, "expired", now_s)
            _step(db, number, "expired", now_s)
        case nudges.Close(number, outcome):
            _end(db, number, "answered", now_s)
            _set(db, number, outcome=outcome)
            _step(db, number, f"answered: {outcome}", now_s)
        case nudges.Hold() | nudges.LetGo():
            experiment_rows.act(db.execute, action, now_s)
        case nudges.Wait() | nudges.WaitNoMore():
            shift_rows.waits(db, action)
        case nudges.Staffed():
            shift_rows.staffed(db, action)


def engine_state(db: sqlite3.Connection, rules: nudges.Rules, now_s: float) -> nudges.State:
    """What the nudge engine remembered, from disk: a restart neither repeats a nudge nor forgets one."""
    longest_s = max(rules.rest_s, rules.rest_browsing_s, nudges.HOUR_S)
    zones: dict[nudges.ZoneKey, nudges.Zone] = {}
    raised_s: dict[int, float] = {}

    def rows(sql: str, *values: object) -> list[tuple[Any, ...]]:
        return db.execute(sql, values).fetchall()

    asks, needs = shift_rows.asks(rows), shift_rows.needs(rows, now_s - longest_s)
    for row in db.execute(
        "SELECT id, node, zone, level, reasons, state, opened_s, until_s, asked_s, taken_s, closed_s, outcome,"
        " handovers, taken_by FROM nudges WHERE state IN ('open', 'taken') OR closed_s > ? OR opened_s > ?"
        " ORDER BY closed_s IS NULL, closed_s, id",
        (now_s - longest_s, now_s - nudges.HOUR_S),
    ):
        number, node, zone, level, reasons, state, opened_s, until_s, asked_s, taken_s, closed_s, outcome = row[:12]
        if abs(now_s - opened_s) < nudges.HOUR_S:
            raised_s[number] = opened_s
        shared = needs.get(number, ())
        about = tuple(need.zone for need in shared)
        match state:
            case "open":
                asked = asks.get(number, Asked())
                known = nudges.Open(number, level, tuple(json.loads(reasons)), opened_s, until_s, asked_s, row[12])
                zones[node, zone] = replace(known, needs=shared, asked=asked)
            case "taken":
                zones[node, zone] = nudges.OnTheWay(number, opened_s, taken_s, row[13], about)
            case _ if closed_s <= now_s + JUMP_S and closed_s + (rest_s := rules.rest_after_s(outcome)) > now_s:
                for one in about or ((node, zone),):
                    zones[one] = _longer(nudges.Resting(closed_s, closed_s + rest_s), zones.get(one))
            case _:
                pass
    for one, held in experiment_rows.held_zones(db.execute, rules, now_s).items():
        before = zones.get(one)
        if isinstance(held, nudges.Resting):
            rests = not isinstance(before, nudges.Open | nudges.OnTheWay)  # else it is from before a clock was set back
            zones[one] = _longer(held, before) if rests else zones[one]
        else:
            zones[one] = held
    zones |= shift_rows.waiting(rows)
    last = db.execute("SELECT coalesce(max(id), 0) FROM nudges").fetchone()[0]
    raised = tuple(raised_s[number] for number in sorted(raised_s))
    return nudges.State(zones, raised, last + 1, shift_rows.shift_now(rows))


def _longer(rest: nudges.Resting, before: nudges.Zone | None) -> nudges.Resting:
    return before if isinstance(before, nudges.Resting) and before.until_s > rest.until_s else rest


def forget_answers(db: sqlite3.Connection, node: str, zone: int, now_s: float) -> None:
    """What was answered in this zone until now no longer teaches anything."""
    db.execute("INSERT OR REPLACE INTO forgotten VALUES (?, ?, ?)", (node, zone, now_s))


def _zone_name(db: sqlite3.Connection, node: str, zone: int) -> str:
    row = db.execute("SELECT birth FROM nodes WHERE name = ?", (node,)).fetchone()
    names = {one.id: one.name for one in Birth.model_validate_json(row[0]).zones} if row and row[0] else {}
    return names.get(zone, f"Zone {zone}")


def _end(db: sqlite3.Connection, number: int, state: str, now_s: float) -> None:
    _set(db, number, state=state, closed_s=now_s, taken_by=None)
    shift_rows.unasked(db, number)


def _set(db: sqlite3.Connection, number: int, **columns: object) -> None:
    places = ", ".join(f"{name} = ?" for name in columns)
    db.execute(f"UPDATE nudges SET {places} WHERE id = ?", (*columns.values(), number))


def _step(db: sqlite3.Connection, number: int, what: str, at_s: float) -> None:
    db.execute("INSERT INTO nudge_steps (nudge, at_s, what) VALUES (?, ?, ?)", (number, at_s, what))
