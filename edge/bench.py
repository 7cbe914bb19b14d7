"""How fast the eye is on recorded clips, stage by stage, against the bare invocations of the same models.

Rules: one thread; every frame; nothing is printed here. The bare time is measured in the same run on the same
machine: as many invocations as the eye made, each on the model's own buffer, with nothing around them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import NodeConfig
from edge.eye.gate import Budget, Gate, Spent
from edge.eye.meter import Meter, resident_mb
from edge.eye.pipeline import STAGES, look

if TYPE_CHECKING:
    from edge.eye.pipeline import Senses


@dataclass(frozen=True, slots=True)
class Figures:
    """One clip. Units: milliseconds a frame; ``overhead`` of the whole eye over bare invocations, camera left out."""

    clip: str
    frames: int
    fps: float
    stage_ms: dict[str, float]
    bare_ms: float
    overhead: float
    resident_mb: int


def bench(clip: Path, open_senses: Callable[[NodeConfig], Senses]) -> Figures:
    """Runs the eye over one clip. Raises: CameraError, ModelError."""
    config = NodeConfig(node="bench")
    config = config.model_copy(update={"camera": config.camera.model_copy(update={"source": str(clip)})})
    senses, meter = open_senses(config), Meter()
    for model in senses.models:  # the first invocation also plans its memory
        model.invoke()
        model.invocations = 0
    gate = Gate(config.privacy, config.need.usual_dwell_s, {}, config.version, Budget(), Spent())
    began_s = time.perf_counter()
    for _ in look(senses, config, gate, meter, flush=True):
        pass
    whole_s = time.perf_counter() - began_s
    bare_s = sum(_bare_s(model.invoke, model.invocations) for model in senses.models)
    own = meter.own_ms()
    eye_ms = 1000 * whole_s / meter.frames - own["camera"]
    bare_ms = 1000 * bare_s / meter.frames
    return Figures(clip.name, meter.frames, 1000 / eye_ms, own, bare_ms, eye_ms / bare_ms, resident_mb())


def _bare_s(invoke: Callable[[], object], times: int) -> float:
    began_s = time.perf_counter()
    for _ in range(times):
        invoke()
    return time.perf_counter() - began_s


def table(figures: Sequence[Figures], *, as_json: bool = False) -> str:
    """The figures as a Markdown table, or as JSON."""
    if as_json:
        return json.dumps([asdict(one) for one in figures], indent=2)
    head = ["clip", "frames", "frames/s", *(f"{stage} ms" for stage in STAGES), "bare models ms", "overhead", "MB"]
    rows = [
        [one.clip, str(one.frames), f"{one.fps:.0f}", *(f"{one.stage_ms.get(stage, 0):.2f}" for stage in STAGES),
         f"{one.bare_ms:.2f}", f"{one.overhead:.2f}", str(one.resident_mb)]
        for one in figures
    ]  # fmt: skip
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])
