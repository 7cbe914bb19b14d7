"""`python -m edge.scene`: writes the simulated shop as a clip, with its ground truth beside it.

`python -m edge.scene evaluate` judges the need score on random shops instead (`edge.scene.evaluate`).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2

from contract.errors import AttuneError, CameraError
from edge.scene.camera import FPS, SceneCamera
from edge.scene.cast import script
from edge.scene.script import HEIGHT_PX, WIDTH_PX, Script
from edge.scene.truth import truth


def main(argv: list[str] | None = None) -> int:
    given = sys.argv[1:] if argv is None else argv
    if given[:1] == ["evaluate"]:
        from edge.scene.run import main as evaluate

        return evaluate(given[1:])
    asked = _parser().parse_args(given)
    try:
        play = script(asked.preset)
        frames = _write(play, asked.seconds, asked.fps, asked.out)
        if asked.truth is not None:
            asked.truth.write_text(truth(play, asked.seconds, asked.fps).to_json(), encoding="utf-8")
    except (AttuneError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{asked.out}: {frames} frames, {asked.seconds:g} s of '{asked.preset}'")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edge.scene",
        description="Write the simulated shop as a video clip, and who was where as JSON.",
        epilog="The portraits come from: python -m models.fetch --portraits. "
        "To judge the need score on random shops: python -m edge.scene evaluate --help",
    )
    parser.add_argument(
        "--preset", default="day", help="quiet (one shopper needs help), busy (six in Textiles), day, or a seed (day)"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the clip (60)")
    parser.add_argument("--fps", type=float, default=FPS, help=f"frames per second ({FPS:g})")
    parser.add_argument("--out", type=Path, required=True, help="the clip to write: .mp4 or .avi")
    parser.add_argument("--truth", type=Path, help="the JSON of stays and per-frame boxes to write")
    return parser


def _write(play: Script, seconds: float, fps: float, out: Path) -> int:
    codec = {".mp4": "mp4v", ".avi": "MJPG"}.get(out.suffix.lower())
    if codec is None:
        raise CameraError(f"The clip {out} must end in .mp4 or .avi.")
    camera = SceneCamera(play, fps=fps, realtime=False, seconds=seconds)
    fourcc = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(out), fourcc, fps, (WIDTH_PX, HEIGHT_PX), isColor=True)
    if not writer.isOpened():
        raise CameraError(f"The clip {out} cannot be written: check that its folder exists and is writable.")
    frames = 0
    for frame in camera.frames():
        writer.write(cv2.cvtColor(frame.luma, cv2.COLOR_GRAY2BGR))
        frames += 1
    writer.release()
    return frames


if __name__ == "__main__":
    raise SystemExit(main())
