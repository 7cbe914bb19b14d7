"""What the doctor says of a node that is well, and of one that is not."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.findings import Finding
from edge.__main__ import main
from edge.config import NodeConfig
from edge.doctor import check
from tests.brokers import certificates
from tests.edge.clips import with_a_face

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = ", ".join(f'{{ day = "{day}", opens = "00:00", closes = "24:00" }}' for day in DAYS)
LOOKED_AT = ["config", "notice and hours", "camera", "switch and light", "face model", "affect model",
             "accelerator", "walls of the eye", "outbox", "clock", "temperature and power", "broker",
             "certificates"]  # fmt: skip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_a_face(tmp_path_factory.mktemp("clip") / "face.avi", 8)


@pytest.fixture
def broker() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"mqtt://127.0.0.1:{server.getsockname()[1]}"


def node(
    folder: Path, clip: Path, broker: str, *, top: str | None = None, tables: str = '[privacy]\ndpia_reference = "D-1"'
) -> Path:
    top = f"notice_acknowledged = true\nhours = [{HOURS}]" if top is None else top
    path = folder / "node.toml"
    path.write_text(
        f'node = "n1"\n{top}\n[camera]\nsource = "{clip}"\n[broker]\nurl = "{broker}"\n'
        f'[outbox]\nfolder = "outbox"\n{tables}'
    )
    return path


def test_a_node_that_is_well_passes_line_by_line(
    tmp_path: Path, clip: Path, broker: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--config", str(node(tmp_path, clip, broker))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1] for line in (line.replace("ok  ", "ok", 1) for line in lines)] == LOOKED_AT
    assert all(line.startswith("ok ") for line in lines)
    assert not (tmp_path / "outbox").exists()


def findings(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What does not pass, as the JSON says it."""
    status = main(["check", "--json", "--config", str(path)])
    told = json.loads(capsys.readouterr().out)
    failed = {one["what"]: one["says"] for one in told if not one["passed"]}
    assert status == (1 if failed else 0)
    return failed


def test_each_thing_that_is_wrong_has_a_line_that_says_what_to_do(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "outbox").write_text("no folder")
    altered = tmp_path / "affect.tflite"
    shipped = NodeConfig(node="n1").models.affect
    altered.write_bytes(shipped.read_bytes()[:-1] + b"!")
    (tmp_path / "manifest.json").write_bytes(shipped.with_name("manifest.json").read_bytes())
    models = '[models]\naffect = "affect.tflite"\nfaces = "gone.tflite"\n'
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"mqtt://127.0.0.1:{taken.getsockname()[1]}"
        failed = findings(node(tmp_path, tmp_path / "none.gif", url, top="", tables=models), capsys)
    assert set(failed) >= {"notice and hours", "camera", "face model", "affect model", "outbox", "broker"}
    assert "put up the printed notice" in failed["notice and hours"]
    assert "check the name and the folder" in failed["camera"]
    assert "models.fetch" in failed["face model"]
    assert "install the model" in failed["affect model"]
    assert "give it to the courier's user" in failed["outbox"]
    assert "start the hub" in failed["broker"]
    assert all("\n" not in says for says in failed.values())


@pytest.mark.parametrize(
    ("top", "says"),
    [("notice_acknowledged = true", "add them under hours"), ('timezone = "Mars/X"\nnotice_acknowledged = true\n'
      f"hours = [{HOURS}]", "is not known")],
)  # fmt: skip
def test_a_node_without_hours_or_with_an_unknown_timezone_is_told(
    top: str, says: str, tmp_path: Path, clip: Path, broker: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in findings(node(tmp_path, clip, broker, top=top), capsys)["notice and hours"]


@pytest.mark.parametrize("url", ["mqtt://h:99999", "mqtt://user@h"])
def test_a_broker_that_can_be_none_is_a_line_and_no_crash(
    url: str, tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(findings(node(tmp_path, clip, url), capsys)) == {"broker"}


def test_a_config_that_cannot_be_read_is_all_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(findings(tmp_path / "none.toml", capsys)) == {"config"}


def test_a_network_camera_is_refused_before_anybody_waits_for_it(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text('node = "n1"\n[camera]\nsource = "rtsp://127.0.0.1:1/x"\n')
    (found,) = (finding for finding in check(config) if finding.what == "camera")
    assert not found.passed
    assert "cannot open a network camera" in found.says


def test_switch_and_light_are_looked_at_by_their_pins(tmp_path: Path) -> None:
    gpiozero = pytest.importorskip("gpiozero", reason="gpiozero is not installed")
    from gpiozero.pins.mock import MockFactory

    config = tmp_path / "node.toml"
    config.write_text('node = "n1"\n[panel]\nswitch_pin = 17\nlight_pin = 27\n')
    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, MockFactory()
    try:
        (found,) = (finding for finding in check(config) if finding.what == "switch and light")
    finally:
        gpiozero.Device.pin_factory.reset()
        gpiozero.Device.pin_factory = before
    assert found.says == "a light on pin 27, a switch on pin 17, off: the node will not sense"


def finding(path: Path, what: str) -> Finding:
    (found,) = (one for one in check(path) if one.what == what)
    return found


def minimal(tmp_path: Path, more: str = "") -> Path:
    path = tmp_path / "node.toml"
    path.write_text(f'node = "n1"\n{more}')
    return path


@pytest.mark.parametrize(
    ("warm_c", "slowed", "says"),
    [
        (48.0, False, "48 °C, not throttled"),
        (None, None, "no sensor, nobody here can tell whether it is throttled"),
        (81.0, False, "give it a heat sink or a fan"),
        (60.0, True, "use its own power supply"),
    ],
)
def test_the_boards_heat_and_power_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm_c: float | None, slowed: bool | None, says: str
) -> None:
    monkeypatch.setattr("edge.courier.health.temp_c", lambda: warm_c)
    monkeypatch.setattr("edge.courier.health.throttled", lambda: slowed)
    assert says in finding(minimal(tmp_path), "temperature and power").says


def test_a_board_that_was_slowed_since_its_start_passes_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.courier.health.throttled", lambda: False)
    monkeypatch.setattr("edge.courier.health.was_throttled", lambda: True)
    found = finding(minimal(tmp_path), "temperature and power")
    assert found.passed
    assert "but it was since its start" in found.says


def test_a_compiled_model_without_its_stick_is_told(tmp_path: Path) -> None:
    (tmp_path / "affect.tflite").write_bytes(NodeConfig(node="n1").models.affect.read_bytes())
    (tmp_path / "affect_edgetpu.tflite").write_bytes(b"compiled")
    found = finding(minimal(tmp_path, '[models]\naffect = "affect.tflite"\n'), "accelerator")
    assert not found.passed
    assert "no Edge TPU answers" in found.says


def test_certificates_are_read_before_they_end(tmp_path: Path) -> None:
    made = certificates(tmp_path / "tls", "n1")
    part = f'[broker]\nurl = "mqtts://127.0.0.1:1"\nca = "{made.ca}"\ncertificate = "{made.certificate("n1")}"\n'
    assert "was not renewed" in finding(minimal(tmp_path, part), "certificates").says  # an hour is soon
    assert "fit for this machine alone" in finding(minimal(tmp_path), "certificates").says
    assert "has no certificate" in finding(minimal(tmp_path, '[broker]\nurl = "mqtts://a:1"\n'), "certificates").says
