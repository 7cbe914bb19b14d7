"""Records which faces MediaPipe's own detector finds in the clips, so that tests can compare ours with it.

MediaPipe is never installed beside Attune: this makes an environment of its own, runs itself in it, and keeps nothing
but numbers. Source: MediaPipe 0.10.21, ``face_detection``, full-range model, colour frames, score 0.5 and up.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

NEEDS = ("mediapipe==0.10.21", "numpy<2")
SCORE_MIN = 0.5
BOXES = Path(__file__).with_name("boxes.json")
CLIPS = Path(__file__).parents[3] / "shared" / "data" / "footage"


def boxes_of(clip: Path) -> list[list[list[float]]]:
    """Each frame's faces as [x, y, width, height, score] in source pixels; runs where MediaPipe is."""
    import cv2
    import mediapipe

    capture = cv2.VideoCapture(str(clip))
    frames: list[list[list[float]]] = []
    with mediapipe.solutions.face_detection.FaceDetection(
        model_selection=1, min_detection_confidence=SCORE_MIN
    ) as detector:
        while True:
            more, picture = capture.read()
            if not more:
                return frames
            height, width = picture.shape[:2]
            found = detector.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).detections or []
            frames.append([_numbers(detection, width, height) for detection in found])


def _numbers(detection: Any, width: int, height: int) -> list[float]:
    box = detection.location_data.relative_bounding_box
    place = (box.xmin * width, box.ymin * height, box.width * width, box.height * height)
    return [*(round(number, 1) for number in place), round(detection.score[0], 3)]


def record(folder: Path) -> dict[str, list[list[list[float]]]]:
    """The boxes of every GIF in the folder, by file name."""
    return {clip.name: boxes_of(clip) for clip in sorted(folder.glob("*.gif"))}


def _in_own_environment(folder: Path) -> str:
    with tempfile.TemporaryDirectory(prefix="attune-oracle-") as place:
        venv.create(place, with_pip=True)
        python = str(Path(place) / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *NEEDS], check=True)
        command = [python, str(Path(__file__).resolve()), "--clips", str(folder), "--here"]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.oracle.record_boxes",
        description="Record what MediaPipe 0.10.21 finds in the clips, as numbers in tests/oracle/boxes.json.",
    )
    parser.add_argument("--clips", type=Path, default=CLIPS, help="folder of GIFs (default: %(default)s)")
    parser.add_argument("--here", action="store_true", help="MediaPipe is installed here: print the numbers and end")
    options = parser.parse_args()
    if not any(options.clips.glob("*.gif")):
        print(f"There are no GIFs in {options.clips}: name their folder with --clips.", file=sys.stderr)
        return 1
    if options.here:
        print(json.dumps(record(options.clips)))
        return 0
    if sys.version_info >= (3, 13):
        print("MediaPipe 0.10.21 runs on Python 3.11 and 3.12: set PYTHON=python3.12 and try again.", file=sys.stderr)
        return 1
    try:
        found = json.loads(_in_own_environment(options.clips.resolve()))
    except subprocess.CalledProcessError as error:
        print(f"MediaPipe could not be installed or run ({error}): see the lines above.", file=sys.stderr)
        return 1
    clips = ",\n".join(f"{json.dumps(name)}: {json.dumps(frames)}" for name, frames in found.items())
    BOXES.write_text(f"{{\n{clips}\n}}\n")
    print(f"{BOXES.name}: " + ", ".join(f"{name} {sum(map(len, frames))}" for name, frames in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
