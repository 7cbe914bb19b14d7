"""How fast the eye is on recorded clips, stage by stage, against the bare invocations of the same models.

Rules: one thread; every frame is given, up to `FRAMES_MAX` (a simulated scene has no end), and the eye looks at those
it needs to (`edge.eye.schedule`); the first look, which also plans memory, is not counted; nothing is printed here.
After each pass of the eye follow, in the same process, as many bare invocations of each model as the eye made, on the
model's own buffer with nothing around them. The overhead is the median of the passes' own ratios, so that what else a
machine does in one of them does not decide.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from edge.config import NodeConfig
from edge.eye.gate import Budget, Gate, Spent
from edge.eye.meter import Meter, resident_mb
from edge.eye.pipeline import STAGES, look
from edge.values import Frame

if TYPE_CHECKING:
    from edge.eye.pipeline import Senses


FRAMES_MAX: Final = 300
PASSES: Final = 7


@dataclass(frozen=True, slots=True)
class Figures:
    """One clip, medians over the passes. Units: milliseconds a frame; ``fps`` and ``overhead`` of the whole eye, the
    camera (or a scene's drawing) left out; ``resident_mb`` the peak after the first pass."""

    clip: str
    frames: int
    fps: float
    stage_ms: dict[str, float]
    bare_ms: float
    overhead: float
    resident_mb: int


@dataclass(frozen=True, slots=True)
class _Pass:
    frames: int
    stage_ms: dict[str, float]
    eye_ms: float
    bare_ms: float
    resident_mb: int


@dataclass(frozen=True, slots=True)
class _Given:
    """A camera whose first frame was taken already."""

    rest: Iterator[Frame]

    def frames(self) -> Iterator[Frame]:
        return self.rest

    def close(self) -> None:
        """Whoever opened the camera closes it."""


def bench(clip: Path, open_senses: Callable[[NodeConfig], Senses], passes: int = PASSES) -> Figures:
    """Runs the eye over one clip. Raises: CameraError, ModelError."""
    config = NodeConfig(node="bench")
    config = config.model_copy(update={"camera": config.camera.model_copy(update={"source": str(clip)})})
    done = [_pass(config, open_senses(config)) for _ in range(passes)]
    stage_ms = {stage: median(one.stage_ms[stage] for one in done) for stage in done[0].stage_ms}
    eye_ms, bare_ms = median(one.eye_ms for one in done), median(one.bare_ms for one in done)
    overhead = median(one.eye_ms / one.bare_ms for one in done)
    return Figures(clip.name, done[0].frames, 1000 / eye_ms, stage_ms, bare_ms, overhead, done[0].resident_mb)


def _pass(config: NodeConfig, senses: Senses) -> _Pass:
    meter = Meter()
    frames = senses.camera.frames()
    first = next(frames)
    senses.detector.detect(replace(first, t_s=-60.0))
    for model in senses.models:
        model.invoke()
        model.invocations = 0
    senses = replace(senses, camera=_Given(chain((first,), frames)))
    gate = Gate(config.privacy, config.need.usual_dwell_s, {}, config.version, Budget(), Spent())
    began_s = time.perf_counter()
    for _ in look(senses, config, gate, meter, flush=True):
        if meter.frames == FRAMES_MAX:
            break
    whole_s = time.perf_counter() - began_s
    bare_s = sum(_bare_s(model.invoke, model.invocations) for model in senses.models)
    own = meter.own_ms()
    eye_ms = 1000 * whole_s / meter.frames - own["camera"]
    return _Pass(meter.frames, own, eye_ms, 1000 * bare_s / meter.frames, resident_mb())


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
