"""The whole self-test on this machine: real eye and courier behind their walls, mosquitto, memory, files and strace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from contract.checkpoint import KEY_FILE, Signer
from contract.plain import note_is_by, parse_note
from edge.config import NodeConfig
from edge.courier.outbox import Outbox
from edge.courier.selftest import waiting
from edge.scene.heads import PORTRAITS

FORMS = {"raw", "resized", "cropped", "int8", "JPEG", "PNG"}
MEMORY = ("the eye's memory, 1 s after", "the courier's memory")

if not PORTRAITS.exists() or not NodeConfig(node="n1").models.faces.exists():
    pytest.skip("models or portraits are not there: python -m models.fetch --portraits", allow_module_level=True)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if os.geteuid() != 0:
        pytest.skip("only root may read the eye's memory")
    if shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    folder = tmp_path_factory.mktemp("node")
    (folder / "node.toml").write_text('node = "n1"\n[outbox]\nfolder = "outbox"\n')
    Outbox(folder / "outbox", 1000, "shop", "n1").close()
    return folder


@pytest.fixture(scope="module")
def proved(node: Path) -> tuple[int, dict[str, Any]]:
    command = (sys.executable, "-m", "edge", "prove", "--footage", "1", "--config", str(node / "node.toml"))
    ran = subprocess.run(
        (*command, "--out", str(node / "out.json")), capture_output=True, text=True, cwd=node, check=False
    )
    assert (node / "out.json").exists(), ran.stderr
    return ran.returncode, json.loads((node / "out.json").read_text())


@pytest.mark.timeout(180)
def test_nothing_of_the_canary_is_left_and_every_plant_is_found(proved: tuple[int, dict[str, Any]]) -> None:
    status, body = proved
    report = body["report"]
    assert report["says"].startswith("Proved") or report["trace"]["how"] == "probe", report["says"]
    assert (status, report["result"], report["hits"]) == (0, "passed", 0)
    assert report["windows"] == dict.fromkeys(FORMS, 10_000)
    assert report["seen"]
    assert report["shown"]["hits"]["raw"] > 1_000
    assert [set(place["hits"]) for place in report["planted"]] == [FORMS] * 3
    searched = {place["place"]: place for place in report["places"]}
    assert all(searched[place]["bytes"] > 20_000_000 for place in MEMORY)
    assert not any(place["hits"] or "not_checked" in place for place in searched.values())


def test_the_eye_opened_no_file_for_writing_and_no_way_out(proved: tuple[int, dict[str, Any]]) -> None:
    trace = proved[1]["report"]["trace"]
    if trace["how"] != "strace":
        pytest.skip("strace is not installed: apt-get install strace")
    assert trace["calls"] > 100
    assert [trace[name] for name in ("opened_for_writing", "bytes_to_files", "made", "network")] == [0, 0, 0, 0]


def test_the_report_is_signed_by_the_node_and_waits_for_its_courier(
    proved: tuple[int, dict[str, Any]], node: Path
) -> None:
    note = proved[1]["signed"]
    signer = Signer.load(node / "outbox" / KEY_FILE)
    assert note_is_by(note, signer.name, signer.key.public_key().public_bytes_raw())
    assert json.loads(parse_note(note)[0]) == proved[1]["report"]
    event = waiting(node / "outbox", "n1", "0011aabb-000001")
    assert event is not None
    assert (event.result, event.windows, event.hits) == ("passed", 60_000, 0)


def test_nothing_of_the_test_itself_stays(proved: tuple[int, dict[str, Any]], node: Path) -> None:
    assert not list((node / "outbox").glob("attune-prove-*"))


def test_a_self_test_that_is_killed_leaves_nothing_running(node: Path) -> None:
    command = (sys.executable, "-m", "edge", "prove", "--config", str(node / "node.toml"))
    with subprocess.Popen(command, cwd=node, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as test:
        started = awaited(lambda: found if len(found := belonging(node)) >= 3 else None)
        test.kill()
    assert {"mosquitto", "eye", "courier"} <= set(started)
    assert awaited(lambda: not belonging(node))


def belonging(node: Path) -> list[str]:
    """What of a self-test runs: programs whose command line names its folder."""
    names = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().decode().split("\0")
            if any(word.startswith(str(node / "outbox" / "attune-prove-")) for word in words):
                names += [word for word in words if word in ("eye", "courier")] or ["mosquitto"]
    return names


def awaited(found: Callable[[], Any]) -> Any:
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        if answer := found():
            return answer
        time.sleep(0.1)
    raise AssertionError("it did not come within 30 s")
