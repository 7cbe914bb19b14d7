"""What the node says of itself: what it senses and how, and how it is, in coarse figures (rule 10)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Final

from contract.errors import ModelError
from contract.events import Birth, GateSpec, Health, State, Status, Trouble
from contract.wire import MINOR
from edge.config import NodeConfig
from edge.courier.watch import Accelerator
from edge.record import PulseRecord

_TEMPERATURE: Final = Path("/sys/class/thermal/thermal_zone0/temp")
_STATUS: Final = Path("/proc/self/status")
_PAUSED: Final[frozenset[Trouble]] = frozenset(
    ("closed", "no_notice", "no_dpia", "no_consent", "switch", "command", "commissioning")
)
_NOW_BITS: Final = 0xF  # vcgencmd's bits 0 to 3: under-voltage, capped, throttled, soft temperature limit
_SINCE_START: Final = 16  # the same four bits, as they were at any time since the board was started


def temp_c(path: Path = _TEMPERATURE) -> float | None:
    """Whole degrees Celsius, or None where the board has no sensor."""
    try:
        return float(round(int(path.read_text()) / 1000))
    except (OSError, ValueError):
        return None


def throttled() -> bool | None:
    """Whether a Pi runs slower now for heat or power; None where nobody can tell."""
    return None if (bits := _throttling()) is None else bool(bits & _NOW_BITS)


def was_throttled() -> bool:
    """Whether a Pi ran slower for heat or power at any time since its start."""
    return bool((_throttling() or 0) & _NOW_BITS << _SINCE_START)


def _throttling() -> int | None:
    if (vcgencmd := shutil.which("vcgencmd")) is None:
        return None
    try:
        said = subprocess.run((vcgencmd, "get_throttled"), capture_output=True, text=True, timeout=2, check=True)
        return int(said.stdout.partition("=")[2], 16)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def resident_mb(path: Path = _STATUS) -> int:
    """Resident memory of this process. Units: MB (2²⁰ bytes)."""
    lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
    return int(lines["VmRSS"].split()[0]) // 1024


def runtime() -> str:
    """Name and version of the installed model runtime, without loading it."""
    for name in ("ai-edge-litert", "tflite-runtime"):
        try:
            return f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return "none"


def model_hash(model: Path) -> str:
    """The SHA-256 that the model's manifest states; the eye checks the file against it before use.

    Raises: ModelError when there is no manifest.
    """
    manifest = model.with_name("manifest.json")
    try:
        stated = str(json.loads(manifest.read_bytes())["sha256"])
        if not re.fullmatch("[0-9a-f]{64}", stated):
            raise ValueError("its sha256 is none")
        return stated
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"There is no good model manifest at {manifest} ({error}): install model and manifest again."
        ) from error


def status(node: str, boot: str, trouble: Trouble | None) -> Status:
    """Whether the node senses; shut on purpose is paused, anything else that keeps it from sensing is degraded."""
    state: State = "online" if trouble is None else "paused" if trouble in _PAUSED else "degraded"
    return Status(node=node, boot=boot, state=state, reason=trouble)


def offline(node: str, boot: str, reason: Trouble) -> Status:
    """The last will, or the goodbye."""
    return Status(node=node, boot=boot, state="offline", reason=reason)


def birth(config: NodeConfig, boot: str, model: str, accelerator: Accelerator = "cpu") -> Birth:
    """What is sensed here, and how."""
    privacy = config.privacy
    return Birth(
        node=config.node,
        boot=boot,
        minor=MINOR,
        t_mono_s=int(time.monotonic()),
        t_wall=int(time.time()),
        model=model,
        model_type="FER+ 8 labels, int8, 48x48 luma",
        runtime=runtime(),
        accelerator=accelerator,
        zones=config.zones,
        gate=GateSpec(
            k=privacy.k,
            window_s=privacy.window_s,
            window_max_s=privacy.window_max_s,
            hour_min=privacy.hour_min,
            epsilon=privacy.epsilon,
            profile=privacy.profile,
        ),
        hours=config.hours,
        notice_acknowledged=config.notice_acknowledged,
        jurisdiction=config.jurisdiction,
        config=config.version,
    )


def health(node: str, boot: str, model: str, pulse: PulseRecord | None, depth: int, dropped: int) -> Health:
    """How the node is; ``depth`` and ``dropped`` are events of the outbox.

    Of the stages only detection is told: it takes as long in an empty shop. The others take longer the more people
    there are, which would tell of one where the gate says nothing.
    """
    stages = {} if pulse is None else {"detect": float(round(pulse.detect_ms))}
    return Health(
        node=node,
        boot=boot,
        t_mono_s=int(time.monotonic()),
        t_wall=int(time.time()),
        accelerator=None if pulse is None else "edgetpu" if pulse.edgetpu else "cpu",
        fps=None if pulse is None else float(round(pulse.fps)),
        stage_ms=stages,  # type: ignore[arg-type]
        temp_c=temp_c(),
        throttled=throttled(),
        eye_mb=None if pulse is None else pulse.memory_mb,
        courier_mb=resident_mb(),
        outbox_depth=depth,
        outbox_dropped=dropped,
        model=model,
    )
