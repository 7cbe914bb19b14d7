"""The way of a frame, in a line a stage: pixels go in, records come out.

Rules: each stage is a generator over plain frozen values and yields for every frame that is looked at
(`edge.eye.schedule`: at least once a second), so that windows close in an empty shop; pixels and track ids end in
`read_affect`; the gate makes all zone records but those of a walk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from edge.config import NodeConfig
from edge.eye.affect import Trace, read_affect
from edge.eye.badge import leave_out
from edge.eye.faces import detect
from edge.eye.gate import Gate, release
from edge.eye.meter import Meter
from edge.eye.neutral import Site
from edge.eye.schedule import Schedule
from edge.eye.tracks import Tracking, follow
from edge.eye.walk import Walking, set_aside
from edge.eye.window import tumble
from edge.ports import AffectModel, BadgeReader, Camera, Clock, Detector
from edge.record import Record
from edge.tflite import Tflite

STAGES: Final = ("camera", "detect", "track", "badge", "affect", "rest")


@dataclass(frozen=True, slots=True)
class Senses:
    """What an eye looks through, chosen by ``__main__`` or a test. ``models`` are those behind it, for the bench."""

    camera: Camera
    detector: Detector
    badges: BadgeReader | None
    affect: AffectModel
    clock: Clock
    models: tuple[Tflite, ...] = ()
    tracking: Tracking = field(default_factory=Tracking)


def look(
    senses: Senses,
    config: NodeConfig,
    gate: Gate,
    meter: Meter,
    *,
    trace: Trace | None = None,
    flush: bool = False,
    site: Site | None = None,
    walking: Walking | None = None,
) -> Iterator[Record | None]:
    """Frames to records, one step per look (per frame, with a trace); None where nothing is said. When the frames end,
    what waits is given at once: whoever sends it keeps the eye's pace.

    Raises: CameraError when the camera stops.
    """
    timed = meter.around
    frames = timed("camera", senses.camera.frames())
    faces = timed("detect", detect(frames, senses.detector, Schedule() if trace is None else None))
    people = timed("track", follow(faces, senses.tracking, config.zones))
    visitors = timed("badge", leave_out(people, senses.badges, config.masks, config.zones))
    met = set_aside(visitors, walking) if walking else visitors
    moments = timed("affect", read_affect(met, senses.affect, trace, meter.tally, site))
    windows = timed("rest", tumble(moments, config.zones, senses.clock, config.privacy, flush=flush))
    return release(windows, gate, flush=True)
