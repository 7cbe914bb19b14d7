"""What the hub hears, and what is too much of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import hearing
from hub.hearing import BYTES_A_SECOND, BYTES_AT_ONCE, NODES_MAX, QUIET_S, Hearing
from hub.ingest import Refused
from hub.store import Message
from tests.hub.node import Node, message

NODE = Node()
RUBBISH = b"x" * 16_000


def rubbish(at_s: float) -> Message:
    return Message("attune/1/shop/aisle/mood", RUBBISH, 0.0, at_s)


def said(node: Node, seq: int, at_s: float) -> Message:
    whole = message(node.mood(seq))
    return Message(whole.topic, whole.payload, 0.0, at_s)


def flood(ears: Hearing, at_s: float) -> int:
    """How much rubbish is taken until some is dropped."""
    taken = 0
    while ears.hear(rubbish(at_s))[0] is not None:
        taken += 1
    return taken


def test_a_node_that_was_away_for_a_day_is_heard_with_all_it_kept() -> None:
    ears, whole = Hearing("shop"), said(NODE, 86_400, 100.0)
    assert 86_400 * (len(whole.topic) + len(whole.payload)) <= BYTES_AT_ONCE  # an eye says one a second at most
    assert all(ears.hear(said(NODE, seq, 100.0))[0] for seq in range(1, 1_000))
    assert ears.trouble(100.0) is None


def test_what_is_too_much_is_dropped_counted_and_said_and_the_others_are_heard() -> None:
    ears = Hearing("shop")
    flood(ears, 0.0)
    assert isinstance(ears.hear(rubbish(100.0))[0], Refused)  # what the time that passed let it say
    assert ears.dropped == {"": 1}
    assert "rubbish" in str(ears.trouble(0.0))
    assert ears.trouble(QUIET_S + 1) is None
    assert ears.hear(said(NODE, 1, 0.0))[0] == NODE.mood(1)


def test_a_node_that_says_too_much_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "BYTES_AT_ONCE", 50_000.0)
    ears, seq = Hearing("shop"), 0
    while not ears.dropped:
        seq += 1
        event, left_s = ears.hear(said(NODE, seq, 0.0))
    assert (event, left_s) == (None, None)
    assert ears.dropped == {"aisle": 1}
    assert str(ears.trouble(0.0)).startswith("aisle says more than any honest node would")


def test_names_are_no_way_around() -> None:
    ears = Hearing("shop")
    for number in range(NODES_MAX + 500):
        ears.hear(said(Node(name=f"n-{number}"), 1, 0.0))
    assert len(ears._shares) == NODES_MAX + 1


@given(st.lists(st.floats(0, 3_600), min_size=1, max_size=30))
def test_nobody_is_heard_for_more_than_his_share(gaps_s: list[float]) -> None:
    ears, at_s, taken = Hearing("shop"), 0.0, 0
    ears.hear(rubbish(0.0))
    ears._shares[hearing.STRANGERS].left = 0.0
    for gap_s in gaps_s:
        at_s += gap_s
        taken += flood(ears, at_s)
    assert taken * len(RUBBISH) <= min(BYTES_AT_ONCE * len(gaps_s), at_s * BYTES_A_SECOND)
