"""The eye's end of the socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.errors import LinkError, WireError
from edge.eye import link as module
from edge.eye.link import Link
from edge.order import ORDER_BYTES, Pause, Resume, encode_order
from edge.record import RECORD_BYTES, Head, StateRecord, decode


@pytest.fixture
def courier() -> Iterator[tuple[Link, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield Link(ours), theirs


def test_a_record_is_one_packet_and_orders_come_in_order(courier: tuple[Link, socket.socket]) -> None:
    link, theirs = courier
    record = StateRecord(Head(0, 1, 2), "camera_lost")
    link.send(record)
    assert decode(theirs.recv(RECORD_BYTES + 1)) == record
    theirs.send(encode_order(Pause()))
    theirs.send(encode_order(Resume()))
    assert link.orders(5.0) == [Pause(), Resume()]
    assert link.orders() == []


@pytest.mark.parametrize("said", [b"\x01", b"\0" * ORDER_BYTES, b"\x05" * (ORDER_BYTES + 1)])
def test_what_is_no_order_is_refused(courier: tuple[Link, socket.socket], said: bytes) -> None:
    link, theirs = courier
    theirs.send(said)
    with pytest.raises(WireError, match="An order to the eye is refused"):
        link.orders(5.0)


def test_a_courier_that_is_gone_is_noticed_when_speaking_and_when_listening(
    courier: tuple[Link, socket.socket],
) -> None:
    link, theirs = courier
    theirs.close()
    with pytest.raises(LinkError, match="The courier is gone"):
        link.orders()
    with pytest.raises(LinkError, match="The courier is gone"):
        link.send(StateRecord(Head(0, 1, 2), None))


def test_nobody_at_the_socket_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    with pytest.raises(LinkError, match="start attune-edge courier first"):
        Link.connect(tmp_path / "eye.sock")


def test_waiting_for_the_courier_ends_when_asked(tmp_path: Path) -> None:
    asked: list[None] = []

    def given_up() -> bool:
        asked.append(None)
        return len(asked) > 1

    with pytest.raises(LinkError):
        Link.connect(tmp_path / "eye.sock", given_up)
    assert len(asked) == 2
