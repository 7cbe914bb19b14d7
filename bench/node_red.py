"""The hub's ingest beside Node-RED with its SQLite node, fed the same messages by the same broker: ``make node-red``.

Rules:
- The messages, the sender and the broker's settings are those of `deploy.bench_ingest`; the time is from the first
  message sent to the word that the last one is stored. Hub and Node-RED take turns.
- Node-RED's flow is the one that its users build: mqtt in (QoS 1, a lasting session), a function that makes the
  parameters, and the SQLite node with a prepared ``INSERT`` into a table like the hub's, in a file, each commit synced.
  It is measured with SQLite's usual journal, as installed, and with the write-ahead log that the hub uses too.
- Then Node-RED is killed with half of the messages stored, and started again: what the broker does not bring once more
  is lost. The same of the hub is `bench.faults`.

Left out: batches in the flow by nodes of third parties, and syncs switched off: then nothing is known to be on disk.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from contract import wire
from contract.errors import AttuneError, ConfigError, LinkError
from contract.events import Stored
from deploy import bench_ingest
from deploy.demo import Shop
from hub.broker import RunningBroker, start_broker

NEEDS: Final = {"node-red": "4.1.15", "node-red-node-sqlite": "1.1.1", "sqlite3": "5.1.7"}
HOME: Final = Path("bench-out") / "node-red"
REPORT: Final = Path(__file__).parents[1] / "docs" / "node-red.md"
JOURNALS: Final = {"delete": "Node-RED, SQLite as installed", "wal": "Node-RED, SQLite with a write-ahead log"}
HUB: Final = "Attune's hub"
READY_S: Final = 60.0
QUIET_S: Final = 5.0  # nothing stored for so long: nothing more comes
_SCHEMA: Final = """CREATE TABLE events (
  id INTEGER PRIMARY KEY, node TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER, kind TEXT NOT NULL, zone INTEGER,
  late INTEGER NOT NULL, received_s REAL NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
  UNIQUE (node, boot, seq)) STRICT"""
_INSERT: Final = """INSERT OR IGNORE INTO events (node, boot, seq, kind, zone, late, received_s, topic, payload)
VALUES ($node, $boot, $seq, 'mood', $zone, 0, $received_s, $topic, $payload)"""
_PARAMETERS: Final = """const said = JSON.parse(msg.payload.toString());
msg.params = { $node: said.node, $boot: said.boot, $seq: said.seq, $zone: said.zone,
  $received_s: Date.now() / 1000, $topic: msg.topic, $payload: msg.payload };
return msg;"""
_TELL: Final = """const stored = (context.get("stored") || 0) + 1;
context.set("stored", stored);
const said = {told}[stored];
return said ? {{ topic: {topic}, payload: said }} : null;"""
_SETTINGS: Final = """module.exports = {
  uiHost: "127.0.0.1", httpAdminRoot: false, httpNodeRoot: false, credentialSecret: false,
  diagnostics: { enabled: false }, telemetry: { enabled: false, updateNotification: false },
  logging: { console: { level: "info" } },
};"""


@dataclass(frozen=True, slots=True)
class Compared:
    """Medians over the passes. Units: events a second, by who stored them; ``lost`` of ``events`` by the kill."""

    events: int
    per_s: dict[str, float]
    lost: int

    def times(self, who: str) -> float:
        """How many times as fast as this one the hub is."""
        return self.per_s[HUB] / self.per_s[who]


def installed(home: Path) -> Path:
    """Where Node-RED is. Raises: ConfigError when it cannot be installed here, or there is no Node.js."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise ConfigError("There is no Node.js with npm to run Node-RED: install both (Debian: apt install npm).")
    home = home.resolve()
    if not any((home / "node_modules" / "sqlite3").glob("build/Release/*.node")):
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text(json.dumps({"private": True, "dependencies": NEEDS}))
        headers = Path(node).resolve().parents[1]
        build = {
            "npm_config_build_from_source": "sqlite3"
        }  # its ready-made file would come from another host than npm's
        if (headers / "include" / "node" / "node_api.h").exists():
            build["npm_config_nodedir"] = str(headers)
        done = subprocess.run(
            ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock"),
            cwd=home, env={**os.environ, **build}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ConfigError(
                f"Node-RED cannot be installed ({last}): look at the network, make and g++, and try again."
            )
    return home


def flow(broker: str, db: Path, told: Sequence[int]) -> list[dict[str, Any]]:
    """Node-RED's flow. ``told``: after so many stored events it says so, as the hub would."""
    topic = str(wire.Topic(store="shop", node=bench_ingest.NODE, kind="mood"))
    answer = wire.Topic(store="shop", node=bench_ingest.NODE, kind="stored")
    said = {seq: wire.encode(Stored(boot=bench_ingest.BOOT, since=1, seq=seq)).decode() for seq in told}
    tell = _TELL.format(told=json.dumps(said), topic=json.dumps(str(answer)))
    port = broker.rpartition(":")[2]
    ask = {"type": "mqtt in", "topic": topic, "qos": "1", "datatype": "buffer", "broker": "broker"}
    store = {"type": "sqlite", "mydb": "db", "sqlquery": "prepared", "sql": _INSERT}
    answers = {"type": "mqtt out", "topic": "", "qos": "1", "retain": "false", "broker": "broker"}
    return [
        {"id": "tab", "type": "tab", "label": "ingest"},
        {
            "id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": port, "clientid": "node-red",
            "autoConnect": True, "usetls": False, "protocolVersion": "4", "keepalive": "60", "cleansession": False,
        },
        {"id": "db", "type": "sqlitedb", "db": str(db), "mode": "RW"},
        {"id": "in", "z": "tab", **ask, "wires": [["make"]]},
        {"id": "make", "z": "tab", "type": "function", "func": _PARAMETERS, "outputs": 1, "wires": [["store"]]},
        {"id": "store", "z": "tab", **store, "wires": [["tell"]]},
        {"id": "tell", "z": "tab", "type": "function", "func": tell, "outputs": 1, "wires": [["out"]]},
        {"id": "out", "z": "tab", **answers, "wires": []},
    ]  # fmt: skip


@contextmanager
def node_red(home: Path, folder: Path, broker: RunningBroker, told: Sequence[int]) -> Iterator[subprocess.Popen[bytes]]:
    """Node-RED, listening. Raises: LinkError when it does not come up."""
    (folder / "settings.js").write_text(_SETTINGS)
    (folder / "flows.json").write_text(json.dumps(flow(broker.url, folder / "events.db", told)))
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(home / "node_modules")
    program = home / "node_modules" / "node-red" / "red.js"
    log = folder / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            ("node", str(program), "--userDir", str(folder), "--settings", str(folder / "settings.js"), "flows.json"),
            cwd=folder, stdout=written, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        until_s = time.monotonic() + READY_S
        while b"Connected to broker" not in (said := log.read_bytes()):
            if process.poll() is not None or time.monotonic() > until_s:
                last = " ".join(said.decode(errors="replace").split())[-300:]
                raise LinkError(f"Node-RED did not come up in {READY_S:.0f} s; the last that it said: {last}")
            time.sleep(0.1)
        time.sleep(1.0)  # it subscribes right after that line, and says nothing of it
        yield process
    finally:
        process.kill()
        process.wait()


def rate(home: Path, events: int, journal: str, disk: Path) -> float:
    """Events a second that Node-RED stores. Raises: LinkError when it does not come up or keep up."""
    with _fresh(disk, journal) as (folder, broker), node_red(home, folder, broker, (events,)):
        took_s, _ = bench_ingest._publish(_as_shop(broker, folder), bench_ingest._moods(events))
        stored = _rows(folder)
    if stored != events:
        raise LinkError(f"Node-RED says that it stored {events} events; {stored} are in its database.")
    return events / took_s


def lost(home: Path, events: int, disk: Path) -> int:
    """How many of the events Node-RED loses when it is killed with half of them stored."""
    with _fresh(disk, "wal") as (folder, broker):
        with node_red(home, folder, broker, (events // 2,)) as process:
            payloads = bench_ingest._moods(events)
            half = threading.Event()
            with bench_ingest._connected(broker.url, lambda *_: half.set()) as client:
                for sent in [client.publish(bench_ingest._TOPIC, payload, qos=1) for payload in payloads]:
                    sent.wait_for_publish(READY_S)
                if not half.wait(bench_ingest.PATIENCE_S):
                    raise LinkError(f"Node-RED did not store {events // 2} events in {bench_ingest.PATIENCE_S:.0f} s.")
            process.kill()
            process.wait()
        with node_red(home, folder, broker, ()):
            before, since_s = _rows(folder), time.monotonic()
            while time.monotonic() < since_s + QUIET_S:
                time.sleep(0.5)
                if (now := _rows(folder)) != before:
                    before, since_s = now, time.monotonic()
        return events - before


@contextmanager
def _fresh(disk: Path, journal: str) -> Iterator[tuple[Path, RunningBroker]]:
    broker = start_broker()
    try:
        with tempfile.TemporaryDirectory(dir=disk) as kept:
            with closing(sqlite3.connect(Path(kept) / "events.db")) as db:
                db.execute(f"PRAGMA journal_mode = {journal}")
                db.execute(_SCHEMA)
            yield Path(kept).resolve(), broker
    finally:
        broker.stop()


def _as_shop(broker: RunningBroker, folder: Path) -> Shop:
    return Shop("", folder, folder, {}, broker.url, folder)


def _rows(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "events.db")) as db:
        return int(db.execute("SELECT count(*) FROM events").fetchone()[0])


def measure(home: Path, events: int, passes: int, disk: Path) -> Compared:
    """``disk``: a folder on the disk to be measured. Raises: ConfigError, LinkError."""
    took: dict[str, list[float]] = {}
    for number in range(passes):
        _say(f"pass {number + 1} of {passes}: {HUB}")
        took.setdefault(HUB, []).append(bench_ingest.measure(events, 1, disk).hub_per_s)
        for journal, who in JOURNALS.items():
            _say(f"pass {number + 1} of {passes}: {who}")
            took.setdefault(who, []).append(rate(home, events, journal, disk))
    _say("Node-RED, killed with half of them stored")
    gone = lost(home, events, disk)
    print(file=sys.stderr)
    return Compared(events, {who: median(each) for who, each in took.items()}, gone)


def _say(what: str) -> None:
    print(f"\r{what:70}", end="", file=sys.stderr, flush=True)


def report(compared: Compared, passes: int) -> str:
    """The page."""
    rows = "\n".join(
        f"| {who} | {rate:.0f} | {'' if who == HUB else f'{compared.times(who):.1f}×'} |"
        for who, rate in compared.per_s.items()
    )
    versions = ", ".join(f"{name} {version}" for name, version in NEEDS.items())
    return f"""\
# Storing events, beside Node-RED

Written by `make node-red`: the same {compared.events} mood events by the same sender through the same broker
(mosquitto), {passes} passes in turn, medians. Versions: {versions}.
Load of the machine while it ran: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.

| who | events/s stored | the hub is |
|---|---|---|
{rows}

Node-RED's flow is mqtt in (QoS 1, a lasting session), a function that makes the parameters, and the SQLite node with a
prepared `INSERT` into a table like the hub's. Each row is a commit of its own, which is all that the SQLite node offers
without a batching flow; the hub commits what came together.

They do not promise the same:

- **On disk before it is acknowledged.** The hub acknowledges a message to the broker after its commit. Node-RED does so
  when the message reaches the flow, and its queue before SQLite is in memory. Killed with half of the {compared.events}
  events stored and started again, Node-RED had lost {compared.lost} of them; the broker had nothing left to bring. The
  hub loses none ([faults](faults.md)).
- **What is done with an event.** The hub checks each against the contract, writes it into the
  [tamper-evident record](record.md) too, and tells its node. The flow parses JSON and inserts.
"""


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m bench.node_red``."""
    parser = argparse.ArgumentParser(prog="python -m bench.node_red", description=__doc__)
    parser.add_argument("--events", type=int, default=bench_ingest.MOST)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--home", type=Path, default=HOME, help="where Node-RED is installed (%(default)s)")
    parser.add_argument("--disk", type=Path, default=Path("bench-out"), help="folder on the disk to be measured")
    parser.add_argument("--write", action="store_true", help="write docs/node-red.md, not only print it")
    options = parser.parse_args(arguments)
    try:
        options.disk.mkdir(parents=True, exist_ok=True)
        text = report(measure(installed(options.home), options.events, options.passes, options.disk), options.passes)
    except AttuneError as error:
        print(f"bench.node_red: {error}", file=sys.stderr)
        return 1
    print(text)
    if options.write:
        REPORT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
