"""Records and orders: fixed size, strict, and every bit means something."""

from __future__ import annotations

import contextlib
import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import WireError
from edge import order as o
from edge import record as r

U8, U16, U32 = st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
TENTHS = st.integers(-10, 10)
heads = st.builds(r.Head, U8, U16, U32)
ms = U16.map(lambda word: word / 100)
records = st.one_of(
    st.builds(
        r.MoodRecord, heads, U16, st.sampled_from(r.PEOPLE), U8, U8, U8, TENTHS, TENTHS, st.sampled_from(r.DWELL), U8
    ),
    st.builds(r.MoodSuppressedRecord, heads),
    st.builds(r.HourRecord, heads, U32, U16, U16, U16, U16, U16),
    st.builds(r.HourSuppressedRecord, heads, U32, U16),
    st.builds(r.AssistRecord, heads, U8, st.sets(st.sampled_from(r.REASONS)).map(
        lambda said: tuple(x for x in r.REASONS if x in said)), U16),
    st.builds(r.PulseRecord, heads, U16.map(lambda word: word / 10), ms, ms, ms, ms, ms, U16),
    st.builds(r.StateRecord, heads, st.sampled_from((None, *r.TROUBLES))),
    st.tuples(heads, st.booleans(), st.sets(st.integers(0, r.CELLS - 1))).flatmap(lambda three: st.builds(
        r.WalkRecord, st.just(three[0]), U8, U8, U8, st.sampled_from(r.FACE_PX), U8, st.sampled_from(r.LIGHTS),
        st.just(three[1]), st.just(tuple(sorted(three[2]))))),
    st.builds(r.NeutralRecord, heads, st.tuples(*[U8] * 8), st.sampled_from(r.TRACKS), st.booleans()),
)  # fmt: skip
corner = st.tuples(U16.map(lambda w: w / 0xFFFF), U16.map(lambda w: w / 0xFFFF))
levels = st.tuples(*[U16.map(lambda w: w / 0xFFFF)] * 3)
orders = st.one_of(
    st.builds(o.Ease, st.booleans()),
    st.just(o.Afresh()),
    st.builds(o.BeginConfig, U16),
    st.builds(o.SetZone, U8, st.lists(corner, min_size=3, max_size=8).map(tuple)),
    st.builds(o.SetLevels, U8, levels),
    st.builds(o.ApplyConfig, U16),
    st.just(o.Pause()),
    st.just(o.Resume()),
    st.builds(o.StartWalk, U8, st.integers(20, 240)),
    st.builds(o.SpentHours, U8, U16, U32, U32),
    st.builds(o.SiteNeutral, U16, st.tuples(*[U8] * 8)),
)


@given(records)
def test_a_record_is_32_bytes_and_comes_back_the_same(record: r.Record) -> None:
    data = r.encode(record)
    assert len(data) == r.RECORD_BYTES
    assert r.decode(data) == record


@given(orders)
def test_an_order_is_64_bytes_and_comes_back_the_same(order: o.Order) -> None:
    data = o.encode_order(order)
    assert len(data) == o.ORDER_BYTES
    assert o.decode_order(data) == order


@given(st.binary(max_size=80))
def test_bytes_that_no_gate_made_are_refused_with_a_reason(data: bytes) -> None:
    with contextlib.suppress(WireError):
        assert r.encode(r.decode(data)) == data
    with contextlib.suppress(WireError):
        assert o.encode_order(o.decode_order(data)) == data


@pytest.mark.parametrize("data", [b"", bytes(32), bytes(31), b"\x11" + b"\xff" * 31, bytes(64)])
def test_what_is_neither_record_nor_order_is_refused_with_its_reason(data: bytes) -> None:
    with pytest.raises(WireError) as refused:
        r.decode(data)
    assert refused.value.code == "record"
    with pytest.raises(WireError) as refused:
        o.decode_order(data)
    assert refused.value.code == "order"


@pytest.mark.parametrize("seconds", [0, 19, 241, 60_000])
def test_a_walk_that_is_too_short_or_too_long_is_no_order(seconds: int) -> None:
    with pytest.raises(WireError, match="a walk takes 20 to 240 s"):
        o.decode_order(o.encode_order(o.StartWalk(3, seconds)))


@given(records, st.integers(0, r.RECORD_BYTES * 8 - 1))
def test_every_flipped_bit_is_refused_or_means_another_record(record: r.Record, bit: int) -> None:
    data = bytearray(r.encode(record))
    data[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(WireError):
        assert r.decode(bytes(data)) != record


def test_fewer_than_k_and_nobody_are_the_same_bytes() -> None:
    head = r.Head(zone=1, config=2, t_mono_s=3)
    assert r.encode(r.MoodSuppressedRecord(head))[9:] == bytes(23)


@pytest.mark.parametrize("kind", get_args(r.Record))
def test_each_kind_of_record_stands_in_the_layout_of_the_docstring(kind: type) -> None:
    name = kind.__name__.removesuffix("Record").removesuffix("Suppressed").lower()
    assert f" {name} " in (r.__doc__ or "")


@pytest.mark.parametrize("kind", get_args(o.Order))
def test_each_kind_of_order_stands_in_the_layout_of_the_docstring(kind: type) -> None:
    name = re.sub("^Set|^Site|^Start|Config$|Hours$", "", kind.__name__).lower()
    assert f" {name} " in (o.__doc__ or "").replace(",", " ").replace("\n", " ")
