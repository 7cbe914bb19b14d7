"""Canaries: pictures of a real portrait in noise, of which every 16 bytes are like no others, and the camera of them.

Rules:
- A face is in each, large enough to be found, cleared and read; the noise is drawn from a seed, so that whoever
  searches knows every byte.
- The camera gives a fresh copy of a picture each time, as a camera does, until SIGUSR1; from then on grey paper. Its
  own pictures are painted over then: what is still there later, the eye kept.

Left out: looking for them (`edge.prove.search`).
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from contract.errors import CameraError
from edge.crop import crop
from edge.eye.faces import SIDE_PX, BlazeFace, first_looks
from edge.scene.heads import Wardrobe
from edge.values import Face, Frame, Luma

SCHEME: Final = "canary"
PICTURES: Final = 8
LEAVE: Final = signal.SIGUSR1
_FACE: Final = 0.25  # of the picture's height: a badge below would be legible, and the chest is in the picture
_AT: Final = (0.5, 0.27)
_GRAIN: Final = 14.0  # grey levels of noise on the face: read as a face still, and different in every window
_PAPER: Final = 128
_HEAD_BYTES: Final = 1024  # a file's tables, which many files share


def pictures(seed: int, size_px: tuple[int, int]) -> list[Luma]:
    """The canaries of a seed.

    Shapes: `PICTURES` times (height, width) uint8. Raises: CameraError when the portraits are missing.
    """
    noise = np.random.default_rng(seed)
    head = Wardrobe().head(0)
    width, height = size_px
    luma, alpha, (centre_x, centre_y) = head.drawn(0.0, 0.0, round(_FACE * height))
    left, top = round(_AT[0] * width - centre_x), max(round(_AT[1] * height - centre_y), 0)
    here = np.s_[top : top + luma.shape[0], left : left + luma.shape[1]]
    made = []
    for _ in range(PICTURES):
        picture = noise.integers(0, 256, (height, width), np.uint8)
        face = np.clip(luma + noise.uniform(-_GRAIN, _GRAIN, luma.shape), 0, 255)
        picture[here] = np.where(alpha > 0.5, face, picture[here]).astype(np.uint8)
        made.append(picture)
    return made


def forms(shown: list[Luma], detector: BlazeFace) -> dict[str, list[bytes]]:
    """What could be kept of the pictures, in the bytes that the pipeline makes and in those of picture files.

    Raises: CameraError when no face is found in them: then nothing would be proved of faces.
    """
    found = [_face(detector.detect(Frame(1, 0.0, picture))) for picture in shown]
    crops = [crop(picture, face) for picture, face in zip(shown, found, strict=True)]
    return {
        "raw": [picture.tobytes() for picture in shown],
        "resized": [part.tobytes() for picture in shown for part in _resized(picture)],
        "cropped": [
            part.tobytes() for picture, face, small in zip(shown, found, crops, strict=True)
            for part in (_cut(picture, face), small)
        ],
        "int8": [(small ^ 0x80).tobytes() for small in crops],
        "JPEG": [_encoded(".jpg", picture) for picture in (*shown, *crops)],
        "PNG": [_encoded(".png", picture) for picture in (*shown, *crops)],
    }  # fmt: skip


def _face(faces: tuple[Face, ...]) -> Face:
    if not faces:
        raise CameraError("No face is found in the canary pictures: fetch models and portraits again.")
    return faces[0]


def _resized(picture: Luma) -> Iterator[Luma]:
    """As the face detector sees it, and at half its size."""
    for left, top, width, height in first_looks(picture.shape[1], picture.shape[0]):
        scale = SIDE_PX / max(width, height)
        size = (round(width * scale), round(height * scale))
        yield np.asarray(cv2.resize(picture[top : top + height, left : left + width], size), np.uint8)
    yield np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def _cut(picture: Luma, face: Face) -> Luma:
    x, y, w, h = (max(round(part), 0) for part in face.box_px)
    return np.ascontiguousarray(picture[y : y + h, x : x + w])


def _encoded(kind: str, picture: Luma) -> bytes:
    return cv2.imencode(kind, picture)[1].tobytes()[_HEAD_BYTES if picture.size > 10_000 else _HEAD_BYTES // 2 :]


def seed_of(source: str) -> int:
    """The seed in ``canary:SEED``. Raises: CameraError when there is none."""
    scheme, _, seed = source.partition(":")
    if scheme != SCHEME or not seed.isdecimal():
        raise CameraError(f"'{source}' is no canary: attune-edge prove makes its own.")
    return int(seed)


def new_source() -> str:
    """A canary that nobody has seen before."""
    return f"{SCHEME}:{random.SystemRandom().getrandbits(62)}"


class CanaryCamera:
    """Implements `edge.ports.Camera`; made in the main thread, which takes the signal."""

    def __init__(self, source: str, *, fps: float, size_px: tuple[int, int]) -> None:
        self._pictures = pictures(seed_of(source), size_px)
        self._step_s = 1 / fps
        self._left = self._closed = False
        signal.signal(LEAVE, self._leave)

    def frames(self) -> Iterator[Frame]:
        index, due_s = 0, time.monotonic()
        while not self._closed:
            time.sleep(max(due_s - time.monotonic(), 0.0))
            if self._left:
                for picture in self._pictures:
                    picture.fill(_PAPER)
            due_s = max(due_s + self._step_s, time.monotonic())
            yield Frame(index, time.monotonic(), self._pictures[index % PICTURES].copy())
            index += 1

    def close(self) -> None:
        self._closed = True

    def _leave(self, *_: object) -> None:
        self._left = True
