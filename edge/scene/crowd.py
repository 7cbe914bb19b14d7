"""Random shops for judging the need score: who comes, who looks around, who would welcome a hand, and who serves.

Rules:
- A seed gives one shop of `LENGTH_S`, always the same. What differs from shop to shop is drawn from it too: how busy
  it is, how long people stay, how often staff pass.
- The kinds overlap on purpose, so that no single sign tells them apart: some who need help never turn their head,
  some who only browse do, some browse for minutes, some of either kind go and come back.
- A need ends when a member of staff has been in its zone for `SERVED_S`, or when the shopper gives up.

All shares and times here are assumptions about shoppers, not measurements of any.

Left out: what the camera makes of them (`edge.scene.observed`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from edge.scene.script import Script, Shopper, Stop, leaves_s

LENGTH_S: Final = 900.0
SERVED_S: Final = 10.0
PLACES: Final[tuple[tuple[tuple[float, float], ...], ...]] = (
    ((0.06, 50.0), (0.14, 58.0), (0.22, 50.0)),
    tuple((0.325 + 0.088 * i, 48.0 + 8.0 * (i % 2)) for i in range(6)),
    ((0.835, 50.0), (0.955, 56.0)),
)

PASSING, BROWSING = 0.35, 0.45  # the rest need help
NEEDY_SEARCH, BROWSERS_SEARCH = 0.75, 0.15
NEEDY_RETURN, BROWSERS_RETURN = 0.25, 0.10


@dataclass(slots=True)
class _Floor:
    """Which places are taken until when, and when staff are in which zone. Units: seconds."""

    taken_until_s: dict[tuple[int, int], float] = field(default_factory=dict)
    served_s: list[tuple[int, float, float]] = field(default_factory=list)

    def free(self, zone: int, enter_s: float, chance: Random) -> int | None:
        places = [i for i in range(len(PLACES[zone])) if self.taken_until_s.get((zone, i), 0.0) <= enter_s]
        return chance.choice(places) if places else None


def shop(seed: int) -> Script:
    """The shop of this seed, played once."""
    chance = Random(f"shop {seed}")
    floor = _Floor()
    cast = _staff(chance, floor)
    usual_s, gap_s = chance.uniform(30.0, 60.0), chance.uniform(35.0, 80.0)
    t_s, number = chance.expovariate(1 / gap_s), 0
    while t_s < LENGTH_S - 60:
        shopper = _shopper(chance, floor, f"shopper {number}", t_s, usual_s)
        if shopper is not None:
            cast.append(shopper)
        number += 1
        t_s += chance.expovariate(1 / gap_s)
    everyone = tuple(cast)
    return Script(max(LENGTH_S, *(leaves_s(one) for one in everyone)) + 2.0, lambda _: everyone)


def _staff(chance: Random, floor: _Floor) -> list[Shopper]:
    """Rounds of one member of staff: now and then a stop in one zone."""
    rounds: list[Shopper] = []
    t_s = chance.uniform(30.0, 240.0)
    while t_s < LENGTH_S - 60:
        zone = chance.randrange(len(PLACES))
        place = chance.randrange(len(PLACES[zone]))
        x, face_px = PLACES[zone][place]
        stay_s = chance.uniform(20.0, 60.0)
        one = Shopper(f"staff {len(rounds)}", chance.randrange(1000), t_s, (Stop(x, face_px, stay_s),), "staff")
        arrives_s = leaves_s(replace(one, leaves_left=True, stops=(Stop(x, face_px, 0.0),)))
        rounds.append(one)
        floor.taken_until_s[zone, place] = leaves_s(one)
        floor.served_s.append((zone, t_s + (arrives_s - t_s) / 2, t_s + (arrives_s - t_s) / 2 + stay_s))
        t_s = leaves_s(one) + chance.uniform(60.0, 260.0)
    return rounds


def _shopper(chance: Random, floor: _Floor, who: str, enter_s: float, usual_s: float) -> Shopper | None:
    """One shopper, or nobody when every place of the zone is taken."""
    zone = chance.choices(range(len(PLACES)), (3, 6, 2))[0]
    place = floor.free(zone, enter_s, chance)
    if place is None:
        return None
    x, face_px = PLACES[zone][place]
    left, kind = chance.random() < 0.5, chance.random()
    if kind < PASSING:
        stops: tuple[Stop, ...] = (Stop(x, face_px, chance.uniform(1.0, 12.0)),)
    elif kind < PASSING + BROWSING:
        stops = _browse(chance, x, face_px, usual_s)
    else:
        stops = _wait(chance, x, face_px, _served(floor, zone, enter_s))
    shopper = Shopper(who, chance.randrange(1000), enter_s, stops, "visitor", left, chance.random() < 0.5)
    floor.taken_until_s[zone, place] = leaves_s(shopper)
    return shopper


def _browse(chance: Random, x: float, face_px: float, usual_s: float) -> tuple[Stop, ...]:
    """Looks at things: log-normal, so that a few stay for minutes."""
    stay_s = min(usual_s * math.exp(chance.gauss(0.0, 0.8)), 420.0)
    searches = chance.random() < BROWSERS_SEARCH
    if chance.random() < BROWSERS_RETURN:
        away = Stop(_elsewhere(x), face_px, chance.uniform(16.0, 40.0))
        half_s = max(stay_s / 2, 8.0)
        return (*_bouts(chance, x, face_px, half_s, searches), away, *_bouts(chance, x, face_px, half_s, searches))
    return _bouts(chance, x, face_px, stay_s, searches)


def _wait(chance: Random, x: float, face_px: float, served_s: list[float]) -> tuple[Stop, ...]:
    """Browses, then needs help until served or out of patience."""
    calm_s = chance.uniform(15.0, 60.0)
    need_s = min(40.0 * math.exp(chance.gauss(0.6, 0.5)), 300.0)
    walk_s = 4.0
    for s in served_s:
        if s > walk_s + calm_s:
            need_s = min(need_s, s - walk_s - calm_s + SERVED_S)
            break
    searches = chance.random() < NEEDY_SEARCH
    first = Stop(x, face_px, calm_s)
    if need_s > 50.0 and chance.random() < NEEDY_RETURN:
        away = Stop(_elsewhere(x), face_px, chance.uniform(16.0, 40.0))
        part_s = need_s * 0.4
        again = _bouts(chance, x, face_px, need_s - part_s, searches, part_s)
        return (first, *_bouts(chance, x, face_px, part_s, searches, 0.0), away, *again)
    return (first, *_bouts(chance, x, face_px, need_s, searches, 0.0))


def _bouts(
    chance: Random, x: float, face_px: float, stay_s: float, searches: bool, needed_s: float | None = None
) -> tuple[Stop, ...]:
    """One stay, cut into bouts of looking around and of not; ``needed_s`` is how long help has been needed before."""
    stops, done_s, around = [], 0.0, False
    while done_s < stay_s:
        part_s = min(chance.uniform(5.0, 12.0) if searches else stay_s, stay_s - done_s)
        patience_s = None if needed_s is None else -(needed_s + done_s)
        stops.append(Stop(x, face_px, part_s, searches and around, patience_s))
        done_s, around = done_s + max(part_s, 0.5), not around
    return tuple(stops)


def _served(floor: _Floor, zone: int, enter_s: float) -> list[float]:
    """When staff come to this zone, counted from the shopper's entry."""
    return [from_s - enter_s for at, from_s, _ in floor.served_s if at == zone and from_s > enter_s]


def _elsewhere(x: float) -> float:
    """A place in another zone, for a while."""
    return 0.5 if x < 0.28 or x > 0.8 else 0.14
