"""The ledger: what left, byte for byte, in the order in which it left, under one hash that can be signed.

Rules:
- An RFC 6962 Merkle tree over salted leaves. Forgetting an entry erases its salt and content and keeps its hash, so
  that the tree still adds up and nobody can guess what stood there; an entry of its own says what was forgotten.
- Entries are written inside the caller's transaction: what is sent and what is logged stand together or not at all.
  Nothing is remembered outside the database, so that a rollback needs no undoing here.
- Of the tree every subtree of `SPAN` leaves and more is kept; what is smaller is hashed anew from the leaves' hashes,
  which stay. That is a row for every sixteen entries instead of one for each, and no disk is worn by the rest.
- Entries of a kind are found by blocks of positions, with the earliest time of the kind in each, not by an index of
  every entry.
- The first entry is the public key, and no other key ever signs. It and the notes of forgetting are never forgotten.

Left out: when to write, sign or forget (courier and hub), signatures (`contract.checkpoint`), and checking
(`contract.verify`).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from contract import merkle
from contract.checkpoint import Signer
from contract.errors import LedgerError
from contract.plain import FORGOTTEN_KIND, KEY_KIND, entry_bytes, leaf_hash, node_hash

SALT_BYTES: Final = 16
FORGET_MAX: Final = 1_000
BLOCK_BITS: Final = 8
LOWEST: Final = 4  # level of the smallest subtrees that are kept
SPAN: Final = 1 << LOWEST
_NEVER: Final = {KEY_KIND, FORGOTTEN_KIND}
_WHOLE: Final = (str, int, str, bytes, bytes)
_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS ledger_entries (
      position INTEGER PRIMARY KEY, hash BLOB NOT NULL, kind TEXT, at_ms INTEGER, topic TEXT, salt BLOB,
      payload BLOB) STRICT""",
    """CREATE TABLE IF NOT EXISTS ledger_blocks (
      kind TEXT NOT NULL, block INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (kind, block)) STRICT,
      WITHOUT ROWID""",
    f"""CREATE TRIGGER IF NOT EXISTS ledger_entries_in_blocks AFTER INSERT ON ledger_entries
      WHEN NEW.kind IS NOT NULL BEGIN
      INSERT INTO ledger_blocks VALUES (NEW.kind, NEW.position >> {BLOCK_BITS}, NEW.at_ms)
        ON CONFLICT (kind, block) DO UPDATE SET at_ms = excluded.at_ms WHERE excluded.at_ms < at_ms;
    END""",
    """CREATE TABLE IF NOT EXISTS ledger_subtrees (
      level INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL,
      PRIMARY KEY (level, number)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS ledger_checkpoints (
      size INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, note TEXT NOT NULL) STRICT""",
)


#: To select entries from, with ``blocks.kind`` given: ``entries`` are then of that kind.
OF_KIND: Final = (
    f"ledger_blocks AS blocks CROSS JOIN ledger_entries AS entries ON entries.position >= block << {BLOCK_BITS}"
    f" AND entries.position < (block + 1) << {BLOCK_BITS} AND entries.kind = blocks.kind"
)
Line = tuple[str, bytes, float, str]  # kind, payload, seconds since the epoch, topic


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Units: ``at_ms`` since the epoch."""

    position: int
    hash: bytes
    kind: str
    at_ms: int
    topic: str
    salt: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint. Units: ``at_ms`` since the epoch."""

    size: int
    at_ms: int
    note: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """An entry of which only the hash is left."""

    position: int
    hash: bytes


def create_tables(db: sqlite3.Connection) -> None:
    """Make the ledger's tables where they are missing, inside the caller's transaction."""
    for statement in _TABLES:
        db.execute(statement)
    db.execute("DELETE FROM ledger_subtrees WHERE level < ?", (LOWEST,))  # as they were kept once
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'ledger_entries_by_time'").fetchone():
        db.execute(
            f"INSERT OR IGNORE INTO ledger_blocks SELECT kind, position >> {BLOCK_BITS}, min(at_ms)"
            " FROM ledger_entries WHERE kind IS NOT NULL GROUP BY 1, 2"
        )
        db.execute("DROP INDEX ledger_entries_by_time")


class Ledger:
    """A ledger in the caller's database, whose tables `create_tables` has made. Not for two threads."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten, not only unlinked

    def __len__(self) -> int:
        row = self._db.execute("SELECT max(position) FROM ledger_entries").fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    def append(self, kind: str, payload: bytes, now_s: float, topic: str = "") -> int:
        """Write one entry; its position. Units: ``now_s`` since the epoch, kept to the millisecond."""
        return self.extend(((kind, payload, now_s, topic),))

    def extend(self, entries: Iterable[Line]) -> int:
        """Write entries in this order, which costs less than one by one; the position of the first."""
        first = len(self)
        rows: list[tuple[object, ...]] = []
        leaves = self._leaves(first - first % SPAN, first)
        for position, (kind, payload, now_s, topic) in enumerate(entries, first):
            at_ms, salt = int(now_s * 1000), secrets.token_bytes(SALT_BYTES)
            leaves.append(leaf_hash(salt + entry_bytes(kind, at_ms, topic, payload)))
            rows.append((position, leaves[-1], kind, at_ms, topic, salt, payload))
        self._db.executemany("INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.executemany("INSERT INTO ledger_subtrees VALUES (?, ?, ?)", self._grown(first // SPAN, leaves))
        return first

    def _grown(self, block: int, leaves: list[bytes]) -> list[tuple[int, int, bytes]]:
        """The subtrees that are whole with these leaves, which begin at the block's first."""
        nodes: dict[tuple[int, int], bytes] = {}
        for start in range(0, len(leaves) - SPAN + 1, SPAN):
            level, number = LOWEST, block + start // SPAN
            node = nodes[level, number] = _fold(leaves[start : start + SPAN])
            while number & 1:
                node = node_hash(nodes.get((level, number - 1)) or self._read(level, number - 1), node)
                level, number = level + 1, number >> 1
                nodes[level, number] = node
        return [(*place, node) for place, node in nodes.items()]

    def root(self, size: int | None = None) -> bytes:
        """The root now, or when the ledger had ``size`` entries."""
        return merkle.root(self._read, len(self) if size is None else size)

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """Proof that an entry stands under the checkpoint of ``size``."""
        return merkle.inclusion_proof(self._read, position, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Proof that the ledger of ``old`` entries is the beginning of the one of ``new``."""
        return merkle.consistency_proof(self._read, old, new)

    def begin(self, signer: Signer, now_s: float) -> None:
        """Make the signer's key the first entry, unless it is already.

        Raises: LedgerError when the ledger was begun under another key.
        """
        if not len(self):
            self.append(KEY_KIND, signer.verifier.encode(), now_s)
        elif self.key() != signer.verifier:
            raise LedgerError(
                f"The ledger was begun under another key than that of {signer.name}: restore that key, or move key and"
                " ledger aside to begin anew."
            )

    def key(self) -> str:
        """The public key that signs this ledger. Raises: LedgerError when it was never begun."""
        row = self._db.execute(
            "SELECT payload FROM ledger_entries WHERE position = 0 AND kind = ?", (KEY_KIND,)
        ).fetchone()
        if row is None:
            raise LedgerError("The ledger does not begin with a key: nothing in it was ever signed.")
        return bytes(row[0]).decode()

    def checkpoint(self, signer: Signer, now_s: float) -> str:
        """Sign the ledger as it is now, and keep the signed note."""
        size = len(self)
        note = signer.checkpoint(size, self.root(size))
        self._db.execute(
            "INSERT INTO ledger_checkpoints VALUES (?, ?, ?) ON CONFLICT (size) DO NOTHING",
            (size, int(now_s * 1000), note),
        )
        return note

    def newest_checkpoint(self) -> Signed | None:
        """The last signed note."""
        row = self._db.execute("SELECT size, at_ms, note FROM ledger_checkpoints ORDER BY size DESC LIMIT 1").fetchone()
        return Signed(*row) if row else None

    def checkpoints(self) -> list[str]:
        """The signed notes, oldest first."""
        return [str(row[0]) for row in self._db.execute("SELECT note FROM ledger_checkpoints ORDER BY size")]

    def forget(self, kinds: Iterable[str], before_s: float, now_s: float) -> int:
        """Erase up to `FORGET_MAX` of the oldest entries of those kinds from before a time; how many went.

        An entry says which, so that a check can tell forgetting from tampering. Ask again while something went.
        """
        before_ms = int(before_s * 1000)
        gone: list[int] = []
        places: set[tuple[str, int]] = set()
        for kind in set(kinds) - _NEVER:
            rows = self._db.execute(
                f"SELECT position FROM {OF_KIND} WHERE blocks.kind = ? AND blocks.at_ms < ? AND entries.at_ms < ?"
                " ORDER BY block, position LIMIT ?",
                (kind, before_ms, before_ms, FORGET_MAX - len(gone)),
            )
            found = [row[0] for row in rows]
            gone += found
            places |= {(kind, position >> BLOCK_BITS) for position in found}
        if gone:
            self._db.executemany(
                "UPDATE ledger_entries SET kind = NULL, at_ms = NULL, topic = NULL, salt = NULL, payload = NULL"
                " WHERE position = ?",
                [(position,) for position in gone],
            )
            self._shrink(places)
            self.append(FORGOTTEN_KIND, json.dumps(list(_runs(sorted(gone))), separators=(",", ":")).encode(), now_s)
        return len(gone)

    def _shrink(self, places: Iterable[tuple[str, int]]) -> None:
        """Say of blocks what is left in them of a kind."""
        for kind, block in places:
            self._db.execute("DELETE FROM ledger_blocks WHERE kind = ? AND block = ?", (kind, block))
            self._db.execute(
                "INSERT INTO ledger_blocks SELECT kind, ?1, min(at_ms) FROM ledger_entries WHERE kind = ?2"
                f" AND position >= ?1 << {BLOCK_BITS} AND position < (?1 + 1) << {BLOCK_BITS} GROUP BY kind",
                (block, kind),
            )

    def entries(self) -> Iterator[Entry | Forgotten]:
        """Every entry in order."""
        rows = self._db.execute(
            "SELECT position, hash, kind, at_ms, topic, salt, payload FROM ledger_entries ORDER BY position"
        )
        for row in rows:
            if not isinstance(row[1], bytes) or (row[2] is not None and tuple(map(type, row[2:])) != _WHOLE):
                raise LedgerError(f"The ledger is damaged at entry {row[0]}: restore a copy.")
            yield Forgotten(row[0], row[1]) if row[2] is None else Entry(*row)

    def _read(self, level: int, number: int) -> bytes:
        if level < LOWEST:
            return _fold(self._leaves(number << level, (number + 1) << level))
        sql = "SELECT hash FROM ledger_subtrees WHERE level = ? AND number = ?"
        row = self._db.execute(sql, (level, number)).fetchone()
        if row is None:
            raise LedgerError(f"The ledger has lost a hash (level {level}, number {number}): restore a copy.")
        return bytes(row[0])

    def _leaves(self, since: int, until: int) -> list[bytes]:
        sql = "SELECT hash FROM ledger_entries WHERE position >= ? AND position < ? ORDER BY position"
        found = [bytes(row[0]) for row in self._db.execute(sql, (since, until))]
        if len(found) != until - since:
            raise LedgerError(f"The ledger has lost a hash among the entries {since} to {until - 1}: restore a copy.")
        return found


def _fold(hashes: list[bytes]) -> bytes:
    """The root over a power of two of leaves."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def _runs(positions: Iterable[int]) -> Iterator[list[int]]:
    """First and last of each unbroken run."""
    run: list[int] = []
    for position in positions:
        if run and position == run[1] + 1:
            run[1] = position
        else:
            if run:
                yield run
            run = [position, position]
    if run:
        yield run
