"""The hub's tables, as numbered steps applied in order; the steps that a file has had are a table in it.

Rules:
- A step that has shipped is never edited: what changes is a new step.
- A file with a step that this program does not know was written by a newer one, and is left alone.

What stands in them:
- ``events``: every message of the contract, byte for byte, with when it came and whether it came late. A zone event
  stands once for its (node, boot, seq); a status, birth or health that repeats the node's last one is no event.
- ``hours``: the numbers of released hours once more, to draw from.
- ``refused``: what was not in the contract, and why; the same message again is no new row.
- ``nodes``: what each node last said of itself.
- ``nudges`` and ``nudge_steps``: what staff were asked and how it went. Who was on the way stands in ``taken_by``
  until the nudge closes and then nowhere; no step names anybody.
- ``raised_level`` of a nudge is the level it was raised at, from which answers teach; ``forgotten`` says from when on
  they count in a zone whose learning was reset.
- ``witnessed``: what each node last signed of its own ledger, as far as this hub cosigned it (`contract.witness`).
- ``history_…``: sums of days that are over (`hub.history_rows`).
- ``own_rules``: the rules of nudges that the owner set at the page, a row a change (`hub.rules`).
- ``need_hours``: how many needs there were, rounded at random (`hub.need_hours`).
- ``experiments``, ``held_needs`` and ``experiment_hours``: the hold-out (`hub.experiment_rows`).
- ``shift_seats``, ``nudge_asks``, ``nudge_zones`` and ``waiting_needs``: who is asked, and which zones share a nudge
  (`hub.shift_rows`).
- ``plan`` and ``plan_picture``: the owner's floor plan (`hub.plan`) and what it is drawn over (`hub.plan_picture`).
- ``event_blocks``: in which blocks of ids events of a node, kind or zone are (`hub.blocks`).
- ``ledger_…``: the hub's own ledger of the events that it took (`contract.ledger`).

Left out: sessions and keys, which have a file of their own (`hub.auth`).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlite_utils import Database, Migrations

from contract.errors import DamagedError, StoreError
from contract.ledger import create_tables
from contract.witness import TABLE as WITNESSED
from hub import blocks, experiment_rows, history_rows, plan, sales, shift_rows
from hub.commissioning import TABLE as CERTIFICATES
from hub.need_hours import TABLE as NEED_HOURS

_FIRST: Final = (
    """CREATE TABLE events (
      id INTEGER PRIMARY KEY, node TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER, kind TEXT NOT NULL, zone INTEGER,
      late INTEGER NOT NULL, received_s REAL NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
      UNIQUE (node, boot, seq)) STRICT""",
    "CREATE INDEX events_by_time ON events (kind, received_s)",
    """CREATE TABLE hours (
      event INTEGER PRIMARY KEY, node TEXT NOT NULL, zone INTEGER NOT NULL, hour_start_s INTEGER NOT NULL,
      suppressed INTEGER NOT NULL, negative INTEGER NOT NULL, neutral INTEGER NOT NULL, positive INTEGER NOT NULL,
      unknown INTEGER NOT NULL, epsilon REAL NOT NULL) STRICT""",
    "CREATE INDEX hours_by_time ON hours (hour_start_s)",
    """CREATE TABLE refused (
      id INTEGER PRIMARY KEY, received_s REAL NOT NULL, topic TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL,
      digest BLOB NOT NULL, payload BLOB NOT NULL, UNIQUE (topic, digest)) STRICT""",
    """CREATE TABLE nodes (
      name TEXT PRIMARY KEY, heard_s REAL NOT NULL, state TEXT NOT NULL, reason TEXT, since_s REAL NOT NULL,
      status BLOB, birth BLOB, health BLOB) STRICT, WITHOUT ROWID""",
    """CREATE TABLE checkpoints (
      node TEXT PRIMARY KEY, checkpoint TEXT NOT NULL, received_s REAL NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE nudges (
      id INTEGER PRIMARY KEY, node TEXT NOT NULL, zone INTEGER NOT NULL, zone_name TEXT NOT NULL,
      level INTEGER NOT NULL, reasons TEXT NOT NULL, state TEXT NOT NULL, opened_s REAL NOT NULL, until_s REAL NOT NULL,
      asked_s REAL NOT NULL, taken_s REAL, closed_s REAL, outcome TEXT, handovers INTEGER NOT NULL,
      taken_by TEXT) STRICT""",
    "CREATE INDEX nudges_by_opening ON nudges (opened_s)",
    "CREATE INDEX nudges_by_closing ON nudges (closed_s)",
    """CREATE TABLE nudge_steps (
      id INTEGER PRIMARY KEY, nudge INTEGER NOT NULL REFERENCES nudges (id) ON DELETE CASCADE, at_s REAL NOT NULL,
      what TEXT NOT NULL) STRICT""",
    "CREATE INDEX nudge_steps_by_nudge ON nudge_steps (nudge)",
)


def _first(db: Any) -> None:
    for statement in _FIRST:
        db.execute(statement)


def _ledger(db: Any) -> None:
    create_tables(db.conn)


def _learning(db: Any) -> None:
    db.execute("ALTER TABLE nudges ADD COLUMN raised_level INTEGER NOT NULL DEFAULT 0")
    db.execute("UPDATE nudges SET raised_level = level")
    db.execute(
        "CREATE TABLE forgotten (node TEXT NOT NULL, zone INTEGER NOT NULL, before_s REAL NOT NULL,"
        " PRIMARY KEY (node, zone)) STRICT, WITHOUT ROWID"
    )


def _witness(db: Any) -> None:
    db.execute(WITNESSED)
    db.execute("DROP TABLE checkpoints")  # without keys: nodes offer theirs anew, with the key


def _history(db: Any) -> None:
    history_rows.create_tables(db)


def _rules(db: Any) -> None:
    db.execute(
        "CREATE TABLE own_rules (id INTEGER PRIMARY KEY, at_s REAL NOT NULL, by TEXT NOT NULL, said TEXT NOT NULL)"
        " STRICT"
    )
    db.execute(NEED_HOURS)


def _experiment(db: Any) -> None:
    for statement in experiment_rows.TABLES:
        db.execute(statement)


def _sales(db: Any) -> None:
    for statement in sales.TABLES:
        db.execute(statement)


def _plan(db: Any) -> None:
    for statement in plan.TABLES:
        db.execute(statement)


def _people(db: Any) -> None:
    for statement in shift_rows.TABLES:
        db.execute(statement)


def _certificates(db: Any) -> None:
    db.execute(CERTIFICATES)


def _wear(db: Any) -> None:
    create_tables(db.conn)  # keeps fewer hashes than it did
    for statement in blocks.LIGHTER:
        db.execute(statement)


def _steps() -> Any:
    steps = Migrations("attune-hub")
    steps(name="0001_first")(_first)
    steps(name="0002_ledger")(_ledger)
    steps(name="0003_learning")(_learning)
    steps(name="0010_witness")(_witness)
    steps(name="0005_rules")(_rules)
    steps(name="0008_history")(_history)
    steps(name="0004_experiment")(_experiment)
    steps(name="0007_plan")(_plan)
    steps(name="0012_sales")(_sales)
    steps(name="0006_people")(_people)
    steps(name="0011_certificates")(_certificates)
    steps(name="0014_wear")(_wear)
    return steps


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The hub's database with every step applied; made when it is missing. Transactions are the caller's.

    Raises: StoreError when the file is damaged, cannot be opened, or was written by a newer Attune.
    """
    try:
        path.touch(mode=0o600, exist_ok=True)
        db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, path)
        except BaseException:
            db.close()
            raise
    except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
        if isinstance(error, StoreError):
            raise
        raise failure(path, error) from None
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    db.execute("PRAGMA page_size = 512")  # of a new file: a commit of a few rows then writes fewer bytes to the disk
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA wal_autocheckpoint = 16000")  # a page that many commits touch goes into the file once
    db.execute("PRAGMA foreign_keys = ON")
    steps, known = _steps(), Database(db)
    ours = {step.name for step in steps.pending(Database(memory=True))}
    if newer := [step.name for step in steps.applied(known) if step.name not in ours]:
        raise StoreError(
            f"The database {path} was written by a newer Attune (step {newer[-1]}): update this hub, or give it another"
            " --data folder."
        )
    steps.apply(known)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that can write nothing.

    Raises: StoreError when the file is missing or damaged.
    """
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10, check_same_thread=False)
        db.execute("SELECT 1 FROM events LIMIT 1").fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise failure(path, error) from None
    return db


def failure(path: Path, error: Exception) -> StoreError:
    """An error of the database as one of Attune's."""
    said_ = said(path, error)
    return DamagedError(said_) if "is damaged" in said_ else StoreError(said_)


def said(path: Path, error: Exception) -> str:
    """What an error of the database means to a person."""
    text = str(error)
    if isinstance(error, UnicodeDecodeError):  # SQLite quotes from the schema what is damaged there
        text = "malformed schema"
    if "not a database" in text or "malformed" in text:
        return f"The database {path} is damaged ({text}): start the hub again, and it takes its last whole copy."
    if "full" in text:
        return f"The disk is full and {path} cannot grow: free some space; nothing is lost meanwhile."
    return f"The database {path} cannot be used ({text}): check that the folder exists and may be written."
