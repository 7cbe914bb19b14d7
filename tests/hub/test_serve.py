"""The hub as a process: what a person at the command line sees of it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from contract import events, wire
from hub.broker import start_broker
from hub.ingest import parse_broker
from hub.reads import StoreReads
from hub.store import FILE
from tests.hub.node import Node

NODE = Node()


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "hub", *map(str, words)]


def refused(*words: object) -> str:
    """The one sentence that a command ends with."""
    ended = subprocess.run(command(*words), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    return ended.stderr


@contextmanager
def serving(data: Path, *more: object) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A hub, the address of its pages and its broker."""
    hub = subprocess.Popen(
        command("serve", "--data", data, "--http", "127.0.0.1:0", *more), stdout=subprocess.PIPE, text=True
    )
    assert hub.stdout
    try:
        said = re.match(r"Pages at (\S+), broker (\S+)\. ", hub.stdout.readline())
        assert said
        yield hub, said[1], said[2]
    finally:
        hub.kill()
        hub.wait()
        hub.stdout.close()


@pytest.fixture
def broker() -> Iterator[str]:
    running = start_broker()
    yield running.url
    running.stop()


def test_a_hub_stores_what_nodes_say_and_ends_cleanly_when_told_to(tmp_path: Path, broker: str) -> None:
    where = parse_broker(broker)
    with serving(tmp_path / "data", "--broker", broker) as (hub, url, said):
        assert said == broker
        assert httpx.get(f"{url}/healthz", timeout=20).text == "well\n"
        heard: list[events.Stored] = []
        node = mqtt.Client(CallbackAPIVersion.VERSION2)
        node.on_message = lambda _, __, came: heard.append(wire.decode(came.topic, came.payload))  # type: ignore[arg-type]
        node.connect(where.host, where.port)
        node.subscribe(NODE.topic("stored"), qos=1)
        event = NODE.mood(1)
        while not heard:  # until the hub, too, has found the broker
            node.publish(NODE.topic("mood"), wire.encode(event), qos=1)
            node.loop(0.2)
        node.disconnect()
        assert (heard[0].boot, heard[0].since, heard[0].seq) == (NODE.boot, 1, 1)
        hub.send_signal(signal.SIGTERM)
        assert hub.wait(20) == 0
    reads = StoreReads(tmp_path / "data" / FILE)
    (row,) = reads.events(before=None, limit=9, node=None, kind=None, zone=None)
    assert row.payload == wire.encode(event)
    reads.close()


def test_a_hub_without_a_broker_brings_its_own(tmp_path: Path) -> None:
    with serving(tmp_path) as (hub, _, broker):
        where = parse_broker(broker)
        socket.create_connection((where.host, where.port), timeout=10).close()
        hub.send_signal(signal.SIGINT)
        assert hub.wait(20) == 0
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((where.host, where.port), timeout=10)


def test_a_hub_whose_broker_is_away_serves_its_pages_and_says_so(tmp_path: Path) -> None:
    gone = start_broker()
    gone.stop()
    with serving(tmp_path, "--broker", gone.url) as (_, url, _):
        made = subprocess.run(command("link", "owner", "--data", tmp_path), capture_output=True, text=True, check=True)
        door, key = made.stdout.strip().split("?key=")
        assert door == f"{url}/enter"
        with httpx.Client(headers={"Origin": url}, follow_redirects=True, timeout=20) as owner:
            page = owner.post(door, data={"key": key})
        assert page.status_code == 200
        assert f"cannot reach the broker at {gone.url}" in page.text


def test_the_first_start_prints_a_link_to_set_it_up_and_one_that_is_set_up_prints_none(tmp_path: Path) -> None:
    with serving(tmp_path) as (hub, url, _):
        assert hub.stdout
        said = re.match(
            r"Set it up, once and within 15 minutes: (\S+)/enter\?key=([\w-]{43})&setup=1$", hub.stdout.readline()
        )
        assert said
        assert said[1] == url.replace("127.0.0.1", "localhost")
        with httpx.Client(headers={"Origin": url}, follow_redirects=True, timeout=20) as owner:
            page = owner.post(f"{url}/enter", data={"key": said[2], "setup": "1"})
            assert page.url.path == "/owner/doors"
            phrase = "lantern gravel opera nineteen"
            owner.post(f"{url}/owner/doors/passphrase", data={"passphrase": phrase, "again": phrase}).raise_for_status()
    with serving(tmp_path) as (hub, url, _):
        with httpx.Client(headers={"Origin": url}, follow_redirects=True, timeout=20) as owner:
            page = owner.post(f"{url}/enter/passphrase", data={"passphrase": phrase})
        assert page.url.path == "/owner"
        hub.send_signal(signal.SIGTERM)
        hub.wait(20)
        assert hub.stdout
        assert "Set it up" not in hub.stdout.read()


def test_one_folder_has_one_hub_and_one_port_one_server(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, url, _):
        assert "A hub is running on" in refused("serve", "--data", tmp_path, "--http", "127.0.0.1:0")
        taken = refused("serve", "--data", tmp_path / "other", "--http", url.removeprefix("http://"))
        assert "Address already in use): give another --http HOST:PORT" in taken


def test_a_damaged_database_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database " * 1000)
    assert "is damaged" in refused("purge", "--data", tmp_path)


def test_settings_that_cannot_be_used_are_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text("[nudge]\nper_hour = 3\n")
    assert "did you mean 'nudges'?" in refused("serve", "--data", tmp_path, "--http", "127.0.0.1:0")


def test_a_broker_that_is_none_is_said_in_one_sentence(tmp_path: Path) -> None:
    wrong = refused("serve", "--data", tmp_path, "--http", "127.0.0.1:0", "--broker", "http://hub")
    assert "write mqtt://HOST:PORT" in wrong


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "give another --data" in refused("serve", "--data", tmp_path / "file" / "data", "--http", "127.0.0.1:0")


def test_a_link_to_a_hub_that_never_was_is_said_in_one_sentence(tmp_path: Path) -> None:
    assert "There is no folder" in refused("link", "staff", "--data", tmp_path / "none")
