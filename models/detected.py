"""FER+ faces as the node's own detector and crop give them, and how far that is from the framing they were learnt in.

Rules:
- Each face is set at a known place into a photograph of a head (without one the detector misses most), the tones
  matched, then found by `edge.eye.faces.BlazeFace` in one look at `PICTURE_PX` pixels and cut out by `edge.crop`.
- A face that is not found is counted and never read: on a node it would be nobody's.

Left out: the second look, which exists for faces smaller than those here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.errors import ConfigError
from edge.crop import SIDE_PX, crop, framing
from edge.eye.faces import BlazeFace
from edge.values import Face, Frame
from models.degrade import Luma
from models.fetch import DETECTOR, FACES, PORTRAITS

PICTURE_PX: Final = 360  # the squares into which a 640×360 picture is cut for the first look
CROP_PX: Final = 64  # the face's box is 56 pixels wide then, as in the clips
ROUND_PX: Final = 40  # of the head around the face, on each side, in the crop's own pixels
BLEND_PX: Final = 5
_HEAD_PX: Final = SIDE_PX + 2 * ROUND_PX

_RAMP: Final = np.minimum(np.arange(SIDE_PX) + 1, SIDE_PX - np.arange(SIDE_PX))
_ALPHA: Final = np.clip(np.minimum.outer(_RAMP, _RAMP) / BLEND_PX, 0, 1).astype(np.float32)
_INNER: Final = slice(ROUND_PX, ROUND_PX + SIDE_PX)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The faces that were found.

    Shapes: ``index`` (n,) which of the faces; ``crops`` (n, 48, 48) uint8; ``off`` (n, 4) how the crop differs from the
    face as it was: moved right and down, scale, turned; ``faces`` as the detector gave them.
    Units: crop pixels, a factor, degrees.
    """

    index: NDArray[np.int64]
    crops: Luma
    off: NDArray[np.float64]
    faces: tuple[Face, ...]


def detected(images: Luma, crop_px: int = CROP_PX, folder: Path = FACES) -> Found:
    """Sets each face into a head so that its 48 pixels are ``crop_px`` wide, and finds it again.

    Raises: ConfigError when the detector or the portraits are not there.
    """
    detector, heads = _tools(folder)
    cell_px = crop_px * _HEAD_PX // SIDE_PX
    columns = PICTURE_PX // cell_px
    found = []
    for begin in range(0, len(images), columns**2):
        here = range(begin, min(begin + columns**2, len(images)))
        picture = np.full((PICTURE_PX, PICTURE_PX), 128, np.uint8)
        corners = {}
        for i in here:
            y, x = (cell_px * place for place in divmod(i - begin, columns))
            whole = set_into(heads[i % len(heads)], images[i])
            picture[y : y + cell_px, x : x + cell_px] = cv2.resize(
                whole, (cell_px, cell_px), interpolation=_by(cell_px)
            )
            corners[i] = np.array([x, y]) + ROUND_PX * cell_px / _HEAD_PX
        seen = detector.detect(Frame(0, 0.0, picture))
        for i, corner in corners.items():
            face = next((face for face in seen if _is_there(face, corner, crop_px)), None)
            if face is not None:
                found.append((i, crop(picture, face), _off(face, corner, crop_px), face))
    index, crops, off, faces = zip(*found, strict=True) if found else ((), (), (), ())
    return Found(
        np.array(index, np.int64),
        np.array(crops, np.uint8).reshape(-1, SIDE_PX, SIDE_PX),
        np.array(off, np.float64).reshape(-1, 4),
        faces,
    )


def _by(cell_px: int) -> int:
    return cv2.INTER_AREA if cell_px < _HEAD_PX else cv2.INTER_CUBIC


def _tools(folder: Path) -> tuple[BlazeFace, list[Luma]]:
    paths = [folder / source.name for source in (DETECTOR, *PORTRAITS)]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise ConfigError(f"There is no {missing[0]}: run 'python -m models.fetch --portraits' first.")
    detector = BlazeFace(paths[0], second_look=False)
    return detector, [head(np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)), detector) for path in paths[1:]]


def head(portrait: Luma, detector: BlazeFace) -> Luma:
    """The portrait's head, upright, with its face where `set_into` puts another.

    Shapes: any to (128, 128).
    """
    place = framing(detector.detect(Frame(0, 0.0, portrait))[0])
    place[:, 2] += ROUND_PX
    size = (_HEAD_PX, _HEAD_PX)
    return np.asarray(cv2.warpAffine(portrait, place, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE))


def set_into(around: Luma, image: Luma) -> Luma:
    """The head with the other face: its tone shifted to that face's border, and blended over a few pixels.

    Shapes: (128, 128) and (48, 48) uint8 to (128, 128) uint8.
    """
    border = _ALPHA < 1
    whole = around.astype(np.float32)
    whole = np.clip(whole + image[border].mean() - whole[_INNER, _INNER][border].mean(), 0, 255)
    whole[_INNER, _INNER] = _ALPHA * image + (1 - _ALPHA) * whole[_INNER, _INNER]
    return np.asarray(np.round(whole), np.uint8)


def _is_there(face: Face, corner: NDArray[np.float64], crop_px: int) -> bool:
    return bool(np.all(np.abs(np.array(face.centre_px) - corner - crop_px / 2) < crop_px / 2))


def _off(face: Face, corner: NDArray[np.float64], crop_px: int) -> tuple[float, float, float, float]:
    """How the face's own 48×48 pixels lie in the crop that was cut."""
    turn = framing(face).astype(np.float64)
    middle = turn[:, :2] @ (corner + crop_px / 2) + turn[:, 2] - SIDE_PX / 2
    scale = float(np.hypot(turn[0, 0], turn[1, 0])) * crop_px / SIDE_PX
    return float(middle[0]), float(middle[1]), scale, float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0])))
