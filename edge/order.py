"""All that a courier can say to its eye: 64-byte orders, big-endian.

    byte 0      kind
    byte 1      zone
    bytes 2–3   a number by kind: the version, how many corners or levels follow, the day
    bytes 4–63  the body by kind; bytes it does not use are zero

    kind 1 begin, 4 apply   the version of the config; between them its zones and levels
    kind 2 zone             3 to 8 corners, x and y u16 each, in 1/65535 of the picture
    kind 3 levels           three thresholds u16, in 1/65535
    kind 5 pause, 6 resume
    kind 7 walk             an installer walks in that zone from now on; the number is for how many seconds
    kind 8 neutral          the site's own neutral: tracks, then eight shares u8, in 1/255
    kind 9 spent            hours told of that day u32 (a bit each), ε spent u32 (‰)
    kind 10 ease            the number is 1 for looking less often, 0 for as often as before
    kind 11 afresh          end this life and begin the next one, which opens camera and accelerator anew

Rules:
- Decoding is strict: a set bit that means nothing is refused.
- An order moves no floor: it carries zones, thresholds, pause, resume, a walk, what was spent before, which only adds
  up, what the eye itself said of its site's neutral, a slower pace, and the wish for a new life.

Left out: who greets whom, and what an eye says (`edge.record`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from contract.errors import WireError
from contract.walk import WALK_MAX_S, WALK_MIN_S

ORDER_BYTES: Final = 64
_ORDER: Final = struct.Struct(">BBH")
_BEGIN, _ZONE, _LEVELS, _APPLY, _PAUSE, _RESUME = range(1, 7)
_WALK, _NEUTRAL, _SPENT, _EASE, _AFRESH = range(7, 12)
_SPENT_BODY: Final = struct.Struct(">II")
_STEPS: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class BeginConfig:
    """A new set of zones and thresholds begins."""

    version: int


@dataclass(frozen=True, slots=True)
class SetZone:
    """One zone of the new set. Units: corners in fractions of the picture, kept to 1/65535."""

    zone: int
    polygon: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class SetLevels:
    """One zone's thresholds on the need score. Units: 0 to 1, kept to 1/65535."""

    zone: int
    levels: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ApplyConfig:
    """The new set is whole: use it from the next window edge."""

    version: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop sensing."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Sense again."""


@dataclass(frozen=True, slots=True)
class StartWalk:
    """An installer walks in this zone: say how well it is seen (`edge.eye.walk`), and sense nothing else meanwhile."""

    zone: int
    seconds: int


@dataclass(frozen=True, slots=True)
class SpentHours:
    """What earlier lives of the eye said of one zone on one UTC day.

    Units: ``day`` since the epoch, ``told`` a bit for each hour of it, ``epsilon_milli`` thousandths in all.
    """

    zone: int
    day: int
    told: int
    epsilon_milli: int


@dataclass(frozen=True, slots=True)
class SiteNeutral:
    """What an earlier life of the eye said of its site (`edge.record.NeutralRecord`). Units: ``shares`` in 1/255."""

    tracks: int
    shares: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ease:
    """Look less often, or as often as before."""

    on: bool


@dataclass(frozen=True, slots=True)
class Afresh:
    """Begin the next life."""


Order = (
    BeginConfig
    | SetZone
    | SetLevels
    | ApplyConfig
    | Pause
    | Resume
    | StartWalk
    | SpentHours
    | SiteNeutral
    | Ease
    | Afresh
)


def encode_order(order: Order) -> bytes:
    """Shapes: 64 bytes. Raises: struct.error when a field does not fit."""
    match order:
        case BeginConfig(version):
            data = _ORDER.pack(_BEGIN, 0, version)
        case SetZone(zone, polygon):
            corners = [round(part * _STEPS) for corner in polygon for part in corner]
            data = _ORDER.pack(_ZONE, zone, len(polygon)) + struct.pack(f">{len(corners)}H", *corners)
        case SetLevels(zone, levels):
            data = _ORDER.pack(_LEVELS, zone, 3) + struct.pack(">3H", *(round(level * _STEPS) for level in levels))
        case ApplyConfig(version):
            data = _ORDER.pack(_APPLY, 0, version)
        case Pause():
            data = _ORDER.pack(_PAUSE, 0, 0)
        case Resume():
            data = _ORDER.pack(_RESUME, 0, 0)
        case StartWalk(zone, seconds):
            data = _ORDER.pack(_WALK, zone, seconds)
        case SiteNeutral(tracks, shares):
            data = _ORDER.pack(_NEUTRAL, 0, tracks) + struct.pack(">8s", bytes(shares))
        case SpentHours(zone, day, told, epsilon_milli):
            data = _ORDER.pack(_SPENT, zone, day) + _SPENT_BODY.pack(told, epsilon_milli)
        case Ease(on):
            data = _ORDER.pack(_EASE, 0, on)
        case Afresh():
            data = _ORDER.pack(_AFRESH, 0, 0)
    return data.ljust(ORDER_BYTES, b"\0")


def decode_order(data: bytes) -> Order:
    """Raises: WireError with code ``order``."""
    try:
        order = _decode_order(data)
        if encode_order(order) != data:
            raise ValueError("bits that mean nothing are set")
    except (struct.error, ValueError) as error:
        raise WireError("order", f"An order to the eye is refused: {error}.") from None
    return order


def _decode_order(data: bytes) -> Order:
    if len(data) != ORDER_BYTES:
        raise ValueError(f"it has {len(data)} bytes, not {ORDER_BYTES}")
    kind, zone, number = _ORDER.unpack_from(data)
    match kind:
        case 1:
            return BeginConfig(number)
        case 2:
            if not 3 <= number <= 8:
                raise ValueError(f"a zone has 3 to 8 corners, not {number}")
            flat = [word / _STEPS for word in struct.unpack_from(f">{2 * number}H", data, _ORDER.size)]
            return SetZone(zone, tuple(zip(flat[::2], flat[1::2], strict=True)))
        case 3:
            a, b, c = (word / _STEPS for word in struct.unpack_from(">3H", data, _ORDER.size))
            return SetLevels(zone, (a, b, c))
        case 4:
            return ApplyConfig(number)
        case 5:
            return Pause()
        case 6:
            return Resume()
        case 7:
            if not WALK_MIN_S <= number <= WALK_MAX_S:
                raise ValueError(f"a walk takes {WALK_MIN_S} to {WALK_MAX_S} s, not {number}")
            return StartWalk(zone, number)
        case 8:
            return SiteNeutral(number, tuple(data[_ORDER.size : _ORDER.size + 8]))
        case 9:
            return SpentHours(zone, number, *_SPENT_BODY.unpack_from(data, _ORDER.size))
        case 10:
            return Ease(number == 1)
        case 11:
            return Afresh()
    raise ValueError(f"its kind is {kind}")
