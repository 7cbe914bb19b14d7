"""The scripts that ship with the scene: `quiet`, `busy`, `walk`, and a `day` without end from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Final

from contract.errors import CameraError
from edge.scene.script import Script, Shopper, Stop, script_of

CHAPTER_S: Final = 420.0
# Places where people stand without hiding each other's face: x as a fraction, how near as the face's width.
_CERAMICS: Final = ((0.06, 50.0), (0.14, 58.0), (0.22, 50.0))
_BACK_ROW_PX: Final = 48.0
_TEXTILES: Final = tuple((0.325 + 0.088 * i, _BACK_ROW_PX + 8.0 * (i % 2)) for i in range(6))
_TILL: Final = ((0.835, 50.0), (0.955, 56.0))


def script(name: str) -> Script:
    """The script called ``quiet``, ``busy`` or ``walk``, or the day of a seed given as a whole number.

    Raises: CameraError when there is no such script.
    """
    match name:
        case "quiet":
            return quiet()
        case "busy":
            return busy()
        case "walk":
            return walk()
        case "" | "day":
            return day(1)
        case seed if seed.isdecimal():
            return day(int(seed))
    raise CameraError(f"There is no scene called '{name}': use quiet, busy, walk, day or a whole number as a seed.")


def quiet() -> Script:
    """One shopper searches long in Ceramics and needs help, while a member of staff passes by Textiles."""
    shopper = Shopper("customer", 3, 1.0, (Stop(0.15, 56.0, 110.0, searching=True, patience_s=40.0),))
    staff = Shopper("staff", 6, 8.0, (Stop(0.62, 52.0, 14.0), Stop(0.9, 48.0, 30.0)), "staff", False, False)
    return script_of((shopper, staff))


def walk() -> Script:
    """One person alone, up and down each zone in turn, a minute and more in each: an installer's walk."""
    ceramics, textiles = (0.06, 0.14, 0.22), (0.33, 0.44, 0.55, 0.66, 0.75)
    places = (*ceramics, *ceramics[::-1], *textiles, *textiles[::-1], *(0.85, 0.9, 0.95) * 2)
    stops = tuple(Stop(x, 50.0 + 8.0 * (i % 2), 12.0, searching=i % 3 == 1) for i, x in enumerate(places))
    return script_of((Shopper("installer", 3, 1.0, stops),))


def _arrivals(places: Sequence[tuple[float, float]]) -> list[tuple[float, float, bool]]:
    """Places in the order in which they fill, and whether from the left: nobody pushes past anybody's face."""
    from_left, from_right = list(places[: len(places) // 2 + 1]), list(places[len(places) // 2 + 1 :])
    order = []
    while from_left or from_right:
        if from_left:
            order.append((*from_left.pop(), True))
        if from_right:
            order.append((*from_right.pop(0), False))
    return order


def _narrow(look: int, face_px: float) -> int:
    """A look of its own, whose hair hides no face behind when it stands in the front row."""
    return 2 * look + (face_px > _BACK_ROW_PX)


def _at_the_door(face_px: float, left: bool) -> Stop:
    """Where people look around before they go on: alone, so that a badge would show."""
    return Stop(0.13 if left else 0.9, face_px, 2.5)


def busy() -> Script:
    """Six visitors together in Textiles for five minutes and more, staff in Ceramics and at the till, one opted out."""
    visitors = []
    for i, (x, face_px, left) in enumerate(_arrivals(_TEXTILES)):
        stops = (_at_the_door(face_px, left), Stop(x, face_px, 330.0 - 4.0 * i))
        visitors.append(
            Shopper(f"customer {i + 1}", _narrow(10 + i, face_px), 1.0 + 4.0 * i, stops, "visitor", left, left)
        )
    others = (
        Shopper("opted out", 42, 34.0, (Stop(0.845, 49.0, 120.0),), "opted_out", False, False),
        Shopper("staff 1", 40, 38.0, (Stop(0.1, 50.0, 240.0),), "staff"),
        Shopper("staff 2", 41, 46.0, (Stop(0.96, 54.0, 280.0),), "staff", False, False),
    )
    return script_of((*visitors, *others))


def day(seed: int) -> Script:
    """Chapters of seven minutes: someone who needs help, a crowd, staff on their rounds, quiet between."""

    @lru_cache(maxsize=4)
    def cast(chapter: int) -> tuple[Shopper, ...]:
        return _chapter(Random(f"{seed}/{chapter}"), chapter)

    return Script(CHAPTER_S, cast)


def _chapter(chance: Random, chapter: int) -> tuple[Shopper, ...]:
    """One chapter; the third of every three is a crowd in Textiles, long enough for a mood window."""
    waiting = _waiting(chance, chapter)
    crowd = len(_TEXTILES) if chapter % 3 == 2 else chance.randint(1, 3)
    cast = [waiting, *_browsers(chance, crowd, chapter)]
    if chance.random() < 0.7:
        x, face_px = chance.choice(_TILL)
        stops = (Stop(x, face_px, chance.uniform(60.0, 150.0)),)
        cast.append(
            Shopper(
                f"staff {chapter}", chance.randrange(1000), chance.uniform(200.0, 240.0), stops, "staff", False, False
            )
        )
    if chance.random() < 0.4:
        x, face_px = _CERAMICS[2]
        stops = (Stop(x, face_px, chance.uniform(20.0, 60.0)),)
        cast.append(
            Shopper(f"opted out {chapter}", chance.randrange(1000), chance.uniform(215.0, 260.0), stops, "opted_out")
        )
    return tuple(cast)


def _waiting(chance: Random, chapter: int) -> Shopper:
    """The one who needs help in this chapter, in Ceramics or at the till in turn."""
    x, face_px = (_CERAMICS[1], _TILL[0])[chapter % 2]
    patience_s = chance.uniform(35.0, 50.0)
    stop = Stop(x, face_px, patience_s + chance.uniform(80.0, 110.0), searching=True, patience_s=patience_s)
    left = chapter % 2 == 0
    return Shopper(
        f"customer {chapter}.0", chance.randrange(1000), chance.uniform(2.0, 15.0), (stop,), "visitor", left, left
    )


def _browsers(chance: Random, count: int, chapter: int) -> list[Shopper]:
    """People who look around Textiles, each in a place of their own."""
    crowd = count >= 5
    cast = []
    for i, (x, face_px, left) in enumerate(_arrivals(sorted(chance.sample(_TEXTILES, count)))):
        enter_s = 4.0 + 4.0 * i if crowd else chance.uniform(0.0, 150.0)
        stay_s = chance.uniform(340.0, 360.0) - enter_s if crowd else chance.uniform(25.0, 90.0)
        who, look = f"customer {chapter}.{i + 1}", _narrow(chance.randrange(500), face_px)
        stops = (_at_the_door(face_px, left), Stop(x, face_px, stay_s))
        cast.append(Shopper(who, look, enter_s, stops, "visitor", left, left))
    return cast
