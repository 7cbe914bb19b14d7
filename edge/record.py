"""All that an eye can say to its courier: 32-byte records. What it is told stands in `edge.order`.

A record, big-endian (``docs/record.md`` says the same for readers of the wire):

    byte 0      version (high four bits, 1) and kind (low four bits)
    byte 1      zone
    bytes 2–3   version of the config in force
    bytes 4–7   t_mono_s, seconds of the node's monotonic clock
    bytes 8–31  the body by kind; bytes it does not use are zero

    kind 1 mood    suppressed u8, window_s u16, people u8 (index), negative, neutral, positive u8 (tenths),
                   valence, arousal i8 (tenths), dwell u8 (index), abstained u8 (tenths)
    kind 2 hour    suppressed u8, hour u32 (hours since the epoch), negative, neutral, positive, unknown u16, ε u16 (‰)
    kind 3 assist  level u8, reasons u8 (bits), ttl_s u16
    kind 4 pulse   fps u16 (tenths), detect, track, badge, affect, rest u16 (hundredths of ms), memory u16 (MB)
    kind 5 state   trouble u8 (index; 0 none)
    kind 6 neutral eight shares u8 (1/255 steps, in the order of the model's labels), tracks u8 (index), drift u8
    kind 7 walk    steps, seen, crowded u8 (seconds), face u8 (index), frontal u8 (tenths), light u8 (index; 3 more once
                   the walk is over), cells 18 bytes (a bit each, row by row; none before it is over)

How they talk: the courier listens on a Unix `SOCK_SEQPACKET` socket (a systemd ``.socket`` unit when installed, one
that ``attune-edge run`` makes otherwise); each life of the eye connects once, before it raises its walls. The eye's
first record is a state. The courier answers with the config it holds (begin, zones, levels, apply), if any, and then
always with pause or resume; before that the eye opens no camera. A connection that ends means that the eye stopped.

Rules:
- Decoding is strict: a set bit that means nothing is refused, so that no second message hides in the first.
- A suppressed mood or hour has an all-zero rest: "fewer than k" and "nobody" are the same bytes.

Left out: who made the record (`edge.eye.gate`, and `edge.eye.walk` of a walk) and how often (its budget).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, get_args

from contract.errors import WireError
from contract.events import Dwell, People, Reason, Trouble
from contract.walk import WALK_COLUMNS, WALK_ROWS, FacePx, Light

RECORD_BYTES: Final = 32
PEOPLE: Final[tuple[People, ...]] = get_args(People)
DWELL: Final[tuple[Dwell, ...]] = get_args(Dwell)
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
TROUBLES: Final[tuple[Trouble, ...]] = get_args(Trouble)
FACE_PX: Final[tuple[FacePx, ...]] = get_args(FacePx)  # a width is told as the largest of these that it has reached
LIGHTS: Final[tuple[Light, ...]] = get_args(Light)
CELLS: Final = WALK_COLUMNS * WALK_ROWS
TRACKS: Final = (50, 100, 200, 400, 800, 1600)  # a count is told as the largest of these that it has reached

_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BBHI")
_MOOD: Final = struct.Struct(">BHBBBBbbBB")
_HOUR: Final = struct.Struct(">BIHHHHH")
_ASSIST: Final = struct.Struct(">BBH")
_PULSE: Final = struct.Struct(">HHHHHHHB")
_STATE: Final = struct.Struct(">B")
_NEUTRAL: Final = struct.Struct(">8sBB")
_WALK: Final = struct.Struct(f">6B{CELLS // 8}s")


@dataclass(frozen=True, slots=True)
class Head:
    """What every record carries. Units: ``t_mono_s`` whole seconds."""

    zone: int
    config: int
    t_mono_s: int


@dataclass(frozen=True, slots=True)
class MoodRecord:
    """A released window. Units: shares and ``abstained`` in tenths, valence and arousal in tenths of 1."""

    head: Head
    window_s: int
    people: People
    negative: int
    neutral: int
    positive: int
    valence: int
    arousal: int
    dwell: Dwell
    abstained: int


@dataclass(frozen=True, slots=True)
class MoodSuppressedRecord:
    """A window with fewer than k people, or nobody."""

    head: Head


@dataclass(frozen=True, slots=True)
class HourRecord:
    """A noisy hour of one zone. Units: ``hour`` since the epoch, ``epsilon_milli`` thousandths."""

    head: Head
    hour: int
    negative: int
    neutral: int
    positive: int
    unknown: int
    epsilon_milli: int


@dataclass(frozen=True, slots=True)
class HourSuppressedRecord:
    """An hour under the history threshold; its ε is spent all the same."""

    head: Head
    hour: int
    epsilon_milli: int


@dataclass(frozen=True, slots=True)
class AssistRecord:
    """Someone in this zone may welcome help, or no longer does."""

    head: Head
    level: int
    reasons: tuple[Reason, ...]
    ttl_s: int


@dataclass(frozen=True, slots=True)
class PulseRecord:
    """How the eye is, over the last minute. Units: milliseconds per frame, MB resident.

    ``edgetpu``: whether a model runs on an Edge TPU.
    """

    head: Head
    fps: float
    detect_ms: float
    track_ms: float
    badge_ms: float
    affect_ms: float
    rest_ms: float
    memory_mb: int
    edgetpu: bool = False


@dataclass(frozen=True, slots=True)
class StateRecord:
    """What keeps the eye from sensing or, with the accelerator lost, slows it; None when it senses as it should."""

    head: Head
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class NeutralRecord:
    """What the model answers at this site on average, of no zone.

    Units: ``shares`` in 1/255, ``tracks`` one of `TRACKS`. ``drift``: whether it has changed of late.
    """

    head: Head
    shares: tuple[int, ...]
    tracks: int
    drift: bool


@dataclass(frozen=True, slots=True)
class WalkRecord:
    """How well one zone is covered, from a walk in it (`contract.walk.Walk`).

    Units: ``steps``, ``seen`` and ``crowded`` seconds, ``frontal`` tenths. ``cells`` rise; none before it is ``over``.
    """

    head: Head
    steps: int
    seen: int
    crowded: int
    face_px: FacePx
    frontal: int
    light: Light
    over: bool
    cells: tuple[int, ...]


Record = (
    MoodRecord
    | MoodSuppressedRecord
    | HourRecord
    | HourSuppressedRecord
    | AssistRecord
    | PulseRecord
    | StateRecord
    | NeutralRecord
    | WalkRecord
)


def encode(record: Record) -> bytes:
    """Shapes: 32 bytes. Raises: struct.error when a field does not fit, which is a fault of the gate's."""
    match record:
        case MoodRecord():
            kind, body = 1, _MOOD.pack(
                0, record.window_s, PEOPLE.index(record.people), record.negative, record.neutral, record.positive,
                record.valence, record.arousal, DWELL.index(record.dwell), record.abstained,
            )  # fmt: skip
        case MoodSuppressedRecord():
            kind, body = 1, _MOOD.pack(1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        case HourRecord():
            counts = (record.negative, record.neutral, record.positive, record.unknown)
            kind, body = 2, _HOUR.pack(0, record.hour, *counts, record.epsilon_milli)
        case HourSuppressedRecord():
            kind, body = 2, _HOUR.pack(1, record.hour, 0, 0, 0, 0, record.epsilon_milli)
        case AssistRecord():
            bits = sum(1 << REASONS.index(reason) for reason in record.reasons)
            kind, body = 3, _ASSIST.pack(record.level, bits, record.ttl_s)
        case PulseRecord():
            stages = (record.detect_ms, record.track_ms, record.badge_ms, record.affect_ms, record.rest_ms)
            words = (round(record.fps * 10), *(round(ms * 100) for ms in stages), record.memory_mb)
            kind, body = 4, _PULSE.pack(*(min(word, 0xFFFF) for word in words), record.edgetpu)
        case StateRecord():
            kind, body = 5, _STATE.pack(0 if record.trouble is None else 1 + TROUBLES.index(record.trouble))
        case NeutralRecord():
            kind, body = 6, _NEUTRAL.pack(bytes(record.shares), TRACKS.index(record.tracks), record.drift)
        case WalkRecord():
            light = LIGHTS.index(record.light) + len(LIGHTS) * record.over
            figures = (record.steps, record.seen, record.crowded, FACE_PX.index(record.face_px), record.frontal, light)
            bits = sum(1 << cell for cell in record.cells)
            kind, body = 7, _WALK.pack(*figures, bits.to_bytes(CELLS // 8, "little"))
    head = _HEAD.pack(_VERSION << 4 | kind, record.head.zone, record.head.config, record.head.t_mono_s)
    return (head + body).ljust(RECORD_BYTES, b"\0")


def decode(data: bytes) -> Record:
    """Raises: WireError with code ``record`` for anything `encode` could not have made."""
    try:
        record = _decode(data)
        if encode(record) != data:
            raise ValueError("bits that mean nothing are set")
    except (struct.error, IndexError, ValueError) as error:
        raise WireError("record", f"A record from the eye is refused: {error}.") from None
    return record


def _decode(data: bytes) -> Record:
    if len(data) != RECORD_BYTES:
        raise ValueError(f"it has {len(data)} bytes, not {RECORD_BYTES}")
    first, zone, config, t_mono_s = _HEAD.unpack_from(data)
    head = Head(zone, config, t_mono_s)
    rest = data[_HEAD.size :]
    match first:
        case 0x11:
            suppressed, window_s, people, neg, neu, pos, valence, arousal, dwell, abstained = _MOOD.unpack_from(rest)
            if suppressed:
                return MoodSuppressedRecord(head)
            return MoodRecord(
                head, window_s, PEOPLE[people], neg, neu, pos, valence, arousal, DWELL[dwell], abstained
            )  # fmt: skip
        case 0x12:
            suppressed, hour, neg, neu, pos, unknown, epsilon = _HOUR.unpack_from(rest)
            if suppressed:
                return HourSuppressedRecord(head, hour, epsilon)
            return HourRecord(head, hour, neg, neu, pos, unknown, epsilon)
        case 0x13:
            level, bits, ttl_s = _ASSIST.unpack_from(rest)
            return AssistRecord(head, level, tuple(r for i, r in enumerate(REASONS) if bits >> i & 1), ttl_s)
        case 0x14:
            fps, detect, track, badge, affect, other, memory_mb, edgetpu = _PULSE.unpack_from(rest)
            return PulseRecord(
                head,
                fps / 10,
                detect / 100,
                track / 100,
                badge / 100,
                affect / 100,
                other / 100,
                memory_mb,
                edgetpu == 1,
            )
        case 0x15:
            (trouble,) = _STATE.unpack_from(rest)
            return StateRecord(head, TROUBLES[trouble - 1] if trouble else None)
        case 0x16:
            shares, tracks, drift = _NEUTRAL.unpack_from(rest)
            return NeutralRecord(head, tuple(shares), TRACKS[tracks], drift == 1)
        case 0x17:
            steps, seen, crowded, face, frontal, light, bits = _WALK.unpack_from(rest)
            over, told = divmod(light, len(LIGHTS))
            if over > 1:
                raise ValueError("its light is none")
            marked = int.from_bytes(bits, "little")
            cells = tuple(cell for cell in range(CELLS) if marked >> cell & 1)
            return WalkRecord(
                head, steps, seen, crowded, FACE_PX[face], frontal, LIGHTS[told], over == 1, cells
            )  # fmt: skip
    raise ValueError(f"its first byte is {first:#04x}")
