"""What is counted, run under qemu: ``python -m bench.instructions.work WHAT FRAMES.npy FPS COUNT``.

Left out: the camera, every thread but one, and the trial of each model in a process of its own (`edge.apart`), which
emulated processors do not survive and which is over before the first frame.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

import edge.eye.faces
import edge.manifest
import edge.tflite
from edge.clock import ClipClock
from edge.config import NodeConfig
from edge.eye.affect import TfliteAffect
from edge.eye.faces import BlazeFace
from edge.eye.gate import Budget, Gate, Spent
from edge.eye.meter import Meter
from edge.eye.pipeline import Senses, look
from edge.eye.tags import TagReader
from edge.fakes import FakeCamera
from edge.manifest import INPUT
from edge.values import Frame, Luma


def eye(pictures: Sequence[Luma], fps: float) -> None:
    """The whole eye over these frames."""
    config = NodeConfig(node="bench")
    detector, affect = BlazeFace(config.models.faces), TfliteAffect(config.models.affect)
    senses = Senses(FakeCamera(list(pictures), fps), detector, TagReader(), affect, ClipClock())
    gate = Gate(config.privacy, config.need.usual_dwell_s, {}, config.version, Budget(), Spent())
    for _ in look(senses, config, gate, Meter(), flush=True):
        pass


def detector(pictures: Sequence[Luma], fps: float) -> None:
    """One search for faces in each frame, every frame."""
    faces = BlazeFace(NodeConfig(node="bench").models.faces)
    for index, picture in enumerate(pictures):
        faces.detect(Frame(index, index / fps, picture))


def affect(pictures: Sequence[Luma], fps: float) -> None:
    """One reading of a crop for each frame."""
    _, high, wide, _ = INPUT.shape
    model = TfliteAffect(NodeConfig(node="bench").models.affect)
    for picture in pictures:
        model.read(np.ascontiguousarray(picture[:high, :wide]))


WORK = {one.__name__: one for one in (eye, detector, affect)}

if __name__ == "__main__":
    for module in (edge.eye.faces, edge.manifest, edge.tflite):
        module.apart = lambda *_: None  # type: ignore[attr-defined]
    cv2.setNumThreads(1)
    WORK[sys.argv[1]](list(np.load(Path(sys.argv[2]))[: int(sys.argv[4])]), float(sys.argv[3]))
