"""What people know: the staff's PIN and the owner's passphrase.

Rules:
- Neither has a default. Both are kept as argon2id hashes, one is computed at a time, so that memory stays bounded.
- The PIN opens nothing by itself: it wakes a tablet that was paired. It has six digits or more, and no plain pattern.
- The passphrase opens the owner's pages from anywhere the hub answers: fifteen characters or more, of many kinds,
  and not mostly the shop's name.
- After wrong tries one waits (`hub.doors_backoff`), by tablet or address, and in all.

Left out: sessions (`hub.auth`), passkeys (`hub.passkeys`), pages (`hub.doors_in`, `hub.doors_page`).
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from contract.errors import ConfigError, StoreError
from hub.auth import LOCK_AFTER_S
from hub.doors_backoff import Backoff
from hub.doors_db import DoorsDb

Kind = Literal["pin", "passphrase"]
PIN_DIGITS: Final = (6, 12)
#: Source: NIST SP 800-63B-4, 3.1.1.2: a password that stands alone has 15 characters or more.
PHRASE_CHARS: Final = (15, 200)
KINDS_MIN: Final = 8
_KNOWN: Final = ("correct horse battery staple", "attune", "password", "passphrase", "qwertyuiop", "1234567890")
LOCKS: Final = {15 * 60: "15 minutes", 3_600: "an hour", 4 * 3_600: "four hours", 12 * 3_600: "twelve hours"}
#: Source: RFC 9106, section 4, the second recommended option (64 MiB), on one lane.
_HASHER: Final = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1)
_HASHING: Final = threading.Lock()


def fit_pin(text: str) -> str:
    """The PIN as it is kept.

    Raises: ConfigError when it is too short, no number, or one that everybody would try.
    """
    pin = "".join(text.split())
    low, high = PIN_DIGITS
    if not (pin.isascii() and pin.isdecimal() and low <= len(pin) <= high):
        raise ConfigError(f"The PIN must have {low} to {high} digits and nothing else.")
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    doubled = any(pin == pin[:length] * (len(pin) // length) for length in (1, 2, 3) if len(pin) % length == 0)
    if len(steps) == 1 or doubled:
        raise ConfigError("That PIN is one of the first that anybody would try: take another.")
    return pin


def fit_passphrase(text: str, shop_name: str) -> str:
    """The passphrase as it is kept: in one Unicode form, with single spaces.

    Raises: ConfigError when it is too short, too plain, or mostly the shop's name.
    """
    phrase = same_form(text)
    low, high = PHRASE_CHARS
    if not low <= len(phrase) <= high:
        raise ConfigError(f"The passphrase must have {low} to {high} characters: four or five words do.")
    plain = phrase.casefold()
    for known in (*shop_name.casefold().split(), *_KNOWN):
        if len(known) > 3:
            plain = plain.replace(known, "")
    if len(set(plain) - {" "}) < KINDS_MIN or len(set(plain.split())) * 2 < len(plain.split()):
        raise ConfigError("That passphrase is too easy to guess: take four or five words that do not belong together.")
    return phrase


def same_form(text: str) -> str:
    """A passphrase as any keyboard would have written it."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


@dataclass(frozen=True, slots=True)
class Secrets:
    """The PIN, the passphrase, and when tablets lock. Every method may be called from any thread.

    Raises: StoreError from every method when the database cannot be used.
    """

    db: DoorsDb
    clock: Callable[[], float]
    _backoffs: dict[Kind, Backoff] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind in ("pin", "passphrase"):
            self._backoffs[kind] = Backoff(self.db, kind, self.clock)

    def has(self, kind: Kind) -> bool:
        return bool(self.db.run("SELECT 1 FROM secrets WHERE name = ?", kind))

    def set_pin(self, text: str) -> None:
        """Raises: ConfigError when the PIN is not fit."""
        self._set("pin", fit_pin(text))

    def set_passphrase(self, text: str, shop_name: str) -> None:
        """Raises: ConfigError when the passphrase is not fit."""
        self._set("passphrase", fit_passphrase(text, shop_name))

    def forget(self, kind: Kind) -> None:
        self.db.run("DELETE FROM secrets WHERE name = ?", kind)

    @property
    def lock_after_s(self) -> int:
        """After how long untouched a tablet locks, where there is a PIN."""
        rows = self.db.run("SELECT value FROM secrets WHERE name = 'lock_after_s'")
        return int(rows[0][0]) if rows else int(LOCK_AFTER_S)

    def lock_after(self, seconds: int) -> None:
        """Raises: ConfigError for a time that is not on offer."""
        if seconds not in LOCKS:
            raise ConfigError("Tablets lock after one of the times on the page: choose one.")
        self._keep("lock_after_s", str(seconds))

    def judge(self, kind: Kind, text: str, subject: str) -> float | None:
        """None when it is right; else how many seconds to wait before the next try, 0 for none."""
        rows = self.db.run("SELECT value FROM secrets WHERE name = ?", kind)
        wait_s = self._backoffs[kind].begin(subject)
        if wait_s > 0:
            return wait_s
        given = "".join(text.split()) if kind == "pin" else same_form(text)
        if not rows or not _fits(rows[0][0], given):
            return 0.0
        self._backoffs[kind].right(subject)
        return None

    def _set(self, kind: Kind, fit: str) -> None:
        with _HASHING:
            hashed = _HASHER.hash(fit)
        self._keep(kind, hashed)

    def _keep(self, name: str, value: str) -> None:
        self.db.run("INSERT OR REPLACE INTO secrets VALUES (?, ?)", name, value)


def _fits(hashed: str, given: str) -> bool:
    try:
        with _HASHING:
            return _HASHER.verify(hashed, given)
    except InvalidHashError:
        raise StoreError("The doors' database holds a secret that cannot be read: set it anew.") from None
    except VerificationError:
        return False
