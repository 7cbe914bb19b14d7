"""The hub as a process with everything connected: from a node's word to a webhook, a phone, a house and a program."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from contract import wire
from hub.broker import start_broker
from hub.connect.channels import signature
from hub.connect.keys import SCOPES, Keys
from hub.ingest import parse_broker
from tests.hub.connect.receiver import WAIT_S, receiver
from tests.hub.connect.test_webhooks import SECRET
from tests.hub.node import Node
from tests.hub.test_serve import serving

NODE = Node()
_SETTINGS = """
[connect.home_assistant]
enabled = true
[connect.ntfy]
url = "{url}/floor"
lan = true
language = "de"
[[connect.webhooks]]
name = "till"
url = "{url}/hook"
lan = true
secret = "{secret}"
"""


@pytest.fixture
def broker() -> Iterator[str]:
    running = start_broker()
    yield running.url
    running.stop()


def test_a_need_reaches_everybody_whom_the_owner_connected(tmp_path: Path, broker: str) -> None:
    where = parse_broker(broker)
    level, levels = "attune-home/shop/node/aisle/zone/0", []
    with receiver() as there:
        (tmp_path / "hub.toml").write_text(_SETTINGS.format(url=there.url, secret=SECRET))
        with serving(tmp_path, "--broker", broker) as (_, url, _):
            node = mqtt.Client(CallbackAPIVersion.VERSION2)
            node.on_message = lambda _, __, came: levels.append(came.payload)
            node.connect(where.host, where.port)
            node.subscribe(level, qos=1)
            for kind, event in (("birth", NODE.birth()), ("status", NODE.status())):
                node.publish(NODE.topic(kind), wire.encode(event), qos=1, retain=True)  # type: ignore[arg-type]
            seq = 0
            while there.came.empty():  # until the hub, too, has found the broker and learnt the node's clock
                seq += 1
                t_mono_s = 100 + seq
                node.publish(NODE.topic("health"), wire.encode(NODE.health(t_mono_s)), qos=1)
                node.publish(NODE.topic("assist"), wire.encode(NODE.assist(seq, 3, t_mono_s=t_mono_s)), qos=1)
                for _ in range(10):
                    node.loop(0.03)
            came = {one.path: one for one in (there.next(), there.next())}
            while b"3" not in levels:
                node.loop(0.2)
            node.disconnect()
            keys = Keys.open(tmp_path / "doors.db")
            program = {"authorization": f"Bearer {keys.make('program', SCOPES)}"}
            keys.close()
            (nudge,) = httpx.get(f"{url}/api/v1/nudges", headers=program, timeout=WAIT_S).json()["nudges"]
            metrics = ""
            while 'channel="till",result="delivered"} 1.0' not in metrics:  # the answer is written down after it came
                metrics = httpx.get(f"{url}/metrics", headers=program, timeout=WAIT_S).text
    hook = came["/hook"]
    at_s, number = int(hook.headers["webhook-timestamp"]), hook.headers["webhook-id"]
    assert hook.headers["webhook-signature"] == signature(SECRET, number, at_s, hook.body)
    assert json.loads(hook.body)["data"] == nudge
    assert came["/floor"].body.decode().startswith("In Ceramics")
    assert 'attune_zone_need_level{node="aisle",zone="0",zone_name="Ceramics"} 3.0' in metrics


def test_settings_that_may_not_be_connected_are_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('[connect.ntfy]\nurl = "http://ntfy.example/shop"\n')
    command = [sys.executable, "-m", "hub", "serve", "--data", str(tmp_path), "--http", "127.0.0.1:0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "plain http is for this machine and the shop's network" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
