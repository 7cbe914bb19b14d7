"""Stopping the eye: by the switch, by the hub, by both; what the light shows and what the ledger says."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.errors import ConfigError
from contract.events import Command, Status
from contract.wire import decode
from edge.config import NodeConfig, PanelPart, parse
from edge.courier.outbox import NAME, Outbox
from edge.courier.panel import GpioPanel, NoPanel, open_panel
from edge.courier.pause import Pause, remembered
from edge.courier.publish import Joined
from edge.eye.link import Link
from edge.order import Pause as PauseOrder
from edge.order import Resume
from edge.record import Head, StateRecord
from tests.edge.test_courier import SENSES, Desk, topic

HEAD = Head(zone=0, config=0, t_mono_s=1)
PATIENCE_S = 30.0
SWITCH_PIN, LIGHT_PIN = 17, 27


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(tmp_path, NodeConfig(node="n1"))
    yield opened
    opened.courier.intake.drop()
    opened.courier.intake.listener.close()
    opened.outbox.close()


def panel_of(desk: Desk) -> NoPanel:
    panel = desk.courier.pause.panel
    assert isinstance(panel, NoPanel)
    return panel


def words(eye: Link) -> list[str]:
    """What the eye was told of pausing since it last asked."""
    return [type(order).__name__ for order in eye.orders(0.0) if isinstance(order, PauseOrder | Resume)]


def told(desk: Desk) -> list[tuple[str, str | None]]:
    said = [decode(topic(kind), payload) for kind, payload in desk.hub.said if kind == "status"]
    desk.hub.said.clear()
    return [(one.state, one.reason) for one in said if isinstance(one, Status)]


def sensing(desk: Desk) -> Link:
    eye = desk.eye()
    eye.send(SENSES)
    desk.hub.waiting.append(Joined())
    desk.courier.step()
    words(eye)
    told(desk)
    return eye


def test_the_switch_stops_the_eye_and_lets_it_go_on_and_the_ledger_says_when(desk: Desk) -> None:
    eye = sensing(desk)
    panel_of(desk).turn(closed=False)
    desk.courier.step()
    assert words(eye) == ["Pause"]
    assert told(desk) == [("paused", "switch")]
    panel_of(desk).turn(closed=True)
    desk.courier.step()
    assert words(eye) == ["Resume"]
    assert told(desk) == [("online", None)]
    assert [json.loads(line) for line in desk.logged("switch")] == [{"switch": "off"}, {"switch": "on"}]


def test_a_command_stops_the_eye_and_the_ledger_says_which_room_it_came_from(desk: Desk) -> None:
    eye = sensing(desk)
    desk.hears(Command(command="pause", by="staff"))
    assert words(eye) == ["Pause"]
    desk.hears(Command(command="resume", by="owner"))
    assert words(eye) == ["Resume"]
    assert [(json.loads(line)["command"], json.loads(line)["by"]) for line in desk.logged("command")] == [
        ("pause", "staff"),
        ("resume", "owner"),
    ]


def test_no_word_of_the_hub_undoes_the_switch_and_no_switch_the_word(desk: Desk) -> None:
    eye = sensing(desk)
    panel_of(desk).turn(closed=False)
    desk.hears(Command(command="resume"))
    assert words(eye) == ["Pause", "Pause"]
    desk.hears(Command(command="pause"))
    panel_of(desk).turn(closed=True)
    desk.courier.step()
    assert words(eye)[-1] == "Pause"


def test_the_light_shows_what_the_eye_does_and_not_what_it_was_told(desk: Desk) -> None:
    assert not panel_of(desk).lit
    eye = sensing(desk)
    assert panel_of(desk).lit
    desk.hears(Command(command="pause"))
    assert panel_of(desk).lit  # it has not stopped yet
    eye.send(StateRecord(HEAD, "command"))
    desk.courier.step()
    assert not panel_of(desk).lit
    eye.send(SENSES)
    desk.courier.step()
    assert panel_of(desk).lit
    eye._socket.close()
    desk.courier.step()
    assert not panel_of(desk).lit


def test_a_switch_that_is_open_when_the_courier_starts_keeps_the_eye_from_starting(tmp_path: Path) -> None:
    desk = Desk(tmp_path, NodeConfig(node="n1"))
    desk.courier.pause = Pause(panel=NoPanel(_closed=False))
    eye = desk.eye()
    assert words(eye) == ["Pause"]
    desk.courier.intake.drop()
    desk.courier.intake.listener.close()
    desk.outbox.close()


def test_a_disk_that_takes_nothing_keeps_nobody_from_stopping_the_eye(desk: Desk) -> None:
    eye = sensing(desk)
    desk.fill_disk()
    panel_of(desk).turn(closed=False)
    desk.courier.step()
    assert words(eye) == ["Pause"]
    desk.free_disk()
    desk.courier.step()
    assert desk.logged("switch")


def reopened(folder: Path) -> Outbox:
    return Outbox(folder / "outbox", 1000, "shop", "n1")


@pytest.mark.parametrize("how", ["as it should be", "the disk was full", "the outbox is damaged"])
def test_a_pause_outlives_the_courier_whatever_becomes_of_the_outbox(desk: Desk, tmp_path: Path, how: str) -> None:
    if how == "the disk was full":
        desk.fill_disk()
    desk.hears(Command(command="pause", by="staff"))
    desk.outbox.close()
    if how == "the outbox is damaged":
        (tmp_path / "outbox" / NAME).write_bytes(b"\xff" * 9_000)
    desk.outbox = reopened(tmp_path)
    assert remembered(desk.outbox)


def test_a_resume_is_remembered_too_and_an_outbox_that_lost_its_word_stays_paused(desk: Desk, tmp_path: Path) -> None:
    desk.hears(Command(command="pause"))
    desk.hears(Command(command="resume"))
    desk.outbox.close()
    desk.outbox = reopened(tmp_path)
    assert not remembered(desk.outbox)
    desk.outbox.close()
    (tmp_path / "outbox" / NAME).write_bytes(b"\xff" * 9_000)
    desk.outbox = reopened(tmp_path)
    assert remembered(desk.outbox)  # nobody can say any more


def test_the_courier_wakes_for_the_switch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop as it runs, with nothing else to wake it."""
    monkeypatch.setattr("edge.courier.courier._TICK_S", PATIENCE_S)
    eye = sensing(desk)
    woken, other = socket.socketpair()
    heard: list[str] = []

    def told_to_stop() -> bool:
        heard.extend(words(eye))
        return heard == ["Pause"]

    turn = threading.Timer(0.2, lambda: panel_of(desk).turn(closed=False))
    turn.start()
    began_s = time.monotonic()
    desk.courier.run(told_to_stop, woken)
    assert heard == ["Pause"]
    assert time.monotonic() - began_s < PATIENCE_S  # woken, not by the tick
    turn.join()
    woken.close()
    other.close()


@pytest.fixture
def pins() -> Iterator[object]:
    gpiozero = pytest.importorskip("gpiozero", reason="gpiozero is not installed")
    from gpiozero.pins.mock import MockFactory

    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, MockFactory()
    yield gpiozero.Device.pin_factory
    gpiozero.Device.pin_factory.reset()
    gpiozero.Device.pin_factory = before


def test_pins_are_a_switch_to_ground_and_a_light(pins: object) -> None:
    panel = open_panel(PanelPart(switch_pin=SWITCH_PIN, light_pin=LIGHT_PIN))
    assert isinstance(panel, GpioPanel)
    assert not panel.closed()  # a wire that is open stops the eye
    pins.pin(SWITCH_PIN).drive_low()  # type: ignore[attr-defined]
    panel.woken.settimeout(PATIENCE_S)
    assert panel.woken.recv(1)
    assert panel.closed()
    panel.light(on=True)
    assert pins.pin(LIGHT_PIN).state  # type: ignore[attr-defined]
    panel.light(on=False)
    assert not pins.pin(LIGHT_PIN).state  # type: ignore[attr-defined]


def test_a_light_without_a_switch_and_a_switch_without_a_light_will_do(pins: object) -> None:
    assert open_panel(PanelPart(light_pin=LIGHT_PIN)).closed()
    switch = open_panel(PanelPart(switch_pin=SWITCH_PIN))
    switch.light(on=True)
    assert not switch.closed()


def test_a_pin_that_is_in_use_is_one_sentence(pins: object) -> None:
    open_panel(PanelPart(light_pin=LIGHT_PIN)).light(on=True)
    holder = GpioPanel(None, SWITCH_PIN)
    with pytest.raises(ConfigError, match=r"pins under \[panel\] cannot be used"):
        GpioPanel(None, SWITCH_PIN)
    holder.light(on=False)


def test_a_node_without_pins_has_no_panel() -> None:
    assert isinstance(open_panel(PanelPart()), NoPanel)


def test_one_pin_cannot_be_both(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="switch_pin and light_pin cannot be the same"):
        parse({"node": "n1", "panel": {"switch_pin": 4, "light_pin": 4}}, "node.toml", tmp_path)
