"""Advice about a node, sentence by sentence: what it says of itself, and what the owner then reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from contract.events import State, Trouble
from hub.advice import SAID, SEEN, advice, owner_line
from hub.views import NodeView
from tests.hub.conftest import NOW_S, node_view


def node(state: State = "online", reason: Trouble | None = None, **health: Any) -> NodeView:
    well = node_view("window-2", "Window")
    assert well.health
    return replace(well, state=state, reason=reason, health=well.health.model_copy(update=health))


HEALTH: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "Node window-2 is well."),
    ({"throttled": True}, "Node window-2 is throttling: check its fan and its power supply."),
    ({"throttled": None, "temp_c": None, "fps": None, "eye_mb": None}, "Node window-2 is well."),
    ({"temp_c": 79.9}, "Node window-2 is well."),
    ({"temp_c": 80.0}, "Node window-2 runs at 80 °C: give it air before it slows down."),
    ({"outbox_dropped": 1}, "Node window-2 had to drop 1 old mood record: check its link to the hub."),
    ({"outbox_dropped": 12}, "Node window-2 had to drop 12 old mood records: check its link to the hub."),
    ({"outbox_depth": 999}, "Node window-2 is well."),
    ({"outbox_depth": 1000}, "Node window-2 has 1000 records still to send: check its link to the hub."),
    (
        {"refused": 3},
        "Node window-2 refused 3 records of its own eye: run attune-edge check on it, and look at what left it on the"
        " auditor's page.",
    ),
    (
        {"fps": 2.9},
        "Node window-2 sees only 2.9 pictures a second and misses people: close other programs on it, or give it an"
        " Edge TPU.",
    ),
    ({"eye_mb": 512}, "Node window-2 uses 512 MB for its eye: restart it when the shop is closed."),
    ({"version": "0.1.0+c0ffee123456", "update": "on_trial"}, "Node window-2 is well."),
    (
        {"update": "rolled_back"},
        "Node window-2 did not do well with the newest release and went back by itself to what it had: tell whoever"
        " publishes it what journalctl -u attune-update says there; it takes the next release by itself.",
    ),
    (
        {"update": "failed"},
        "Node window-2 cannot take the hub's release and goes on with what it has: import the newest one (attune-hub"
        " updates import); where that does not help, attune-edge update --check on it says why.",
    ),
    ({"drift": True}, "Node window-2 sees another picture than before: check its aim and the light."),
)


@pytest.mark.parametrize(("health", "sentence"), HEALTH, ids=str)
def test_what_a_nodes_health_says_is_advice(health: dict[str, Any], sentence: str) -> None:
    assert advice(node(**health), NOW_S) == (sentence,)
    assert owner_line(node(**health), NOW_S).tone == ("well" if sentence.endswith("is well.") else "look")


def test_every_sign_has_a_sentence_in_the_table() -> None:
    assert len({sentence.split("window-2 ")[1][:9] for _, sentence in HEALTH}) == len(SEEN) + 1


@pytest.mark.parametrize("reason", get_args(Trouble))
def test_every_trouble_comes_with_advice(reason: Trouble) -> None:
    state: State = "offline" if reason in ("link_lost", "stopped") else "paused" if reason == "switch" else "degraded"
    assert advice(node(state, reason), NOW_S) == (f"Node window-2: {SAID[reason]}.",)
    assert owner_line(node(state, reason), NOW_S).tone != "well"


def test_several_things_are_said_with_the_most_pressing_first() -> None:
    line = owner_line(node(drift=True, throttled=True, temp_c=85.0, outbox_dropped=2), NOW_S)
    assert line.sentence == "Node window-2 is throttling: check its fan and its power supply."
    assert [words.split("window-2 ")[1][:9] for words in line.more] == ["had to dr", "sees anot"]


def test_what_a_node_said_is_not_said_again_by_its_health() -> None:
    assert len(advice(node("degraded", "throttled", throttled=True, temp_c=84.0), NOW_S)) == 1


def test_a_node_that_is_away_gets_no_advice_from_old_health() -> None:
    assert advice(node("offline", "stopped", throttled=True), NOW_S) == (f"Node window-2: {SAID['stopped']}.",)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"heard_s": NOW_S - 180},
            "Node window-2 has not been heard for 3 min: check its power and its network cable.",
        ),
        (
            {"state": "offline", "since_s": NOW_S - 300},
            "Node window-2 is out of reach since 5 min: check its power and its network cable.",
        ),
        ({"state": "degraded"}, "Node window-2 is degraded: run attune-edge check on it."),
    ],
    ids=str,
)
def test_a_node_that_says_nothing_comes_with_advice_too(changed: dict[str, Any], sentence: str) -> None:
    assert advice(replace(node(), **changed), NOW_S) == (sentence,)


def test_a_switched_off_node_rests_and_a_silent_one_is_to_be_looked_at() -> None:
    assert owner_line(node("offline", "stopped"), NOW_S).tone == "rest"
    silent = owner_line(replace(node(), heard_s=NOW_S - 180), NOW_S)
    assert (silent.tone, silent.sees) == ("look", False)


def test_a_well_node_is_well() -> None:
    line = owner_line(node(), NOW_S)
    assert (line.sentence, line.tone, line.zones, line.more) == ("Node window-2 is well.", "well", ("Window",), ())
