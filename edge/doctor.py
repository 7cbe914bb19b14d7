"""The doctor: looks over a node and says, line by line, what is well and what to do about what is not.

Left out: mending anything, and what only the hub can know.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from contract.errors import AttuneError
from contract.jurisdiction import consent_missing
from edge import manifest
from edge.config import NodeConfig, load
from edge.courier.panel import open_panel
from edge.courier.publish import address
from edge.eye.camera import open_camera
from edge.eye.faces import BlazeFace
from edge.eye.hours import barred

DISK_MIN_MB: Final = 200
EARLIEST_S: Final = 1_780_000_000  # a clock before mid-2026 was never set
BROKER_WAIT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it is well, and what was found or is to be done."""

    what: str
    passed: bool
    says: str


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
        "walls of the eye": _walls,
        "outbox": _outbox,
        "clock": _clock,
        "broker": _broker,
    }
    return [Finding("config", passed=True, says=str(path)), *(_look(what, one, config) for what, one in looks.items())]


def _look(what: str, one: Callable[[NodeConfig], str], config: NodeConfig) -> Finding:
    try:
        return Finding(what, passed=True, says=one(config))
    except AttuneError as error:
        return Finding(what, passed=False, says=str(error))


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


def report(findings: Sequence[Finding], *, as_json: bool = False) -> str:
    """The findings for a person, or as JSON."""
    if as_json:
        return json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)
    width = max(len(finding.what) for finding in findings)
    return "\n".join(f"{'ok  ' if one.passed else 'FAIL'}  {one.what:<{width}}  {one.says}" for one in findings)
