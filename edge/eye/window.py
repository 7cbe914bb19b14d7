"""Moments to windows: what each zone looked like over minutes, over the clock hour, and right now.

Rules:
- Nobody has an id here. People are counted by the most who contributed at one moment (held for a second in
  all), which no single person can exceed however often the tracker loses and finds them (rule 4).
- A window's mood is the mean over those moments at which at least k contributed, so that no one ever weighs
  more than 1/k, and one who stays while others pass adds nothing when alone.
- A window closes at a multiple of its length, once it has k people or has reached its longest.
- Every clock hour closes for every zone, also an empty one. A wall clock that jumps closes the hour.
- An hour's people are those there when it began, and whoever came when nobody was out of sight for `LOST_S` or less:
  a lingering shopper whom the tracker loses and finds, wherever in the zone, stays one. Who may not be read yet may be
  staff and is not of them.

Left out: whether anything may be said (`edge.eye.gate`).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from contract.events import Dwell, ZoneSpec
from edge.config import Privacy
from edge.ports import Clock
from edge.record import DWELL
from edge.values import Moment, Mood, Reading, Tally, Tumbled, Visit, Window, ZoneNow

SURE_S: Final = 1.0
RECENT_S: Final = 300.0
LOST_S: Final = 15.0  # a long look at a shelf; as `edge.eye.tracks` keeps a dwell
RECENT_MIN: Final = 3  # about as many seconds, so that one odd frame is no crowd
STEP_MAX_S: Final = 1.0
_DWELL_EDGES_S: Final = (30.0, 60.0, 120.0, 300.0)


def tumble(
    moments: Iterable[Moment],
    zones: Sequence[ZoneSpec],
    clock: Clock,
    privacy: Privacy,
    *,
    flush: bool = False,
) -> Iterator[Tumbled]:
    """One `Tumbled` per moment, and one when they end: it closes the hour so far, and lets the open windows go.

    With ``flush`` (recorded clips) it closes the open windows instead.
    """
    rooms = {zone.id: _Room() for zone in zones}
    hour: int | None = None
    last_s: float | None = None
    for moment in moments:
        step_s = 0.0 if last_s is None else min(max(moment.t_s - last_s, 0.0), STEP_MAX_S)
        last_s = moment.t_s
        closed = []
        for zone, room in rooms.items():
            readings = [reading for reading in moment.readings if reading.zone == zone]
            room.add(moment.t_s, step_s, readings, privacy)
            if room.ripe(moment.t_s, privacy):
                closed.append(room.close(zone, moment.t_s))
        now_hour = int(clock.wall_s(moment.t_s) // 3600)
        hours = [room.close_hour(zone, hour) for zone, room in rooms.items()] if hour not in (None, now_hour) else []
        hour = now_hour
        for visit in moment.visits:
            if visit.zone in rooms:
                rooms[visit.zone].visits[_group(visit)] += 1
        now = tuple(room.now(zone, zone in moment.attended) for zone, room in rooms.items())
        yield Tumbled(moment.t_s, tuple(closed), tuple(hours), now)
    if last_s is not None and hour is not None:
        windows = tuple(room.close(zone, last_s) for zone, room in rooms.items()) if flush else ()
        rest = () if flush else tuple(room.close_hour(zone, hour) for zone, room in rooms.items())
        yield Tumbled(last_s, windows, rest, ())


@dataclass(slots=True)
class _Crowd:
    """Sums over the moments of one window at which at least k contributed."""

    seconds_with: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0
    sums: list[float] = field(default_factory=lambda: [0.0] * 5)
    read_s: float = 0.0
    abstained_s: float = 0.0
    dwell_s: dict[Dwell, float] = field(default_factory=dict)

    def add(self, step_s: float, readings: Sequence[Reading], k: int) -> None:
        moods = [reading.mood for reading in readings if reading.mood is not None]
        self.seconds_with[len(moods)] = self.seconds_with.get(len(moods), 0.0) + step_s
        if len(moods) < k:
            return
        self.seconds += step_s
        self.sums = [total + step_s * part for total, part in zip(self.sums, _mean(moods), strict=True)]
        read = [reading for reading in readings if reading.mood is not None or reading.abstained]
        self.read_s += step_s * len(read)
        self.abstained_s += step_s * sum(reading.abstained for reading in read)
        for reading in read:
            bucket = _dwell(reading.dwell_s)
            self.dwell_s[bucket] = self.dwell_s.get(bucket, 0.0) + step_s

    def people(self) -> int:
        """The most who contributed at one moment, held for `SURE_S` in all."""
        held_s = 0.0
        for people in sorted(self.seconds_with, reverse=True):
            held_s += self.seconds_with[people]
            if held_s >= SURE_S:
                return people
        return 0


@dataclass(slots=True)
class _Room:
    """What is remembered of one zone: its open window, its hour, and its last minutes."""

    crowd: _Crowd = field(default_factory=_Crowd)
    opened_s: float | None = None
    edges: int = 1
    visits: Counter[str] = field(default_factory=Counter)
    came: int = 0
    left_s: deque[float] = field(default_factory=deque)
    recent: deque[tuple[float, tuple[float, ...]]] = field(default_factory=deque)
    readings: Sequence[Reading] = ()
    enough_now: bool = False

    def add(self, t_s: float, step_s: float, readings: Sequence[Reading], privacy: Privacy) -> None:
        if self.opened_s is None:
            self.opened_s = t_s
        self._come_and_go(t_s, _cleared(readings) - _cleared(self.readings))
        self.readings = readings
        self.crowd.add(step_s, readings, privacy.k)
        self._remember(t_s, readings, privacy)

    def _come_and_go(self, t_s: float, more: int) -> None:
        while self.left_s and t_s - self.left_s[0] > LOST_S:
            self.left_s.popleft()
        self.left_s.extend([t_s] * -more)
        for _ in range(more):
            if self.left_s:
                self.left_s.popleft()
            else:
                self.came += 1

    def _remember(self, t_s: float, readings: Sequence[Reading], privacy: Privacy) -> None:
        """About one moment a second of the last minutes, only where enough contributed for the profile (rule 5)."""
        while self.recent and t_s - self.recent[0][0] > RECENT_S:
            self.recent.popleft()
        moods = [reading.mood for reading in readings if reading.mood is not None]
        enough = privacy.people_for_live_mood
        self.enough_now = enough is not None and len(moods) >= enough
        if self.enough_now and not (self.recent and t_s - self.recent[-1][0] < SURE_S):
            self.recent.append((t_s, _mean(moods)))

    def _live_mood(self) -> Mood | None:
        """The last minutes' mood while enough are still here; never a lone shopper's, nor of those who have left."""
        if not self.enough_now or len(self.recent) < RECENT_MIN:
            return None
        parts = zip(*(mood for _, mood in self.recent), strict=True)
        return Mood(*(sum(part) / len(self.recent) for part in parts))

    def ripe(self, t_s: float, privacy: Privacy) -> bool:
        """Whether the window is at an edge and has k people, or is at its longest."""
        length_s = t_s - (self.opened_s if self.opened_s is not None else t_s)
        if length_s < privacy.window_s * self.edges:
            return False
        self.edges += 1
        return self.crowd.people() >= privacy.k or length_s >= privacy.window_max_s

    def close(self, zone: int, t_s: float) -> Window:
        crowd, opened_s = self.crowd, self.opened_s if self.opened_s is not None else t_s
        self.crowd, self.opened_s, self.edges = _Crowd(), t_s, 1
        mood = Mood(*(total / crowd.seconds for total in crowd.sums)) if crowd.seconds else None
        abstained = crowd.abstained_s / crowd.read_s if crowd.read_s else 0.0
        return Window(zone, t_s, t_s - opened_s, crowd.people(), mood, _median(crowd.dwell_s), abstained)

    def close_hour(self, zone: int, hour: int | None) -> Tally:
        visits, self.visits = self.visits, Counter()
        people, self.came = self.came, _cleared(self.readings)
        counts = (visits["negative"], visits["neutral"], visits["positive"], visits["unknown"])
        return Tally(zone, hour or 0, people, *counts)

    def now(self, zone: int, attended: bool) -> ZoneNow:
        mood = self._live_mood()
        return ZoneNow(
            zone=zone,
            people=len(self.readings),
            dwell_s=max((reading.dwell_s for reading in self.readings), default=0.0),
            turns_per_min=max((reading.turns_per_min for reading in self.readings), default=0.0),
            returning=any(reading.returning for reading in self.readings),
            attended=attended,
            mood=mood,
        )


def _cleared(readings: Sequence[Reading]) -> int:
    """How many may be read: the others have no dwell (`edge.eye.affect`)."""
    return sum(reading.dwell_s > 0 for reading in readings)


def _mean(moods: Sequence[Mood]) -> tuple[float, ...]:
    """Shares, valence and arousal, in `Mood`'s order."""
    parts = [(mood.negative, mood.neutral, mood.positive, mood.valence, mood.arousal) for mood in moods]
    return tuple(sum(column) / len(parts) for column in zip(*parts, strict=True))


def _group(visit: Visit) -> str:
    """The group of a visit's prevailing mood; ties go to neutral."""
    if visit.mood is None:
        return "unknown"
    shares = {"neutral": visit.mood.neutral, "negative": visit.mood.negative, "positive": visit.mood.positive}
    return max(shares, key=lambda group: shares[group])


def _dwell(dwell_s: float) -> Dwell:
    return DWELL[sum(dwell_s >= edge for edge in _DWELL_EDGES_S)]


def _median(seconds_in: Mapping[Dwell, float]) -> Dwell:
    half = sum(seconds_in.values()) / 2
    passed = 0.0
    for bucket in DWELL:
        passed += seconds_in.get(bucket, 0.0)
        if passed >= half:
            return bucket
    return DWELL[0]
