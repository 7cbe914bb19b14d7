"""The doctor: looks over a node and says, line by line, what is well and what to do about what is not.

Left out: mending anything, and what only the hub can know.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from contract.certificates import in_force
from contract.errors import AttuneError
from contract.findings import Finding, looked
from contract.jurisdiction import consent_missing
from edge import manifest
from edge.config import NodeConfig, load
from edge.courier import health
from edge.courier.panel import open_panel
from edge.courier.publish import address
from edge.eye.camera import open_camera
from edge.eye.faces import BlazeFace
from edge.eye.hours import barred
from edge.tflite import Tflite, edgetpu_file

DISK_MIN_MB: Final = 200
EARLIEST_S: Final = 1_780_000_000  # a clock before mid-2026 was never set
BROKER_WAIT_S: Final = 3.0
HOT_C: Final = 75.0


def check(path: Path) -> list[Finding]:
    """Everything that can be looked at without changing anything; a config that cannot be read is all there is."""
    try:
        config = load(path)
    except AttuneError as error:
        return [Finding("config", passed=False, says=str(error))]
    looks: dict[str, Callable[[NodeConfig], str]] = {
        "notice and hours": _allowed,
        "camera": _camera,
        "switch and light": _panel,
        "face model": _faces,
        "affect model": _affect,
        "accelerator": _accelerator,
        "walls of the eye": _walls,
        "outbox": _outbox,
        "clock": _clock,
        "temperature and power": _board,
        "broker": _broker,
        "certificates": _certificates,
    }
    return [
        Finding("config", passed=True, says=str(path)),
        *looked((what, partial(one, config)) for what, one in looks.items()),
    ]


def _allowed(config: NodeConfig) -> str:
    match barred(config, time.time(), paused=False):
        case "no_notice":
            raise AttuneError("Sensing is off: put up the printed notice and set notice_acknowledged = true.")
        case "no_dpia":
            raise AttuneError("Sensing is off: name your DPIA as privacy.dpia_reference (attune-hub dpia drafts one).")
        case "no_consent":
            why = consent_missing(config.jurisdiction, config.express_consent)
            raise AttuneError(f"Sensing is off: {why}")
        case "closed" if not config.hours:
            raise AttuneError("Sensing is off: no opening hours are set; add them under hours.")
        case "closed":
            return "closed now by the opening hours; sensing is off until the shop opens"
    return "the notice is acknowledged, the DPIA is named, and the shop is open"


def _panel(config: NodeConfig) -> str:
    part = config.panel
    panel = open_panel(part)
    if part.switch_pin is None and part.light_pin is None:
        return "none: [panel] names no pins; the staff page stops this node, and so does its plug"
    says = [] if part.light_pin is None else [f"a light on pin {part.light_pin}"]
    if part.switch_pin is not None:
        says.append(f"a switch on pin {part.switch_pin}, {'on' if panel.closed() else 'off: the node will not sense'}")
    return ", ".join(says)


def _camera(config: NodeConfig) -> str:
    part = config.camera
    if part.source.startswith(("rtsp:", "rtsps:")):
        raise AttuneError("The eye has no network and cannot open a network camera: use the board's own or a USB one.")
    camera = open_camera(part.source, fps=part.fps, size_px=(part.width_px, part.height_px))
    try:
        frame = next(iter(camera.frames()), None)
    finally:
        camera.close()
    if frame is None:
        raise AttuneError(f"The camera {part.source} gives no frame: check its cable, or close what else uses it.")
    return f"{part.source} gives {frame.width_px}×{frame.height_px}"


def _faces(config: NodeConfig) -> str:
    BlazeFace(config.models.faces, config.models.threads)
    return str(config.models.faces)


def _affect(config: NodeConfig) -> str:
    return f"{config.models.affect} ({manifest.load(config.models.affect).sha256[:12]}…)"


def _accelerator(config: NodeConfig) -> str:
    compiled = [path for path in (config.models.affect, config.models.faces) if edgetpu_file(path).is_file()]
    if not compiled:
        return "cpu: no model here was compiled for an Edge TPU"
    for path in compiled:
        if Tflite(path, config.models.threads).accelerator == "cpu":
            raise AttuneError(
                f"{edgetpu_file(path).name} is here and no Edge TPU answers: plug the stick into a USB 3 port,"
                " install libedgetpu1-std, or delete the file; the node works on the CPU meanwhile."
            )
    return "edgetpu: " + ", ".join(edgetpu_file(path).name for path in compiled)


def _board(_: NodeConfig) -> str:
    warm_c, slowed = health.temp_c(), health.throttled()
    if slowed:
        raise AttuneError("The board is throttled now: use its own power supply and a short cable, and let air at it.")
    if warm_c is not None and warm_c >= HOT_C:
        raise AttuneError(f"The board is at {warm_c:.0f} °C: give it a heat sink or a fan; from 80 °C on it is slowed.")
    power = "nobody here can tell whether it is throttled" if slowed is None else "not throttled"
    if slowed is False and health.was_throttled():
        power += " now, but it was since its start: use its own power supply and a short cable, and let air at it"
    return f"{'no sensor' if warm_c is None else f'{warm_c:.0f} °C'}, {power}"


def _certificates(config: NodeConfig) -> str:
    if not config.broker.url.startswith("mqtts:"):
        return "none: broker.url is plain mqtt, fit for this machine alone"
    return in_force(config.broker.ca, config.broker.certificate)


def _walls(config: NodeConfig) -> str:
    """In a process of its own, for walls cannot be taken down again."""
    code = "from edge.eye.walls import raise_early, raise_late; raise_early(); print(raise_late().summary())"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise AttuneError(f"The eye cannot raise its walls and would refuse to run: {last}")
    return done.stdout.strip()


def _outbox(config: NodeConfig) -> str:
    folder = config.outbox.folder
    there = next((parent for parent in (folder, *folder.parents) if parent.exists()), Path("/"))
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise AttuneError(f"The outbox folder {folder} cannot be written: give it to the courier's user.")
    free_mb = shutil.disk_usage(there).free // 2**20
    if free_mb < DISK_MIN_MB:
        raise AttuneError(f"Only {free_mb} MB are free for the outbox at {folder}: make room for {DISK_MIN_MB} MB.")
    return f"{folder}, {free_mb} MB free"


def _clock(config: NodeConfig) -> str:
    if time.time() < EARLIEST_S:
        raise AttuneError("The clock was never set: connect the node to a network with time, or set it by hand.")
    return time.strftime("%Y-%m-%d %H:%M:%S %Z")


def _broker(config: NodeConfig) -> str:
    host, port, _ = address(config.broker)
    try:
        socket.create_connection((host, port), BROKER_WAIT_S).close()
    except (OSError, ValueError) as error:  # ValueError: a host name that no resolver takes
        raise AttuneError(
            f"No broker answers at {config.broker.url} ({error}): start the hub, or mend broker.url."
        ) from error
    return config.broker.url
