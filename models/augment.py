"""The variants of a face that training sees: same expression, other camera.

Rules:
- What an image becomes depends on (seed, epoch, its row) alone: a resumed run sees what the first would have seen.
- Two images in five get one degradation of `models.degrade`, at a random strength; all get geometry and light.

Left out: mixup, which blends targets too and therefore lives in the training step.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models import degrade
from models.degrade import Luma

DEGRADED_SHARE = 0.4
CUTOUT_SHARE = 0.25


def augment(image: Luma, seed: int, epoch: int, row: int, cut: bool = True) -> Luma:
    """One variant; without ``cut`` no square is cut out.

    Shapes: (48, 48) uint8 in and out.
    """
    rng = np.random.default_rng((seed, epoch, row))
    out = _light(_geometry(image, rng), rng)
    if rng.random() < DEGRADED_SHARE:
        out = _degraded(out, rng)
    if cut and rng.random() < CUTOUT_SHARE:
        out = _cutout(out, rng)
    return out


def batch(images: Luma, rows: NDArray[np.int64], seed: int, epoch: int, cut: bool = True) -> Luma:
    """A batch of variants, in the order given."""
    return np.stack([augment(image, seed, epoch, int(row), cut) for image, row in zip(images, rows, strict=True)])


def _geometry(image: Luma, rng: np.random.Generator) -> Luma:
    mirrored = cv2.flip(image, 1) if rng.random() < 0.5 else image
    angle_deg = float(np.clip(rng.normal(0, 8), -20, 20))
    shift_px = (float(rng.uniform(-4, 4)), float(rng.uniform(-4, 4)))
    return degrade.warp(mirrored, angle_deg, float(rng.uniform(0.88, 1.15)), shift_px)


def _light(image: Luma, rng: np.random.Generator) -> Luma:
    """Contrast, brightness and gamma by one look-up table."""
    levels = np.linspace(0, 1, 256)
    curve = levels ** np.exp(rng.normal(0, 0.25))
    curve = (curve - 0.5) * rng.uniform(0.6, 1.3) + 0.5 + rng.uniform(-0.15, 0.15)
    return np.asarray(cv2.LUT(image, (curve.clip(0, 1) * 255).astype(np.uint8)), np.uint8)


def _degraded(image: Luma, rng: np.random.Generator) -> Luma:
    match int(rng.integers(0, 9)):
        case 0 | 1:
            return degrade.shrink(image, rng, int(rng.integers(18, 36)))
        case 2 | 3:
            return degrade.motion_blur(image, rng, int(rng.choice([3, 5, 7, 9])))
        case 4 | 5:
            return degrade.low_light(image, rng, float(rng.uniform(0.3, 0.9)), float(rng.uniform(1, 8)))
        case 6:
            return degrade.jpeg(image, rng, int(rng.integers(12, 60)))
        case 7:
            return degrade.mask(image, rng)
        case _:
            return degrade.hand(image, rng) if rng.random() < 0.5 else degrade.glasses(image, rng)


def _cutout(image: Luma, rng: np.random.Generator) -> Luma:
    """One square in a random tone."""
    out = image.copy()
    side = int(rng.integers(8, 17))
    y, x = (int(v) for v in rng.integers(-4, image.shape[0] - side + 5, 2))
    out[max(y, 0) : max(y + side, 0), max(x, 0) : max(x + side, 0)] = rng.integers(0, 256)
    return out
