"""A hub that wants more than it may have: the real courier and the real eye's settings, the worst that can be sent.

Rule 10: no floor moves. Nor does anything break, and a word to pause is always obeyed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.events import Command, Config, Kind, OpenHours, Thresholds, ZoneSpec
from contract.fields import LEVEL_FLOOR
from contract.ledger_events import Checkpoint, Cosignature
from contract.wire import Topic, encode
from contract.witness import NAMES_MAX
from edge.config import NodeConfig
from edge.courier import health
from edge.courier.control import Heed
from edge.courier.publish import Heard
from edge.eye.hours import barred
from edge.eye.life import Eye
from edge.zones import check
from tests.edge.hubside import topic
from tests.edge.test_courier import MODEL, Desk

CONFIG = NodeConfig(node="n1", hours=(OpenHours(day="mon", opens="09:00", closes="18:00"),))
WHOLE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
LEFT = ZoneSpec(id=0, name="Left", polygon=((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))


def config(**changes: Any) -> dict[str, Any]:
    return {"v": 1, "kind": "config", "version": 7, "zones": None, "thresholds": [], **changes}


def zone(polygon: list[list[float]], number: int = 0) -> dict[str, Any]:
    return {"id": number, "name": "Z", "polygon": polygon}


WORST: dict[str, dict[str, Any] | bytes] = {
    "k of one": config(k=1, privacy={"k": 1}),
    "all of epsilon": config(epsilon=1e9, epsilon_per_day=1e9),
    "no window": config(window_s=0, window_max_s=0),
    "no threshold for hours": config(hour_min=0),
    "consent without a DPIA": config(profile="consented", dpia_reference=""),
    "consent with one": config(profile="consented", dpia_reference="signed by the hub"),
    "open all day": config(hours=[{"day": "mon", "opens": "00:00", "closes": "24:00"}]),
    "a notice acknowledged": config(notice_acknowledged=True),
    "a DPIA named": config(dpia_reference="signed by the hub", privacy={"dpia_reference": "signed by the hub"}),
    "a laxer law": config(jurisdiction="other", express_consent="all agreed"),
    "other masks": config(masks=[]),
    "kept for ever": config(keep={"assists_hours": 1e9}, outbox={"folder": "/tmp"}),
    "another broker": config(broker={"url": "mqtt://evil"}),
    "another camera": config(camera={"source": "rtsp://evil"}, models={"affect": "/tmp/x"}),
    "a tiny zone": config(zones=[zone([[0.5, 0.5], [0.51, 0.5], [0.51, 0.51]])]),
    "one zone on another": config(zones=[zone(WHOLE, 0), zone(WHOLE, 1)]),
    "a slit between two": config(
        zones=[zone([[0, 0], [0.5, 0], [0.5, 1], [0, 1]]), zone([[0.4999, 0], [1, 0], [1, 1]], 1)]
    ),
    "a zone that crosses itself": config(zones=[zone([[0, 0], [1, 1], [1, 0], [0, 1]])]),
    "thirteen zones": config(zones=[zone(WHOLE, n) for n in range(13)]),
    "a zone of no number": config(zones=[zone(WHOLE, 99)]),
    "the same zone twice": config(zones=[zone([[0, 0], [0.4, 0], [0.4, 1]]), zone([[0.6, 0], [1, 0], [1, 1]])]),
    "a zone outside": config(zones=[zone([[-5, -5], [5, -5], [5, 5]])]),
    "no zone at all": config(zones=[]),
    "a threshold of nothing": config(thresholds=[{"zone": 0, "levels": [0, 0, 0]}]),
    "a threshold under the floor": config(thresholds=[{"zone": 0, "levels": [0.1999999, 0.3, 0.4]}]),
    "falling thresholds": config(thresholds=[{"zone": 0, "levels": [0.9, 0.5, 0.3]}]),
    "a threshold of nobody": config(thresholds=[{"zone": 5, "levels": [0.2, 0.3, 0.4]}]),
    "version nought": config(version=0),
    "a version below": config(version=-(2**63)),
    "a version above": config(version=65_536),
    "a huge version": config(version=2**200),
    "a version of words": config(version="7"),
    "a version of truth": config(version=True),
    "no number": b'{"v":1,"kind":"config","version":NaN,"zones":null,"thresholds":[]}',
    "an endless number": b'{"v":1,"kind":"config","version":1e999,"zones":null,"thresholds":[]}',
    "two versions": b'{"v":1,"kind":"config","version":7,"version":8,"zones":null,"thresholds":[]}',
    "deep": b"[" * 5000 + b"]" * 5000,
    "long": b'{"v":1,"kind":"config","version":' + b"1" * 20_000 + b"}",
    "no text": b"\xff\xfe\x00",
    "nothing": b"",
    "another major": config(v=2),
    "an unknown command": {"v": 1, "kind": "command", "command": "export-frames"},
    "a command with more": {"v": 1, "kind": "command", "command": "resume", "force": True},
}


class Node:
    """A courier and the eye that it greets, in one thread."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder, CONFIG)
        link = self.desk.eye()
        self.eye = Eye(CONFIG, link, lambda _: pytest.fail("a camera is opened"), lambda: None, lambda: False, print)
        self.hears()

    def hears(self, *said: tuple[Kind, bytes]) -> None:
        """The hub's words, down to the eye."""
        self.desk.hub.waiting += [Heard(topic(kind), payload) for kind, payload in said]
        self.desk.courier.step()
        self.eye._obey(self.eye.link.orders())

    def floors_hold(self) -> None:
        for held in (self.desk.courier.config, self.eye.config):
            free = {"zones": CONFIG.zones, "thresholds": (), "version": 0}
            assert held.model_copy(update=free) == CONFIG
            check(held.zones)
            assert all(min(one.levels) >= LEVEL_FLOOR - 1e-4 for one in held.thresholds)
        gate = self.eye._gate()
        assert (gate.privacy, gate.usual_dwell_s) == (CONFIG.privacy, CONFIG.need.usual_dwell_s)
        born = health.birth(self.desk.courier.config, self.desk.outbox.boot, MODEL)
        assert (born.gate.k, born.gate.hour_min, born.gate.profile) == (5, 11, "aggregate")
        assert barred(self.eye.config, 0.0, paused=False) == "no_notice"

    def close(self) -> None:
        self.desk.courier.intake.drop()
        self.desk.courier.intake.listener.close()
        self.desk.outbox.close()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    opened = Node(tmp_path_factory.mktemp("node"))
    yield opened
    opened.close()


@pytest.mark.parametrize("kind", ["config", "command", "stored"])
@pytest.mark.parametrize("what", WORST)
def test_the_worst_changes_nothing_at_all(node: Node, what: str, kind: Kind) -> None:
    worst = WORST[what]
    node.desk.courier.heed = Heed()
    node.hears((kind, worst if isinstance(worst, bytes) else json.dumps(worst).encode()))
    assert node.desk.courier.config == node.eye.config == CONFIG
    node.floors_hold()


corner = st.tuples(st.floats(-0.2, 1.2) | st.integers(0, 1), st.floats(-0.2, 1.2) | st.integers(0, 1)).map(list)
zones = st.fixed_dictionaries(
    {"id": st.integers(-1, 13), "name": st.text(max_size=50), "polygon": st.lists(corner, max_size=9)}
)
good = st.sampled_from(
    [zone([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]), zone([[0.5, 0.0], [1.0, 0.0], [1.0, 1.0]], 1)]
)
thresholds = st.fixed_dictionaries(
    {"zone": st.integers(-1, 3), "levels": st.lists(st.floats(-1, 2), min_size=2, max_size=4).map(sorted)}
)
configs = st.fixed_dictionaries(
    {
        "v": st.just(1),
        "kind": st.just("config"),
        "version": st.integers(-1, 70_000) | st.floats(),
        "zones": st.none() | st.lists(good | zones, max_size=4),
        "thresholds": st.lists(thresholds, max_size=3),
    },
    optional={name: st.integers(0, 9) for name in ("k", "epsilon", "profile", "hours", "privacy")},
)
commands = st.fixed_dictionaries(
    {"v": st.just(1), "kind": st.just("command"), "command": st.sampled_from(["pause", "resume", "identify", "wipe"])}
)
words = st.one_of(
    configs.map(lambda body: ("config", json.dumps(body).encode())),
    commands.map(lambda body: ("command", json.dumps(body).encode())),
    st.tuples(st.sampled_from(["config", "command", "stored"]), st.binary(max_size=60)),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(words, min_size=1, max_size=25))
def test_no_run_of_words_moves_a_floor(said: list[tuple[Kind, bytes]]) -> None:
    with TemporaryDirectory() as folder:
        node = Node(Path(folder))
        for word in said:
            node.hears(word)
            node.floors_hold()
        assert node.eye.config.version == node.desk.courier.config.version
        node.close()


def test_a_flood_fills_no_disk_and_a_pause_in_it_is_obeyed(node: Node) -> None:
    node.desk.courier.heed = Heed()
    resume, pause = (("command", encode(Command(command=word))) for word in ("resume", "pause"))
    before = node.desk.outbox._db.execute("SELECT count(*) FROM ledger_entries").fetchone()[0]
    for version in range(1, 1001):
        level = LEVEL_FLOOR + version / 2000
        wanted = Config(version=version, zones=(LEFT,), thresholds=(Thresholds(zone=0, levels=(level, 0.9, 1.0)),))
        node.hears(("config", encode(wanted)), resume, pause, ("command", encode(Command(command="identify"))))
        assert node.desk.courier.pause.commanded
        assert node.eye.paused
    assert node.desk.outbox._db.execute("SELECT count(*) FROM ledger_entries").fetchone()[0] - before < 40
    assert node.desk.courier.keep.refusals.total > 1900
    assert node.desk.courier.config.version <= 7
    node.floors_hold()


def test_a_config_that_had_to_wait_is_taken_later_the_newest_of_them() -> None:
    heed, config_, now_s = Heed(), Config(version=1), 100.0
    assert [heed.takes(config_, False, now_s) for _ in range(7)] == [True] * 6 + [False]
    assert heed.takes(config_, False, now_s + 10)


def test_the_newest_config_of_a_flood_is_the_one_that_stands_once_it_may(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.hears(*(("config", encode(Config(version=version, zones=(LEFT,)))) for version in range(1, 51)))
    assert node.eye.config.version == 6
    node.desk.courier.heed = Heed()
    node.hears()
    assert node.eye.config.version == node.desk.courier.config.version == 50
    node.close()


def test_a_flood_about_ledgers_fills_no_disk_and_is_no_proof_against_anybody(node: Node) -> None:
    """Words of witnesses and logs that there may not be, as many as a broker can send."""
    before = node.desk.outbox._db.execute("SELECT count(*) FROM ledger_entries").fetchone()[0]
    key, tree, boot = f"attune-node/shop/x+00000000+{'A' * 44}", "A" * 43 + "=", "00c0ffee-000001"
    for number in range(3000):
        name = f"n{number % 1500}"
        forked = Cosignature(node=name, boot=boot, log="n1", word="forked", size=number, key=None, line=None)
        offered = Checkpoint(node=name, boot=boot, key=key, note="x\n1\nAAAA\n\n— x AAAA\n", old=0, proof=(tree,))
        said = [Heard(str(Topic(store="shop", node=name, kind=one.kind)), encode(one)) for one in (forked, offered)]
        node.desk.hub.waiting += said
        node.hears(("command", encode(Command(command="accept-ledger", log=name))))
    db = node.desk.outbox._db
    assert db.execute("SELECT count(*) FROM witnessed").fetchone() == (0,)
    grown = db.execute("SELECT count(*) FROM ledger_entries").fetchone()[0] - before
    assert grown <= NAMES_MAX + 50  # a word for each name that is listened to, and the commands that were heeded
    node.floors_hold()
