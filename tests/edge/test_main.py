"""``attune-edge`` as a person or a unit starts it: what bad input gets, and a node whose eye cannot see."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.events import Status
from contract.wire import decode
from edge.__main__ import main
from edge.config import NodeConfig
from edge.supervisor import UNFIT
from tests.brokers import Mosquitto, mosquitto
from tests.edge.hubside import ListeningHub, topic

EDGE = (sys.executable, "-m", "edge")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WHOLE_DAYS = ", ".join(f'{{ day = "{day}", opens = "00:00", closes = "24:00" }}' for day in DAYS)
WAIT_S = 60.0


@pytest.mark.parametrize("command", ["run", "eye", "courier"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "There is no config file"),
        ('node = "n1', "cannot be read as TOML"),
        ('node = "n1"\ncamra = "pi"\n', "did you mean 'camera'"),
        ('node = "n1"\n[[zones]]\nid = 0\nname = "Till"\npolygon = [[0.5, 0.5], [1.5, 0.5], [1.0, 1.0]]\n', "zones.0"),
        ('node = "n1"\n[privacy]\nk = 2\n', "privacy.k"),
    ],
    ids=["missing", "no TOML", "unknown key", "zone outside", "under the floor"],
)
def test_a_config_that_cannot_be_used_is_one_sentence_and_not_tried_again(
    command: str, text: str | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    path = tmp_path / "node.toml"
    if text is not None:
        path.write_text(text)
    assert main([command, "--config", str(path)]) == UNFIT
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("attune-edge: ")
    assert says in sentence


def node(folder: Path, broker: str = "mqtt://127.0.0.1:9", more: str = "", models: str = "") -> Path:
    path = folder / "node.toml"
    path.write_text(
        f'node = "n1"\nnotice_acknowledged = true\nhours = [{WHOLE_DAYS}]\n[camera]\nsource = "{folder}/clip.gif"\n'
        f'[privacy]\ndpia_reference = "D-1"\n[outbox]\nfolder = "outbox"\n'
        f'[broker]\nurl = "{broker}"\n{more}\n[models]\n{models}\n'
    )
    return path


def refusal(*arguments: str | Path) -> str:
    """The one sentence with which a process ends."""
    done = subprocess.run((*EDGE, *arguments), capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert done.returncode in (1, UNFIT)
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("attune-edge: ")
    return sentence


@pytest.mark.parametrize("where", ["a folder", "nowhere"])
def test_a_courier_that_cannot_listen_says_so(where: str, tmp_path: Path) -> None:
    path = tmp_path if where == "a folder" else tmp_path / "none" / "eye.sock"
    assert "choose another --socket" in refusal("courier", "--config", node(tmp_path), "--socket", path)


def test_an_outbox_that_cannot_be_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("no folder")
    sentence = refusal("courier", "--config", node(tmp_path), "--socket", tmp_path / "eye.sock")
    assert "set outbox.folder" in sentence


def test_an_outbox_that_is_damaged_is_put_aside_and_said(tmp_path: Path) -> None:
    (tmp_path / "outbox").mkdir()
    (tmp_path / "outbox" / "outbox.db").write_bytes(os.urandom(20_000))
    process = subprocess.Popen(
        (*EDGE, "courier", "--config", node(tmp_path), "--socket", tmp_path / "eye.sock"),
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        assert "The outbox was damaged: it is put aside as" in process.stderr.readline()
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert list((tmp_path / "outbox").glob("outbox.db.damaged-*"))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    (tmp_path / "broker").mkdir()
    with mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.mark.parametrize("broken", ["model", "manifest", "camera"])
@pytest.mark.timeout(180)
def test_an_eye_that_cannot_see_degrades_the_node_which_goes_on(broken: str, tmp_path: Path, broker: Mosquitto) -> None:
    shipped = NodeConfig(node="n1").models.affect
    for name in (shipped.name, "manifest.json"):
        shutil.copy(shipped.with_name(name), tmp_path)
    if broken == "model":
        (tmp_path / shipped.name).write_bytes(shipped.read_bytes()[:-1] + b"!")
    if broken == "manifest":
        stated = json.loads((tmp_path / "manifest.json").read_text())
        (tmp_path / "manifest.json").write_text(json.dumps(stated | {"sha256": "0" * 64}))
    camera = "clip.gif" if broken == "camera" else "scene:quiet"
    config = node(tmp_path, broker.url, models=f'affect = "{shipped.name}"')
    config.write_text(config.read_text().replace(f"{tmp_path}/clip.gif", camera))
    hub = ListeningHub(broker.url)
    log = tmp_path / "log"
    with log.open("w") as complained:  # a regular file, which the eye may not write once its walls stand
        process = subprocess.Popen((*EDGE, "run", "--config", config), stderr=complained)
    try:
        expected = ("degraded", "camera_lost" if broken == "camera" else "model_refused")
        hub.awaits(lambda: expected in states(hub), str(expected))
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(WAIT_S)
        hub.stop()
    assert process.returncode == 0
    assert states(hub)[-1] == ("offline", "stopped")
    assert "Traceback" not in log.read_text()


def states(hub: ListeningHub) -> list[tuple[str, str | None]]:
    """What the node has said of itself."""
    said = [decode(topic("status"), payload) for payload in hub.of("status")]
    return [(status.state, status.reason) for status in said if isinstance(status, Status)]
