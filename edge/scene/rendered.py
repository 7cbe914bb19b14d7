"""A rendered shop through the eye itself: the product's own models and stages, up to what the gate gets to see."""

from __future__ import annotations

from collections.abc import Iterator

from edge.config import NodeConfig, Privacy
from edge.eye.affect import TfliteAffect, read_affect
from edge.eye.badge import leave_out
from edge.eye.faces import BlazeFace, detect
from edge.eye.tags import TagReader
from edge.eye.tracks import Tracking, follow
from edge.eye.window import tumble
from edge.scene.camera import SceneCamera
from edge.scene.observed import SceneClock
from edge.scene.script import ZONES, Script
from edge.values import Tumbled


def look(script: Script, seconds: float, fps: float, privacy: Privacy) -> Iterator[Tumbled]:
    """What the gate gets to see of this script's pictures, once per frame, in scene time.

    Raises: CameraError when a portrait is missing; ModelError when a model is.
    """
    models = NodeConfig(node="shop", zones=ZONES).models
    camera = SceneCamera(script, fps=fps, realtime=False, seconds=seconds)
    people = follow(detect(camera.frames(), BlazeFace(models.faces)), Tracking(), ZONES)
    moments = read_affect(leave_out(people, TagReader(), (), ZONES), TfliteAffect(models.affect))
    return tumble(moments, ZONES, SceneClock(), privacy)
