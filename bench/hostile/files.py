"""Files that were damaged or swapped: each is refused in one sentence, mended, or does no harm; never a traceback.

What the programs themselves open is opened here as they do, in this process: configs, the affect model, certificates
and keys, the authority, the hub's database with its ledger, a node's outbox with its, and an export.
"""

from __future__ import annotations

import random
import shutil
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from contract import wire
from contract.errors import AttuneError, ConfigError
from contract.export import export, no_notices
from contract.verify import verify
from edge import config as node_config
from edge import manifest
from edge.courier.outbox import Outbox
from hub import config as hub_config
from hub import doctor
from hub.authority import CA, CA_KEY, CRL, Authority, private_pem
from hub.ingest import parse_broker
from hub.store import FILE, Store
from tests.hub.node import Node, message

ROOT: Final = Path(__file__).parents[2]
AFFECT: Final = ROOT / "models" / "affect"
_HUB: Final = """\
shop_name = "The corner shop"
controller = "The owner"
contact = "ask@shop.example"
timezone = "Europe/Berlin"

[nudges]
rest_s = 20.0
per_hour = 6
quiet = [{ from = "12:00", to = "13:00" }]

[keep]
events_days = 100
"""


_PLANTED: Final = (b"[" * 5_000, b"\n", b"\xff\xfe", bytes(3), b'"', b"=")


@dataclass(slots=True)
class Opened:
    """What became of them, by kind of file and outcome; a crash is whatever is raised that is no sentence of ours."""

    files: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Kind:
    """``make`` lays whole files into a folder, of which those named are damaged; ``use`` opens them as programs do."""

    name: str
    damaged: tuple[str, ...]
    make: Callable[[Path], None]
    use: Callable[[Path], None]


def damage(count: int, seed: int, folder: Path, progress: Callable[[int], None] = lambda _: None) -> Opened:
    """So many of each kind, one after the other."""
    found, chance = Opened(), random.Random(seed)
    for kind in KINDS:
        whole, broken = folder / f"{kind.name} whole", folder / f"{kind.name} broken"
        whole.mkdir(parents=True)
        kind.make(whole)
        kind.use(_copied(whole, broken))  # what is whole must do
        for _ in range(count):
            place = _copied(whole, broken) / chance.choice(kind.damaged)
            place.write_bytes(_damaged(chance, place.read_bytes()))
            _open(found, kind, broken)
            found.files += 1
            progress(found.files)
    return found


def _open(found: Opened, kind: _Kind, broken: Path) -> None:
    outcome = "taken"
    try:
        kind.use(broken)
    except AttuneError as error:
        outcome = "refused"
        if not str(error).strip().endswith((".", "?")) or "Traceback" in str(error):
            found.crashes.append(f"{kind.name}: not a sentence: {error}")
    except Exception:
        outcome = "crashed"
        found.crashes.append(f"{kind.name}: {traceback.format_exc(limit=-3)}")
    found.outcomes[kind.name, outcome] += 1


def _copied(whole: Path, broken: Path) -> Path:
    shutil.rmtree(broken, ignore_errors=True)
    shutil.copytree(whole, broken)
    return broken


def _damaged(chance: random.Random, content: bytes) -> bytes:
    at, length = chance.randint(0, len(content)), chance.choice((1, 2, 16, 512, 4096))
    match chance.randrange(8):
        case 0:
            return content[:at]
        case 1:
            return b""
        case 2:
            return content[:at] + bytes(length) + content[at + length :]
        case 3:
            return content[:at] + chance.randbytes(length) + content[at + length :]
        case 4:
            return content[:at] + content[at + length :]
        case 5:
            return chance.randbytes(len(content))
        case 6:
            return content[:at] + chance.choice(_PLANTED) + content[at:]
        case _:
            changed = bytearray(content)
            for _ in range(chance.randint(1, 8)):
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            return bytes(changed)


# --- kinds of file ----------------------------------------------------------------------------------------------------


def _node_toml(folder: Path) -> None:
    shutil.copy(ROOT / "firmware_config" / "node.toml", folder)


def _hub_toml(folder: Path) -> None:
    (folder / hub_config.FILE).write_text(_HUB)


def _affect(folder: Path) -> None:
    for path in AFFECT.iterdir():
        if path.is_file():
            shutil.copy(path, folder)


def _use_affect(folder: Path) -> None:
    (model,) = folder.glob("*.tflite")
    manifest.load(model)


def _certificates(folder: Path) -> None:
    authority = Authority(folder, "shop")
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "door.pem").write_bytes(authority.issue("door", key.public_key()).public_bytes(Encoding.PEM))
    (folder / "door.key").write_bytes(private_pem(key))


def _use_certificates(folder: Path) -> None:
    parse_broker("mqtts://127.0.0.1:8883", folder / CA, folder / "door.pem", folder / "door.key")


def _use_authority(folder: Path) -> None:
    authority = Authority(folder, "shop")
    authority.nodes()
    authority.revoke("door")


def _database(folder: Path) -> None:
    node, store = Node(), Store(folder / FILE)
    for begin in range(1, 200, 20):
        with store.batch():
            for seq in range(begin, begin + 20):
                store.add(message(node.mood(seq)), node.mood(seq), late=False)
            store.sign(1_795_000_000.0 + begin)
    store.wash()
    store.close()


def _use_database(folder: Path) -> None:
    doctor.check(folder)
    store = Store(folder / FILE)
    try:
        with store.batch():
            store.sign(1_795_001_000.0)
    finally:
        store.close()
    export(folder, FILE, folder / "export.zip", no_notices)


def _outbox(folder: Path) -> None:
    outbox, node = Outbox(folder, 1_000, "shop", "aisle"), Node()
    for _ in range(100):
        outbox.append("mood", lambda seq: wire.encode(node.mood(seq)))
    outbox.close()
    for log in folder.glob("*-wal"):
        log.unlink()


def _use_outbox(folder: Path) -> None:
    outbox = Outbox(folder, 1_000, "shop", "aisle")
    try:
        outbox.append("mood", lambda seq: wire.encode(Node().mood(seq)))
    finally:
        outbox.close()


def _export(folder: Path) -> None:
    _database(folder)
    export(folder, FILE, folder / "export.zip", no_notices)


def _use_export(folder: Path) -> None:
    verdict = verify(folder / "export.zip")
    if verdict.status:
        raise ConfigError(verdict.sentence)


KINDS: Final = (
    _Kind("node.toml", ("node.toml",), _node_toml, lambda folder: void(node_config.load(folder / "node.toml"))),
    _Kind("hub.toml", (hub_config.FILE,), _hub_toml, lambda folder: void(hub_config.load(folder))),
    _Kind("affect model", ("affect.tflite", "manifest.json"), _affect, _use_affect),
    _Kind("certificates", (CA, "door.pem", "door.key"), _certificates, _use_certificates),
    _Kind("authority", (CA, CA_KEY, CRL), _certificates, _use_authority),
    _Kind("hub's database", (FILE,), _database, _use_database),
    _Kind("node's outbox", ("outbox.db",), _outbox, _use_outbox),
    _Kind("export", ("export.zip",), _export, _use_export),
)


def void(_: object) -> None:
    """Opened, and not kept."""
