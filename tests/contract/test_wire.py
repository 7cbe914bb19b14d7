from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import WireError
from contract.events import KINDS, Kind
from contract.wire import (
    FROM_HUB,
    OTHER_BYTES_MAX,
    RETAINED,
    ZONE_EVENT_BYTES_MAX,
    ZONE_KINDS,
    Topic,
    decode,
    encode,
    every_node,
    parse_topic,
    qos,
    size_limit,
)
from tests.contract.events import EVENTS, NODE, STORE

MOOD = {
    "v": 1, "node": NODE, "boot": "00c0ffee-000001", "zone": 0, "seq": 1, "t_mono_s": 1, "t_wall": 2,
    "model": "ab" * 32, "config": 0, "suppressed": False, "window_s": 300, "people": "5-9", "abstained": 1,
    "valence": 0.1, "arousal": -0.3, "shares": {"negative": 2, "neutral": 5, "positive": 3}, "dwell_s": "30-60",
}  # fmt: skip
ASSIST = {key: MOOD[key] for key in ("v", "node", "boot", "zone", "seq", "t_mono_s", "t_wall", "model", "config")} | {
    "level": 2,
    "reasons": ["searching"],
    "ttl_s": 60,
}


def topic(kind: Kind) -> str:
    return str(Topic(store=STORE, node=NODE, kind=kind))


def refused(kind: Kind, body: object) -> WireError:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(WireError) as error:
        decode(topic(kind), payload)
    return error.value


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(data=st.data())
def test_every_event_comes_back_from_its_bytes(kind: Kind, data: st.DataObject) -> None:
    event = data.draw(EVENTS[kind])
    payload = encode(event)
    assert decode(topic(kind), payload) == event
    assert encode(decode(topic(kind), payload)) == payload
    assert len(payload) <= size_limit(kind)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=80)
@given(data=st.data())
def test_whatever_is_done_to_a_payload_it_is_taken_whole_or_refused_with_a_code(
    kind: Kind, data: st.DataObject
) -> None:
    payload = bytearray(encode(data.draw(EVENTS[kind])))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        if not payload:
            break
    try:
        event = decode(topic(kind), bytes(payload))
    except WireError as refusal:
        code = refusal.code
    else:
        code = "taken"
        assert decode(topic(kind), encode(event)) == event
    assert code in {"taken", "oversize", "json", "version", "field", "missing", "value", "node"}


@given(st.binary(max_size=200))
def test_rubbish_is_refused_with_a_code(payload: bytes) -> None:
    assert refused("mood", payload).code in {"json", "version"}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"mood": 1}, "field"),
        ({"kind": "mood"}, "field"),
        ({"v": 2}, "version"),
        ({"v": True}, "version"),
        ({"v": None}, "version"),
        ({"node": "other"}, "node"),
        ({"zone": 12}, "value"),
        ({"zone": True}, "value"),
        ({"zone": 1.0}, "value"),
        ({"zone": "1"}, "value"),
        ({"seq": 0}, "value"),
        ({"seq": 2**53 + 1}, "value"),
        ({"boot": "x"}, "value"),
        ({"model": "AB" * 32}, "value"),
        ({"people": "4"}, "value"),
        ({"people": "1-4"}, "value"),
        ({"valence": 0.11}, "value"),
        ({"valence": 1.1}, "value"),
        ({"abstained": 11}, "value"),
        ({"shares": {"negative": 0, "neutral": 5, "positive": 5}}, "value"),
        ({"shares": {"negative": 2, "neutral": 5, "positive": 4}}, "value"),
        ({"shares": {"negative": 2, "neutral": 5, "positive": 3, "x": 1}}, "field"),
        ({"suppressed": True}, "field"),
        ({"suppressed": None}, "value"),
    ],
)
def test_a_mood_that_is_not_in_the_contract_is_refused_by_code(changed: dict[str, Any], code: str) -> None:
    decode(topic("mood"), json.dumps(MOOD).encode())
    assert refused("mood", MOOD | changed).code == code


@pytest.mark.parametrize("key", [key for key in MOOD if key != "v"])
def test_no_field_of_a_mood_may_be_missing(key: str) -> None:
    assert refused("mood", {name: value for name, value in MOOD.items() if name != key}).code == "missing"


@pytest.mark.parametrize(
    "changed",
    [{"level": 4}, {"level": 0}, {"reasons": ["searching", "searching"]}, {"reasons": ["angry"]}, {"ttl_s": 4}],
)
def test_an_assist_that_says_too_much_is_refused(changed: dict[str, Any]) -> None:
    decode(topic("assist"), json.dumps(ASSIST).encode())
    assert refused("assist", ASSIST | changed).code == "value"


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{", b"[]", b"1", b'"v"', b"\xff\xfe", b'{"v": NaN}', b'{"v": 1, "v": 1}',
        b'{"shares": {"a": 1, "a": 2}}', b"[" * 900, b'{"v":' * 150 + b"1" + b"}" * 150, b"1" * 900,
    ],
)  # fmt: skip
def test_what_is_not_one_json_object_is_refused(payload: bytes) -> None:
    assert refused("mood", payload).code in {"json", "version"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_payload_over_its_size_is_refused_unread(kind: Kind) -> None:
    assert size_limit(kind) == (ZONE_EVENT_BYTES_MAX if kind in ZONE_KINDS else OTHER_BYTES_MAX)
    assert refused(kind, b"{" * (size_limit(kind) + 1)).code == "oversize"
    assert refused(kind, b"{" * size_limit(kind)).code == "json"


@given(st.data())
def test_a_suppressed_mood_carries_no_number_about_people(data: st.DataObject) -> None:
    event = data.draw(EVENTS["mood"].filter(lambda mood: mood.suppressed))
    assert set(json.loads(encode(event))) == {
        "v", "node", "boot", "zone", "seq", "t_mono_s", "t_wall", "model", "config", "suppressed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("", "topic"),
        ("attune/1/shop/front", "topic"),
        ("attune/1/shop/front/mood/x", "topic"),
        ("attune/1/shop/front/face", "topic"),
        ("attune/1/Shop/front/mood", "topic"),
        ("attune/1/shop/+/mood", "topic"),
        ("attune/1/shop/front\n/mood", "topic"),
        ("attune/1//front/mood", "topic"),
        ("frigate/1/shop/front/mood", "topic"),
        ("attune/2/shop/front/mood", "version"),
        (f"attune/1/{'a' * 33}/front/mood", "topic"),
    ],
)
def test_a_topic_that_is_not_in_the_contract_is_refused(said: str, code: str) -> None:
    with pytest.raises(WireError) as error:
        parse_topic(said)
    assert error.value.code == code


@pytest.mark.parametrize("kind", KINDS)
def test_topics_are_built_and_read_alike(kind: Kind) -> None:
    assert parse_topic(topic(kind)) == Topic(store=STORE, node=NODE, kind=kind)
    assert every_node(STORE, kind) == topic(kind).replace(f"/{NODE}/", "/+/")


def test_only_what_must_outlive_a_connection_is_retained_and_only_health_may_be_lost() -> None:
    assert {"status", "birth", "self-test", "config", "checkpoint"} == RETAINED
    assert {"config", "command", "stored"} == FROM_HUB
    assert [kind for kind in KINDS if qos(kind) == 0] == ["health"]


@given(st.data())
def test_an_event_too_large_for_the_wire_is_not_encoded(data: st.DataObject) -> None:
    birth = data.draw(EVENTS["birth"])
    large = birth.model_copy(update={"runtime": "x" * OTHER_BYTES_MAX})
    with pytest.raises(WireError) as error:
        encode(large)
    assert error.value.code == "oversize"


@pytest.mark.parametrize("payload", [b'{"v":"\\ud800"}', b'{"v":1,"\\udfff":2}', b'{"v":1,"node":"\\ud800"}'])
def test_what_is_no_text_is_refused_with_a_reason_that_can_be_stored(payload: bytes) -> None:
    with pytest.raises(WireError) as refused:
        decode("attune/1/shop/n1/mood", payload)
    str(refused.value).encode("utf-8")
