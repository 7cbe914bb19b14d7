"""API keys: made by the owner, shown once, good for what they name and nothing else.

Rules:
- A key is 256 random bits; only its SHA-256 is stored, in the doors' own database.
- A key opens the routes of its scopes and no page; a session opens no route of the API.
- A wrong key is counted by address, and after a few the address waits.

Left out: what the routes answer (`hub.connect.api`, `hub.connect.metrics`).
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from fastapi import HTTPException, Request

from contract.errors import ConfigError, StoreError
from hub.auth import Allow, Session, session_of
from hub.guard import LOOPBACK
from hub.limits import Tries

Scope = Literal["today", "hours", "nudges", "nodes", "metrics", "sales"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
PREFIX: Final = "attune_"
NAME_CHARS_MAX: Final = 40
KEYS_MAX: Final = 50
SEEN_EVERY_S: Final = 600.0
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS api_keys (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL, made_s REAL NOT NULL,
  seen_s REAL
);
"""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, without the key. Units: ``made_s`` and ``seen_s`` since the epoch, the latter to ten minutes."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    made_s: float
    seen_s: float | None


@dataclass(slots=True)
class Keys:
    """The keys, as rows. Every method may be called from any thread.

    Raises: StoreError from every method when the database cannot be used.
    """

    _db: sqlite3.Connection
    _path: Path
    _clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, path: Path, clock: Callable[[], float] = time.time) -> Keys:
        """Open the doors' database; only its owner may read the file."""
        try:
            path.touch(mode=0o600, exist_ok=True)
            db = sqlite3.connect(path, timeout=5, check_same_thread=False, isolation_level=None)
            db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"The doors' database {path} cannot be opened ({error}): check the folder.") from None
        return cls(db, path, clock)

    def close(self) -> None:
        self._db.close()

    def make(self, name: str, scopes: tuple[Scope, ...]) -> str:
        """A new key, which is said this once.

        Raises: ConfigError when it has no name or scope, or when there are too many.
        """
        name, wanted = " ".join(name.split()), tuple(scope for scope in SCOPES if scope in scopes)
        if not name or len(name) > NAME_CHARS_MAX or not wanted:
            raise ConfigError(f"A key needs a name of at most {NAME_CHARS_MAX} characters and something it opens.")
        if len(self.all()) >= KEYS_MAX:
            raise ConfigError(f"There are {KEYS_MAX} keys already: revoke one that is no longer used.")
        key = PREFIX + secrets.token_urlsafe(32)
        row = (secrets.token_hex(4), _hash(key), name, " ".join(wanted), self._clock())
        self._run("INSERT INTO api_keys (id, hash, name, scopes, made_s) VALUES (?, ?, ?, ?, ?)", *row)
        return key

    def all(self) -> tuple[ApiKey, ...]:
        """Every key that is good, oldest first."""
        rows = self._run("SELECT id, name, scopes, made_s, seen_s FROM api_keys ORDER BY made_s, id")
        return tuple(_key(*row) for row in rows)

    def revoke(self, number: str) -> bool:
        """End a key at once; False where there is none."""
        return bool(self._run("DELETE FROM api_keys WHERE id = ? RETURNING id", number))

    def who(self, key: str) -> ApiKey | None:
        """The key that this text is, or None."""
        hashed, now_s = _hash(key), self._clock()
        rows = self._run("SELECT id, name, scopes, made_s, seen_s FROM api_keys WHERE hash = ?", hashed)
        if not rows:
            return None
        known = _key(*rows[0])
        if known.seen_s is None or now_s - known.seen_s > SEEN_EVERY_S:
            self._run("UPDATE api_keys SET seen_s = ? WHERE hash = ?", now_s, hashed)
        return known

    def _run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"The doors' database {self._path} cannot be used ({error}): check the disk.") from None


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _key(number: str, name: str, scopes: str, made_s: float, seen_s: float | None) -> ApiKey:
    known = tuple(scope for scope in SCOPES if scope in scopes.split())
    return ApiKey(number, name, known, made_s, seen_s)


@dataclass(frozen=True, slots=True)
class AllowKey(Allow):
    """A route's doorkeeper for programs: lets a key of ``scope`` pass, or this machine where ``loopback`` says so."""

    scope: Scope | None = None
    loopback: bool = False
    tries: Tries = field(default_factory=Tries, compare=False)

    def __call__(self, request: Request) -> Session | None:
        if self.loopback and _from_here(request):
            return None
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        keys: Keys = request.app.state.keys
        known = keys.who(text.strip()) if kind.lower() == "bearer" and text.strip() else None
        if known is None:
            if text and not self.tries.allow(request.client.host if request.client else ""):
                raise HTTPException(429)
            raise HTTPException(403 if session_of(request) else 401)
        if self.scope is not None and self.scope not in known.scopes:
            raise HTTPException(403)
        return None


def _from_here(request: Request) -> bool:
    """Whether a request is of this machine, and came through no proxy that speaks for another."""
    client, host = request.client.host if request.client else "", request.url.hostname or ""
    return client in LOOPBACK and host in LOOPBACK and not any(name in request.headers for name in _FORWARDED)
