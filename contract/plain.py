"""What checking a ledger takes, with the standard library alone: tree hashes, Ed25519 signatures, signed notes.

Rules:
- Nothing here holds a secret, so that the plain signature check need not hide how long it takes.
- ``cryptography`` checks signatures where it is installed; the plain check is for an auditor's machine without it.

Left out: making trees (`contract.merkle`) and signatures (`contract.checkpoint`). This file and `contract.verify` are
the ``verify.py`` of every export, and import nothing of ours but each other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None  # type: ignore[assignment,misc]

ED25519 = b"\x01"
COSIGNATURE = b"\x04"
KEY_KIND = "key"
FORGOTTEN_KIND = "forgotten"
WITNESS_KIND = "witness"
FORK_KIND = "fork"
PLAIN = Ed25519PublicKey is None
_COMPACT = json.JSONEncoder(separators=(",", ":"))


# --- RFC 6962 ---------------------------------------------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    """The hash of one leaf. Source: RFC 6962, 2.1."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees. Source: RFC 6962, 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def entry_bytes(kind: str, at_ms: int, topic: str, payload: bytes) -> bytes:
    """What a leaf holds after its salt: a line of JSON, then the payload as it is."""
    return _COMPACT.encode([kind, at_ms, topic]).encode() + b"\n" + payload


@dataclass
class Frontier:
    """The roots of the perfect subtrees of a growing tree, largest first."""

    size: int = 0
    roots: list[bytes] = field(default_factory=list)

    def push(self, leaf: bytes) -> None:
        carry = self.size
        while carry & 1:
            leaf = node_hash(self.roots.pop(), leaf)
            carry >>= 1
        self.roots.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self.roots:
            return hashlib.sha256().digest()
        root = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            root = node_hash(left, root)
        return root


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    """Whether the tree of ``old`` leaves is a prefix of the one of ``new``. Source: RFC 9162, 2.1.4.2."""
    if not 0 < old <= new or (old == new and proof):
        return False
    if old == new:
        return old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old_seen = new_seen = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            old_seen, new_seen = node_hash(node, old_seen), node_hash(node, new_seen)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            new_seen = node_hash(new_seen, node)
        first, last = first >> 1, last >> 1
    return last == 0 and old_seen == old_root and new_seen == new_root


# --- Ed25519 ----------------------------------------------------------------------------------------------------------

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_Point = tuple[int, int, int, int]


def _add(a: _Point, b: _Point) -> _Point:
    """Source: RFC 8032, 5.1.4."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    g, h = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    i, j, k, m = f - e, h - g, h + g, f + e
    return i * j % _P, k * m % _P, j * k % _P, i * m % _P


def _times(n: int, point: _Point) -> _Point:
    out: _Point = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = _add(out, point)
        point, n = _add(point, point), n >> 1
    return out


def _point(encoded: bytes) -> _Point | None:
    """Source: RFC 8032, 5.1.3."""
    number = int.from_bytes(encoded, "little")
    y, odd = number & (2**255 - 1), number >> 255
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - square) % _P or (x == 0 and odd):
        return None
    x = _P - x if x & 1 != odd else x
    return x, y, 1, x * y % _P


_BASE = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))


def signed_plainly(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature is good, without any library. Source: RFC 8032, 5.1.7."""
    public, s = _point(key), int.from_bytes(signature[32:], "little")
    if public is None or _BASE is None or len(signature) != 64 or s >= _L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % _L
    minus = (_P - public[0], public[1], 1, _P - public[3])
    x, y, z, _ = _add(_times(s, _BASE), _times(h, minus))
    inverse = pow(z, -1, _P)
    encoded = (y * inverse % _P) | (x * inverse % _P & 1) << 255
    return encoded.to_bytes(32, "little") == signature[:32]


def signed(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature is good, by ``cryptography`` where it is installed."""
    if Ed25519PublicKey is None:
        return signed_plainly(key, signature, message)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# --- C2SP signed notes and checkpoints --------------------------------------------------------------------------------


def key_id(name: str, kind: bytes, key: bytes) -> bytes:
    """Source: C2SP signed-note."""
    return hashlib.sha256(name.encode() + b"\n" + kind + key).digest()[:4]


def parse_key(vkey: str) -> tuple[str, bytes]:
    """Name and public key of an Ed25519 verifier key ``name+id+key``. Raises: ValueError."""
    name, number, encoded = vkey.split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    if len(raw) != 33 or raw[:1] != ED25519 or key_id(name, ED25519, raw[1:]).hex() != number:
        raise ValueError("not an Ed25519 verifier key")
    return name, raw[1:]


def parse_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Text, and (name, key id with signature) for each line under it. Raises: ValueError."""
    text, found, below = note.rpartition("\n\n")
    lines = below.splitlines()
    if not found or not lines or not below.endswith("\n") or len(note) > 1 << 20:
        raise ValueError("not a signed note")
    signatures = []
    for line in lines:
        match = re.fullmatch(r"— (\S+) ([A-Za-z0-9+/=]+)", line)
        if not match:
            raise ValueError("not a signed note")
        signatures.append((match[1], base64.b64decode(match[2], validate=True)))
    return text + "\n", signatures


def note_is_by(note: str, name: str, key: bytes) -> bool:
    """Whether a note is signed by this key. Raises: ValueError when it is no note."""
    text, signatures = parse_note(note)
    prefix = key_id(name, ED25519, key)
    ours = [raw[4:] for who, raw in signatures if who == name and raw[:4] == prefix]
    return any(len(raw) == 64 and signed(key, raw, text.encode()) for raw in ours)


def cosigned_text(text: str, at_s: int) -> bytes:
    """What a cosignature signs. Source: C2SP tlog-cosignature."""
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def cosigned_at(note: str, cosigner: str) -> int | None:
    """When that cosigner saw the note, in seconds since the epoch; None where it did not sign.

    Raises: ValueError when the note or the key is none.
    """
    name, number, encoded = cosigner.split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    if len(raw) != 33 or raw[:1] != COSIGNATURE or key_id(name, COSIGNATURE, raw[1:]).hex() != number:
        raise ValueError("not a cosigner's key")
    text, signatures = parse_note(note)
    for who, found in signatures:
        at_s = int.from_bytes(found[4:12], "big")
        ours = who == name and found[:4].hex() == number and len(found) == 76
        if ours and signed(raw[1:], found[12:], cosigned_text(text, at_s)):
            return at_s
    return None


def parse_checkpoint(note: str) -> tuple[str, int, bytes]:
    """Origin, size and root hash of a checkpoint. Raises: ValueError."""
    lines = parse_note(note)[0].split("\n")
    if len(lines) != 4 or not re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1]):
        raise ValueError("not a checkpoint")
    root = base64.b64decode(lines[2], validate=True)
    if len(root) != 32:
        raise ValueError("not a checkpoint")
    return lines[0], int(lines[1]), root


def cosigners(note: str, origin: str) -> list[str]:
    """Who beside its own log has signed a checkpoint."""
    return [name for name, _ in parse_note(note)[1] if name != origin]


def cosigned_by(note: str, keys: list[str]) -> bool:
    """Whether one of these keys did; one that is none did not."""
    for key in keys:
        try:
            if cosigned_at(note, key) is not None:
                return True
        except (ValueError, IndexError):
            continue
    return False
