"""The hub's doctor: looks over a data folder and says, line by line, what is well and what to do about what is not.

Rules:
- It changes nothing and may run beside the hub: it reads the database through a connection that cannot write.
- What a hub cannot work with fails; what an owner has yet to say fails too, for then nothing senses or nobody may know.

Left out: mending anything, and what only a node can know (`edge.doctor`).
"""

from __future__ import annotations

import shutil
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from contract.certificates import in_force
from contract.checkpoint import KEY_FILE, Signer
from contract.errors import AttuneError, StoreError
from contract.findings import Finding, looked
from contract.jurisdiction import consent_missing
from hub import config, schema, steady, store
from hub.clocks import synchronised
from hub.config import HubConfig
from hub.reads import StoreReads
from hub.restored import missing_span
from hub.views import UNNAMED

DISK_MIN_MB: Final = 500
SILENT_S: Final = 300.0
WAIT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class _Hub:
    folder: Path
    config: HubConfig
    broker: str | None


def check(folder: Path, broker: str | None = None, now_s: Callable[[], float] = time.time) -> list[Finding]:
    """Everything that can be looked at; settings that cannot be read are all there is."""
    try:
        if not folder.is_dir():
            raise StoreError(f"There is no folder {folder}: give the --data of the hub.")
        hub = _Hub(folder, config.load(folder), broker)
    except AttuneError as error:
        return [Finding("settings", passed=False, says=str(error))]
    found = looked(
        (
            ("papers", lambda: _papers(hub)),
            ("database", lambda: _database(hub)),
            ("ledger", lambda: _ledger(hub)),
            ("disk", lambda: _disk(hub)),
            ("clock", lambda: _clock(hub, now_s())),
            ("broker", lambda: _broker(hub)),
            ("certificates", lambda: _certificates(hub)),
            ("cameras", lambda: _cameras(hub, now_s())),
        )
    )
    return [Finding("settings", passed=True, says=str(folder / config.FILE)), *found]


def _papers(hub: _Hub) -> str:
    said = hub.config
    if law := consent_missing(said.jurisdiction, said.express_consent):
        raise AttuneError(law)
    missing = [
        name
        for name, there in (
            ("shop_name", said.shop_name != UNNAMED),
            ("controller", said.controller),
            ("contact", said.contact),
            ("legal_basis", said.legal_basis),
            ("dpia_reference", said.dpia_reference),
        )
        if not there
    ]
    if missing:
        raise AttuneError(f"hub.toml does not say {', '.join(missing)}: notice and DPIA need it.")
    return f"{said.shop_name}, {said.jurisdiction}, DPIA {said.dpia_reference}"


def _database(hub: _Hub) -> str:
    path = hub.folder / store.FILE
    if not path.exists():
        raise StoreError("There is no database yet: start the hub once (attune-hub serve).")
    with closing(schema.open_for_reading(path)) as db:
        try:
            said = db.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.Error as error:
            raise StoreError(schema.said(path, error)) from None
    if said != "ok":
        raise StoreError(
            f"The database {path} is damaged ({said}): start the hub again, and it takes its last whole copy."
        )
    return f"{path}, {path.stat().st_size / 2**20:.1f} MB, every page fits"


def _ledger(hub: _Hub) -> str:
    signer = Signer.load(hub.folder / KEY_FILE)
    with closing(_reads(hub)) as reads:
        ledgers = reads.ledgers()
        span = missing_span(reads.rows, ZoneInfo(hub.config.timezone))
    if forks := [f"{line.node}: {line.fork}" for line in ledgers if line.fork]:
        raise AttuneError(f"A ledger was set back or written anew ({'; '.join(forks)}): look at the auditor's page.")
    watched = f"{signer.name}, {sum(line.node != 'this hub' for line in ledgers)} others watched"
    return f"{watched}; {span}" if span else watched


def _disk(hub: _Hub) -> str:
    free_mb = shutil.disk_usage(hub.folder).free // 2**20
    if free_mb < DISK_MIN_MB:
        raise AttuneError(f"Only {free_mb} MB are free at {hub.folder}: make room for {DISK_MIN_MB} MB.")
    return f"{free_mb} MB free"


def _clock(hub: _Hub, now_s: float) -> str:
    if now_s < steady.MADE_S:
        raise AttuneError("The clock was never set: connect the hub to a network with time, or set it by hand.")
    if doubt := _doubt(hub, now_s):
        raise AttuneError(doubt)
    return f"{_spoken(hub, now_s)} {hub.config.timezone}"


def _doubt(hub: _Hub, now_s: float) -> str:
    path = hub.folder / store.FILE
    if not path.exists():
        return ""
    with closing(schema.open_for_reading(path)) as db:
        try:
            newest_s = store.newest_s(db)
        except sqlite3.Error as error:
            raise StoreError(schema.said(path, error)) from None
    if steady.begin(now_s, 0.0, newest_s, synchronised).doubt is None:
        return ""
    return (
        f"The clock says {_spoken(hub, now_s)}, but the ledger's newest entry is of {_spoken(hub, newest_s or 0.0)}:"
        " the hub does not believe it; connect it to a network with time, or set it by hand."
    )


def _spoken(hub: _Hub, at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, ZoneInfo(hub.config.timezone)):%Y-%m-%d %H:%M:%S}"


def _broker(hub: _Hub) -> str:
    if hub.broker is None:
        return "the hub's own, for nodes on this machine; name the shop's with --broker"
    url = urlsplit(hub.broker)
    try:
        port = url.port or (8883 if url.scheme == "mqtts" else 1883)
        socket.create_connection((url.hostname or "", port), WAIT_S).close()
    except (OSError, ValueError) as error:
        raise AttuneError(f"No broker answers at {hub.broker} ({error}): start Mosquitto, or mend --broker.") from None
    return hub.broker


def _certificates(hub: _Hub) -> str:
    if hub.broker is None or not hub.broker.startswith("mqtts:"):
        return "none: the broker is plain mqtt, fit for this machine alone"
    part = hub.config.broker
    return in_force(*(hub.folder / path for path in (part.ca, part.certificate) if path))


def _cameras(hub: _Hub, now_s: float) -> str:
    with closing(_reads(hub)) as reads:
        nodes = reads.nodes()
    if not nodes:
        raise AttuneError("No camera has joined yet: install a node and give it this hub's broker.")
    silent = [node.name for node in nodes if node.heard_s is None or now_s - node.heard_s > SILENT_S]
    if silent:
        raise AttuneError(f"Nothing was heard of {', '.join(silent)} for 5 minutes: run attune-edge check there.")
    elsewhere = [
        f"{node.name} ({node.birth.jurisdiction})"
        for node in nodes
        if node.birth and node.birth.jurisdiction not in (None, hub.config.jurisdiction)
    ]
    if elsewhere:
        raise AttuneError(f"Not by the law of hub.toml ({hub.config.jurisdiction}): {', '.join(elsewhere)}.")
    return f"{len(nodes)} heard within 5 minutes"


def _reads(hub: _Hub) -> StoreReads:
    path = hub.folder / store.FILE
    if not path.exists():
        raise StoreError("There is no database yet: start the hub once (attune-hub serve).")
    return StoreReads(path)
