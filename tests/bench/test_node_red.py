"""What ``make node-red`` builds and says; Node-RED itself is not installed here."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from bench import node_red
from bench.node_red import HUB, JOURNALS, Compared, flow, installed, report
from contract import wire
from contract.errors import ConfigError
from deploy import bench_ingest

TOLD = (2, 3)


@pytest.fixture
def nodes() -> dict[str, dict[str, object]]:
    return {node["id"]: node for node in flow("mqtt://127.0.0.1:18830", Path("/shop/events.db"), TOLD)}


def test_the_flow_hears_what_the_bench_sends_and_hands_it_on_to_sqlite(nodes: dict[str, dict[str, object]]) -> None:
    assert nodes["in"]["topic"] == bench_ingest._TOPIC
    assert (nodes["in"]["qos"], nodes["broker"]["port"], nodes["broker"]["cleansession"]) == ("1", "18830", False)
    way = ["in"]
    while (wires := nodes[way[-1]]["wires"]) != []:
        way.append(wires[0][0])  # type: ignore[index]
    assert way == ["in", "make", "store", "tell", "out"]


@pytest.mark.skipif(shutil.which("node") is None, reason="There is no Node.js to run the flow's functions.")
def test_the_flow_s_functions_store_each_event_once_and_tell_of_the_last(nodes: dict[str, dict[str, object]]) -> None:
    sent = [payload.decode() for payload in bench_ingest._moods(TOLD[-1])]
    script = f"""const kept = {{}};
      const context = {{ get: key => kept[key], set: (key, value) => {{ kept[key] = value; }} }};
      const make = new Function("msg", {json.dumps(nodes["make"]["func"])});
      const tell = new Function("msg", "context", {json.dumps(nodes["tell"]["func"])});
      const made = {json.dumps(sent)}.map(one => make({{ topic: "t", payload: Buffer.from(one) }}));
      const params = made.map(one => ({{ ...one.params, $payload: one.params.$payload.toString() }}));
      console.log(JSON.stringify([params, made.map(one => tell(one, context))]));"""
    done = subprocess.run(("node", "-e", script), capture_output=True, text=True, check=True)
    rows, told = json.loads(done.stdout)
    db = sqlite3.connect(":memory:")
    db.execute(node_red._SCHEMA)
    for row in (*rows, rows[0]):
        bound = {key[1:]: value for key, value in row.items()}
        db.execute(node_red._INSERT, {**bound, "payload": row["$payload"].encode()})
    assert db.execute("SELECT seq, payload FROM events").fetchall() == [
        (seq, one.encode()) for seq, one in enumerate(sent, 1)
    ]
    assert told[0] is None
    assert [wire.decode(one["topic"], one["payload"].encode()).seq for one in told[1:]] == list(TOLD)  # type: ignore[union-attr]


def test_the_report_says_how_many_times_as_fast_and_what_was_lost() -> None:
    rates = {HUB: 4000.0, **dict.fromkeys(JOURNALS.values(), 500.0)}
    told = report(Compared(2_000, rates, 833), 3)
    assert f"| {JOURNALS['wal']} | 500 | 8.0× |" in told
    assert "had lost 833 of them" in told


def test_a_machine_without_node_js_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="There is no Node"):
        installed(tmp_path)
