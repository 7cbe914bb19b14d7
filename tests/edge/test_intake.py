"""From the eye's socket into the words of the wire."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contract.errors import WireError
from contract.wire import Topic, decode, encode
from edge.courier.intake import AT_ONCE_MAX, Intake, ZoneRecord, event_of, kind_of
from edge.order import Order, Pause, Resume, decode_order
from edge.record import (
    AssistRecord,
    Head,
    HourRecord,
    HourSuppressedRecord,
    MoodRecord,
    MoodSuppressedRecord,
    Record,
    StateRecord,
    WalkRecord,
)
from edge.record import encode as encode_record

HEAD = Head(zone=2, config=3, t_mono_s=1000)
ZONE_RECORDS: tuple[ZoneRecord, ...] = (
    MoodRecord(HEAD, 300, "5-9", 2, 5, 3, 4, -3, "60-120", 2),
    MoodSuppressedRecord(HEAD),
    HourRecord(HEAD, 498_000, 1, 2, 3, 4, 500),
    HourSuppressedRecord(HEAD, 498_000, 500),
    AssistRecord(HEAD, 2, ("long_dwell", "unattended"), 60),
    WalkRecord(HEAD, 60, 48, 4, 40, 8, "good", True, (17, 18, 33)),
)


@pytest.mark.parametrize("record", ZONE_RECORDS, ids=lambda record: type(record).__name__)
def test_each_zone_record_becomes_an_event_that_the_hub_can_read(record: ZoneRecord) -> None:
    event = event_of(record, node="n1", boot="0123abcd-000001", seq=7, t_wall=1_790_000_000, model="a" * 64)
    topic = str(Topic(store="shop", node="n1", kind=event.kind))
    assert decode(topic, encode(event)) == event
    assert event.kind == kind_of(record)
    assert (event.zone, event.config, event.t_mono_s, event.seq) == (2, 3, 1000, 7)


def test_tenths_and_thousandths_become_numbers() -> None:
    mood = event_of(ZONE_RECORDS[0], node="n1", boot="0123abcd-000001", seq=1, t_wall=0, model="a" * 64)
    hour = event_of(ZONE_RECORDS[2], node="n1", boot="0123abcd-000001", seq=1, t_wall=0, model="a" * 64)
    assert mood.model_dump(include={"valence", "arousal"}) == {"valence": 0.4, "arousal": -0.3}
    assert hour.model_dump(include={"epsilon", "hour_start"}) == {"epsilon": 0.5, "hour_start": 498_000 * 3600}


@pytest.mark.parametrize(
    "record",
    [
        MoodRecord(HEAD, 300, "5-9", 0, 7, 3, 4, -3, "60-120", 2),
        AssistRecord(HEAD, 9, (), 60),
        WalkRecord(HEAD, 60, 48, 4, 40, 8, "good", False, (17,)),  # where a face was is told once it is over
        WalkRecord(HEAD, 60, 48, 13, 40, 8, "good", True, ()),
        StateRecord(HEAD, None),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_record_that_says_what_the_wire_cannot_is_refused(record: Record) -> None:
    with pytest.raises(WireError):
        event_of(record, node="n1", boot="0123abcd-000001", seq=1, t_wall=0, model="a" * 64)


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(tmp_path / "eye.sock"))
    listener.listen()
    yield Intake(listener)
    listener.close()


def eye_at(intake: Intake) -> socket.socket:
    eye = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    eye.connect(intake.listener.getsockname())
    intake.accept()
    return eye


def test_records_arrive_whole_and_what_is_none_is_counted(intake: Intake) -> None:
    eye = eye_at(intake)
    eye.send(encode_record(ZONE_RECORDS[1]))
    eye.send(b"x" * 32)
    eye.send(b"x" * 4000)
    eye.send(encode_record(ZONE_RECORDS[4]))
    assert intake.records() == [ZONE_RECORDS[1], ZONE_RECORDS[4]]
    assert intake.refused == 2
    assert intake.records() == []


def test_an_eye_that_ends_is_noticed(intake: Intake) -> None:
    eye_at(intake).close()
    assert intake.records() == []
    assert intake.eye is None


def test_what_an_eye_said_last_is_heard_though_it_has_ended(intake: Intake) -> None:
    eye = eye_at(intake)
    eye.send(encode_record(ZONE_RECORDS[1]))
    eye.close()
    assert intake.records() == [ZONE_RECORDS[1]]
    assert intake.eye is None


def test_an_eye_that_never_stops_talking_does_not_keep_the_courier_from_its_work(intake: Intake) -> None:
    eye = eye_at(intake)
    eye.setblocking(False)
    sent = 0
    with suppress(BlockingIOError):
        while sent < 2 * AT_ONCE_MAX:
            eye.send(encode_record(ZONE_RECORDS[1]))
            sent += 1
    assert len(intake.records()) == min(sent, AT_ONCE_MAX)


def test_an_eye_that_takes_no_orders_is_let_go(intake: Intake) -> None:
    eye = eye_at(intake)
    intake.tell([Pause()] * 100_000)
    assert intake.eye is None
    eye.close()


def test_a_new_eye_takes_the_place_of_the_old(intake: Intake) -> None:
    old, new = eye_at(intake), eye_at(intake)
    said: list[Order] = [Pause(), Resume()]
    intake.tell(said)
    assert old.recv(64) == b""
    assert [decode_order(new.recv(64)) for _ in said] == said
