"""The doors: who may come in, by which key, and which pages open to whom.

Rules:
- There is no password to guess or to leave at its default: one comes in by a link that this hub minted, which works
  once and for 15 minutes (a demo's links work until the hub stops).
- Keys and session tokens are 256 random bits; only their SHA-256 is stored.
- Every route names its roles with `Allow`; `hub.app` refuses to start with one that does not.
- One browser may hold one session a role, so that an owner's page and a tablet's page can stand side by side.

The doors have a database of their own, with a rollback journal: the command line mints a link while the hub runs,
and the events' database keeps its one writer.

Left out: what a request must look like at all (`hub.guard`).
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from fastapi import HTTPException, Request, Response

from contract.errors import StoreError

Role = Literal["staff", "owner", "auditor"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
HOME: Final[dict[Role, str]] = {"staff": "/staff", "owner": "/owner", "auditor": "/audit"}
LINK_TTL_S: Final = 15 * 60.0
IDLE_S: Final[dict[Role, float]] = {"staff": 30 * 86_400.0, "owner": 7 * 86_400.0, "auditor": 12 * 3_600.0}
SEEN_EVERY_S: Final = 600.0
TRIES_A_MINUTE: Final = 10
ADDRESSES_MAX: Final = 1_024

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS keys (hash BLOB PRIMARY KEY, role TEXT NOT NULL, expires_s REAL, uses_left INTEGER);
CREATE TABLE IF NOT EXISTS sessions (
  hash BLOB PRIMARY KEY, who TEXT NOT NULL, role TEXT NOT NULL, seen_s REAL NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who came in. ``who`` is a random name of this session and says nothing about a person."""

    who: str
    role: Role


def entry_path(key: str) -> str:
    """The path of the link that a key opens."""
    return f"/enter?key={key}"


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@dataclass(slots=True)
class Doors:
    """Keys and sessions, as rows. Every method may be called from any thread.

    Raises: StoreError from every method when the database cannot be used.
    """

    _db: sqlite3.Connection
    _path: Path
    _clock: Callable[[], float]
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def open(cls, path: Path, clock: Callable[[], float] = time.time) -> Doors:
        """Open or make the doors' database; only its owner may read the file."""
        try:
            path.touch(mode=0o600, exist_ok=True)
            db = sqlite3.connect(path, timeout=5, check_same_thread=False, isolation_level=None)
            db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"The doors' database {path} cannot be opened ({error}): check the folder.") from None
        return cls(db, path, clock)

    def close(self) -> None:
        self._db.close()

    def mint(self, role: Role, *, ttl_s: float | None = LINK_TTL_S, uses: int | None = 1) -> str:
        """A new key for ``role``. ``None`` for both means: as often as wanted until the hub stops."""
        key = secrets.token_urlsafe(32)
        expires_s = None if ttl_s is None else self._clock() + ttl_s
        self._run("INSERT INTO keys VALUES (?, ?, ?, ?)", _hash(key), role, expires_s, uses)
        return key

    def forget_unlimited(self) -> None:
        """End the keys that were good until the hub stops. To be called when it starts."""
        self._run("DELETE FROM keys WHERE expires_s IS NULL")

    def enter(self, key: str) -> tuple[str, Session] | None:
        """Use a key: a session's token and what it is, or None when the key is unknown, used up or too old."""
        now_s = self._clock()
        with self._at_once():
            rows = self._run(
                "UPDATE keys SET uses_left = uses_left - 1 WHERE hash = ? AND (expires_s IS NULL OR expires_s > ?)"
                " AND (uses_left IS NULL OR uses_left > 0) RETURNING role",
                _hash(key),
                now_s,
            )
            if not rows:
                return None
            session, token = Session(secrets.token_hex(4), rows[0][0]), secrets.token_urlsafe(32)
            self._run("INSERT INTO sessions VALUES (?, ?, ?, ?)", _hash(token), session.who, session.role, now_s)
            self._sweep(now_s)
        return token, session

    def who(self, token: str) -> Session | None:
        """The session of a token, unless it has ended or lain idle for too long."""
        now_s, hashed = self._clock(), _hash(token)
        rows = self._run("SELECT who, role, seen_s FROM sessions WHERE hash = ?", hashed)
        if not rows:
            return None
        session, seen_s = Session(rows[0][0], rows[0][1]), rows[0][2]
        if now_s - seen_s > IDLE_S[session.role]:
            return None
        if now_s - seen_s > SEEN_EVERY_S:
            self._run("UPDATE sessions SET seen_s = ? WHERE hash = ?", now_s, hashed)
        return session

    def leave(self, token: str) -> None:
        """End a session."""
        self._run("DELETE FROM sessions WHERE hash = ?", _hash(token))

    def _sweep(self, now_s: float) -> None:
        self._run("DELETE FROM keys WHERE expires_s <= ? OR uses_left <= 0", now_s)
        for role, idle_s in IDLE_S.items():
            self._run("DELETE FROM sessions WHERE role = ? AND seen_s < ?", role, now_s - idle_s)

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        with self._lock:
            self._run("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.rollback()
                raise
            self._run("COMMIT")

    def _run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"The doors' database {self._path} cannot be used ({error}): check the disk.") from None


@dataclass(slots=True)
class Tries:
    """How often an address has tried a key in the last minute; forgets the longest unseen address."""

    _clock: Callable[[], float] = time.monotonic
    _by_address: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allow(self, address: str) -> bool:
        """Count one try; False when there were too many."""
        now_s = self._clock()
        with self._lock:
            recent = [t_s for t_s in self._by_address.pop(address, []) if now_s - t_s < 60]
            allowed = len(recent) < TRIES_A_MINUTE
            self._by_address[address] = [*recent, now_s] if allowed else recent
            if len(self._by_address) > ADDRESSES_MAX:
                self._by_address.popitem(last=False)
        return allowed


def _cookie(role: Role, request: Request) -> str:
    return f"__Host-attune-{role}" if request.url.scheme == "https" else f"attune-{role}"


def seat(response: Response, request: Request, token: str, role: Role) -> None:
    """Give the browser its session. Secure and ``__Host-`` over https; plain http is for loopback only."""
    response.set_cookie(
        _cookie(role, request),
        token,
        max_age=int(IDLE_S[role]),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def unseat(response: Response, request: Request, doors: Doors) -> None:
    """End every session that this browser holds."""
    for role in ROLES:
        if token := request.cookies.get(_cookie(role, request)):
            doors.leave(token)
            response.delete_cookie(_cookie(role, request), secure=request.url.scheme == "https", httponly=True)


def session_of(request: Request, roles: tuple[Role, ...] = ROLES) -> Session | None:
    """The first session of one of these roles that the request carries."""
    doors: Doors = request.app.state.doors
    for role in roles:
        token = request.cookies.get(_cookie(role, request))
        session = doors.who(token) if token else None
        if session and session.role == role:
            return session
    return None


@dataclass(frozen=True, slots=True)
class Allow:
    """A route's doorkeeper: lets one of ``roles`` pass, or anyone where there are none."""

    roles: tuple[Role, ...] = ()

    def __call__(self, request: Request) -> Session | None:
        if not self.roles:
            return None
        session = session_of(request, self.roles)
        if session is None:
            known = session_of(request)
            raise HTTPException(403 if known else 401)
        return session


ANYONE: Final = Allow()
STAFF: Final = Allow(("staff", "owner"))
OWNER: Final = Allow(("owner",))
AUDIT: Final = Allow(("auditor", "owner"))
