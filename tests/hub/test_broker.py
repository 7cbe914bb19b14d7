from __future__ import annotations

import shutil
import socket

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from contract.errors import LinkError
from hub import broker
from hub.broker import start_broker
from hub.ingest import parse_broker


def reaches(url: str) -> bool:
    where = parse_broker(url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    try:
        client.connect(where.host, where.port)
    except OSError:
        return False
    client.disconnect()
    return True


@pytest.mark.parametrize("flavour", ["mosquitto", "amqtt"])
def test_a_broker_runs_on_this_machine_until_it_is_stopped(flavour: broker.Flavour) -> None:
    running = start_broker(flavour)
    assert running.url.startswith("mqtt://127.0.0.1:")
    assert reaches(running.url)
    running.stop()
    assert not reaches(running.url)


def test_without_mosquitto_it_is_amqtt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    running = start_broker("mosquitto")
    assert running.flavour == "amqtt"
    running.stop()


def test_a_port_in_use_is_said_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(LinkError, match=r"The broker cannot have port \d+ \(Address already in use\)"):
            start_broker(port=taken.getsockname()[1])


def test_a_mosquitto_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (shutil.which("mosquitto") or shutil.which("mosquitto", path=broker._SBIN)):
        pytest.skip("mosquitto is not installed")
    monkeypatch.setattr(broker, "_SETTINGS", broker._SETTINGS + "no_such_setting true\n")
    with pytest.raises(LinkError, match=r"Mosquitto did not start on port \d+: .*no_such_setting"):
        start_broker()
