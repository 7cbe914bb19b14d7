"""What systemd hears of eye, courier and hub: ready when the work has begun, and then a sign of life from its loop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contract.beat import Beat
from edge.eye.link import Link
from tests.edge.clips import with_a_face
from tests.edge.test_courier import GREETING
from tests.systemd.test_units import FOLDER, settings

PATIENCE_S = 60.0
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = ", ".join(f'{{ day = "{day}", opens = "00:00", closes = "24:00" }}' for day in DAYS)


class Systemd:
    """As much of systemd as listens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(PATIENCE_S)

    def hears(self) -> str:
        return self._socket.recv(4096).decode()

    def drop(self) -> None:
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(4096)
        except BlockingIOError:
            self._socket.settimeout(PATIENCE_S)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    listening = Systemd(tmp_path / "notify")
    yield listening
    listening.close()


@contextmanager
def running(systemd: Systemd | None, *command: object) -> Iterator[subprocess.Popen[bytes]]:
    environment = dict(os.environ)
    if systemd is not None:
        environment["NOTIFY_SOCKET"] = str(systemd.path)
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, command)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def test_ready_is_said_once_and_alive_no_more_often_than_asked(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(systemd.path))
    beat = Beat(every_s=3600.0)
    for _ in range(100):
        beat()
    assert [systemd.hears(), systemd.hears()] == ["READY=1", "WATCHDOG=1"]
    systemd._socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.hears()


def test_without_systemd_nothing_is_said_and_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Beat()()


def test_the_hub_says_that_it_writes(tmp_path: Path, systemd: Systemd) -> None:
    with running(systemd, "hub", "serve", "--data", tmp_path / "data", "--http", "127.0.0.1:0"):
        assert systemd.hears() == "READY=1"
        for _ in range(2):
            assert systemd.hears() == "WATCHDOG=1"


def node(folder: Path, source: Path) -> Path:
    config = folder / "node.toml"
    config.write_text(
        f'node = "n1"\nnotice_acknowledged = true\nhours = [{HOURS}]\n[broker]\nurl = "mqtt://127.0.0.1:1"\n'
        f'[outbox]\nfolder = "outbox"\n[privacy]\ndpia_reference = "DPIA-1"\n[camera]\nsource = "{source}"\n'
    )
    return config


def test_the_courier_says_that_it_listens(tmp_path: Path, systemd: Systemd) -> None:
    meeting, config = tmp_path / "eye.sock", node(tmp_path, tmp_path / "none")
    with running(systemd, "edge", "courier", "--config", config, "--socket", meeting):
        assert systemd.hears() == "READY=1"
        for _ in range(2):
            assert systemd.hears() == "WATCHDOG=1"
        Link.connect(meeting).send(GREETING)


def test_the_eye_says_it_behind_its_walls_too(tmp_path: Path, systemd: Systemd) -> None:
    """The clip is short: the last words come from an eye that has looked, and so stands behind all of its walls."""
    meeting, config = tmp_path / "eye.sock", node(tmp_path, with_a_face(tmp_path / "face.avi", 60))
    with (
        running(None, "edge", "courier", "--config", config, "--socket", meeting),
        running(systemd, "edge", "eye", "--config", config, "--socket", meeting) as eye,
    ):
        assert systemd.hears() == "READY=1"
        walled = Path(f"/proc/{eye.pid}/status")
        while "Seccomp:\t2" not in walled.read_text():
            assert systemd.hears() == "WATCHDOG=1"
        systemd.drop()
        assert systemd.hears() in ("READY=1", "WATCHDOG=1")


@pytest.mark.parametrize("name", ["eye", "courier", "hub"])
def test_a_unit_waits_for_both_words(name: str) -> None:
    unit = FOLDER / f"attune-{name}.service"
    assert settings(unit, "Type") == ["notify"]
    assert settings(unit, "NotifyAccess") == ["main"]
    assert float(settings(unit, "WatchdogSec")[0]) >= 10.0
