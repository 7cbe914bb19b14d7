"""Who signs a ledger, and what a signature looks like: C2SP checkpoints in signed notes, and cosignatures.

Rules:
- A key never leaves its file, which only its user may read; it says its own name, so that it signs for no other.
- A cosignature says when another party saw a checkpoint; that party holds it against the last it saw first.

Left out: the tree (`contract.merkle`) and how notes are read (`contract.plain`).

Source: https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note, https://c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import base64
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.errors import LedgerError
from contract.plain import COSIGNATURE, ED25519, cosigned_text, key_id, parse_note

KEY_FILE: Final = "ledger.key"


def node_origin(store: str, node: str) -> str:
    """The name under which a node signs its ledger."""
    return f"attune-node/{store}/{node}"


def hub_origin(store: str) -> str:
    """The name under which a hub signs its ledger."""
    return f"attune-hub/{store}"


@dataclass(frozen=True, slots=True)
class Signer:
    """A name and the key that signs under it."""

    name: str
    key: Ed25519PrivateKey

    @classmethod
    def open(cls, path: Path, name: str) -> Self:
        """The key of that file, made when it is missing.

        Raises: LedgerError when the file is no key, is another's, or cannot be made.
        """
        if not path.exists():
            cls(name, Ed25519PrivateKey.generate())._keep(path)
        found = cls.load(path)
        if found.name != name:
            raise LedgerError(f"The key {path} signs for {found.name}, not {name}: move it aside to begin a new one.")
        return found

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises: LedgerError when the file is missing or no key."""
        try:
            private, word, name, number, encoded = path.read_text(encoding="utf-8").strip().split("+", 4)
            raw = base64.b64decode(encoded, validate=True)
            key = Ed25519PrivateKey.from_private_bytes(raw[1:])
            fits = key_id(name, ED25519, key.public_key().public_bytes_raw()).hex() == number
            if (private, word, raw[:1]) != ("PRIVATE", "KEY", ED25519) or not fits:
                raise ValueError("not a key")
        except OSError as error:
            raise LedgerError(f"The key {path} cannot be read ({error.strerror}): is it in that folder?") from None
        except ValueError:
            raise LedgerError(f"The file {path} is no key of a ledger: restore a copy, or move it aside.") from None
        return cls(name, key)

    def _keep(self, path: Path) -> None:
        number = key_id(self.name, ED25519, self.key.public_key().public_bytes_raw()).hex()
        encoded = base64.b64encode(ED25519 + self.key.private_bytes_raw()).decode()
        new = path.with_name(path.name + ".new")
        try:
            new.unlink(missing_ok=True)
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"PRIVATE+KEY+{self.name}+{number}+{encoded}\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # somebody else was first: that key counts
                os.link(new, path)
            new.unlink()
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)  # the name too, before a ledger is begun under this key
            finally:
                os.close(folder)
        except OSError as error:
            raise LedgerError(f"The key {path} cannot be made ({error.strerror}): make its folder writable.") from None

    @property
    def verifier(self) -> str:
        """The public half, as ``name+id+key``."""
        return self._verifier(ED25519)

    @property
    def cosigner(self) -> str:
        """The public half for cosignatures."""
        return self._verifier(COSIGNATURE)

    def _verifier(self, kind: bytes) -> str:
        public = self.key.public_key().public_bytes_raw()
        encoded = base64.b64encode(kind + public).decode()
        return f"{self.name}+{key_id(self.name, kind, public).hex()}+{encoded}"

    def sign(self, text: str) -> str:
        """A signed note of a text that ends with a newline."""
        return f"{text}\n{self._line(ED25519, self.key.sign(text.encode()))}"

    def checkpoint(self, size: int, root: bytes) -> str:
        """A signed checkpoint of this signer's ledger."""
        return self.sign(f"{self.name}\n{size}\n{base64.b64encode(root).decode()}\n")

    def cosign(self, note: str, at_s: int) -> str:
        """The note with one line more: seen by this signer at ``at_s``, seconds since the epoch."""
        text, _ = parse_note(note)
        signature = self.key.sign(cosigned_text(text, at_s))
        return note + self._line(COSIGNATURE, at_s.to_bytes(8, "big") + signature)

    def _line(self, kind: bytes, signature: bytes) -> str:
        number = key_id(self.name, kind, self.key.public_key().public_bytes_raw())
        return f"— {self.name} {base64.b64encode(number + signature).decode()}\n"
