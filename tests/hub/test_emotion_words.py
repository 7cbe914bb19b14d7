"""Rule 6 as a word check: what staff read names no emotion in any language; the notices name emotion recognition."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest
from fastapi.testclient import TestClient

from hub.auth import Role
from hub.badges import _LABEL
from hub.fakes import FakeShop
from hub.languages import LANGUAGES, TEXTS, Language
from hub.notice import notice_of
from hub.templating import HERE, STATIC
from hub.views import NudgeView, Settings
from tests.hub.conftest import NOW_S

_SAYS: Final = re.compile(r"\bt\.\w|macro says")
STAFF_TEMPLATES: Final = tuple(
    sorted(page.name for page in (HERE / "templates").glob("*.html") if _SAYS.search(page.read_text(encoding="utf-8")))
)
STAFF_SCRIPTS: Final = ("staff.js", "offline.js", "manifest.webmanifest")
# Beginnings of words, lower case: emotions as such, those that the model knows, and what a tired shop says of them.
EMOTIONS: Final[dict[str, tuple[str, ...]]] = {
    "en": ("emotion", "mood", "feel", "felt", "happ", "sad", "angr", "anger", "afraid", "fear", "disgust", "contempt",
           "surpris", "upset", "frustrat", "annoy", "pleased", "joy", "worr", "stress", "nervous", "smil", "frown",
           "negative", "positive", "facial", "expression"),
    "de": ("emotion", "stimmung", "gefühl", "fühl", "glücklich", "fröhlich", "traurig", "ärger", "wütend", "wut",
           "angst", "ekel", "verachtung", "überrasch", "gereizt", "frustriert", "zufrieden", "gestresst", "lächel",
           "miene", "gesichtsausdr"),
    "fr": ("émotion", "humeur", "ressent", "heureu", "joie", "joyeu", "trist", "colère", "fâch", "peur", "dégoût",
           "mépris", "surpris", "contrarié", "frustr", "agacé", "stress", "sourir"),
    "es": ("emoci", "ánimo", "sentim", "feliz", "alegr", "triste", "enfad", "enoj", "miedo", "asco", "desprecio",
           "sorpres", "frustrad", "molest", "estrés", "sonris", "sonrí"),
    "it": ("emozion", "umore", "sentiment", "felic", "gioia", "triste", "rabbia", "arrabbiat", "paura", "disgust",
           "disprezzo", "sorpres", "frustrat", "infastidit", "stress", "sorris"),
    "nl": ("emotie", "stemming", "gevoel", "voelt", "blij", "gelukkig", "verdriet", "droevig", "boos", "woede", "bang",
           "angst", "walging", "minachting", "verrast", "gefrustreerd", "geïrriteerd", "glimlach"),
    "pl": ("emocj", "nastr", "uczuci", "szczęśliw", "radoś", "smut", "złoś", "gniew", "strach", "wstręt", "pogard",
           "zaskocz", "sfrustrowan", "zdenerwowan", "uśmiech"),
    "hu": ("érzelem", "érzelm", "hangulat", "érzés", "boldog", "öröm", "szomorú", "düh", "harag", "mérges", "félelem",
           "undor", "megvet", "meglepet", "frusztrál", "ideges", "mosoly"),
}  # fmt: skip


def named(text: str) -> set[str]:
    """The emotions of any language that this text names."""
    said = re.findall(r"[^\W\d_]+", text.lower())
    return {word for word in said for stems in EMOTIONS.values() if word.startswith(stems)}


@pytest.mark.parametrize("name", STAFF_TEMPLATES)
def test_no_staff_template_names_an_emotion(name: str) -> None:
    assert named((HERE / "templates" / name).read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize("name", STAFF_SCRIPTS)
def test_no_staff_script_names_an_emotion(name: str) -> None:
    assert named((STATIC / name).read_text(encoding="utf-8")) == set()


def test_no_words_for_staff_name_an_emotion() -> None:
    assert named(" ".join(text for label in _LABEL.values() for text in label)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_the_staff_names_an_emotion_in_its_own_or_any_language(language: Language) -> None:
    assert named((TEXTS / f"{language}.toml").read_text(encoding="utf-8")) == set()


def test_a_nudge_that_rests_on_mood_names_none_on_the_page(
    client_of: Callable[[Role | None], TestClient], fake_shop: FakeShop
) -> None:
    reasons = ("long_dwell", "searching", "returning", "unattended", "mood_low")
    fake_shop.put(NudgeView(1, "floor-1", 0, "Ceramics", 3, reasons, "open", NOW_S - 5))
    page = client_of("staff").get("/staff").text
    assert "Ceramics" in page
    assert named(re.sub(r"<[^>]+>", " ", page)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_notice_names_emotion_recognition_in_its_own_language(language: Language) -> None:
    title = notice_of(language, Settings(), ()).title.lower()
    assert any(stem in title for stem in EMOTIONS[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_check_finds_what_it_looks_for(language: Language) -> None:
    notice = notice_of(language, Settings(), ())
    found = {word for line in (notice.lead, *notice.sections[0].lines) for word in named(line)}
    assert {word for word in found if word.startswith(EMOTIONS[language])}
