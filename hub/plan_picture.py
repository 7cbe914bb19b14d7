"""The picture behind the floor plan, read from what somebody sent and drawn anew.

Rules:
- PNG and JPEG only; an SVG can hold scripts and addresses, and is refused.
- What is kept is never what was sent: decoded, turned upright, made small, 16 greys, encoded anew. Nothing of its
  metadata stays (a telephone writes down where it was), and a plan needs no more.
- How large it would become is judged before it is decoded.

Left out: whether people are in it. The page asks that there be none, and *delete everything* takes it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps

from contract.errors import ConfigError

SENT_BYTES_MAX: Final = 4 * 1024 * 1024
SENT_PIXELS_MAX: Final = 24_000_000
SIDE_PX_MAX: Final = 1_600
SIDE_PX_MIN: Final = 64
GREYS: Final = 16
TABLE: Final = """CREATE TABLE plan_picture (
  id INTEGER PRIMARY KEY CHECK (id = 1), at_s REAL NOT NULL, width_px INTEGER NOT NULL, height_px INTEGER NOT NULL,
  png BLOB NOT NULL) STRICT"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG that this hub encoded."""

    width_px: int
    height_px: int
    png: bytes


def drawn_anew(sent: bytes) -> Picture:
    """Raises: ConfigError, one sentence, when it is no picture that can be taken."""
    if len(sent) > SENT_BYTES_MAX:
        raise ConfigError(f"The picture is over {SENT_BYTES_MAX // 1024 // 1024} MB: send a smaller one.")
    try:
        with Image.open(io.BytesIO(sent), formats=("PNG", "JPEG")) as image:
            width_px, height_px = image.size
            if width_px * height_px > SENT_PIXELS_MAX:
                raise ConfigError(f"The picture is {width_px} × {height_px} pixels: send a smaller one.")
            if min(image.size) < SIDE_PX_MIN or max(image.size) > 8 * min(image.size):
                raise ConfigError(f"The picture is {width_px} × {height_px} pixels: no shape of a plan.")
            return _kept(image)
    except ConfigError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise ConfigError("This is no PNG or JPEG picture that can be read: save it as PNG and try again.") from None


def _kept(image: Image.Image) -> Picture:
    upright = ImageOps.exif_transpose(image).convert("RGBA")
    upright.thumbnail((SIDE_PX_MAX, SIDE_PX_MAX))
    paper = Image.new("RGBA", upright.size, "white")
    grey = Image.alpha_composite(paper, upright).convert("L")
    step = 255 // (GREYS - 1)
    coarse = grey.point([round(value / step) for value in range(256)])
    coarse.putpalette([value * step for value in range(GREYS) for _ in range(3)])
    out = io.BytesIO()
    coarse.save(out, "PNG", bits=4, optimize=True)
    return Picture(*coarse.size, out.getvalue())
