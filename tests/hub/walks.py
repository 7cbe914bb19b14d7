"""Walks as a node tells them."""

from __future__ import annotations

from typing import Any

from contract.walk import Walk
from contract.wire import Topic, encode
from hub.views import EventView
from tests.hub.conftest import NOW_S

SQUARE = tuple(row * 16 + column for row in range(3, 6) for column in range(4, 9))


def walk(zone: int = 0, node: str = "floor-1", **changed: Any) -> Walk:
    """A good one."""
    said: dict[str, Any] = {
        "steps": 60, "seen": 55, "crowded": 0, "face_px": 48, "frontal": 8, "light": "good", "over": True,
        "cells": SQUARE, "config": 1,
    }  # fmt: skip
    head = {"boot": "0011aabb-000001", "seq": 1 + zone, "t_mono_s": 100, "t_wall": int(NOW_S), "model": "ab" * 32}
    return Walk(node=node, zone=zone, **head, **said | changed)


def told(number: int, said: Walk, received_s: float = NOW_S) -> EventView:
    """As the hub has it."""
    topic = str(Topic(store="shop", node=said.node, kind="walk"))
    return EventView(number, received_s, said.node, "walk", said.zone, said.boot, said.seq, topic, encode(said))
