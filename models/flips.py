"""How often a face's mood flips from frame to frame, and how often the fused one does: ``python -m models.flips CLIP``.

Rules:
- The eye itself runs over the clip (`attune-edge replay --trace`); its readings are fused here by its own `Fusion`, at
  the pace at which a live eye reads.
- Both moods are compared on the same frames: those with a reading and a fused mood.
- With ``--data`` FER+ faces take the clip's place: each stays as it is, and every half second the camera does something
  else to it, so that every flip is the camera's.
- The picture shows numbers only, nothing of the clip.

Left out: whether a mood is right. Nobody labelled these clips.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from tqdm import tqdm

from contract.errors import CameraError
from edge.eye.affect import APART_S, Fusion, mood_of
from edge.eye.camera import open_camera
from edge.manifest import load
from edge.values import Mood
from models.command import finish
from models.data import load as load_faces
from models.degrade import CONDITIONS, Luma
from models.metrics import Probabilities
from models.metrics import Reader as ModelReader

AFFECT: Final = Path(__file__).parent / "affect" / "affect.tflite"
TOLD_STEP: Final = 0.1  # of valence, on the wire
FACES: Final = 400
FRAMES: Final = 24

Reading = tuple[float, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Course:
    """One track's moods, frame by frame."""

    t_s: tuple[float, ...]
    single: tuple[Mood, ...]
    fused: tuple[Mood, ...]


def readings(clip: Path) -> list[list[Reading]]:
    """Each track's readings in the order of the tracks' first one.

    Raises: CameraError when the clip cannot be read.
    """
    times_s = [frame.t_s for frame in open_camera(str(clip), realtime=False).frames()]
    replay = (sys.executable, "-m", "edge", "replay", str(clip), "--trace")
    done = subprocess.run(replay, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CameraError(f"The eye could not run over {clip}: {done.stderr.strip()}")
    tracks: dict[int, list[Reading]] = {}
    for frame in map(json.loads, done.stdout.splitlines()):
        for face in frame["faces"]:
            if face["affect"] is not None:
                tracks.setdefault(face["track"], []).append((times_s[frame["frame"]], (*face["affect"].values(),)))
    return list(tracks.values())


def disturbed(images: Luma, read_all: Callable[[Luma], Probabilities], frames: int = FRAMES) -> list[list[Reading]]:
    """A track for each face: undisturbed in half of its frames, in the others under one of `degrade.CONDITIONS`."""
    kinds = list(CONDITIONS.values())
    tracks = []
    for number, image in enumerate(tqdm(images, "faces", leave=False)):
        rng = np.random.default_rng(number)
        picks = rng.integers(0, 2 * len(kinds), frames)
        seen = [kinds[pick](image, rng) if pick < len(kinds) else image for pick in picks]
        read = read_all(np.stack(seen)).tolist()
        tracks.append([(i * APART_S, tuple(row)) for i, row in enumerate(read)])
    return tracks


def course(track: Iterable[Reading], abstain_below: float) -> Course:
    """Every frame's own mood beside the one fused so far."""
    fusion, read_s = Fusion(), float("-inf")
    rows = []
    for t_s, probabilities in track:
        if t_s - read_s >= APART_S:
            read_s = t_s
            if max(probabilities) >= abstain_below:
                fusion.add(probabilities, t_s)
        fused = fusion.mood(t_s)
        if fused is not None:
            rows.append((t_s, mood_of(probabilities), fused))
    times_s, single, fused_moods = zip(*rows, strict=True) if rows else ((), (), ())
    return Course(times_s, single, fused_moods)


def kind(mood: Mood) -> object:
    """Negative, neutral or positive: the largest share."""
    return max(("negative", "neutral", "positive"), key=lambda name: float(getattr(mood, name)))


def sign(mood: Mood) -> object:
    """Whether valence is above zero."""
    return mood.valence > 0


def step(mood: Mood) -> object:
    """Valence as it would be told."""
    return round(mood.valence / TOLD_STEP)


#: What may flip, by the name of the table's column.
FLIPPING: Final[dict[str, Callable[[Mood], object]]] = {
    "kind": kind,
    "sign of valence": sign,
    "valence in tenths": step,
}


def flips(moods: Sequence[Mood], of: Callable[[Mood], object]) -> int:
    """How often two neighbours differ."""
    return sum(of(before) != of(after) for before, after in pairwise(moods))


def table(courses: Sequence[Course]) -> str:
    """Flips of the frame's own mood → of the fused one, as Markdown."""
    lines = [["track", "frames", *FLIPPING], ["---"] + ["---:"] * (1 + len(FLIPPING))]
    for number, one in enumerate(courses, 1):
        told = [f"{flips(one.single, of)} → {flips(one.fused, of)}" for of in FLIPPING.values()]
        lines.append([str(number), str(len(one.t_s)), *told])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def summed(courses: Sequence[Course]) -> str:
    """Flips in a hundred frames over all tracks, as Markdown."""
    frames = sum(len(one.t_s) - 1 for one in courses)
    lines = [["what flips", "each frame's own", "fused"], ["---", "---:", "---:"]]
    for name, of in FLIPPING.items():
        counts = sum(flips(one.single, of) for one in courses), sum(flips(one.fused, of) for one in courses)
        lines.append([name, *(f"{100 * count / frames:.1f} %" for count in counts)])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def draw(courses: Sequence[Course], title: str, path: Path) -> None:
    """Valence over time, a panel for each track."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(
        len(courses), 1, sharex=True, sharey=True, squeeze=False, figsize=(8, 2.2 * len(courses))
    )
    for number, (panel, one) in enumerate(zip(panels[:, 0], courses, strict=True), 1):
        panel.plot(one.t_s, [mood.valence for mood in one.single], ".-", color="0.6", label="each frame's own")
        panel.plot(one.t_s, [mood.valence for mood in one.fused], color="C0", linewidth=2, label="fused")
        panel.axhline(0, color="0.85", zorder=0)
        panel.set_ylabel(f"valence, track {number}")
    panels[0, 0].legend(loc="lower left", ncols=2, frameon=False)
    panels[-1, 0].set_xlabel("seconds of the clip")
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def main(arguments: list[str] | None = None) -> None:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m models.flips", description=__doc__, formatter_class=as_written)
    parser.add_argument("clip", type=Path, nargs="?", metavar="CLIP", help="a video file or GIF")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with ferplus_valid.npz, instead of a clip")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw valence over time (needs the [train] extra)")
    options = parser.parse_args(arguments)
    if (options.clip is None) == (options.data is None):
        parser.error("give a CLIP or --data DIR")
    abstain_below = load(AFFECT).abstain_below
    if options.data:
        faces = load_faces(options.data, "valid")
        chosen = np.random.default_rng(0).choice(len(faces), FACES, replace=False)
        tracks = disturbed(faces.images[chosen], ModelReader(AFFECT).read_all)
        print(summed([one for track in tracks if (one := course(track, abstain_below)).t_s]), end="")
        return
    courses = [one for track in readings(options.clip) if (one := course(track, abstain_below)).t_s]
    print(table(courses), end="")
    if options.picture and courses:
        draw(courses, f"Mood in {options.clip.name}", options.picture)


if __name__ == "__main__":
    finish(main)
