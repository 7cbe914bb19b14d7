"""The doors: who may come in, by which key, and which pages open to whom.

Rules:
- No door has a password by default: one comes in by a link that this hub minted, which works once and for 15 minutes
  (a demo's links work until the hub stops); the owner also by the passphrase or passkey that he set.
- Keys and session tokens are 256 random bits; only their SHA-256 is stored. Coming in makes a new token and ends the
  browser's old session of that role; waking a locked tablet changes its token too.
- A session ends when it lies idle, at a fixed age whatever is done with it, and at the owner's word.
- A staff session is a device's, not a person's: it locks when nobody touches it, where the owner set a PIN.
- Every route names its roles with `Allow`; `hub.app` refuses to start with one that does not.
- One browser may hold one session a role, so that an owner's page and a tablet's page can stand side by side.

Left out: what a request must look like at all (`hub.guard`), what people know (`hub.doors_secrets`) and hold
(`hub.passkeys`).
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from fastapi import HTTPException, Request, Response

from contract.errors import ConfigError
from hub.doors_db import DoorsDb
from hub.views import Changes

Role = Literal["staff", "owner", "auditor"]
Way = Literal["link", "passphrase", "passkey"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
HOME: Final[dict[Role, str]] = {"staff": "/staff", "owner": "/owner", "auditor": "/audit"}
LINK_TTL_S: Final = 15 * 60.0
IDLE_S: Final[dict[Role, float]] = {"staff": 30 * 86_400.0, "owner": 2 * 86_400.0, "auditor": 2 * 3_600.0}
AGE_S: Final[dict[Role, float]] = {"staff": 365 * 86_400.0, "owner": 30 * 86_400.0, "auditor": 12 * 3_600.0}
FRESH_S: Final = 15 * 60.0
SEEN_EVERY_S: Final = 600.0
AWAKE_EVERY_S: Final = 30.0
LOCK_AFTER_S: Final = 4 * 3_600.0
DEVICE_CHARS_MAX: Final = 40
_LOCKED_BY_HAND: Final = 0.0
_WHO: Final = """
SELECT who, role, device, way, born_s, seen_s, awake_s, EXISTS (SELECT 1 FROM secrets WHERE name = 'pin'),
  COALESCE((SELECT CAST(value AS REAL) FROM secrets WHERE name = 'lock_after_s'), ?)
FROM sessions
"""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody, or a tablet, that came in. ``who`` is a random name of this session and says nothing about a person;
    ``device`` is what the owner called the tablet; ``lockable``
    where there is a PIN to open it with.
    """

    who: str
    role: Role
    device: str = ""
    way: Way = "link"
    born_s: float = 0.0
    seen_s: float = 0.0
    lockable: bool = False
    locked: bool = False


def entry_path(key: str) -> str:
    """The path of the link that a key opens."""
    return f"/enter?key={key}"


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class Doors:
    """Keys and sessions, as rows. Every method may be called from any thread. ``ended`` rings when somebody locks a
    tablet or ends a session.

    Raises: StoreError from every method when the database cannot be used.
    """

    db: DoorsDb
    clock: Callable[[], float]
    ended: Changes = field(default_factory=Changes)

    @classmethod
    def open(cls, path: Path, clock: Callable[[], float] = time.time) -> Doors:
        """Open or make the doors' database; only its owner may read the file."""
        return cls(DoorsDb.open(path), clock)

    def close(self) -> None:
        self.db.close()

    def mint(self, role: Role, *, ttl_s: float | None = LINK_TTL_S, uses: int | None = 1, device: str = "") -> str:
        """A new key for ``role``. ``None`` for both means: as often as wanted until the hub stops.

        Raises: ConfigError when the device's name is too long.
        """
        device = " ".join(device.split())
        if len(device) > DEVICE_CHARS_MAX:
            raise ConfigError(f"A device's name has at most {DEVICE_CHARS_MAX} characters.")
        key = secrets.token_urlsafe(32)
        expires_s = None if ttl_s is None else self.clock() + ttl_s
        self.db.run("INSERT INTO keys VALUES (?, ?, ?, ?, ?)", _hash(key), role, expires_s, uses, device)
        return key

    def forget_unlimited(self) -> None:
        """End the keys that were good until the hub stops. To be called when it starts."""
        self.db.run("DELETE FROM keys WHERE expires_s IS NULL")

    def enter(self, key: str) -> tuple[str, Session] | None:
        """Use a key: a session's token and what it is, or None when the key is unknown, used up or too old."""
        with self.db.at_once():
            rows = self.db.run(
                "UPDATE keys SET uses_left = uses_left - 1 WHERE hash = ? AND (expires_s IS NULL OR expires_s > ?)"
                " AND (uses_left IS NULL OR uses_left > 0) RETURNING role, device",
                _hash(key),
                self.clock(),
            )
            return self._begun(rows[0][0], rows[0][1], "link") if rows else None

    def begin(self, role: Role, way: Way) -> tuple[str, Session]:
        """A session for somebody who has shown by ``way`` who he is."""
        with self.db.at_once():
            return self._begun(role, "", way)

    def who(self, token: str) -> Session | None:
        """The session of a token, unless it has ended, aged, or lain idle for too long."""
        now_s, hashed = self.clock(), _hash(token)
        rows = self.db.run(f"{_WHO} WHERE hash = ?", LOCK_AFTER_S, hashed)
        session = _session(rows[0], now_s) if rows else None
        if session and now_s - session.seen_s > SEEN_EVERY_S:
            self.db.run("UPDATE sessions SET seen_s = ? WHERE hash = ?", now_s, hashed)
        return session

    def all(self) -> tuple[Session, ...]:
        """Everybody who is in, the newest first."""
        now_s = self.clock()
        rows = self.db.run(f"{_WHO} ORDER BY born_s DESC, who", LOCK_AFTER_S)
        return tuple(session for row in rows if (session := _session(row, now_s)))

    def touched(self, token: str) -> None:
        """Somebody did something with this tablet: it stays awake."""
        now_s = self.clock()
        self.db.run(
            "UPDATE sessions SET awake_s = ? WHERE hash = ? AND awake_s < ?",
            now_s,
            _hash(token),
            now_s - AWAKE_EVERY_S,
        )

    def lock(self, token: str) -> None:
        """Lock a tablet now."""
        self.db.run("UPDATE sessions SET awake_s = ? WHERE hash = ?", _LOCKED_BY_HAND, _hash(token))
        self.ended.touch()

    def wake(self, token: str) -> str:
        """Unlock a tablet; its session goes on under the token that is returned."""
        fresh = secrets.token_urlsafe(32)
        self.db.run(
            "UPDATE sessions SET hash = ?, awake_s = ? WHERE hash = ?", _hash(fresh), self.clock(), _hash(token)
        )
        return fresh

    def leave(self, token: str) -> None:
        """End a session."""
        self.db.run("DELETE FROM sessions WHERE hash = ?", _hash(token))
        self.ended.touch()

    def end(self, who: str) -> bool:
        """End a session by its name; False where there is none."""
        gone = self.db.run("DELETE FROM sessions WHERE who = ? RETURNING who", who)
        self.ended.touch()
        return bool(gone)

    def end_other_owners(self, who: str) -> None:
        """End every owner's session but this one, and every owner's link that was not used yet."""
        with self.db.at_once():
            self.db.run("DELETE FROM sessions WHERE role = 'owner' AND who <> ?", who)
            self.db.run("DELETE FROM keys WHERE role = 'owner'")

    def end_all(self, roles: tuple[Role, ...] = ROLES) -> None:
        """End every session of these roles, and every link that was not used yet."""
        with self.db.at_once():
            for role in roles:
                self.db.run("DELETE FROM sessions WHERE role = ?", role)
                self.db.run("DELETE FROM keys WHERE role = ?", role)
        self.ended.touch()

    def _begun(self, role: Role, device: str, way: Way) -> tuple[str, Session]:
        now_s, token = self.clock(), secrets.token_urlsafe(32)
        session = Session(secrets.token_hex(4), role, device, way, now_s, now_s)
        self.db.run(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(_hash(token), session.who, role, device, way, now_s, now_s, now_s),
        )
        self.db.run("DELETE FROM keys WHERE expires_s <= ? OR uses_left <= 0", now_s)
        for one in ROLES:
            self.db.run(
                "DELETE FROM sessions WHERE role = ? AND (seen_s < ? OR born_s < ?)",
                *(one, now_s - IDLE_S[one], now_s - AGE_S[one]),
            )
        return token, session


def _session(row: tuple[Any, ...], now_s: float) -> Session | None:
    who, role, device, way, born_s, seen_s, awake_s, has_pin, lock_after_s = row
    if now_s - seen_s > IDLE_S[role] or now_s - born_s > AGE_S[role]:
        return None
    lockable = role == "staff" and bool(has_pin)
    awake = -60.0 <= now_s - awake_s <= lock_after_s  # a clock that was set back keeps no tablet awake
    return Session(who, role, device, way, born_s, seen_s, lockable, lockable and not awake)


def cookie_of(role: Role, request: Request) -> str:
    """The name under which a browser keeps its session of this role."""
    return f"__Host-attune-{role}" if request.url.scheme == "https" else f"attune-{role}"


def seat(response: Response, request: Request, token: str, role: Role) -> None:
    """Give the browser its session, and end the one it had. Secure and ``__Host-`` over https; plain http is for
    loopback only.
    """
    name = cookie_of(role, request)
    if before := request.cookies.get(name):
        doors: Doors = request.app.state.doors
        doors.leave(before)
    response.set_cookie(
        name,
        token,
        max_age=int(AGE_S[role]),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def unseat(response: Response, request: Request, doors: Doors) -> None:
    """End every session that this browser holds."""
    for role in ROLES:
        if token := request.cookies.get(cookie_of(role, request)):
            doors.leave(token)
            response.delete_cookie(cookie_of(role, request), secure=request.url.scheme == "https", httponly=True)


def _sessions(request: Request, roles: tuple[Role, ...]) -> Iterator[tuple[str, Session]]:
    doors: Doors = request.app.state.doors
    for role in roles:
        token = request.cookies.get(cookie_of(role, request))
        session = doors.who(token) if token else None
        if token and session and session.role == role:
            yield token, session


def session_of(request: Request, roles: tuple[Role, ...] = ROLES) -> Session | None:
    """The first session of one of these roles that the request carries and that is not locked."""
    return next((session for _, session in _sessions(request, roles) if not session.locked), None)


@dataclass(frozen=True, slots=True)
class Allow:
    """A route's doorkeeper: lets one of ``roles`` pass, or anyone where there are none. A locked tablet passes only
    where ``even_locked`` says so.
    """

    roles: tuple[Role, ...] = ()
    even_locked: bool = False

    def __call__(self, request: Request) -> Session | None:
        if not self.roles:
            return None
        locked = False
        for token, session in _sessions(request, self.roles):
            if session.locked and not self.even_locked:
                locked = True
                continue
            if request.method == "POST" and not session.locked:
                request.app.state.doors.touched(token)
            return session
        known = locked or any(True for _ in _sessions(request, ROLES))
        raise HTTPException(423 if locked else 403 if known else 401)


ANYONE: Final = Allow()
STAFF: Final = Allow(("staff", "owner"))
TABLET: Final = Allow(("staff",), even_locked=True)
OWNER: Final = Allow(("owner",))
AUDIT: Final = Allow(("auditor", "owner"))
