"""Attune's eye on the same frames: ``python -m bench.rivals.eye FRAMES.npy FPS PASSES``. Prints one line of JSON.

Frames that the eye does not look at have the boxes of its last look: that is what it knows while they pass.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from edge.clock import ClipClock
from edge.config import NodeConfig
from edge.eye.affect import TfliteAffect
from edge.eye.faces import BlazeFace
from edge.eye.gate import Budget, Gate, Spent
from edge.eye.meter import Meter
from edge.eye.pipeline import Senses, look
from edge.eye.tags import TagReader
from edge.fakes import FakeCamera
from edge.values import Face, Frame


@dataclass(slots=True)
class _Watched:
    """A detector whose answers are kept, by the frame that was looked at."""

    detector: BlazeFace
    looks: dict[int, tuple[float, list[list[float]]]] = field(default_factory=dict)

    def detect(self, frame: Frame) -> tuple[Face, ...]:
        faces = self.detector.detect(frame)
        self.looks[frame.index] = frame.t_s, [[float(number) for number in face.box_px] for face in faces]
        return faces

    def held(self, frames: int) -> list[list[list[float]]]:
        """What is known at each frame."""
        held: list[list[list[float]]] = []
        for index in range(frames):
            held.append(self.looks[index][1] if index in self.looks else held[-1])
        return held

    def oldest_s(self) -> float:
        """How old what is known of anybody gets before the next look."""
        told = list(self.looks.values())
        return max((later - at for (at, boxes), (later, _) in pairwise(told) if boxes), default=0.0)


def main(frames_path: str, fps: float, passes: int) -> None:
    """The whole eye but its camera, frame by frame, one thread."""
    cv2.setNumThreads(1)
    pictures = [cv2.cvtColor(np.ascontiguousarray(one), cv2.COLOR_RGB2GRAY) for one in np.load(frames_path)]
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is measured from here
    config, seconds = NodeConfig(node="bench"), []
    for _ in range(passes + 1):  # the first warms up
        watched = _Watched(BlazeFace(config.models.faces))
        watched.detector.detect(Frame(0, -60.0, pictures[0]))  # the first look also plans the model's memory
        affect = TfliteAffect(config.models.affect)
        senses = Senses(FakeCamera(pictures, fps), watched, TagReader(), affect, ClipClock())
        gate = Gate(config.privacy, config.need.usual_dwell_s, {}, config.version, Budget(), Spent())
        began_s = time.process_time()
        for _ in look(senses, config, gate, Meter(), flush=True):
            pass
        seconds.append(time.process_time() - began_s)
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    held_mb = sum(picture.nbytes for picture in pictures) / 2**20  # a camera gives one at a time
    peak_mb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024 - held_mb
    said = {"seconds": seconds[1:], "boxes": watched.held(len(pictures)), "peak_mb": peak_mb}
    print(json.dumps({**said, "looks": sorted(watched.looks), "oldest_s": watched.oldest_s()}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
