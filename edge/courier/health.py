"""How the node is, in coarse figures read from the system: rates and sizes, nothing about anybody (rule 10)."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

from contract.errors import ModelError

_TEMPERATURE: Final = Path("/sys/class/thermal/thermal_zone0/temp")
_NOW_BITS: Final = 0xF  # vcgencmd's bits 0 to 3: under-voltage, capped, throttled, soft temperature limit


def temp_c(path: Path = _TEMPERATURE) -> float | None:
    """Whole degrees Celsius, or None where the board has no sensor."""
    try:
        return float(round(int(path.read_text()) / 1000))
    except (OSError, ValueError):
        return None


def throttled() -> bool | None:
    """Whether a Pi runs slower now for heat or power; None where nobody can tell."""
    if (vcgencmd := shutil.which("vcgencmd")) is None:
        return None
    try:
        said = subprocess.run((vcgencmd, "get_throttled"), capture_output=True, text=True, timeout=2, check=True)
        return bool(int(said.stdout.partition("=")[2], 16) & _NOW_BITS)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def resident_mb() -> int:
    """Peak resident memory of this process. Units: MB (2²⁰ bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


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
        return str(json.loads(manifest.read_bytes())["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"There is no model manifest at {manifest}: install the model and its manifest again."
        ) from error
