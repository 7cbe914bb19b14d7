"""Whether the quality gate skips what would be misread: ``python -m models.gate --data DIR``.

Rules:
- FER+ valid faces go from good to hopeless in one respect at a time; the eye's own `unfit` says which it would skip.
  Every face is read all the same, so that skipped and read can be compared.
- Turned heads cannot be made from a picture of a face: for those the faces are found by the node's own detector, whose
  keypoints say how far each is turned.

Left out: choosing thresholds. That is done on the hold-out (docs/affect-model.md).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.crop import BOX_PX, SIDE_PX, quality
from edge.eye.affect import unfit
from edge.eye.tracks import yaw
from edge.values import Face
from models import degrade
from models.command import finish
from models.data import DEFAULT_DATA, Faces, load
from models.degrade import Degrade, Luma
from models.detected import detected
from models.evaluate import AFFECT
from models.metrics import Labels, Reader

FACES: Final = 1000
SIZES_PX: Final = (14, 18, 22, 26, 30, 34)
AHEAD: Final = Face((0.0, 0.0, BOX_PX, BOX_PX), 1.0, ((15.0, 19.0), (33.0, 19.0), (24.0, 27.0)))

Seen = tuple[Luma, Face]


def exposure(image: Luma, rng: np.random.Generator, gain: float) -> Luma:
    """Too much light: what is over white stays white."""
    return np.asarray(np.clip(image * gain, 0, 255), np.uint8)


def haze(image: Luma, rng: np.random.Generator, contrast: float) -> Luma:
    """A dirty or fogged lens: everything near grey, with a little noise."""
    noise = 3.0 * rng.standard_normal(image.shape)
    return np.asarray(np.clip((image - 128.0) * contrast + 128 + noise, 0, 255), np.uint8)


def defocus(image: Luma, rng: np.random.Generator, sigma_px: float) -> Luma:
    """Out of focus."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.uint8)


#: From good to hopeless, by what gets worse.
SWEEPS: Final[dict[str, tuple[Degrade, ...]]] = {
    "darker": tuple(partial(degrade.low_light, gain=gain, noise=4.0) for gain in (0.4, 0.3, 0.2, 0.15, 0.1, 0.05)),
    "brighter": tuple(partial(exposure, gain=gain) for gain in (1.5, 1.75, 2.0, 2.5, 3.0, 4.0)),
    "hazier": tuple(partial(haze, contrast=contrast) for contrast in (0.3, 0.25, 0.2, 0.15, 0.1, 0.05)),
    "out of focus": tuple(partial(defocus, sigma_px=sigma) for sigma in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0)),
    "moving": tuple(partial(degrade.motion_blur, length_px=length) for length in (5, 7, 9, 11, 15, 19)),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; accuracies are NaN where there is nothing to measure."""

    name: str
    faces: int
    skipped: float
    right_skipped: float
    right_read: float
    reasons: dict[str, int]


def seen(images: Luma, how: Degrade) -> Iterator[Seen]:
    for i, image in enumerate(images):
        yield how(image, np.random.default_rng(i)), AHEAD


def smaller(images: Luma, side_px: int) -> Iterator[Seen]:
    """Faces of so many pixels across the crop, told to the gate as the width of their box."""
    box_px = side_px * BOX_PX / SIDE_PX
    face = Face((0.0, 0.0, box_px, box_px), 1.0, AHEAD.keypoints_px)
    for image in images:
        yield degrade.shrink(image, np.random.default_rng(0), side_px), face


def row(name: str, shown: list[Seen], right: NDArray[np.bool_]) -> Row:
    """What the gate says of each, against whether the model was right."""
    whys = [unfit(quality(picture, face), yaw(face)) for picture, face in shown]
    skipped = np.array([why is not None for why in whys], bool)
    return Row(
        name,
        len(whys),
        float(skipped.mean()),
        float(right[skipped].mean()) if skipped.any() else float("nan"),
        float(right[~skipped].mean()) if not skipped.all() else float("nan"),
        dict(Counter(why for why in whys if why is not None).most_common()),
    )


def rows(faces: Faces, answers: Callable[[Luma], Labels]) -> Iterator[Row]:
    """The table: as they are, each sweep as a whole, and turned heads.

    ``answers`` gives the label that the model reads in each picture.
    """
    sweeps: dict[str, list[Callable[[Luma], Iterator[Seen]]]] = {
        "as they are": [partial(seen, how=lambda image, rng: image)],
        "smaller": [partial(smaller, side_px=side_px) for side_px in SIZES_PX],
        **{name: [partial(seen, how=how) for how in hows] for name, hows in SWEEPS.items()},
    }
    for name, steps in tqdm(sweeps.items(), "quality gate", leave=False):
        shown = [one for step in steps for one in step(faces.images)]
        right = answers(np.stack([picture for picture, _ in shown])) == np.tile(faces.labels, len(steps))
        yield row(name, shown, right)


def turned(faces: Faces, answers: Callable[[Luma], Labels]) -> Row:
    """Faces as the detector finds them."""
    found = detected(faces.images)
    shown = list(zip(found.crops, found.faces, strict=True))
    return row("as detected", shown, answers(found.crops) == faces.labels[found.index])


def table(measured: list[Row]) -> str:
    """As Markdown."""
    lines = [["faces get", "faces", "skipped", "right, of the skipped", "right, of those read", "reasons"]]
    lines.append(["---", *["---:"] * 4, "---"])
    for one in measured:
        shares = (one.skipped, one.right_skipped, one.right_read)
        told = ["–" if share != share else f"{100 * share:.1f} %" for share in shares]
        lines.append([one.name, str(one.faces), *told, ", ".join(f"{why} {n}" for why, n in one.reasons.items())])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def main(arguments: list[str] | None = None) -> None:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m models.gate", description=__doc__, formatter_class=as_written)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder with ferplus_valid.npz (%(default)s)")
    parser.add_argument("--model", type=Path, default=AFFECT / "affect.tflite", help="the int8 file (%(default)s)")
    options = parser.parse_args(arguments)
    faces = load(options.data, "valid")
    reader = Reader(options.model)

    def answers(images: Luma) -> Labels:
        return np.asarray(reader.read_all(images).argmax(axis=1), np.int64)

    sample = faces.take(np.random.default_rng(0).choice(len(faces), FACES, replace=False))
    print(table([*rows(sample, answers), turned(faces, answers)]), end="")


if __name__ == "__main__":
    finish(main)
