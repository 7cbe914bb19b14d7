"""Visitors to moments: each face is read at each look, its mood fused over time, and pixels die here.

Rules:
- Only `Visitors.visitors` are read. Who may not be read yet is present and nothing more: no dwell, no mood (rule 3).
- A face that is too small, turned, dark, flat or blurred is skipped before the model, and counted by its reason.
- What the model answers is corrected for the site (`edge.eye.neutral`) before it joins a track; the trace, and the
  threshold below, see what it answered.
- A reading under the model's own threshold is an abstention and changes no mood.
- Readings `APART_S` apart count one each, nearer ones by the time since the last: what was read twice at nearly the
  same moment is not known better.
- A mood is the mean of a track's readings with a half-life of `HALF_LIFE_S`, given from the second that is about
  `APART_S` after the first, so that one odd frame changes little and a first one nothing.
- What leaves holds no array and no track id. A track's state is dropped when it has been gone for `GONE_S`.

Left out: when there is a look (`edge.eye.schedule`), badges and masks (`edge.eye.badge`), windows and k
(`edge.eye.window`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge import manifest
from edge.crop import Quality, crop, quality
from edge.eye.neutral import Site
from edge.eye.tracks import yaw
from edge.ports import AffectModel
from edge.tflite import Tflite
from edge.values import Frame, Luma, Moment, Mood, Person, Reading, Visit, Visitors

HALF_LIFE_S: Final = 4.0
APART_S: Final = 0.5
NEARLY: Final = 0.9  # of `APART_S`: looks come with the camera's frames
STALE_S: Final = 12.0
GONE_S: Final = 2.0
VISIT_MIN_S: Final = 5.0
VISIT_TOLD_S: Final = 20.0

# About where fewer than two readings in three are right (docs/affect-model.md, "Quality gate").
SIZE_MIN_PX: Final = 24.0
YAW_MAX: Final = 0.6
BRIGHTNESS: Final = (25.0, 220.0)
CONTRAST_MIN: Final = 9.0
SHARPNESS_MIN: Final = 1.0

# Valence and arousal of each label, to a tenth. Source: pleasure and arousal of the words happy, surprised, sad, angry,
# disgusted and fearful in Russell and Mehrabian, "Evidence for a Three-Factor Theory of Emotions", 1977, read as the
# plane of Russell, "A Circumplex Model of Affect", 1980. Neutral (the origin) and contempt (beside disgust and anger)
# are placed by us. These are coordinates of words, not measurements of anybody's feeling (docs/affect-model.md).
CIRCUMPLEX: Final[dict[str, tuple[float, float]]] = {
    "neutral": (0.0, 0.0),
    "happiness": (0.8, 0.5),
    "surprise": (0.4, 0.7),
    "sadness": (-0.6, -0.3),
    "anger": (-0.5, 0.6),
    "disgust": (-0.6, 0.4),
    "fear": (-0.6, 0.6),
    "contempt": (-0.5, 0.3),
}
POSITIVE: Final = ("happiness",)
NEUTRAL: Final = ("neutral", "surprise")

Probabilities = tuple[float, ...]
Trace = Callable[[dict[str, Any]], object]
Tally = Callable[[str], object]


class TfliteAffect:
    """The `AffectModel` on the shipped int8 file; checked against its manifest before it is loaded.

    Shapes: (48, 48) uint8 luma in, eight probabilities out in the order of `manifest.LABELS`.
    Raises: ModelError when the file is not what its manifest says.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        checked = manifest.load(path)
        self.abstain_below = checked.abstain_below
        self.model = Tflite(path, threads, content=checked.content)
        self._scale, self._zero = checked.output.scale, checked.output.zero_point

    def read(self, crop: Luma) -> Probabilities:
        self.model.input[0, :, :, 0] = (crop ^ 0x80).view(np.int8)  # pixel − 128
        (scores,) = self.model.invoke()
        return tuple(((scores[0].astype(np.float32) - self._zero) * self._scale).tolist())


@dataclass(slots=True)
class Fusion:
    """A track's readings as one: their mean, each counting half as much after `HALF_LIFE_S`.

    With readings every `APART_S`, three of a kind that hold 70 % of it or more outweigh any one odd reading.
    """

    sums: Any = 0.0
    weight: float = 0.0
    first_s: float = float("inf")
    last_s: float = float("-inf")

    def add(self, probabilities: Probabilities, t_s: float) -> None:
        gap_s = t_s - self.last_s
        fade, share = 0.5 ** (gap_s / HALF_LIFE_S), min(gap_s / APART_S, 1.0)
        self.sums = self.sums * fade + share * np.asarray(probabilities)
        self.weight = self.weight * fade + share
        self.first_s, self.last_s = min(self.first_s, t_s), t_s

    def mood(self, t_s: float) -> Mood | None:
        """The fused mood, once two readings or more stand behind it and the last is not stale."""
        if self.weight < 1.05 or not apart(self.first_s, self.last_s) or t_s - self.last_s > STALE_S:
            return None
        return mood_of(tuple((self.sums / self.weight).tolist()))


def apart(first_s: float, last_s: float) -> bool:
    """Whether there is more than one moment's reading between these."""
    return last_s - first_s >= NEARLY * APART_S


@dataclass(slots=True)
class _Mind:
    """What is known of one track: its readings, and whether its visit was told."""

    told: bool
    seen_s: float
    zone: int | None
    dwell_s: float = 0.0
    returning: bool = False
    first_s: float = float("inf")
    last_s: float = float("-inf")
    fusion: Fusion = field(default_factory=Fusion)
    abstained: bool = False
    counted: bool = False
    raw: Any = 0.0
    reads: int = 0


def mood_of(probabilities: Probabilities) -> Mood:
    """Expectations over the labels. Units: `Mood`'s; shares sum to one."""
    total = sum(probabilities)
    share = {label: p / total for label, p in zip(manifest.LABELS, probabilities, strict=True)}
    positive = sum(share[label] for label in POSITIVE)
    neutral = sum(share[label] for label in NEUTRAL)
    valence = sum(p * CIRCUMPLEX[label][0] for label, p in share.items())
    arousal = sum(p * CIRCUMPLEX[label][1] for label, p in share.items())
    return Mood(1.0 - positive - neutral, neutral, positive, valence, arousal)


def read_affect(
    visitors: Iterable[Visitors],
    model: AffectModel,
    trace: Trace | None = None,
    tally: Tally = lambda what: None,
    site: Site | None = None,
) -> Iterator[Moment]:
    """One moment a look. With ``trace`` (recorded clips only) every face is told.

    ``site`` learns from each track and corrects each reading; without one nothing is corrected.
    ``tally`` hears of each face at each look: "read", "not sure" (an abstention) or why it was skipped.
    """
    minds: dict[int, _Mind] = {}
    for seen in visitors:
        t_s = seen.frame.t_s
        known = ((person, minds.setdefault(person.track, _new(person, t_s))) for person in seen.visitors)
        told = {person.track: _read(seen.frame, person, mind, model, tally, site) for person, mind in known}
        for _, why in seen.unread:
            tally(why)
        visits = []
        cleared = len(seen.visitors)
        for i, person in enumerate((*seen.visitors, *(person for person, _ in seen.unread))):
            mind = minds.setdefault(person.track, _new(person, t_s))
            visits += _follow_visit(person, mind, t_s, sure=i < cleared)
            if i < cleared and person.dwell_s >= VISIT_TOLD_S:
                _count(mind, site)
        for track in [track for track, mind in minds.items() if t_s - mind.seen_s > GONE_S]:
            _count(minds[track], site)
            visits += _end_visit(minds.pop(track), t_s)
        for person, _ in seen.excluded:
            minds.pop(person.track, None)
        if trace is not None:
            trace(_traced(seen, told))
        present = [_reading(person, minds[person.track], t_s) for person in seen.visitors if person.zone is not None]
        present += [Reading(p.zone, 0.0, 0.0, False, None, False) for p, _ in seen.unread if p.zone is not None]
        yield Moment(t_s, tuple(present), seen.attended, tuple(visits))


def _new(person: Person, t_s: float) -> _Mind:
    """A track that goes on with another's dwell is a visit that was told already."""
    told = person.dwell_s >= VISIT_MIN_S
    return _Mind(told, seen_s=t_s, zone=person.zone, counted=told or person.returning)


def _count(mind: _Mind, site: Site | None) -> None:
    """A track says once what the model answered of it, unsure answers among them; one reading says too little."""
    if site is not None and not mind.counted and apart(mind.first_s, mind.last_s):
        site.count(tuple((mind.raw / mind.reads).tolist()))
        mind.counted = True


def _read(
    frame: Frame, person: Person, mind: _Mind, model: AffectModel, tally: Tally, site: Site | None
) -> tuple[str | None, Probabilities | None]:
    """Reads one face. Returns why it was skipped, and what was read."""
    picture = crop(frame.luma, person.face)
    skipped = unfit(quality(picture, person.face), yaw(person.face))
    if skipped is not None:
        mind.abstained = True
        tally(skipped)
        return skipped, None
    probabilities = model.read(picture)
    mind.abstained = max(probabilities) < model.abstain_below
    tally("not sure" if mind.abstained else "read")
    mind.raw, mind.reads = mind.raw + np.asarray(probabilities), mind.reads + 1
    mind.first_s, mind.last_s = min(mind.first_s, frame.t_s), frame.t_s
    if not mind.abstained:
        mind.fusion.add(site.corrected(probabilities) if site else probabilities, frame.t_s)
    return None, probabilities


def unfit(found: Quality, turned: float) -> str | None:
    """Why a face should not be read, or None."""
    if found.size_px < SIZE_MIN_PX:
        return "too small"
    if abs(turned) > YAW_MAX:
        return "turned away"
    if not BRIGHTNESS[0] <= found.brightness <= BRIGHTNESS[1]:
        return "too dark" if found.brightness < BRIGHTNESS[0] else "too bright"
    if found.contrast < CONTRAST_MIN:
        return "flat"
    return "blurred" if found.sharpness < SHARPNESS_MIN else None


def _reading(person: Person, mind: _Mind, t_s: float) -> Reading:
    mood = mind.fusion.mood(t_s)
    zone = person.zone if person.zone is not None else -1
    return Reading(zone, person.dwell_s, person.turns_per_min, person.returning, mood, mind.abstained)


def _follow_visit(person: Person, mind: _Mind, t_s: float, *, sure: bool) -> list[Visit]:
    """A visit is told once: after `VISIT_TOLD_S` of who is surely no staff, or when it ends.

    A returning visitor's is not told again.
    """
    ended = _end_visit(mind, t_s) if person.zone != mind.zone else []
    if person.zone != mind.zone:
        mind.told = False
    mind.zone, mind.dwell_s, mind.returning, mind.seen_s = person.zone, person.dwell_s, person.returning, t_s
    return ended + (_end_visit(mind, t_s) if sure and mind.dwell_s >= VISIT_TOLD_S else [])


def _end_visit(mind: _Mind, t_s: float) -> list[Visit]:
    if mind.told or mind.zone is None or mind.returning or mind.dwell_s < VISIT_MIN_S:
        return []
    mind.told = True
    return [Visit(mind.zone, mind.fusion.mood(t_s))]


def _traced(seen: Visitors, told: dict[int, tuple[str | None, Probabilities | None]]) -> dict[str, Any]:
    """One frame as ``--trace`` prints it: every detected face, in source pixels."""
    faces = []
    for person in seen.visitors:
        skipped, read = told[person.track]
        affect = None if read is None else {k: round(p, 4) for k, p in zip(manifest.LABELS, read, strict=True)}
        faces.append(_told_face(person, excluded=False, skipped=skipped, affect=affect))
    faces += [_told_face(person, excluded=False, skipped=why, affect=None) for person, why in seen.unread]
    faces += [_told_face(person, excluded=True, skipped=why, affect=None) for person, why in seen.excluded]
    return {"frame": seen.frame.index, "faces": sorted(faces, key=lambda face: -face["score"])}


def _told_face(
    person: Person, *, excluded: bool, skipped: str | None, affect: dict[str, float] | None
) -> dict[str, Any]:
    return {
        "box": [round(part, 1) for part in person.face.box_px],
        "score": round(person.face.score, 4),
        "track": person.track,
        "excluded": excluded,
        "skipped": skipped,
        "affect": affect,
    }
