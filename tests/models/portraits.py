"""The portraits' own faces, framed as the affect model sees them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.crop import crop
from edge.eye.faces import BlazeFace
from edge.values import Frame
from models.fetch import DETECTOR, FACES


def own_faces(paths: Sequence[Path]) -> np.ndarray:
    """Shapes: (n, 48, 48) uint8, a face of each picture."""
    detector = BlazeFace(FACES / DETECTOR.name, second_look=False)
    pictures = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]
    return np.stack([crop(picture, detector.detect(Frame(0, 0.0, picture))[0]) for picture in pictures])
