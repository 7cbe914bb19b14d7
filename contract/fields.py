"""What the events of the wire are made of: names, numbers and hashes within bounds, and the strict message itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ZONES_MAX = 12
LEVEL_FLOOR = 0.2

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Boot = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9]{6}$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ZoneId = Annotated[int, Field(ge=0, lt=ZONES_MAX)]
Seconds = Annotated[int, Field(ge=0, le=2**53)]
Count = Annotated[int, Field(ge=0, le=2**31)]
Byte = Annotated[int, Field(ge=0, le=255)]
Seq = Annotated[int, Field(ge=1, le=2**53)]
Entries = Annotated[int, Field(ge=0, le=2**53)]
VerifierKey = Annotated[str, Field(pattern=r"^\S{1,120}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}$")]
TreeHash = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
Unit = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(ge=LEVEL_FLOOR, le=1)]


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    v: Literal[1] = 1


class FromNode(Message):
    node: Name
    boot: Boot


class OfZone(FromNode):
    """What every zone event carries. ``t_mono_s`` orders within a boot; ``t_wall`` is only a label."""

    zone: ZoneId
    seq: Seq
    t_mono_s: Seconds
    t_wall: Seconds
    model: Hash
    config: Count
