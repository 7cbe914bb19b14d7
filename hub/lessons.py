"""What was learnt from answers, as the owner's page shows it.

Left out: the learning itself (`hub.learn`).
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.learn import Learnt, precision
from hub.nudge_types import ZoneKey
from hub.views import LessonView


def lessons(learnt: Mapping[ZoneKey, Learnt], names: Mapping[ZoneKey, str], asked: float) -> tuple[LessonView, ...]:
    """A line for each zone, by the zones' names."""
    views = [_lesson(key, names.get(key, f"Zone {key[1]}"), one, asked) for key, one in learnt.items()]
    return tuple(sorted(views, key=lambda view: (view.zone_name, view.node)))


def _lesson(key: ZoneKey, name: str, one: Learnt, asked: float) -> LessonView:
    found = precision(one, asked)
    counted = sum(tally.helped + tally.missed for level, tally in one.tallies.items() if level >= one.level_from)
    return LessonView(*key, name, one.level_from, counted, found.mean, found.low, found.high, one.attained)
