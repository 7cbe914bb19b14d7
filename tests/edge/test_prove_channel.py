"""The tap between eye and courier passes every packet on, keeps what the eye said, and counts it against the bound."""

from __future__ import annotations

import math
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.order import Pause, encode_order
from edge.prove.channel import Tap, budget, entropy_bits
from edge.record import AssistRecord, Head, StateRecord, encode

SAID = [
    encode(StateRecord(Head(0, 0, 1), None)),
    encode(AssistRecord(Head(2, 0, 9), 1, ("long_dwell",), 60)),
]


def test_packets_pass_both_ways_unchanged(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(tmp_path / "courier"))
        listener.listen()
        tap = Tap(tmp_path / "eye", tmp_path / "courier")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as eye:
            eye.connect(str(tmp_path / "eye"))
            courier, _ = listener.accept()
            with courier:
                for record in SAID:
                    eye.send(record)
                    assert courier.recv(100) == record
                courier.send(encode_order(Pause()))
                assert eye.recv(100) == encode_order(Pause())
                assert tap.heard(lambda said: len(said) == 2, 10)
                assert not tap.heard(lambda said: len(said) == 3, 0.01)
        tap.close()
    assert [packet for _, packet in tap.said] == SAID


def test_a_tap_that_nobody_came_to_ends(tmp_path: Path) -> None:
    Tap(tmp_path / "eye", tmp_path / "courier").close()


def at(kind: int, zone: int, number: int = 0) -> bytes:
    return bytes([0x10 | kind, zone, number]) + bytes(29)


@given(st.integers(0, 40), st.integers(1, 12))
def test_what_the_gate_may_say_is_within_the_bound_and_what_it_may_not_is_over(tens: int, zones: int) -> None:
    seconds = max(10.0 * tens, 1.0)
    zones = min(zones, 10)  # ten zones at one a 10 s are one a second
    allowed = [(0.0, at(3, zone)) for zone in range(zones) for _ in range(tens)]
    assert budget(allowed, seconds).held
    assert not budget([*allowed, *((0.0, at(3, 0)) for _ in range(2 + tens // 5))], seconds).held


def test_the_eye_as_a_whole_has_a_bound_too() -> None:
    assert budget([(0.0, at(5, 0))] * 61, 60).held
    assert not budget([(0.0, at(5, 0))] * 62, 60).held


@pytest.mark.parametrize("packet", [b"", at(3, 0)[:-1], at(3, 0) + b"x", at(9, 0)])
def test_what_is_no_record_is_never_within_the_bound(packet: bytes) -> None:
    found = budget([(0.0, packet)], 60)
    assert found.strangers == 1
    assert not found.held


def test_records_are_told_by_kind() -> None:
    found = budget([(0.0, at(3, 0)), (1.0, at(3, 1)), (2.0, at(4, 0))], 60.0)
    assert [(kind.kind, kind.records, kind.per_minute) for kind in found.kinds] == [
        ("assist", 2, 2.0),
        ("pulse", 1, 1.0),
    ]
    assert found.busiest_bit_s == pytest.approx(256 / 60, abs=0.01)


@given(st.integers(1, 64))
def test_entropy_is_that_of_what_differs(count: int) -> None:
    assert entropy_bits([at(3, 0)] * count) == 0
    assert entropy_bits([at(3, 0, number) for number in range(count)]) == pytest.approx(count * math.log2(count))
