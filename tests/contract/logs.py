"""Ledgers on disk, their exports, and what an attacker may do to them."""

from __future__ import annotations

import io
import random
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from contract import frame
from contract.checkpoint import KEY_FILE, Signer, hub_origin, node_origin
from contract.export import export
from contract.ledger import Ledger, create_tables
from contract.plain import WITNESS_KIND

DATABASE = "log.db"
TOPIC = "attune/1/shop/front/mood"
PAYLOADS = (b'{"v":1,"zone":0}', '{"v":1,"name":"Käse \u2028"}'.encode(), b"\xff\x00 no text", b"")
SAID = (
    ("birth", b'{"boot":"a-1","t_wall":1,"model":"ab","gate":{"k":5},"config":1}'),
    ("birth", b'{"boot":"a-2","t_wall":9,"model":"ab","gate":{"k":5},"config":1}'),
    ("config", b'{"version":2}'),
    ("birth", b'{"boot":"a-2","t_wall":19,"model":"cd","gate":{"k":5},"config":2}'),
    ("hour", b'{"node":"front","zone":1,"hour_start":3600,"epsilon":0.5,"suppressed":true,"seq":7}'),
    ("hour", b"no json"),
    ("self-test", b'{"node":"front","result":"passed","windows":10000,"hits":0,"note":"signed"}'),
)


@dataclass
class Log:
    """A node's ledger in a folder. Its clock goes on a second an entry."""

    folder: Path
    now_s: float = 1_795_000_000.0
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.db = sqlite3.connect(self.folder / DATABASE, isolation_level=None)
        self.signer = Signer.open(self.folder / KEY_FILE, node_origin("shop", "front"))
        self.ledger = Ledger(self.db)
        with self.writing():
            create_tables(self.db)
            self.ledger.begin(self.signer, self.now_s)

    @contextmanager
    def writing(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def write(self, count: int, kind: str = "mood") -> None:
        with self.writing():
            for _ in range(count):
                self.now_s += 1
                self.ledger.append(kind, PAYLOADS[len(self.ledger) % len(PAYLOADS)], self.now_s, TOPIC)

    def tell_all(self) -> None:
        """One entry or two of each kind that is taken out for the auditor."""
        with self.writing():
            for kind, said in SAID:
                self.now_s += 1
                self.ledger.append(kind, said, self.now_s, f"attune/1/shop/front/{kind}")

    def sign(self) -> str:
        with self.writing():
            self.notes.append(self.ledger.checkpoint(self.signer, self.now_s))
        return self.notes[-1]

    def export(self, name: str = "out.zip") -> Path:
        export(self.folder, DATABASE, self.folder / name)
        return self.folder / name


def a_day(folder: Path, entries: int = 60) -> Log:
    """A ledger with several checkpoints, some entries forgotten, and one or two not yet signed."""
    log = Log(folder)
    for _ in range(4):
        log.write(entries // 4)
        log.sign()
    with log.writing():
        log.ledger.forget(["mood"], log.now_s - entries / 2, log.now_s)
    log.tell_all()
    log.write(2, "status")
    return log


def cosigned(log: Log, folder: Path, *, known: bool = True) -> Signer:
    """The hub's cosignature under the newest checkpoint, by a key that the ledger has written down or not."""
    hub = Signer.open(folder / "hub.key", hub_origin("shop"))
    with log.writing():
        if known:
            log.ledger.append(WITNESS_KIND, hub.cosigner.encode(), log.now_s)
        note = hub.cosign(log.ledger.checkpoint(log.signer, log.now_s), int(log.now_s))
        log.db.execute("UPDATE ledger_checkpoints SET note = ? WHERE size = ?", (note, len(log.ledger)))
    return hub


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rezipped(files: dict[str, bytes]) -> bytes:
    """The zip that an attacker makes of other contents, as neat as an export's own."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in files.items():
            archive.writestr(frame.new_member(name), body)
    return out.getvalue()


def mutated(body: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, added, taken away, doubled or swapped, or the end cut off."""
    out = bytearray(body)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(out)) if out else 0
        match chance.randrange(6):
            case 0 if out:
                out[at] ^= 1 << chance.randrange(8)
            case 1:
                out[at:at] = chance.randbytes(chance.randint(1, 8))
            case 2:
                del out[at : at + chance.randint(1, 64)]
            case 3:
                out[at:at] = out[at : at + chance.randint(1, 400)]
            case 4:
                del out[at:]
            case _:
                lines = bytes(out).split(b"\n")
                first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
                lines[first], lines[second] = lines[second], lines[first]
                out = bytearray(b"\n".join(lines))
    return bytes(out)


def attacked(path: Path, chance: random.Random) -> bytes:
    """The export's zip after one random attack: on its bytes, or on a file within, zipped anew without a trace."""
    whole = path.read_bytes()
    while True:
        if chance.random() < 0.4:
            out = mutated(whole, chance)
        else:
            files = members(path)
            name = chance.choice([frame.ENTRIES] * 4 + list(files))
            files[name] = mutated(files[name], chance)
            out = rezipped(files)
        if out != whole:
            return out
