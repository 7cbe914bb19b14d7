"""One face, upright and framed as the affect model learned it, with plain measures of how well it can be read.

The framing is that of FER+ (measured with the face detector on 616 of its training images): the box 42 pixels wide,
the middle of the eyes at (24, 19) of 48×48.

Left out: which measures are good enough (`edge.eye.affect`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Face, Luma

SIDE_PX: Final = 48
BOX_PX: Final = 42.0
EYES_AT_PX: Final = (24.0, 19.0)


@dataclass(frozen=True, slots=True)
class Quality:
    """Units: ``size_px`` width of the face in the source; ``brightness`` and ``contrast`` mean and standard deviation
    of the crop's luma; ``sharpness`` standard deviation of its gradient over its contrast, across or down, the lower:
    what moved is blurred one way only.
    """

    size_px: float
    brightness: float
    contrast: float
    sharpness: float


def crop(luma: Luma, face: Face) -> Luma:
    """The face turned upright by its eyes.

    Shapes: luma (height, width) uint8 to (48, 48) uint8; outside the picture the border is repeated.
    """
    finer = cv2.INTER_AREA if face.box_px[2] > BOX_PX else cv2.INTER_LINEAR
    size = (SIDE_PX, SIDE_PX)
    result: Luma = cv2.warpAffine(luma, framing(face), size, flags=finer, borderMode=cv2.BORDER_REPLICATE)
    return result


def framing(face: Face) -> NDArray[np.float32]:
    """The affine map from the picture to the crop.

    Shapes: (2, 3).
    """
    right_eye, left_eye = face.keypoints_px[:2]
    angle = math.atan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0])
    scale = BOX_PX / face.box_px[2]
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    x, y = (right_eye[0] + left_eye[0]) / 2, (right_eye[1] + left_eye[1]) / 2
    return np.array(
        [[cos, sin, EYES_AT_PX[0] - cos * x - sin * y], [-sin, cos, EYES_AT_PX[1] + sin * x - cos * y]], np.float32
    )


def quality(picture: Luma, face: Face) -> Quality:
    """Shapes: ``picture`` a (48, 48) crop of this face."""
    mean, deviation = cv2.meanStdDev(picture)
    contrast = float(deviation[0, 0])
    across, down = (float(cv2.meanStdDev(cv2.Sobel(picture, cv2.CV_16S, *way))[1][0, 0]) for way in ((1, 0), (0, 1)))
    return Quality(face.box_px[2], float(mean[0, 0]), contrast, min(across, down) / max(contrast, 1.0))
