"""Ledgers that watch each other: every party offers its newest checkpoint, and others cosign what goes on from what
they saw before.

Rules:
- A witness signs only a checkpoint that begins with the last one it saw of that log, shown by an RFC 6962 consistency
  proof, and writes down what it saw before it signs.
- Two signed trees of one size are a fork at once. What does not fit otherwise (fewer entries, another key, a proof that
  shows nothing) may be somebody else's doing or an old message: the log is asked, and it is a fork when that, too, does
  not fit, `DOUBT_S` later. A proof that is only missing is asked for, a day long.
- A fork is written into the witness's own ledger with both notes, said to the log and never cosigned again, until a
  person accepts the ledger as begun anew. With that, the key that its owner cosigns with may be another.
- What a broker kept from before is held against nobody.
- The hub is a witness of every node; of the nodes, the three that a hash of both names chooses, so that nobody decides
  it and no list is kept. A log keeps the cosignatures of those alone.
- The first key that a name shows is the one that it has. A log keeps its witnesses' keys as entries of its ledger, and
  their cosignatures under its checkpoints.

Left out: how it gets from one to another (`edge.courier`, `hub.writer`), and when a checkpoint is signed.

Source: https://c2sp.org/tlog-witness, https://c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from contract.checkpoint import Signer, hub_origin, node_origin
from contract.ledger import OF_KIND, Ledger
from contract.ledger_events import Checkpoint, Cosignature
from contract.plain import (
    FORK_KIND,
    WITNESS_KIND,
    consistent,
    cosigned_at,
    note_is_by,
    parse_checkpoint,
    parse_key,
    parse_note,
)
from contract.wire import HUB

NODES: Final = 3
NAMES_MAX: Final = 1_024
UNPROVEN_MAX: Final = 24
DOUBT_S: Final = 10.0
OFFERS_AT_ONCE: Final = 3
OFFER_EVERY_S: Final = 60.0
SAME_EVERY_S: Final = 15.0
ACCEPTED_KIND: Final = "accepted-ledger"
TABLE: Final = """CREATE TABLE IF NOT EXISTS witnessed (
  log TEXT PRIMARY KEY, key TEXT NOT NULL, note TEXT NOT NULL, at_s REAL NOT NULL, unproven INTEGER NOT NULL DEFAULT 0,
  doubt_s REAL, fork TEXT) STRICT, WITHOUT ROWID"""

Word = Literal["cosigned", "behind", "forked", "nothing"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a witness last saw of a log: ``unproven`` checkpoints since then, and since when one did not fit.

    ``fork`` says why it is one, once it is. Units: ``doubt_s`` since the epoch.
    """

    key: str
    note: str
    unproven: int = 0
    doubt_s: float | None = None
    fork: str | None = None


def judge(seen: Seen | None, origin: str, said: Checkpoint, now_s: float, *, stale: bool) -> tuple[Word, str]:
    """What a witness says to a checkpoint, and why or what it doubts. Pure.

    Raises: ValueError when it is none of that log, which says nothing of the log: anybody may have sent it.
    """
    name, public = parse_key(said.key)
    log, size, root = parse_checkpoint(said.note)
    if not name == log == origin or not note_is_by(said.note, name, public):
        raise ValueError(f"The checkpoint is not signed by {origin}.")
    if seen is None:
        return "cosigned", ""
    if seen.fork is not None:
        return "forked", seen.fork
    _, before, root_before = parse_checkpoint(seen.note)
    doubt = ""
    if said.key != seen.key:
        doubt = f"{origin} signs under another key than before"
    elif size == before and root != root_before:
        return "forked", f"{origin} signed two ledgers of {size} entries"
    elif size == before:
        return ("nothing" if stale else "cosigned"), ""
    elif size < before:
        doubt = f"{origin} signed {before} entries and now only {size}"
    elif said.old != before:
        if stale or seen.unproven + 1 < UNPROVEN_MAX:
            return "behind", ""
        return "forked", f"{origin} does not show that its {size} entries begin with the {before} that it signed before"
    elif not consistent(before, size, root_before, root, [base64.b64decode(node) for node in said.proof]):
        doubt = f"the {size} entries of {origin} do not begin with the {before} that it signed before"
    if not doubt:
        return "cosigned", ""
    sure = not stale and seen.doubt_s is not None and not 0 <= now_s - seen.doubt_s < DOUBT_S
    return ("forked" if sure else "behind"), doubt


def chosen(me: str, log: str, names: Iterable[str]) -> bool:
    """Whether ``me`` is a witness of ``log``, of all the names that are heard."""

    def draw(name: str) -> bytes:
        return hashlib.sha256(f"{log}/{name}".encode()).digest()

    return me == HUB or me in sorted(set(names) - {log}, key=draw)[:NODES]


@dataclass(slots=True)
class Witness:
    """One party of a store, as the log that it is and as a witness of others. Inside the caller's transaction.

    ``me`` is its name in topics, ``boot`` what it gives as its boot.
    """

    db: sqlite3.Connection
    ledger: Ledger
    signer: Signer
    store: str
    me: str
    boot: str
    _names: set[str] = field(default_factory=set)
    _offered_s: dict[int, float] = field(default_factory=dict)

    def takes(
        self, said: Checkpoint | Cosignature, now_s: float, *, stale: bool = False
    ) -> Checkpoint | Cosignature | None:
        """What to answer, once this transaction stands. Raises: ValueError when it cannot be what it says it is."""
        if said.node == self.me:
            return None
        if isinstance(said, Checkpoint):
            return self._watch(said, now_s, stale=stale)
        return self._heed(said, now_s) if said.log == self.me else None

    # --- as a log ---------------------------------------------------------------------------------------------------

    def offer(self, old: int | None = None) -> Checkpoint | None:
        """The newest checkpoint, shown to go on from the one of ``old`` entries, or from the one before."""
        notes = self.db.execute("SELECT size, note FROM ledger_checkpoints ORDER BY size DESC LIMIT 2").fetchall()
        if not notes:
            return None
        (size, note), before = notes[0], notes[1][0] if len(notes) > 1 else 0
        old = before if old is None else old
        text, own = parse_note(note)[0], note.split("\n\n", 1)[1].split("\n", 1)[0]
        proof = self.ledger.consistency(old, size) if 0 < old <= size else []
        return Checkpoint(
            node=self.me,
            boot=self.boot,
            key=self.signer.verifier,
            note=f"{text}\n{own}\n",
            old=old,
            proof=tuple(base64.b64encode(one).decode() for one in proof),
        )

    def _heed(self, said: Cosignature, now_s: float) -> Checkpoint | None:
        newest = self.ledger.newest_checkpoint()
        if said.word == "cosigned":
            self._keep(said, now_s)
            return None
        if said.word == "forked" or newest is None or said.size > newest.size:
            why = f"{said.node} saw entries of this ledger before that those of now do not go on from"
            self._write_once(FORK_KIND, {"log": self.me, "by": said.node, "why": why}, now_s)
        if said.word == "behind" and self._may_offer(said.size, now_s):
            return self.offer(said.size)
        return None

    def _may_offer(self, old: int, now_s: float) -> bool:
        """All hear an offer, so that one for many who ask the same is enough; and no stranger has more made."""
        recent = {size: at_s for size, at_s in self._offered_s.items() if 0 <= now_s - at_s < OFFER_EVERY_S}
        if len(recent) >= OFFERS_AT_ONCE or now_s - recent.get(old, -SAME_EVERY_S) < SAME_EVERY_S:
            return False
        self._offered_s = recent | {old: now_s}
        return True

    def _keep(self, said: Cosignature, now_s: float) -> None:
        """A cosignature under the checkpoint that it signs, and its key as an entry when it is the first."""
        row = self.db.execute("SELECT note FROM ledger_checkpoints WHERE size = ?", (said.size,)).fetchone()
        if row is None:
            raise ValueError(f"{said.node} cosigned {said.size} entries, which were never signed.")
        name, keys = self.origin(said.node), self.witnesses()
        if said.key is None or said.line is None or keys.get(name, said.key) != said.key:
            raise ValueError(f"{said.node} cosigns under another key than before.")
        note = f"{row[0]}{said.line}\n"
        if not said.key.startswith(f"{name}+") or cosigned_at(note, said.key) is None:
            raise ValueError(f"{said.node}'s cosignature of {said.size} entries is none.")
        signers = [who for who, _ in parse_note(row[0])[1]]
        if name in signers or (
            said.node != HUB and sum(who.startswith("attune-node/") for who in signers[1:]) >= NODES
        ):
            return
        if name not in keys:
            self.ledger.append(WITNESS_KIND, said.key.encode(), now_s)
        self.db.execute("UPDATE ledger_checkpoints SET note = ? WHERE size = ?", (note, said.size))

    def witnesses(self) -> dict[str, str]:
        """The keys of those who cosign this ledger, by name; of a name that was accepted anew, the key since then."""
        rows = self.db.execute(
            f"SELECT entries.kind, payload FROM {OF_KIND} WHERE blocks.kind IN (?, ?) ORDER BY position",
            (WITNESS_KIND, ACCEPTED_KIND),
        )
        keys: dict[str, str] = {}
        for kind, payload in rows:
            if kind == WITNESS_KIND:
                key = bytes(payload).decode()
                keys[key.split("+", 1)[0]] = key
            else:
                keys.pop(self.origin(json.loads(payload)["log"]), None)
        return keys

    # --- as a witness -----------------------------------------------------------------------------------------------

    def _watch(self, said: Checkpoint, now_s: float, *, stale: bool) -> Cosignature | None:
        if len(self._names) < NAMES_MAX:
            self._names |= {said.node, self.me} - {HUB}
        seen = self.seen(said.node)
        asked = seen is not None and (seen.unproven > 0 or seen.doubt_s is not None)
        if not asked and not chosen(self.me, said.node, self._names):
            return None
        word, why = judge(seen, self.origin(said.node), said, now_s, stale=stale)
        if word == "cosigned" or seen is None:
            self._see(said, now_s)
            line = self.signer.cosign(said.note, int(now_s)).removeprefix(said.note).removesuffix("\n")
            size = parse_checkpoint(said.note)[1]
            return self._answer(said, "cosigned", size, key=self.signer.cosigner, line=line)
        if word == "nothing":
            return None
        if word == "behind":
            self._doubt(said.node, why, now_s, stale=stale)
        elif seen.fork is None:
            self.db.execute("UPDATE witnessed SET fork = ? WHERE log = ?", (why, said.node))
            evidence = {"log": said.node, "by": self.me, "why": why, "before": seen.note, "now": said.note}
            self._write_once(FORK_KIND, evidence, now_s)
        return self._answer(said, word, parse_checkpoint(seen.note)[1])

    def _doubt(self, log: str, why: str, now_s: float, *, stale: bool) -> None:
        """What was said now counts; what a broker kept makes one ask and no more."""
        if stale:
            self.db.execute("UPDATE witnessed SET unproven = max(unproven, 1) WHERE log = ?", (log,))
        elif why:
            self.db.execute("UPDATE witnessed SET doubt_s = coalesce(doubt_s, ?) WHERE log = ?", (now_s, log))
        else:
            self.db.execute("UPDATE witnessed SET unproven = unproven + 1 WHERE log = ?", (log,))

    def _answer(
        self, said: Checkpoint, word: Word, size: int, key: str | None = None, line: str | None = None
    ) -> Cosignature:
        return Cosignature(
            node=self.me, boot=self.boot, log=said.node, word=word, size=size, key=key, line=line  # type: ignore[arg-type]
        )  # fmt: skip

    def seen(self, log: str) -> Seen | None:
        """What this witness last saw of a log."""
        row = self.db.execute(
            "SELECT key, note, unproven, doubt_s, fork FROM witnessed WHERE log = ?", (log,)
        ).fetchone()
        return Seen(*row) if row else None

    def _see(self, said: Checkpoint, now_s: float) -> None:
        self.db.execute(
            "INSERT INTO witnessed (log, key, note, at_s) VALUES (?, ?, ?, ?) ON CONFLICT (log) DO UPDATE"
            " SET note = excluded.note, at_s = excluded.at_s, unproven = 0, doubt_s = NULL",
            (said.node, said.key, said.note, now_s),
        )

    def accept(self, log: str, now_s: float) -> bool:
        """A person says that a log was begun anew: what was seen of it is written down once more and held against it no
        longer, nor is the key that its owner cosigned with; whether anything was known of it."""
        seen = self.seen(log)
        if seen is None and self.origin(log) not in self.witnesses():
            return False
        self.db.execute("DELETE FROM witnessed WHERE log = ?", (log,))
        said = {"log": log, "why": (seen.fork if seen else None) or "", "before": seen.note if seen else ""}
        self._write(ACCEPTED_KIND, said, now_s)
        return True

    def origin(self, name: str) -> str:
        """The name under which a party of this store signs."""
        return hub_origin(self.store) if name == HUB else node_origin(self.store, name)

    def _write(self, kind: str, said: dict[str, str], now_s: float) -> None:
        self.ledger.append(kind, json.dumps(said, sort_keys=True).encode(), now_s)

    def _write_once(self, kind: str, said: dict[str, str], now_s: float) -> None:
        payload = json.dumps(said, sort_keys=True).encode()
        sql = f"SELECT 1 FROM {OF_KIND} WHERE blocks.kind = ? AND payload = ?"
        if not self.db.execute(sql, (kind, payload)).fetchone():
            self.ledger.append(kind, payload, now_s)
