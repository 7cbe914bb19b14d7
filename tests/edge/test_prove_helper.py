"""The helper answers a connection, whoever makes it and whatever it says, and no more often than it should."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contract.checkpoint import KEY_FILE, Signer
from contract.events import Command, SelfTest
from contract.wire import decode, encode
from edge.config import NodeConfig
from edge.courier import selftest
from edge.courier.courier import Courier
from edge.courier.intake import Intake
from edge.courier.outbox import Outbox
from edge.courier.publish import FakeHub, Heard, Joined
from edge.prove.helper import answer
from edge.prove.report import hand_over
from tests.edge.hubside import topic

JSON = '{"at_s":7,"result":"passed","windows":{"raw":3,"int8":4},"hits":0,"searched_mb":9}\n'


def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    listener.listen()
    return listener


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Courier, FakeHub, Outbox]]:
    listener = listening(tmp_path / "eye.sock")
    outbox, hub = Outbox(tmp_path / "outbox", 1000, "shop", "n1"), FakeHub()
    courier = Courier(NodeConfig(node="n1"), "ab" * 32, outbox, Intake(listener), hub)
    hub.waiting.append(Joined())
    courier.step()
    hub.said.clear()
    yield courier, hub, outbox
    listener.close()
    outbox.close()


def test_the_hubs_command_reaches_the_helper_and_nothing_else_does(
    tmp_path: Path, desk: tuple[Courier, FakeHub, Outbox]
) -> None:
    courier, hub, _ = desk
    with listening(tmp_path / selftest.HELPER) as helper:
        hub.waiting.append(Heard(topic("command"), encode(Command(command="self-test"))))
        courier.step()
        asked, _ = helper.accept()
        with asked:
            assert asked.recv(100) == b""


def test_a_helper_that_is_not_there_is_said_and_no_trouble(
    desk: tuple[Courier, FakeHub, Outbox], capsys: pytest.CaptureFixture[str]
) -> None:
    courier, hub, _ = desk
    hub.waiting.append(Heard(topic("command"), encode(Command(command="self-test"))))
    courier.step()
    assert "start attune-edge prover" in capsys.readouterr().err


def test_a_result_is_in_the_ledger_and_said_once(desk: tuple[Courier, FakeHub, Outbox]) -> None:
    courier, hub, outbox = desk
    note = Signer.load(outbox.folder / KEY_FILE).sign(JSON)
    hand_over(note, outbox.folder)
    courier.step()
    courier.step()
    ((kind, payload),) = hub.said
    event = decode(topic("self-test"), payload)
    assert kind == "self-test"
    assert isinstance(event, SelfTest)
    assert (event.result, event.windows, event.hits, event.searched_mb, event.t_wall) == ("passed", 7, 0, 9, 7)
    assert event.note == note
    logged = outbox._db.execute("SELECT payload FROM ledger_entries WHERE kind = 'self-test'").fetchall()
    assert logged == [(payload,)]
    assert not (outbox.folder / selftest.NOTE).exists()


@pytest.mark.parametrize("text", ["", "{}\n", "[]\n", JSON.replace("passed", "splendid")])
def test_what_is_no_result_is_put_aside(text: str, desk: tuple[Courier, FakeHub, Outbox]) -> None:
    courier, hub, outbox = desk
    hand_over(Signer.load(outbox.folder / KEY_FILE).sign(text) if text else "no note", outbox.folder)
    courier.step()
    assert hub.said == []
    assert [path.name for path in outbox.folder.glob("self-test*")] == ["self-test.refused"]


def asked_times(path: Path, times: int, rest_s: float) -> int:
    """How many runs so many questions led to."""
    runs: list[int] = []
    done = threading.Event()

    def run() -> str:
        runs.append(1)
        return "done"

    with listening(path) as listener:
        waiting = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(times)]
        for one in waiting:
            one.connect(str(path))
            one.send(b"--config /etc/passwd")
        thread = threading.Thread(target=answer, args=(listener, run, done.is_set, rest_s))
        thread.start()
        for one in waiting:
            one.settimeout(10)
            with suppress(ConnectionResetError):  # what it said was never read
                assert one.recv(10) == b""
            one.close()
        done.set()
        thread.join()
    return len(runs)


def test_who_asks_often_is_not_answered_more_often(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked_times(tmp_path / "a", 3, rest_s=3_600) == 1
    assert capsys.readouterr().err.count("too soon") == 2
    assert asked_times(tmp_path / "b", 3, rest_s=0) == 3


def test_the_helper_stays_small() -> None:
    from subprocess import run

    loaded = "import sys, edge.prove.helper; print(sorted({'numpy', 'cv2', 'paho'} & set(sys.modules)))"
    assert run((sys.executable, "-c", loaded), capture_output=True, text=True, check=True).stdout == "[]\n"
