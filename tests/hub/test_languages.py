"""The staff's texts: the same in every language, complete, used, and chosen by the tablet."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient

from contract.events import Reason, Trouble
from hub.app import _REFUSED
from hub.auth import Role
from hub.fakes import FakeShop
from hub.languages import COOKIE, LANGUAGES, TEXTS, Language, own_names, phrases, preferred
from hub.templating import HERE, STATIC
from hub.views import NudgeView, Outcome, Shown
from tests.hub.conftest import NOW_S

ClientOf = Callable[[Role | None], TestClient]


def flat(texts: dict[str, Any]) -> dict[str, str]:
    """Every sentence by its whole name."""
    tables = {table: sentences for table, sentences in texts.items() if isinstance(sentences, dict)}
    return {f"{table}.{name}": said for table, sentences in tables.items() for name, said in sentences.items()}


def test_there_are_eight_languages_and_a_file_for_each() -> None:
    assert len(LANGUAGES) == 8
    assert {path.stem for path in TEXTS.glob("*.toml")} == set(LANGUAGES)
    assert len({name for _, name in own_names()}) == 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text_with_the_same_places_to_fill(language: Language) -> None:
    english, texts = flat(phrases("en")), flat(phrases(language))
    assert texts.keys() == english.keys()
    for name, said in texts.items():
        assert said.strip() == said != "", name
        assert re.findall(r"\{\w*\}", said) == re.findall(r"\{\w*\}", english[name]), name


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_a_translation_is_no_copy(language: Language) -> None:
    english, texts = flat(phrases("en")), flat(phrases(language))
    same = [name for name, said in texts.items() if said == english[name] and " " in said]
    assert same == []


def test_every_reason_state_answer_and_trouble_has_its_text() -> None:
    texts = phrases("en")
    assert set(texts["why"]) == set(get_args(Reason)) - {"mood_low"}
    assert set(texts["outcome"]) == set(get_args(Outcome))
    assert set(texts["ended"]) == set(get_args(Shown))
    assert set(texts["camera"]) == {*get_args(Trouble), "sensing", "unreachable", "paused", "unwell"}
    assert set(texts["urgency"]) == {"level_1", "level_2", "level_3"}


def test_every_refusal_has_its_words() -> None:
    parts = {f"{part}_{code}" for part in ("head", "text") for code in _REFUSED}
    assert set(phrases("en")["refused"]) == {*parts, "back"}


def test_pages_and_script_ask_for_texts_that_are_there_and_every_text_is_asked_for() -> None:
    templates = "".join(page.read_text(encoding="utf-8") for page in (HERE / "templates").glob("*.html"))
    asked = {f"{table}.{name}" for table, name in re.findall(r"\bt\.(\w+)\.(\w+)", templates)}
    script = re.findall(r"\bwords\.(\w+)", (STATIC / "staff.js").read_text(encoding="utf-8"))
    homes = {"open": "card", "mine": "card", "theirs": "card", "on": "page", "off": "page"}
    homes |= dict.fromkeys(("for_you", "for_other", "for_all"), "card")
    asked |= {f"{homes.get(name, 'live')}.{name}" for name in script}
    by_name = (
        "refused.head_",
        "refused.text_",
        "why.",
        "urgency.",
        "outcome.",
        "ended.",
        "camera.",
        "shift.is_",
    )  # asked for by what the shop says
    there = {name for name in flat(phrases("en")) if not name.startswith(by_name)}
    assert asked == there


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("ja, pl;q=0.5, en;q=0.4", "pl"),
        ("en;q=0.2, fr;q=0.9", "fr"),
        ("hu;q=0", "en"),
        ("ja", "en"),
        ("*", "en"),
        ("de;q=lots, it", "it"),
        (";;;,,,=", "en"),
    ],
)
def test_a_tablet_that_chose_nothing_gets_its_browsers_language(accepted: str, language: Language) -> None:
    assert preferred(accepted) == language


def test_a_choice_is_kept_in_the_tablet_and_comes_before_the_browsers(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(NudgeView(1, "floor-1", 0, "Ceramics", 2, ("long_dwell",), "open", NOW_S - 5))
    client = client_of("staff")
    client.headers["accept-language"] = "fr"
    assert '<html lang="fr">' in client.get("/staff").text
    assert client.post("/staff/language", data={"language": "hu"}).headers["location"] == "/staff"
    page = client.get("/staff").text
    assert '<html lang="hu">' in page
    assert phrases("hu")["card"]["go"] in page
    assert phrases("hu")["offline"]["head"] in client.get("/staff/offline").text
    assert '<html lang="en">' in client_of("staff").get("/staff").text


def test_a_language_that_there_is_not_is_refused_and_a_strange_cookie_passed_over(client_of: ClientOf) -> None:
    client = client_of("staff")
    assert client.post("/staff/language", data={"language": "xx"}).status_code == 400
    client.cookies.set(COOKIE, "../../etc")
    assert '<html lang="en">' in client.get("/staff").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_door_and_what_is_refused_speak_the_language_of_the_browser(
    client_of: ClientOf, language: Language
) -> None:
    client, texts = client_of(None), phrases(language)
    client.headers["accept-language"] = language
    door = html.unescape(client.get("/enter").text)
    assert f'<html lang="{language}">' in door
    assert texts["enter"]["by_link"] in door
    dead = client.post("/enter", data={"key": "old"})
    assert texts["enter"]["dead"] in html.unescape(dead.text)
    staff = client_of("staff")
    staff.headers["accept-language"] = language
    refused = html.unescape(staff.get("/owner").text)
    assert texts["refused"]["head_403"] in refused
    assert texts["enter"]["skip"] in refused
