"""The short version of ``make faults``."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from queue import Empty, Queue

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from bench.faults.away_nodes import fill
from bench.faults.count import needs_of, tally
from bench.faults.disk import Disk, Op
from bench.faults.kills import kills
from bench.faults.network import Proxy
from bench.faults.power import cuts
from bench.faults.replays import replayed
from bench.faults.shifted import shift
from contract.events import Event
from contract.ledger import create_tables
from edge.courier.outbox import Outbox
from hub import schema
from tests.brokers import mosquitto
from tests.hub.node import Node, message


@pytest.mark.timeout(180)
@pytest.mark.parametrize("target", ["courier"])
def test_what_was_released_is_stored_once_though_something_is_killed(target: str, tmp_path: Path) -> None:
    found = kills(target, 1, 1, tmp_path, pause_max_s=1.0)
    wrong = ("lost", "twice", "strange", "damaged", "repeated", "forgotten")
    assert {what: found[what] for what in wrong} == dict.fromkeys(wrong, 0)
    assert found["released"] == found["stored"] > 0


def test_the_count_sees_what_is_lost_doubled_or_strange(tmp_path: Path) -> None:
    hub, outbox = tmp_path / "hub.db", tmp_path / "outbox.db"
    schema.open_for_writing(hub).close()
    with closing(sqlite3.connect(outbox)) as db:
        create_tables(db)
        said = [(number, b"", "mood", 0, "", b"", payload) for number, payload in enumerate((b"1", b"2", b"2"))]
        db.executemany("INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?, ?, ?)", said)
        db.commit()
    with closing(sqlite3.connect(hub)) as db:
        for seq, payload in enumerate((b"1", b"1", b"3")):
            db.execute("INSERT INTO events VALUES (NULL, 'n', 'b', ?, 'mood', 0, 0, 1.0, 't', ?)", (seq, payload))
        db.commit()
    found = tally(hub, [outbox])
    assert (found.released, found.stored, found.lost, found.twice, found.strange) == (3, 3, 5, 1, 1)
    assert not found.well


def test_what_was_vouched_for_outlives_a_power_cut(tmp_path: Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed: apt-get install strace")
    with ThreadPoolExecutor() as pool:
        for found in pool.map(lambda what: cuts(what, 20, 1, tmp_path, events=20), ("outbox", "hub")):
            assert found["well"]
            assert found["syncs"] > 5


def test_a_power_cut_leaves_what_was_synced_and_any_part_of_the_rest() -> None:
    disk = Disk()
    for op in (Op("create", "/f"), Op("pwrite64", "/f", b"a" * 1024), Op("sync", "/f")):
        disk.do(op)
    disk.do(Op("pwrite64", "/f", b"b" * 1024, 512))
    left = {disk.cut(random.Random(seed))["/f"] for seed in range(60)}
    assert all(content[:512] == b"a" * 512 for content in left)
    assert {b"a" * 1024, b"a" * 512 + b"b" * 1024} < left
    disk.do(Op("link", "/f", other="/g"))
    assert {len(disk.cut(random.Random(seed))) for seed in range(20)} == {1, 2}
    disk.do(Op("sync", "/"))
    assert {len(disk.cut(random.Random(seed))) for seed in range(20)} == {2}


@pytest.mark.timeout(180)
def test_what_is_said_again_changes_no_byte_and_another_order_no_event(tmp_path: Path) -> None:
    found = replayed(500, 1, tmp_path)
    assert found["same"]
    assert found["same_set"]


def test_a_partition_keeps_back_what_half_open_loses(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        proxy = Proxy(broker.port)
        proxy.start()
        heard: Queue[bytes] = Queue()
        near, far = mqtt.Client(CallbackAPIVersion.VERSION2), mqtt.Client(CallbackAPIVersion.VERSION2)
        ready = threading.Event()
        near.on_message = lambda _, __, came: heard.put(bytes(came.payload))
        near.on_subscribe = lambda *_: ready.set()
        near.connect("127.0.0.1", broker.port)
        near.loop_start()
        near.subscribe("t", qos=1)
        far.connect("127.0.0.1", proxy.port)
        far.loop_start()
        assert ready.wait(10)
        far.publish("t", b"1", qos=1).wait_for_publish(10)
        proxy.parted = True
        kept = far.publish("t", b"2", qos=1)
        with pytest.raises(Empty):
            [heard.get(timeout=0.3) for _ in range(2)]
        proxy.parted = False
        kept.wait_for_publish(10)
        assert heard.get(timeout=10) == b"2"
        proxy.half_open()
        far.publish("t", b"3", qos=1)
        with pytest.raises(Empty):
            heard.get(timeout=0.3)
        near.disconnect()
        far.disconnect()
        proxy.close()


def test_a_day_of_a_node_is_moods_hours_and_needs_of_their_own_time(tmp_path: Path) -> None:
    box = Outbox(tmp_path, 10_000, "shop", "aisle")
    fill(box, "aisle", 2)
    waiting = box.after(0, 10_000)
    box.close()
    said = [json.loads(kept.payload) for kept in waiting]
    assert Counter(kept.kind for kept in waiting) == {"mood": 69, "assist": 63, "hour": 3}
    assert min(time.time() - one["t_wall"] for one in said) > 120
    assert max(time.time() - one["t_wall"] for one in said) < 2 * 3600 + 600


def test_a_shifted_clock_follows_its_file_and_the_monotonic_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, began_s, was_s = tmp_path / "shift", time.monotonic(), time.time()
    monkeypatch.setattr(time, "time", time.time)
    file.write_text("-3600")
    shift(file)
    assert -3_600 <= time.time() - was_s < -3_000
    file.write_text("86400")
    assert 86_400 <= time.time() - was_s < 87_000
    assert time.monotonic() - began_s < 600


def test_a_need_has_to_lead_to_a_nudge_once_the_hub_wrote_while_it_stood(tmp_path: Path) -> None:
    node, path = Node(), tmp_path / "hub.db"
    schema.open_for_writing(path).close()

    def said(*told: tuple[float, Event]) -> list[tuple[int, float, float]]:
        with closing(sqlite3.connect(path)) as db:
            db.execute("DELETE FROM events")
            for number, (at_s, event) in enumerate(told):
                row = (number, event.kind, at_s, message(event).payload)
                db.execute("INSERT INTO events VALUES (NULL, 'aisle', 'b', ?, ?, 0, 0, ?, 't', ?)", row)
            db.commit()
        return [(need.zone, need.at_s, need.by_s) for need in needs_of(path)]

    need, over, other, gone = node.assist(1), node.assist(2, level=0), node.mood(3), node.status("offline", "link_lost")
    assert said((100, need), (104, other), (106, other), (107, other)) == [(0, 100, 106)]
    assert said((100, need), (101, other)) == []
    assert said((100, need), (102, over), (106, other)) == []
    assert said((100, need), (102, gone), (106, other)) == []
    assert said((100, need), (170, other)) == []
    assert said((100, need), (106, over)) == [(0, 100, 106)]
    assert tally(path, []).forgotten == 1
    for opened_s, closed_s, forgotten in ((130, 140, 1), (103, 104, 0)):
        with closing(sqlite3.connect(path)) as db:
            db.execute("DELETE FROM nudges")
            db.execute(
                "INSERT INTO nudges (id, node, zone, zone_name, level, reasons, state, opened_s, until_s, asked_s,"
                " handovers, raised_level, closed_s) VALUES (1, 'aisle', 0, '', 2, '[]', 'over', ?, 0, 0, 0, 2, ?)",
                (opened_s, closed_s),
            )
            db.commit()
        assert tally(path, []).forgotten == forgotten
