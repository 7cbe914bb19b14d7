"""A face as a network camera's H.264 stream shows it: coded small inside a larger, moving picture, decoded, cut out.

Rules:
- A real encoder (x264, through PyAV) and a real decoder. One quantiser for the whole picture, no B-frames, as cameras
  with little delay code; the face is taken from the last of `FRAMES` frames, so that it was predicted from others.
- Many faces share a picture, each with room around it; which ones follows from their order, and so their pixels hang on
  nothing but the faces and the seed.

Left out: lost packets and a rate control's swings.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from models.degrade import Luma

QP: Final = 37
FRAMES: Final = 6
SIZE_PX: Final = (640, 384)
CELL_PX: Final = 64  # a face of 48 and the room it moves in
STEP_PX: Final = 1.5  # a face's way between two frames: 15 pixels a second at ten frames
_MARGIN_PX: Final = (CELL_PX - 48) // 2


def h264(images: Luma, seed: int, qp: int = QP) -> Luma:
    """All faces, coded and decoded.

    Shapes: (n, 48, 48) uint8 in and out.
    """
    rng = np.random.default_rng(seed)
    columns, rows = SIZE_PX[0] // CELL_PX, SIZE_PX[1] // CELL_PX
    cells = [(column * CELL_PX, row * CELL_PX) for row in range(rows) for column in range(columns)]
    parts = [_together(images[i : i + len(cells)], cells, rng, qp) for i in range(0, len(images), len(cells))]
    return np.concatenate(parts)


def _together(images: Luma, cells: list[tuple[int, int]], rng: np.random.Generator, qp: int) -> Luma:
    """The faces of one picture, each on a way of its own."""
    room = _room(rng)
    angles = rng.uniform(0, 2 * np.pi, len(images))
    cells = cells[: len(images)]
    ways = STEP_PX * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    places = [
        [
            (x + _MARGIN_PX + round(way[0] * t), y + _MARGIN_PX + round(way[1] * t))
            for (x, y), way in zip(cells, ways, strict=True)
        ]
        for t in np.arange(FRAMES) - (FRAMES - 1) / 2
    ]
    last = list(decoded(encoded((_drawn(room, images, at) for at in places), qp)))[-1]
    return np.stack([last[y : y + 48, x : x + 48] for x, y in places[-1]])


def _room(rng: np.random.Generator) -> Luma:
    """Something of every coarseness to stand behind the faces."""
    width, height = SIZE_PX
    layers = [
        cv2.resize(rng.normal(0, 18, (height // cell, width // cell)), SIZE_PX, interpolation=cv2.INTER_CUBIC)
        for cell in (128, 32, 8)
    ]
    return np.asarray(np.clip(128 + sum(layers), 0, 255), np.uint8)


def _drawn(room: Luma, images: Luma, places: list[tuple[int, int]]) -> Luma:
    picture = room.copy()
    for image, (x, y) in zip(images, places, strict=True):
        picture[y : y + 48, x : x + 48] = image
    return picture


def encoded(frames: Iterator[Luma], qp: int) -> bytes:
    """An H.264 stream of luma frames, ten a second.

    Shapes: each frame (height, width) uint8, both even.
    """
    import av

    stream_bytes = BytesIO()
    with av.open(stream_bytes, "w", format="h264") as container:
        stream = cast(av.VideoStream, container.add_stream("libx264", rate=Fraction(10)))
        stream.width, stream.height, stream.pix_fmt = *SIZE_PX, "yuv420p"
        stream.thread_count = 1  # the same bytes on every machine
        stream.options = {"qp": str(qp), "preset": "veryfast", "bf": "0"}
        for frame in frames:
            container.mux(stream.encode(_grey(frame)))
        container.mux(stream.encode(None))
    return stream_bytes.getvalue()


def _grey(luma: Luma) -> object:
    """A YUV420 frame without colour."""
    import av

    chroma = np.full((luma.shape[0] // 2, luma.shape[1]), 128, np.uint8)
    return av.VideoFrame.from_ndarray(np.concatenate([luma, chroma]), format="yuv420p")


def decoded(stream: bytes) -> Iterator[NDArray[np.uint8]]:
    """The luma of each frame.

    Shapes: (height, width) uint8.
    """
    import av

    with av.open(BytesIO(stream), format="h264") as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="yuv420p")[: frame.height]
