"""What a node tells of an installer's walk: how well a camera covers a zone, and which part of its picture that is."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contract.fields import OfZone

Light = Literal["dark", "good", "bright"]
FacePx = Literal[0, 12, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128]
WALK_COLUMNS = 16
WALK_ROWS = 9
WALK_MIN_S = 20  # of less nothing is told: what comes in short pieces would be a way
WALK_MAX_S = 240
Cell = Annotated[int, Field(ge=0, lt=WALK_COLUMNS * WALK_ROWS)]


class Walk(OfZone):
    """How well the camera covers one zone, from an installer who walks in it: numbers only, of one person at a time.

    ``steps`` are seconds since the walk began, ``seen`` those with exactly one face, ``crowded`` those with more, of
    which nothing else is told. ``face_px`` is the lower edge of the bucket that holds the median face's width.
    ``cells`` are those of a grid of 16 columns and 9 rows over the picture, row by row, in which the face's middle was;
    they are told only once the walk is over, so that nobody's way is, and only of who was found to wear no badge.
    """

    kind: Literal["walk"] = "walk"
    steps: Annotated[int, Field(ge=0, le=WALK_MAX_S)]
    seen: Annotated[int, Field(ge=0, le=WALK_MAX_S)]
    crowded: Annotated[int, Field(ge=0, le=WALK_MAX_S)]
    face_px: FacePx
    frontal: Annotated[int, Field(ge=0, le=10, description="tenths of the seen steps with the face to the camera")]
    light: Light
    over: bool
    cells: Annotated[tuple[Cell, ...], Field(max_length=WALK_COLUMNS * WALK_ROWS)] = ()

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.seen + self.crowded > self.steps:
            raise ValueError("there are more seconds seen than walked")
        if list(self.cells) != sorted(set(self.cells)):
            raise ValueError("cells must rise")
        if self.cells and not self.over:
            raise ValueError("cells are told once the walk is over")
        return self
