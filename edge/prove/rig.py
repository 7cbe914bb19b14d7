"""A second eye and courier beside the node's own: the same programs, the same walls, the node's own config, but for
the camera, the broker and the folder.

Rules:
- Notice, hours and pauses are set aside, for nobody is looked at: the camera shows canaries or a drawn scene.
- The broker is a mosquitto of the rig's own, which keeps nothing; a subscriber hears everything that passes it.
- What eye and courier print is kept, to be searched too.

Left out: what is looked for.
"""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contract.errors import LinkError
from contract.events import OpenHours
from edge.config import WHOLE_PICTURE, NodeConfig
from edge.eye.walls import kernel
from edge.prove.channel import Tap

START_S: Final = 15.0
END_S: Final = 8.0
PLANTED: Final = "attune-prove/planted"
_PR_SET_PDEATHSIG: Final = 1
_SBIN: Final = "/usr/sbin:/usr/local/sbin:/usr/bin"
_BROKER: Final = "listener {port} 127.0.0.1\nallow_anonymous true\nuser {user}\npersistence false\nlog_dest none\n"
_DAYS: Final = get_args(OpenHours.model_fields["day"].annotation)


@dataclass(slots=True)
class Heard:
    """What a subscriber heard, by topic; None where there is no broker on this machine to hear it at."""

    url: str
    client: mqtt.Client | None = None
    payloads: list[tuple[str, bytes]] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def planted(self, payload: bytes) -> None:
        """Says something that must be found again, and waits until it was heard."""
        if self.client is not None:
            self.client.publish(PLANTED, payload, qos=1)
            with self.news:
                self.news.wait_for(lambda: (PLANTED, payload) in self.payloads, START_S)


@dataclass(slots=True)
class Rig:
    """What runs. ``printed`` grows while it does."""

    eye: subprocess.Popen[bytes]
    courier: subprocess.Popen[bytes]
    tap: Tap
    heard: Heard
    printed: dict[str, bytearray]


@contextmanager
def rig(config: NodeConfig, folder: Path, source: str, heard: Heard, wrap: Sequence[str] = ()) -> Iterator[Rig]:
    """Starts courier and eye on this camera; ``wrap`` is a command that runs the eye under it."""
    folder.mkdir(exist_ok=True)
    settings = folder / "node.toml"
    settings.write_text(toml(canary_config(config, source, heard.url)), encoding="utf-8")
    courier_side, eye_side = folder / "courier.sock", folder / "eye.sock"
    printed = {"eye": bytearray(), "courier": bytearray()}
    with ExitStack() as stack:
        tap = Tap(eye_side, courier_side)
        stack.callback(tap.close)
        shared = ("--config", str(settings), "--socket")
        command = (sys.executable, "-B", "-m", "edge")
        courier = stack.enter_context(_running((*command, "courier", *shared, str(courier_side)), printed["courier"]))
        eye = stack.enter_context(_running((*wrap, *command, "eye", *shared, str(eye_side)), printed["eye"]))
        yield Rig(eye, courier, tap, heard, printed)


def canary_config(config: NodeConfig, source: str, broker: str) -> dict[str, Any]:
    """The node's config for the rig, as it stands in a file."""
    body = config.model_dump(mode="json", exclude_none=True)
    body["camera"]["source"] = source
    body |= {"broker": {"url": broker}, "notice_acknowledged": True, "timezone": "UTC", "masks": [], "thresholds": []}
    body |= {"jurisdiction": "eu"}  # it looks at a canary and at nobody
    body["privacy"]["dpia_reference"] = "self-test"
    body["outbox"] = {"folder": "outbox"}
    body["need"] = {"usual_dwell_s": 5.0}
    body["hours"] = [{"day": day, "opens": "00:00", "closes": "24:00"} for day in _DAYS]
    body["zones"] = [zone.model_dump(mode="json") for zone in WHOLE_PICTURE]
    return body


def toml(body: dict[str, Any]) -> str:
    """A table as TOML, each part on one line."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in body.items())


def _value(value: object) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{key} = {_value(part)}" for key, part in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            return json.dumps(value)


@contextmanager
def _running(command: Sequence[str], printed: bytearray) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, preexec_fn=end_with_parent
    )
    reader = threading.Thread(target=_keep, args=(process, printed), daemon=True)
    reader.start()
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(END_S)


def end_with_parent() -> None:
    """In a child, before it runs: it ends when its parent does, however that ends."""
    kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _keep(process: subprocess.Popen[bytes], printed: bytearray) -> None:
    assert process.stdout is not None
    with process.stdout as said:
        while line := said.readline():
            printed += line


@contextmanager
def broker(folder: Path) -> Iterator[Heard]:
    """A broker of the rig's own with a subscriber; where there is no mosquitto, the address of nothing.

    Raises: LinkError when mosquitto does not start.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path=_SBIN)
    port = _free_port()
    heard = Heard(f"mqtt://127.0.0.1:{port}")
    if program is None:
        yield heard
        return
    settings = folder / "mosquitto.conf"
    settings.write_text(_BROKER.format(port=port, user=getpass.getuser()), encoding="utf-8")
    child = subprocess.Popen(
        (program, "-c", str(settings)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=end_with_parent,
    )
    try:
        heard.client = _subscribed(port, heard)
        yield heard
        heard.client.disconnect()
        heard.client.loop_stop()
    finally:
        child.terminate()
        child.wait(END_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _subscribed(port: int, heard: Heard) -> mqtt.Client:
    client, ready = mqtt.Client(CallbackAPIVersion.VERSION2), threading.Event()
    client.on_subscribe = lambda *_: ready.set()

    def on_message(_: mqtt.Client, __: object, came: mqtt.MQTTMessage) -> None:
        with heard.news:
            heard.payloads.append((came.topic, bytes(came.payload)))
            heard.news.notify_all()

    client.on_message = on_message
    until_s = time.monotonic() + START_S
    while True:
        with suppress(OSError):
            client.connect("127.0.0.1", port)
            break
        if time.monotonic() > until_s:
            raise LinkError("The broker for the test does not start: is mosquitto whole? Run it by hand.")
        time.sleep(0.05)
    client.loop_start()
    client.subscribe("#", qos=1)
    if not ready.wait(START_S):
        raise LinkError("The broker for the test does not answer: is mosquitto whole? Run it by hand.")
    return client
