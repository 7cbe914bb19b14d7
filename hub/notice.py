"""The notice in the shop: what is sensed, why, what is kept and what one can do, filled from what really runs.

Rules:
6. The notice names emotion recognition, in the first line and in every language; what staff read never does.
-  Where nodes differ, the notice says what is most: every zone, every hour, the smallest group, the widest profile.
-  What the shop has not said stays an open line, to be filled in by hand, and is never made up.

Left out: how it is printed (`hub.notice_sheet`) and served (`hub.notice_pages`). The texts stand in `hub/notices/`, a
file a language.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final, get_args

from contract.events import Birth, OpenHours, Profile
from hub.views import UNNAMED, Settings

TEXTS: Final = Path(__file__).parent / "notices"
LANGUAGES: Final = tuple(sorted(path.stem for path in TEXTS.glob("*.toml")))
OPEN_LINE: Final = "…" * 14
_DAYS: Final = get_args(OpenHours.model_fields["day"].annotation)
_WIDEST: Final[tuple[Profile, ...]] = ("consented", "aggregate", "dwell-only")
_K: Final = 5
_HOUR_MIN: Final = 11


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its sentences."""

    head: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice in one language, ready to print or to show. ``facts`` are labels with what stands beside them."""

    language: str
    title: str
    lead: str
    sections: tuple[Section, ...]
    facts: tuple[tuple[str, str], ...]
    scan: str
    now: str
    opt_out: str
    print: str
    url: str


@cache
def texts(language: str) -> dict[str, Any]:
    """The texts of one of `LANGUAGES`."""
    return tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))


def names() -> tuple[tuple[str, str], ...]:
    """Every language's code with its own name."""
    return tuple((language, texts(language)["language"]) for language in LANGUAGES)


def notice_of(language: str, settings: Settings, births: Iterable[Birth]) -> Notice:
    """The notice of this shop, as its nodes run."""
    births, words = tuple(births), texts(language)
    gates = [birth.gate for birth in births]
    profile = next((one for one in _WIDEST if any(gate.profile == one for gate in gates)), "aggregate")
    values = {
        "shop": OPEN_LINE if settings.shop_name == UNNAMED else settings.shop_name,
        "k": min((gate.k for gate in gates), default=_K),
        "hour_min": min((gate.hour_min for gate in gates), default=_HOUR_MIN),
        "assist_hours": f"{settings.assists_hours:g}",
        "keep_days": settings.keep_days,
    }

    def section(name: str, *more: str) -> Section:
        said = words[name] if isinstance(words[name], list) else [words[name]]
        return Section(words[f"{name}_head"], (*(line.format(**values) for line in said), *more))

    zones = sorted({zone.name for birth in births for zone in birth.zones})
    return Notice(
        language=language,
        title=words["title"],
        lead=words["lead"].format(**values),
        sections=(section("sensed", words["profile"][profile]), *map(section, ("why", "kept", "rights"))),
        facts=(
            (words["areas"], ", ".join(zones) or OPEN_LINE),
            (words["hours"], week([hours for birth in births for hours in birth.hours], words["days"])),
            (words["legal_basis"], settings.legal_basis or OPEN_LINE),
            (words["controller"], settings.controller or OPEN_LINE),
            (words["contact_head"], settings.contact or words["contact_none"]),
        ),
        scan=words["scan"],
        now=words["now"],
        opt_out=words["opt_out"],
        print=words["print"],
        url=f"https://{settings.hosts[0] if settings.hosts else 'attune.local'}/notice/{language}",
    )


def week(hours: Sequence[OpenHours], days: Sequence[str]) -> str:
    """``Mon–Fri 09:00–18:30, Sat 09:00–17:00``."""
    spans = []
    for day in _DAYS:
        opening = sorted({(one.opens, one.closes) for one in hours if one.day == day})
        spans.append(" + ".join(f"{opens}–{closes}" for opens, closes in opening))
    parts = []
    for span, alike in groupby(range(len(days)), key=lambda number: spans[number]):
        numbers = list(alike)
        named = days[numbers[0]] if len(numbers) == 1 else f"{days[numbers[0]]}–{days[numbers[-1]]}"
        if span:
            parts.append(f"{named} {span}")
    return ", ".join(parts) or OPEN_LINE
