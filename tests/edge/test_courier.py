"""The courier as a whole: with a hub that is a list, and as a process between a real eye's socket and a real broker."""

from __future__ import annotations

import json
import random
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contract.events import Command, Config, Event, Health, Kind, Status, Stored, Thresholds
from contract.ledger_events import Checkpoint, Cosignature
from contract.plain import parse_checkpoint
from contract.restarts import FREE
from contract.walk import Walk
from contract.wire import ZONE_KINDS, Topic, decode, encode
from edge.config import Broker, NodeConfig
from edge.courier import health
from edge.courier.courier import Courier
from edge.courier.intake import Intake
from edge.courier.outbox import NAME, Outbox
from edge.courier.publish import FakeHub, Heard, Joined, MqttHub, Parted
from edge.eye.link import Link
from edge.order import BeginConfig, Order, Pause, Resume, SiteNeutral, StartWalk
from edge.record import AssistRecord, Head, MoodSuppressedRecord, NeutralRecord, PulseRecord, StateRecord, WalkRecord
from tests.brokers import Mosquitto, mosquitto
from tests.edge.hubside import ListeningHub, topic

MODEL = "ab" * 32
HEAD = Head(zone=0, config=0, t_mono_s=1000)
ASSIST = AssistRecord(HEAD, 2, ("long_dwell",), 60)
MOOD = MoodSuppressedRecord(HEAD)
SENSES = StateRecord(HEAD, None)
GREETING = StateRecord(HEAD, "eye_stopped")
PATIENCE_S = 30.0


class Desk:
    """A courier, its eye's end of the socket, and its hub."""

    def __init__(self, folder: Path, config: NodeConfig, outbox: Outbox | None = None) -> None:
        self.path = folder / "eye.sock"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(self.path))
        listener.listen()
        self.outbox = Outbox(folder / "outbox", 1000, config.store, config.node) if outbox is None else outbox
        self.hub = FakeHub()
        self.courier = Courier(config, MODEL, self.outbox, Intake(listener), self.hub)

    def eye(self) -> Link:
        link = Link.connect(self.path)
        self.courier.greet()
        return link

    def hears(self, *events: Event) -> None:
        self.hub.waiting += [Heard(topic(event.kind), encode(event)) for event in events]
        self.courier.step()

    def said(self, *kinds: Kind) -> list[Event]:
        """What was said of these kinds since the last call."""
        said = [decode(topic(kind), payload) for kind, payload in self.hub.said if kind in kinds]
        self.hub.said.clear()
        return said

    def logged(self, *kinds: Kind) -> list[bytes]:
        marks = ",".join("?" * len(kinds))
        rows = self.outbox._db.execute(f"SELECT payload FROM ledger_entries WHERE kind IN ({marks})", kinds)
        return [bytes(row[0]) for row in rows]

    def fill_disk(self) -> None:
        self.outbox._db.execute("PRAGMA query_only = ON")

    def free_disk(self) -> None:
        self.outbox._db.execute("PRAGMA query_only = OFF")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(tmp_path, NodeConfig(node="n1"))
    yield opened
    opened.courier.intake.drop()
    opened.courier.intake.listener.close()
    opened.outbox.close()


def joined(desk: Desk) -> Link:
    """An eye that senses and a broker that is there; what was said so far is forgotten."""
    eye = desk.eye()
    eye.send(SENSES)
    desk.hub.waiting.append(Joined())
    desk.courier.step()
    desk.hub.said.clear()
    return eye


def test_what_a_node_says_first_is_birth_status_and_health(desk: Desk) -> None:
    eye = desk.eye()
    eye.send(SENSES)
    desk.hub.waiting.append(Joined())
    desk.courier.step()
    assert [kind for kind, _ in desk.hub.said] == ["birth", "status", "health", "checkpoint"]
    desk.hub.said.clear()
    desk.courier.step()
    assert desk.hub.said == []
    desk.hub.waiting += [Parted("gone"), Joined()]
    desk.courier.step()
    assert [kind for kind, _ in desk.hub.said] == ["birth", "status", "health", "checkpoint"]


def test_a_birth_is_said_again_when_the_eye_runs_on_something_else(desk: Desk) -> None:
    eye = joined(desk)
    ran: list[str] = []
    for edgetpu in (False, True, True, False):
        eye.send(PulseRecord(HEAD, 10.0, 5.0, 1.0, 1.0, 2.0, 1.0, 120, edgetpu))
        desk.courier.step()
        ran += [birth.accelerator for birth in desk.said("birth")]  # type: ignore[union-attr]
    assert ran == ["edgetpu", "cpu"]


def test_a_record_is_on_disk_and_in_the_ledger_before_it_is_said_and_goes_when_it_is_stored(desk: Desk) -> None:
    eye = desk.eye()
    eye.send(ASSIST)
    desk.courier.step()
    assert len(desk.outbox) == 1
    assert desk.hub.said == []
    desk.hub.waiting.append(Joined())
    desk.courier.step()
    (sent,) = desk.said("assist")
    assert desk.logged("assist") == [encode(sent)]
    desk.hears(Stored(boot=desk.outbox.boot, since=1, seq=1))
    assert len(desk.outbox) == 0


def test_the_site_s_neutral_stays_on_the_node_and_is_given_to_the_next_eye_even_without_a_hub(desk: Desk) -> None:
    neutral = NeutralRecord(HEAD, (90, 70, 30, 40, 20, 1, 4, 0), 200, True)
    eye = desk.eye()
    eye.send(neutral)
    eye.send(neutral)
    desk.courier.step()
    assert desk.courier.intake.refused == 1  # one an hour
    again = desk.eye()
    assert SiteNeutral(200, neutral.shares) in again.orders(PATIENCE_S)
    reborn = Courier(desk.courier.config, desk.courier.model, desk.outbox, desk.courier.intake, desk.hub)
    assert reborn.habit.newest == neutral
    desk.hub.waiting.append(Joined())
    desk.courier.step()
    (health,) = desk.said("health")
    assert isinstance(health, Health)
    assert health.drift
    assert "neutral" not in health.model_dump()


def test_a_record_that_the_wire_cannot_say_is_counted_and_goes_no_further(desk: Desk) -> None:
    eye = joined(desk)
    eye.send(AssistRecord(HEAD, 9, (), 60))
    eye.send(ASSIST)
    desk.courier.step()
    assert [event.seq for event in desk.said("assist")] == [1]  # type: ignore[union-attr]
    assert desk.courier.keep.unfit == 1


def test_an_eye_that_ends_is_said_once_it_does_not_come_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.courier.watch.GRACE_S", 0.0)
    eye = joined(desk)
    eye.send(StateRecord(HEAD, "camera_lost"))
    desk.courier.step()
    assert desk.said("status") == [health.status("n1", desk.outbox.boot, "camera_lost")]
    eye._socket.close()
    desk.courier.step()
    assert desk.said("status") == [health.status("n1", desk.outbox.boot, "eye_stopped")]
    again = desk.eye()
    again.send(SENSES)
    desk.courier.step()
    assert desk.said("status") == [health.status("n1", desk.outbox.boot, None)]


def test_pause_reaches_the_eye_though_the_disk_is_full_and_is_kept_once_it_is_not(desk: Desk) -> None:
    eye = joined(desk)
    eye.orders(PATIENCE_S)
    desk.fill_disk()
    desk.hears(Command(command="pause"))
    assert eye.orders(PATIENCE_S) == [Pause()]
    assert desk.said("status") == [health.status("n1", desk.outbox.boot, "disk_full")]
    desk.free_disk()
    desk.courier.step()
    assert desk.outbox.recall("paused") == "pause"
    assert desk.logged("command") == [encode(Command(command="pause"))]
    assert desk.said("status") == [health.status("n1", desk.outbox.boot, None)]


def test_what_comes_while_the_disk_is_full_is_kept_and_stored_later(desk: Desk) -> None:
    eye = joined(desk)
    desk.fill_disk()
    for _ in range(3):
        eye.send(MOOD)
    desk.courier.step()
    assert desk.said("mood") == []
    desk.free_disk()
    desk.courier.step()
    assert [event.seq for event in desk.said("mood")] == [1, 2, 3]  # type: ignore[union-attr]
    assert desk.outbox.dropped == 0


def test_what_a_full_disk_costs_in_the_end_is_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.courier.keep.HELD_MAX", 5)
    eye = joined(desk)
    desk.fill_disk()
    for zone in range(7):
        eye.send(replace(MOOD, head=replace(HEAD, zone=zone)))
    desk.courier.step()
    assert desk.outbox.dropped == 2
    desk.free_disk()
    desk.courier.step()
    assert len(desk.outbox) == 5
    assert desk.outbox.recall("dropped") == "2"


def test_events_go_on_while_the_disk_is_full(desk: Desk) -> None:
    eye = desk.eye()
    eye.send(MOOD)
    desk.courier.step()
    desk.fill_disk()
    desk.hub.waiting.append(Joined())
    desk.courier.step()
    desk.courier.step()
    assert [kind for kind, _ in desk.hub.said] == ["status", "mood"]


def test_a_config_from_the_hub_reaches_the_eye_is_answered_with_a_birth_and_outlives_the_courier(desk: Desk) -> None:
    eye = joined(desk)
    eye.orders(PATIENCE_S)
    wanted = Config(version=3, thresholds=(Thresholds(zone=0, levels=(0.2, 0.3, 0.4)),))
    desk.hears(wanted)
    assert len(eye.orders(PATIENCE_S)) == 6
    (birth,) = desk.said("birth")
    assert birth.config == 3  # type: ignore[union-attr]
    assert desk.outbox.recall("config") == encode(wanted).decode()
    assert desk.logged("config") == [encode(wanted)]
    desk.hears(wanted)
    assert desk.said("birth") == []


def test_a_config_that_cannot_be_used_and_words_of_no_contract_change_nothing(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    joined(desk)
    before = desk.courier.config
    desk.hears(Config(version=3, thresholds=(Thresholds(zone=9, levels=(0.2, 0.3, 0.4)),)))
    desk.hub.waiting.append(Heard(topic("config"), b'{"v":1,"version":4,"k":1}'))
    desk.courier.step()
    assert desk.courier.config == before
    assert desk.hub.said == []
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "once for each zone" in said[0]
    assert "k is refused" in said[1]


def test_a_broker_that_stays_away_is_said_once(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.hub.waiting += [Parted("refused"), Parted("refused")]
    desk.courier.step()
    desk.hub.waiting += [Parted("refused"), Joined()]
    desk.courier.step()
    assert [line.split(": ", 1)[1][:15] for line in capsys.readouterr().err.splitlines()] == [
        "No broker at mq",
        "The broker is b",
    ]


# ---- the courier as a process ------------------------------------------------------------------------------------


class Process:
    """``attune-edge courier``, started and killed as often as it takes."""

    def __init__(self, folder: Path, url: str, name: str = "n1") -> None:
        self.folder, self.meeting = folder, folder / "eye.sock"
        self.config = folder / "node.toml"
        self.config.write_text(f'node = "{name}"\n[broker]\nurl = "{url}"\n[outbox]\nfolder = "outbox"\n')
        asked = ("--config", str(self.config), "--socket", str(self.meeting))
        self.command = (sys.executable, "-m", "edge", "courier", *asked)
        self.running: subprocess.Popen[str] | None = None
        self.greeted: list[Order] = []

    def start(self) -> Link:
        """Starts it; the eye's end, once the courier has greeted it."""
        self.meeting.unlink(missing_ok=True)
        self.running = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        eye = Link.connect(self.meeting)
        eye.send(GREETING)
        self.greeted = []
        while not any(isinstance(order, Pause | Resume) for order in self.greeted):
            self.greeted += eye.orders(PATIENCE_S)
        eye.send(SENSES)
        return eye

    def end(self, number: signal.Signals) -> int:
        """Its exit status."""
        assert self.running is not None
        self.running.send_signal(number)
        status = self.running.wait(PATIENCE_S)
        if self.running.stderr is not None:
            self.running.stderr.close()
        self.running = None
        return status

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "outbox" / NAME)) as db:
            return db.execute(question).fetchall()


@contextmanager
def courier_at(folder: Path, url: str, name: str = "n1") -> Iterator[Process]:
    process = Process(folder, url, name)
    try:
        yield process
    finally:
        if process.running is not None:
            process.end(signal.SIGKILL)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        yield running


def states(hub: ListeningHub) -> list[tuple[str, str | None]]:
    said = [decode(topic("status"), payload) for payload in hub.of("status")]
    return [(one.state, one.reason) for one in said if isinstance(one, Status)]


def test_no_event_is_lost_and_none_is_new_however_often_the_courier_is_killed(
    tmp_path: Path, broker: Mosquitto
) -> None:
    chance, hub = random.Random(2026), ListeningHub(broker.url, vouches=True)
    with courier_at(tmp_path, broker.url) as process:
        for _ in range(4):
            eye, until_s = process.start(), time.monotonic() + chance.uniform(0, 0.3)
            while time.monotonic() < until_s:
                head = replace(HEAD, zone=chance.randrange(12))
                eye.send(replace(chance.choice((MOOD, ASSIST)), head=head))
            process.end(signal.SIGKILL)
        process.start()
        in_ledger = {
            bytes(row[0])
            for row in process.rows(f"SELECT payload FROM ledger_entries WHERE kind IN {tuple(ZONE_KINDS)}")
        }

        def heard() -> set[bytes]:
            return {payload for kind in ZONE_KINDS for payload in hub.of(kind)}

        hub.awaits(lambda: heard() >= in_ledger, "every event of the ledger")
        assert heard() == in_ledger
        tags = {(body["boot"], body["seq"]) for body in map(json.loads, in_ledger)}
        assert len(tags) == len(in_ledger) > 4
        until_s = time.monotonic() + PATIENCE_S
        while process.rows("SELECT count(*) FROM events") != [(0,)]:
            assert time.monotonic() < until_s, "the outbox does not empty"
            time.sleep(0.02)
        assert process.end(signal.SIGTERM) == 0
    hub.stop()


def test_no_event_is_lost_or_told_anew_over_new_connections_as_a_renewed_certificate_makes_them(
    tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.courier.publish.PAUSE_MAX_S", 0.05)
    monkeypatch.setattr("edge.courier.publish.PAUSE_MIN_S", 0.05)
    listening, desk = ListeningHub(broker.url, vouches=True), Desk(tmp_path, NodeConfig(node="n1"))
    link = MqttHub(Broker(url=broker.url), "shop", "n1", b"{}")
    desk.courier.hub = desk.courier.window.hub = link
    link.start()
    eye, until_s = desk.eye(), time.monotonic() + PATIENCE_S
    eye.send(SENSES)

    def goes_on(until: Callable[[], bool]) -> None:
        while not until():
            assert time.monotonic() < until_s
            select.select([link.woken], [], [], 0.05)
            desk.courier.step()

    for zone in range(5):
        goes_on(lambda: desk.courier.joined)
        eye.send(replace(MOOD, head=replace(HEAD, zone=zone)))
        desk.courier.step()
        link.redial()  # with something on its way
        goes_on(lambda: not desk.courier.joined)
    goes_on(lambda: not len(desk.outbox))
    in_ledger = desk.logged("mood")
    assert len(in_ledger) == 5
    assert sorted(set(listening.of("mood"))) == sorted(in_ledger)
    assert len(desk.outbox) == desk.outbox.dropped == 0
    link.stop(b"{}")
    listening.stop()
    desk.courier.intake.drop()
    desk.courier.intake.listener.close()
    desk.outbox.close()


def test_a_courier_that_is_killed_is_offline_by_its_will_and_one_that_is_stopped_says_so(
    tmp_path: Path, broker: Mosquitto
) -> None:
    hub = ListeningHub(broker.url)
    with courier_at(tmp_path, broker.url) as process:
        process.start()
        hub.awaits(lambda: ("online", None) in states(hub), "online")
        process.end(signal.SIGKILL)
        hub.awaits(lambda: ("offline", "link_lost") in states(hub), "the will")
        process.start()
        hub.awaits(lambda: states(hub)[-1] == ("online", None), "online again")
        assert process.end(signal.SIGTERM) == 0
        hub.awaits(lambda: states(hub)[-1] == ("offline", "stopped"), "the goodbye")
    hub.stop()


def test_what_the_eye_said_just_before_the_courier_was_asked_to_end_is_kept(tmp_path: Path, broker: Mosquitto) -> None:
    with courier_at(tmp_path, broker.url) as process:
        eye = process.start()
        for i in range(50):
            eye.send(replace(MOOD, head=replace(HEAD, zone=i % 12)))
        assert process.end(signal.SIGTERM) == 0
        assert process.rows("SELECT count(*) FROM events") == [(50,)]


def test_events_wait_for_a_broker_that_comes_later(tmp_path: Path, broker: Mosquitto) -> None:
    broker.stop()
    with courier_at(tmp_path, broker.url) as process:
        eye = process.start()
        eye.send(ASSIST)
        assert process.running is not None
        assert process.running.stderr is not None
        assert "events are kept" in process.running.stderr.readline()
        broker.start()
        hub = ListeningHub(broker.url, vouches=True)
        hub.awaits(lambda: len(hub.of("assist")) == 1, "the assist")
        hub.stop()


def test_a_node_that_was_paused_stays_so_over_a_restart(tmp_path: Path, broker: Mosquitto) -> None:
    hub = ListeningHub(broker.url)
    with courier_at(tmp_path, broker.url) as process:
        eye = process.start()
        hub.awaits(lambda: bool(hub.of("health")), "health")
        hub.say(Command(command="pause"))
        assert eye.orders(PATIENCE_S) == [Pause()]
        process.end(signal.SIGTERM)
        process.start()
        assert process.greeted[-1] == Pause()
    hub.stop()


def test_the_courier_is_small_and_never_loads_what_looks_at_pictures(tmp_path: Path, broker: Mosquitto) -> None:
    hub = ListeningHub(broker.url)
    with courier_at(tmp_path, broker.url) as process:
        process.start()
        hub.awaits(lambda: bool(hub.of("health")), "health")
        assert process.running is not None
        mapped = Path(f"/proc/{process.running.pid}/maps").read_text()
        assert not [name for name in ("numpy", "cv2", "litert", "tflite", "libcamera") if name in mapped]
        assert json.loads(hub.of("health")[-1])["courier_mb"] <= 60
    hub.stop()


def test_a_certificate_that_cannot_be_read_is_one_sentence_and_an_exit(tmp_path: Path) -> None:
    with courier_at(tmp_path, "mqtts://127.0.0.1:1") as process:
        process.config.write_text(process.config.read_text().replace("[outbox]", 'ca = "none.pem"\n[outbox]'))
        done = subprocess.run(process.command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1
    assert "mend the paths" in done.stderr


def test_closing_time_signs_the_day_and_tells_it(desk: Desk) -> None:
    eye = desk.eye()
    eye.send(SENSES)
    desk.hub.waiting.append(Joined())
    desk.courier.step()
    before = desk.outbox.sign()
    eye.send(StateRecord(HEAD, "closed"))
    desk.courier.step()
    after = desk.outbox.sign()
    assert after != before
    told = [event.note for event in desk.said("checkpoint") if isinstance(event, Checkpoint)]
    assert told[-1] == after


def test_without_a_broker_the_ledger_is_signed_and_needs_are_forgotten_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    eye = desk.eye()
    eye.send(SENSES)
    eye.send(ASSIST)
    desk.courier.step()
    assert len(desk.outbox) == 1
    before = len(desk.outbox._ledger.checkpoints())
    later_s = time.time() + 2 * 86_400.0
    monkeypatch.setattr("edge.courier.outbox.time.time", lambda: later_s)
    desk.courier.care.clock.set_lately = lambda _: True  # two days by the network's word: no clock that jumped
    desk.courier.sign_s = 0.0
    desk.courier.step()
    assert len(desk.outbox._ledger.checkpoints()) == before + 1
    assert len(desk.outbox) == 0
    assert desk.logged("assist") == []
    eye.send(ASSIST)
    eye.send(StateRecord(HEAD, "closed"))
    desk.courier.step()
    assert len(desk.outbox._ledger.checkpoints()) == before + 2


def test_what_witnesses_say_to_others_uses_up_nobodys_rate(desk: Desk) -> None:
    """A hub that answers twenty nodes at once is still heard when it answers this one."""
    joined(desk)
    size = parse_checkpoint(desk.outbox.sign(now=True))[1]
    for number in range(20):
        said = Cosignature(
            node="hub", boot="00c0ffee-000001", log=f"n{number + 2}", word="behind", size=1, key=None, line=None
        )
        desk.hub.waiting.append(Heard(str(Topic(store="shop", node="hub", kind="cosignature")), encode(said)))
    own = Cosignature(node="hub", boot="00c0ffee-000001", log="n1", word="behind", size=size, key=None, line=None)
    desk.hub.said.clear()
    desk.hub.waiting.append(Heard(str(Topic(store="shop", node="hub", kind="cosignature")), encode(own)))
    desk.courier.step()
    assert "checkpoint" in [kind for kind, _ in desk.hub.said]


def test_a_hub_that_begins_anew_learns_the_clock_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It signs first: without the node's health it would take a minute's needs for late."""
    joined(desk)
    desk.outbox.sign(now=True)
    with desk.outbox.witness() as party:
        own = party.offer()
    assert own is not None
    said = own.model_copy(update={"node": "hub"})
    heard = Heard(str(Topic(store="shop", node="hub", kind="checkpoint")), encode(said))
    desk.said()
    desk.hub.waiting += [heard, heard]
    desk.courier.step()
    assert desk.said("health") == []
    later_s = time.monotonic() + 3
    monkeypatch.setattr(time, "monotonic", lambda: later_s)
    desk.courier.step()
    assert len(desk.said("health")) == 1


def test_a_walk_reaches_an_eye_that_senses_is_noted_and_what_it_showed_is_kept(desk: Desk) -> None:
    eye = joined(desk)
    eye.orders(PATIENCE_S)
    desk.hears(Command(command="walk", by="owner", zone=3, seconds=60))
    assert eye.orders(PATIENCE_S) == [StartWalk(3, 60)]
    assert [json.loads(line)["seconds"] for line in desk.logged("command")] == [60]
    eye.send(StateRecord(HEAD, "commissioning"))
    eye.send(WalkRecord(Head(3, 0, 1060), 60, 55, 0, 48, 8, "good", True, (17, 18)))
    desk.courier.step()
    said = desk.said("status", "walk")
    assert [(event.state, event.reason) for event in said if isinstance(event, Status)] == [("paused", "commissioning")]
    assert desk.courier.watch.senses, "the light is on while somebody walks"
    assert [(event.zone, event.cells) for event in said if isinstance(event, Walk)] == [(3, (17, 18))]
    assert len(desk.outbox) == 1


def test_a_walk_of_an_eye_that_does_not_sense_is_refused_in_words(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    eye = joined(desk)
    eye.orders(PATIENCE_S)
    eye.send(StateRecord(HEAD, "closed"))
    desk.courier.step()
    desk.hears(Command(command="walk", by="owner", zone=3, seconds=60))
    assert eye.orders() == []
    assert "let it sense first" in capsys.readouterr().err
    assert desk.logged("command") == []
    assert desk.courier.heed.walks(3600, time.monotonic()), "what was refused is none of the hour"


def test_walks_over_an_hour_a_day_are_refused_and_counted(desk: Desk) -> None:
    eye = joined(desk)
    eye.orders(PATIENCE_S)
    assert desk.courier.heed.walks(3_590, time.monotonic())
    desk.hears(Command(command="walk", by="owner", zone=3, seconds=60))
    assert eye.orders() == []
    assert desk.logged("command") == []
    assert desk.courier.keep.refusals.total == 1


def test_an_eye_that_keeps_ending_is_told_everything_once_it_may_begin_and_nothing_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.courier.intake.lives.rests = True
    for _ in range(FREE + 1):
        desk.eye()
    eye = desk.eye()
    assert desk.courier.intake.lives.waits
    desk.hears(Command(command="pause", by="staff"))
    assert eye.orders() == []
    ahead_s = time.monotonic() + 60.0
    monkeypatch.setattr("edge.courier.intake.time", SimpleNamespace(monotonic=lambda: ahead_s))
    desk.courier.step()
    told = eye.orders(PATIENCE_S)
    assert isinstance(told[0], BeginConfig)
    assert told[-1] == Pause()
