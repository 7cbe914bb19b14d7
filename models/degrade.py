"""What a camera on a shelf does to a face: the degradations that training draws from and evaluation measures.

Rules:
- Each is a pure function of a 48×48 luma crop and a random generator, so that a seed fixes every pixel.
- None changes what the face expresses: no vertical flip, no rotation past 20°, no cover over the whole mouth *and*
  eyes.

Left out: colour (the model sees luma only), video coding across frames (`models.h264`) and what the detector's own crop
does (`models.detected`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
Degrade = Callable[[Luma, np.random.Generator], Luma]


def shrink(image: Luma, rng: np.random.Generator, size_px: int) -> Luma:
    """As if the face had been only ``size_px`` wide."""
    small = cv2.resize(image, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return _luma(cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_LINEAR))


def motion_blur(image: Luma, rng: np.random.Generator, length_px: int = 7) -> Luma:
    """Moved ``length_px`` in a random direction while the shutter was open."""
    angle = rng.uniform(0, np.pi)
    kernel = np.zeros((length_px, length_px), np.float32)
    middle = (length_px - 1) / 2
    reach = middle * np.array([np.cos(angle), np.sin(angle)])
    start, end = (np.round(middle + sign * reach).astype(int).tolist() for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return _luma(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))


def low_light(image: Luma, rng: np.random.Generator, gain: float = 0.35, noise: float = 6.0) -> Luma:
    """A dim picture with read noise and shot noise; ``noise`` is the standard deviation in grey levels."""
    dim = image.astype(np.float32) * gain
    spread = np.sqrt(noise**2 + 0.5 * dim)
    return _luma(dim + spread * rng.standard_normal(image.shape, dtype=np.float32))


def jpeg(image: Luma, rng: np.random.Generator, quality: int = 20) -> Luma:
    """Block artefacts, the 8×8 grid at a random place as in a crop out of a larger picture."""
    dx, dy = rng.integers(0, 8, 2)
    padded = cv2.copyMakeBorder(image, dy, 8 - dy, dx, 8 - dx, cv2.BORDER_REPLICATE)
    _, coded = cv2.imencode(".jpg", padded, (cv2.IMWRITE_JPEG_QUALITY, quality))
    height, width = image.shape
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))
    return _luma(decoded[dy : dy + height, dx : dx + width])


def mask(image: Luma, rng: np.random.Generator) -> Luma:
    """A face mask: everything below the nose in one tone."""
    covered = image.copy()
    top = int(rng.integers(30, 35))
    hull = np.array([[4, top], [24, top - 4], [44, top], [40, 47], [8, 47]])
    cv2.fillConvexPoly(covered, hull, int(rng.integers(20, 236)))
    return covered


def glasses(image: Luma, rng: np.random.Generator) -> Luma:
    """Dark glasses over both eyes."""
    covered = image.copy()
    tone, y = int(rng.integers(0, 60)), int(rng.integers(16, 21))
    for x in (15, 33):
        cv2.ellipse(covered, (x, y), (8, 5), 0, 0, 360, tone, -1)
    cv2.line(covered, (4, y - 2), (44, y - 2), tone, 1)
    return covered


def hand(image: Luma, rng: np.random.Generator) -> Luma:
    """A hand at the cheek or chin: a blob over about a sixth of the face."""
    covered = image.copy()
    x, y = int(rng.choice([8, 24, 40])), int(rng.integers(30, 46))
    axes = (int(rng.integers(8, 12)), int(rng.integers(9, 14)))
    cv2.ellipse(covered, (x, y), axes, float(rng.uniform(-40, 40)), 0, 360, int(rng.integers(60, 220)), -1)
    return covered


def rotate(image: Luma, rng: np.random.Generator, angle_deg: float = 20.0) -> Luma:
    """Tilted by ``angle_deg`` to a random side."""
    return warp(image, angle_deg=angle_deg * rng.choice([-1.0, 1.0]))


def off_centre(image: Luma, rng: np.random.Generator, shift_px: float = 4.0, scale: float = 0.15) -> Luma:
    """A detector's box that sits ``shift_px`` aside and is up to ``scale`` too large or too small."""
    angle = rng.uniform(0, 2 * np.pi)
    shift = shift_px * np.cos(angle), shift_px * np.sin(angle)
    return warp(image, scale=1 + rng.uniform(-scale, scale), shift_px=shift)


def warp(image: Luma, angle_deg: float = 0.0, scale: float = 1.0, shift_px: tuple[float, float] = (0.0, 0.0)) -> Luma:
    """Turned, scaled and shifted about the centre, with the edge repeated outside."""
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, scale)
    matrix[:, 2] += shift_px
    return _luma(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE))


def _luma(values: NDArray[np.generic]) -> Luma:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


#: The robustness table's rows, in its order.
CONDITIONS: dict[str, Degrade] = {
    "face 32 px": partial(shrink, size_px=32),
    "face 24 px": partial(shrink, size_px=24),
    "face 20 px": partial(shrink, size_px=20),
    "motion blur 7 px": motion_blur,
    "low light, noise": low_light,
    "JPEG quality 20": jpeg,
    "mask": mask,
    "dark glasses": glasses,
    "hand": hand,
    "rotated 20°": rotate,
    "off-centre crop": off_centre,
}


def degrade_all(images: Luma, degrade: Degrade, seed: int) -> Luma:
    """Each image degraded by its own generator, so that neither order nor batch matters."""
    return np.stack([degrade(image, np.random.default_rng((seed, i))) for i, image in enumerate(images)])
