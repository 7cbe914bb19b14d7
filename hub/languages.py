"""The languages of the pages that staff read: their texts, and which of them a tablet asked for.

Rules:
6. No text of staff names an emotion, in any language.
-  Every language says the same things: a text that one lacks is a failed test, never a gap on a page.
-  The tablet's own choice comes first, then its browser's languages, then English.

Left out: the notices in the shop (`hub.notice`), and the pages of owner and auditor, which are English. The texts
stand in `hub/staff/`, a file a language.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

from fastapi import Request, Response

Language = Literal["en", "de", "fr", "es", "it", "nl", "pl", "hu"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
TEXTS: Final = Path(__file__).parent / "staff"
COOKIE: Final = "attune-language"
KEPT_S: Final = 400 * 86_400  # browsers keep no cookie longer
_TAGS_MAX: Final = 20
Phrases = dict[str, Any]


@cache
def phrases(language: Language) -> Phrases:
    """The texts of a language: tables of sentences, by name."""
    return tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))


def own_names() -> tuple[tuple[Language, str], ...]:
    """Every language with what it calls itself."""
    return tuple((language, phrases(language)["language"]) for language in LANGUAGES)


def language_of(request: Request) -> Language:
    """The language that this tablet reads."""
    chosen = request.cookies.get(COOKIE)
    return next((language for language in LANGUAGES if language == chosen), None) or preferred(
        request.headers.get("accept-language", "")
    )


def preferred(accepted: str) -> Language:
    """The first of a browser's languages that there is, by its weights (RFC 9110, 12.5.4)."""
    weighed: list[tuple[float, str]] = []
    for part in accepted.split(",")[:_TAGS_MAX]:
        tag, _, weight = part.partition(";")
        try:
            weighed.append((float(weight.strip().removeprefix("q=") or 1), tag.strip().lower().split("-")[0]))
        except ValueError:
            continue
    for weight_of_tag, tag in sorted(weighed, key=lambda one: -one[0]):
        for language in LANGUAGES:
            if language == tag and weight_of_tag > 0:
                return language
    return "en"


def keep(response: Response, request: Request, language: Language) -> None:
    """Has this tablet remember its language."""
    response.set_cookie(
        COOKIE,
        language,
        max_age=KEPT_S,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
