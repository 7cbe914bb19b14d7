"""The owner's passkeys: a key in a telephone or on a stick, that opens the owner's pages (W3C WebAuthn, level 3).

Rules:
- Only public keys are kept. The device must have asked for a finger, a face or its own code each time.
- A challenge is good once, for five minutes, for what it was made for, and while this hub runs.
- A passkey belongs to the name in the browser's address line; browsers make none for a bare number such as
  127.0.0.1 and none without https, but for ``localhost``.
- No attestation is asked for: which maker's device it is stays unknown.

Left out: the pages (`hub.doors_page`, `hub.doors_in`), and the checks themselves, which are py_webauthn's.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import webauthn
from webauthn.helpers import base64url_to_bytes, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from contract.errors import ConfigError
from hub.doors_db import DoorsDb

CHALLENGE_TTL_S: Final = 300.0
CHALLENGES_MAX: Final = 256
PASSKEYS_MAX: Final = 20
NAME_CHARS_MAX: Final = 40
_OWNER: Final = b"attune-owner"
_NOT_MADE: Final = "The passkey could not be checked: try again, on this page and within five minutes."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a browser says it is: the name in its address line, and the whole origin."""

    host: str
    origin: str

    @property
    def can_hold(self) -> bool:
        """Whether browsers make passkeys here."""
        try:
            ipaddress.ip_address(self.host.strip("[]"))
        except ValueError:
            return self.origin.startswith("https://") or self.host == "localhost"
        return False


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey, without its key. Units: ``made_s`` since the epoch."""

    id: str
    name: str
    host: str
    made_s: float


@dataclass(slots=True)
class Passkeys:
    """The passkeys, as rows. Every method may be called from any thread.

    Raises: StoreError from every method when the database cannot be used.
    """

    db: DoorsDb
    clock: Callable[[], float]
    _asked: OrderedDict[bytes, tuple[str, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def all(self) -> tuple[Passkey, ...]:
        """Every passkey that opens, oldest first."""
        rows = self.db.run("SELECT hex(id), name, host, made_s FROM passkeys ORDER BY made_s, id")
        return tuple(Passkey(*row) for row in rows)

    def remove(self, number: str) -> bool:
        """End a passkey; False where there is none."""
        return bool(self.db.run("DELETE FROM passkeys WHERE hex(id) = ? RETURNING name", number))

    def ask_new(self, place: Place, shop_name: str, who: str) -> Any:
        """What a browser needs to make one, for the session ``who``."""
        options = webauthn.generate_registration_options(
            rp_id=place.host,
            rp_name=f"Attune, {shop_name}",
            user_id=_OWNER,
            user_name="owner",
            user_display_name=f"Owner of {shop_name}",
            challenge=self._challenge(f"new {who}"),
            timeout=int(CHALLENGE_TTL_S * 1000),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=row[0])
                for row in self.db.run("SELECT id FROM passkeys WHERE host = ?", place.host)
            ],
        )
        return json.loads(webauthn.options_to_json(options))

    def add(self, answer: dict[str, Any], name: str, place: Place, who: str) -> None:
        """Keep the passkey that a browser made.

        Raises: ConfigError when it does not hold, has no name, or is one too many.
        """
        name = " ".join(name.split())
        if not 1 <= len(name) <= NAME_CHARS_MAX:
            raise ConfigError(f"A passkey needs a name of at most {NAME_CHARS_MAX} characters, such as its device's.")
        if len(self.all()) >= PASSKEYS_MAX:
            raise ConfigError(f"There are {PASSKEYS_MAX} passkeys already: remove one that is no longer used.")
        challenge = self._answered(answer, f"new {who}")
        try:
            made = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=place.host,
                expected_origin=place.origin,
                require_user_verification=True,
            )
        except Exception:  # whatever a stranger's bytes make the library say
            raise ConfigError(_NOT_MADE) from None
        self.db.run(
            "INSERT OR IGNORE INTO passkeys VALUES (?, ?, ?, ?, ?, ?)",
            *(made.credential_id, made.credential_public_key, made.sign_count, name, place.host, self.clock()),
        )

    def ask(self, place: Place) -> Any:
        """What a browser needs to show one."""
        options = webauthn.generate_authentication_options(
            rp_id=place.host,
            challenge=self._challenge("enter"),
            timeout=int(CHALLENGE_TTL_S * 1000),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return json.loads(webauthn.options_to_json(options))

    def check(self, answer: dict[str, Any], place: Place) -> None:
        """Let a passkey pass.

        Raises: ConfigError when it is unknown or does not hold.
        """
        challenge = self._answered(answer, "enter")
        try:
            number = base64url_to_bytes(answer["id"])
            rows = self.db.run(
                "SELECT public_key, sign_count FROM passkeys WHERE id = ? AND host = ?", number, place.host
            )
            shown = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=place.host,
                expected_origin=place.origin,
                credential_public_key=rows[0][0],
                credential_current_sign_count=rows[0][1],
                require_user_verification=True,
            )
        except Exception:  # as above; a passkey that is not known has no row
            raise ConfigError("That passkey opens nothing here: it was removed, or never added.") from None
        self.db.run("UPDATE passkeys SET sign_count = ? WHERE id = ?", shown.new_sign_count, number)

    def _challenge(self, purpose: str) -> bytes:
        challenge = secrets.token_bytes(32)
        with self._lock:
            self._asked[challenge] = purpose, self.clock()
            if len(self._asked) > CHALLENGES_MAX:
                self._asked.popitem(last=False)
        return challenge

    def _answered(self, answer: dict[str, Any], purpose: str) -> bytes:
        try:
            challenge = parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"])).challenge
        except Exception:  # as above
            raise ConfigError(_NOT_MADE) from None
        with self._lock:
            asked_for, asked_s = self._asked.pop(challenge, ("", 0.0))
        if asked_for != purpose or not 0 <= self.clock() - asked_s <= CHALLENGE_TTL_S:
            raise ConfigError(_NOT_MADE)
        return challenge
