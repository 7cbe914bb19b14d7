"""What walks showed, and the certificates made of them: read from the events, kept in a table and in the ledger.

Rules:
- A certificate says what the newest walks of a camera's zones showed, passed or failed, and which bytes the paper has;
  the whole of it is an entry of the hub's ledger.
- It names nobody: who walked, signs the paper by hand.
- Walks are of the last day, as long as events of theirs are kept (`hub.retention`). Of certificates the newest of a
  camera stays, however old, and the others go with the events.

Left out: what passes (`hub.coverage`), the paper (`hub.certificate`), the page (`hub.walk_page`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from contract.events import Birth
from contract.walk import Walk
from hub.auth import Role
from hub.coverage import Judged, judge_all, passed
from hub.views import NodeView, Reads

if TYPE_CHECKING:
    from hub.reads import StoreReads
    from hub.store import Store

CERTIFIED_KIND: Final = "commissioning"  # an entry of the ledger
DAY_S: Final = 86_400.0
WALKS_READ: Final = 500
TABLE: Final = (
    "CREATE TABLE certificates (id INTEGER PRIMARY KEY, node TEXT NOT NULL, at_s REAL NOT NULL, passed INTEGER NOT"
    " NULL, sha256 TEXT NOT NULL, pdf BLOB NOT NULL) STRICT"
)
OF_AGE: Final = {
    "certificates": (
        "DELETE FROM certificates WHERE id IN (SELECT id FROM certificates AS one WHERE at_s < ?"
        " AND id < (SELECT max(id) FROM certificates WHERE node = one.node) LIMIT ?)"
    ),
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A certificate in the list of them."""

    id: int
    node: str
    at_s: float
    passed: bool
    sha256: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says. ``when`` is in the shop's own time, in words."""

    shop: str
    node: str
    when: str
    birth: Birth
    zones: tuple[Judged, ...]


class CommissioningDesk(Protocol):
    """What is kept of walks. Every method may be called from any thread."""

    def certify(self, certificate: Certificate, pdf: bytes, by: Role, now_s: float) -> None:
        """Keep the paper, and what it says; the same one twice is one."""

    def certificates(self) -> tuple[Kept, ...]:
        """The newest first."""

    def pdf(self, number: int) -> bytes | None:
        """One paper, or None where there is none."""


def walks(reads: Reads, node: str, now_s: float, within_s: float = DAY_S) -> dict[int, Walk]:
    """The newest that was told of each zone of a node, within so long."""
    found: dict[int, Walk] = {}
    for event in reads.events(before=None, limit=WALKS_READ, node=node, kind="walk", zone=None):
        if event.zone is not None and event.zone not in found and now_s - event.received_s < within_s:
            found[event.zone] = Walk.model_validate_json(event.payload)
    return found


def judged(reads: Reads, node: NodeView, now_s: float) -> tuple[Judged, ...]:
    """Every zone that the node runs, by its newest walk."""
    if node.birth is None:
        return ()
    return judge_all(node.birth.zones, walks(reads, node.name, now_s), node.birth.config)


def statement(certificate: Certificate, sha256: str, by: Role) -> dict[str, Any]:
    """A certificate as it stands in the ledger."""
    zones = [
        {
            "zone": one.zone.model_dump(mode="json"),
            "verdict": one.verdict,
            "advice": list(one.advice),
            "walk": one.walk.model_dump(mode="json", exclude={"kind"}) if one.walk else None,
        }
        for one in certificate.zones
    ]
    return {
        "by": by,
        "node": certificate.node,
        "passed": passed(certificate.zones),
        "model": certificate.birth.model,
        "config": certificate.birth.config,
        "zones": zones,
        "pdf_sha256": sha256,
    }


@dataclass(frozen=True, slots=True)
class CommissioningBook:
    """`CommissioningDesk` over the store; ``write`` has the one writer do something inside a batch."""

    reads: StoreReads
    write: Callable[[Callable[[Store], object], float], None]

    def certify(self, certificate: Certificate, pdf: bytes, by: Role, now_s: float) -> None:
        """Raises: StoreError when it could not be written down."""
        sha256 = hashlib.sha256(pdf).hexdigest()
        line = json.dumps(statement(certificate, sha256, by)).encode()
        row = (certificate.node, now_s, passed(certificate.zones), sha256, pdf)

        def keep(store: Store) -> None:
            newest = "SELECT sha256 FROM certificates WHERE node = ? ORDER BY id DESC LIMIT 1"
            if store.run(newest, certificate.node).fetchone() == (sha256,):
                return
            store.run("INSERT INTO certificates (node, at_s, passed, sha256, pdf) VALUES (?, ?, ?, ?, ?)", *row)
            store.note(CERTIFIED_KIND, line, now_s)

        self.write(keep, now_s)

    def certificates(self) -> tuple[Kept, ...]:
        """Raises: StoreError."""
        rows = self.reads.rows("SELECT id, node, at_s, passed, sha256 FROM certificates ORDER BY id DESC LIMIT 100")
        return tuple(Kept(row[0], row[1], row[2], bool(row[3]), row[4]) for row in rows)

    def pdf(self, number: int) -> bytes | None:
        """Raises: StoreError."""
        rows = self.reads.rows("SELECT pdf FROM certificates WHERE id = ?", number)
        return bytes(rows[0][0]) if rows else None


@dataclass(slots=True)
class FakeCommissioning:
    """`CommissioningDesk` in memory; for tests and for looking at pages."""

    kept: list[tuple[Kept, bytes]] = field(default_factory=list)

    def certify(self, certificate: Certificate, pdf: bytes, by: Role, now_s: float) -> None:
        sha256 = hashlib.sha256(pdf).hexdigest()
        if any(kept.sha256 == sha256 for kept, _ in self.kept):
            return
        one = Kept(len(self.kept) + 1, certificate.node, now_s, passed(certificate.zones), sha256)
        self.kept.insert(0, (one, pdf))

    def certificates(self) -> tuple[Kept, ...]:
        return tuple(one for one, _ in self.kept)

    def pdf(self, number: int) -> bytes | None:
        return next((pdf for one, pdf in self.kept if one.id == number), None)
