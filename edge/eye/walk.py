"""A walk: how well the camera covers a zone, while one person walks in it on purpose and nobody is sensed.

Rules:
- While a walk is on, nobody is read, counted or said to want help: later stages see an empty shop.
- Figures are of moments with exactly one person in view. Of a second with more it is told that there were more, and
  nothing else; of staff with a badge, people who opted out and faces inside a mask nothing is told at all, neither of
  what was seen of them before their badge was. While the badge reader does not work, nothing is told of anybody.
- Who showed no badge, though one would have been legible, is told of meanwhile. Of who is too far or too dark for that
  the figures are told once the walk is over, and never where the face was.
- Where a face was is told once, when the walk is over, as the set of cells that it was in: nobody's way is. Of a walk
  of less than `WALK_MIN_S` nothing is told, for walks that follow at once would be a way too.
- It ends by the frame clock, and the life of the eye with it, so that no track of a walk is sensed afterwards.
- The record keeps the gate's pace.

Left out: who may ask for a walk and how often (`edge.courier.control`), and what passes (`hub.coverage`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from contract.walk import WALK_COLUMNS, WALK_MAX_S, WALK_MIN_S, WALK_ROWS, FacePx, Light
from edge.eye.badge import NO_READER
from edge.eye.tracks import yaw
from edge.order import StartWalk
from edge.record import FACE_PX, Head, WalkRecord
from edge.values import Frame, Person, Visitors

NEXT_S: Final = 30.0  # how long a walk that is over waits for the next one
LIVE_UNTIL_S: Final = 10.0  # before its end: the last record is the whole one and must not wait
FRONTAL_MAX: Final = 0.3  # nose off the middle of the eyes, in eye distances: about 27°
DARK_MAX: Final = 45.0  # mean luma of a face, of 255
BRIGHT_MIN: Final = 215.0

Take = Callable[[str, int, float], bool]


@dataclass(frozen=True, slots=True)
class _Sight:
    """One person's face at one moment. Units: ``face_px`` wide, ``luma`` 0 to 255."""

    track: int
    face_px: float
    frontal: bool
    luma: float
    cell: int


@dataclass(slots=True)
class _Walk:
    """One walk so far. Units: ``sights`` by second since ``began_s``; ``cleared`` and ``left_out`` are tracks."""

    order: StartWalk
    began_s: float | None = None
    last_s: float = 0.0
    sights: dict[int, list[_Sight]] = field(default_factory=dict)
    crowded: set[int] = field(default_factory=set)
    cleared: set[int] = field(default_factory=set)
    left_out: set[int] = field(default_factory=set)

    def see(self, moment: Visitors) -> None:
        t_s = moment.frame.t_s
        self.began_s = t_s if self.began_s is None else self.began_s
        self.last_s = t_s
        second = int(t_s - self.began_s)
        self.cleared.update(person.track for person in moment.visitors)
        self.left_out.update(person.track for person, _ in moment.excluded)
        shown = (*moment.visitors, *(person for person, why in moment.unread if why != NO_READER))
        if len(moment.visitors) + len(moment.unread) + len(moment.excluded) > 1:
            self.crowded.add(second)
        elif shown:
            self.sights.setdefault(second, []).append(_sight(moment.frame, shown[0]))

    @property
    def walked_s(self) -> float:
        return 0.0 if self.began_s is None else self.last_s - self.began_s

    @property
    def over(self) -> bool:
        return self.walked_s >= self.order.seconds

    def record(self, config: int, *, over: bool) -> WalkRecord:
        steps = min(int(self.walked_s), self.order.seconds, WALK_MAX_S)
        alone = (self._told(second, over=over) for second in self.sights if second < steps)
        seen = [sights for sights in alone if sights]
        each = [sights[0] for sights in seen]
        cells = {sight.cell for sights in seen for sight in sights if sight.track in self.cleared} if over else ()
        return WalkRecord(
            Head(self.order.zone, config, int(self.last_s)),
            steps=steps,
            seen=len(seen),
            crowded=sum(second < steps for second in self.crowded),
            face_px=_bucket(median(sight.face_px for sight in each)) if each else 0,
            frontal=round(10 * sum(sight.frontal for sight in each) / len(each)) if each else 0,
            light=_light(median(sight.luma for sight in each)) if each else "good",
            over=over,
            cells=tuple(sorted(cells)),
        )

    def _told(self, second: int, *, over: bool) -> list[_Sight]:
        """What of a second may be told."""
        if second in self.crowded:
            return []
        mine = (sight for sight in self.sights[second] if sight.track not in self.left_out)
        return [sight for sight in mine if over or sight.track in self.cleared]


@dataclass(slots=True)
class Walking:
    """The walks of one life of the eye. Units: moments on the frame clock."""

    config: int
    now: _Walk | None = None
    ended: dict[int, WalkRecord] = field(default_factory=dict)
    until_s: float | None = None

    @property
    def on(self) -> bool:
        """Whether nobody is sensed, since somebody walks or is about to."""
        return self.now is not None or self.until_s is not None

    def begin(self, order: StartWalk) -> None:
        """The next walk; the one before is over."""
        self.end()
        self.now, self.until_s = _Walk(order), None

    def end(self) -> None:
        """The walk is over; what it showed is still told, if it was long enough."""
        if self.now is not None:
            self.until_s = self.now.last_s
            if self.now.walked_s >= WALK_MIN_S:
                self.ended[self.now.order.zone] = self.now.record(self.config, over=True)
            self.now = None

    def see(self, moment: Visitors) -> None:
        """One more moment of the walk."""
        if self.now is None:
            return
        self.now.see(moment)
        if self.now.over:
            self.end()
            self.until_s = moment.frame.t_s + NEXT_S

    def say(self, t_s: float, take: Take) -> WalkRecord | None:
        """What may be said now of a walk that is over, or of the one that goes on."""
        for zone in self.ended:
            if take("walk", zone, t_s):
                return self.ended.pop(zone)
        walk = self.now
        if walk is None or not WALK_MIN_S <= walk.walked_s <= walk.order.seconds - LIVE_UNTIL_S:
            return None
        return walk.record(self.config, over=False) if take("walk", walk.order.zone, t_s) else None

    def finished(self, t_s: float) -> bool:
        """Whether all is told, and nobody walks on."""
        return self.until_s is not None and not self.ended and t_s >= self.until_s


def set_aside(moments: Iterable[Visitors], walking: Walking) -> Iterator[Visitors]:
    """The same moments; while somebody walks they go to the walk, and what goes on is empty."""
    for moment in moments:
        if walking.on:
            walking.see(moment)
            moment = Visitors(moment.frame, (), (), (), frozenset())
        yield moment


def _sight(frame: Frame, person: Person) -> _Sight:
    x, y, width, height = person.face.box_px
    left, top = max(int(x), 0), max(int(y), 0)
    crop = frame.luma[top : max(int(y + height), top + 1), left : max(int(x + width), left + 1)]
    centre_x, centre_y = person.face.centre_px
    column = min(max(int(WALK_COLUMNS * centre_x / frame.width_px), 0), WALK_COLUMNS - 1)
    row = min(max(int(WALK_ROWS * centre_y / frame.height_px), 0), WALK_ROWS - 1)
    luma = float(crop.mean()) if crop.size else 0.0
    return _Sight(person.track, width, abs(yaw(person.face)) < FRONTAL_MAX, luma, row * WALK_COLUMNS + column)


def _bucket(face_px: float) -> FacePx:
    return max(edge for edge in FACE_PX if edge <= max(face_px, 0))


def _light(luma: float) -> Light:
    return "dark" if luma <= DARK_MAX else "bright" if luma >= BRIGHT_MIN else "good"
