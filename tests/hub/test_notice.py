"""Notices: the same things said in every language, filled from what runs, on one sheet that a phone can follow."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from fastapi.testclient import TestClient

from contract.events import Birth, OpenHours, Profile
from hub import store as stores
from hub.__main__ import main
from hub.auth import Role
from hub.notice import LANGUAGES, OPEN_LINE, Notice, notice_of, texts
from hub.notice_sheet import print_notice
from hub.views import Settings
from tests.hub.conftest import node_view
from tests.hub.test_badges import pages, pdfium

SHOP = Settings("Miller & Daughters", "privacy@millers.example", legal_basis="GDPR, Art. 6(1)(f)")
NAMES_IT = {
    "de": "Emotionserkennung",
    "en": "Emotion recognition",
    "es": "Reconocimiento de emociones",
    "fr": "Reconnaissance des émotions",
    "hu": "Érzelemfelismerés",
    "it": "Riconoscimento delle emozioni",
    "nl": "emotieherkenning",
    "pl": "rozpoznawanie emocji",
}


def born(name: str, *zones: str, profile: Profile = "aggregate", k: int = 5) -> Birth:
    birth = node_view(name, *zones).birth
    assert birth is not None
    return birth.model_copy(update={"gate": birth.gate.model_copy(update={"profile": profile, "k": k})})


def all_of(notice: Notice) -> str:
    lines = (line for section in notice.sections for line in (section.head, *section.lines))
    return " ".join((notice.title, notice.lead, *lines, *(f"{label} {text}" for label, text in notice.facts)))


def printed(pdf: bytes) -> str:
    document = pdfium.PdfDocument(pdf)
    assert len(document) == 1
    return " ".join(document[0].get_textpage().get_text_range().split())


def test_there_is_a_notice_in_eight_languages_and_each_names_emotion_recognition() -> None:
    assert set(LANGUAGES) == set(NAMES_IT)
    for language, name in NAMES_IT.items():
        assert name in notice_of(language, SHOP, ()).title


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_things_with_the_same_figures(language: str) -> None:
    words, english = texts(language), texts("en")
    assert words.keys() == english.keys()
    assert words["profile"].keys() == english["profile"].keys()
    for key, said in english.items():
        if isinstance(said, list):
            places = [sorted(re.findall(r"\{\w+\}", line)) for line in said]
            assert [sorted(re.findall(r"\{\w+\}", line)) for line in words[key]] == places, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notice_fits_one_sheet_with_every_letter_of_its_language(language: str) -> None:
    notice = notice_of(language, SHOP, [born("floor-1", "Ceramics", "Textiles"), born("floor-2", "Books", "Toys")])
    said = printed(print_notice(notice))
    for text in (notice.title, SHOP.shop_name, SHOP.contact, "Books, Ceramics, Textiles, Toys", notice.url):
        assert text in said
    for letter in set(all_of(notice)) - set(" "):
        assert letter in said, letter


def test_the_code_leads_to_the_notice_on_the_hub() -> None:
    notice = notice_of("fr", SHOP, ())
    found, _, _ = cv2.QRCodeDetector().detectAndDecode(pages(print_notice(notice), 6)[0])
    assert found == notice.url == "https://attune.local/notice/fr"


def test_where_nodes_differ_the_notice_says_the_most() -> None:
    careful, open_ = born("a", "Ceramics", profile="dwell-only", k=9), born("b", "Books", profile="consented", k=6)
    said = all_of(notice_of("en", SHOP, [careful, open_]))
    assert "with consent" in said
    assert "at least 6 people" in said
    assert "Books, Ceramics" in said
    assert "never from faces" in all_of(notice_of("en", SHOP, [careful]))


def test_days_that_are_alike_are_said_together() -> None:
    week = [OpenHours(day=day, opens="09:00", closes="18:30") for day in ("mon", "tue", "wed")]
    week += [
        OpenHours(day="sat", opens="09:00", closes="12:00"),
        OpenHours(day="sat", opens="13:00", closes="17:00"),
    ]
    birth = born("a", "Books").model_copy(update={"hours": tuple(week)})
    assert ("Zeiten", "Mo–Mi 09:00–18:30, Sa 09:00–12:00 + 13:00–17:00") in notice_of("de", SHOP, [birth, birth]).facts


def test_what_the_shop_has_not_said_stays_an_open_line() -> None:
    facts = dict(notice_of("en", Settings(), ()).facts)
    assert facts == {
        "Areas": OPEN_LINE,
        "Hours": OPEN_LINE,
        "Legal basis": OPEN_LINE,
        "Controller": OPEN_LINE,
        "Contact": "Please ask at the till.",
    }


def test_a_shop_that_has_not_said_its_name_is_given_none() -> None:
    assert "Small cameras in " + OPEN_LINE in all_of(notice_of("en", Settings(), ()))
    assert "Miller GmbH, Hauptplatz 1" in all_of(notice_of("de", Settings(controller="Miller GmbH, Hauptplatz 1"), ()))


def test_retention_is_that_of_the_shops_own_settings() -> None:
    said = all_of(notice_of("it", Settings(assists_hours=2.5, keep_days=90), ()))
    assert "2.5 ore" in said
    assert "90 giorni" in said


def test_anybody_may_read_the_notice_and_print_it_and_a_tag(client_of: Callable[[Role | None], TestClient]) -> None:
    client = client_of(None)
    public = client.get("/").text
    assert 'href="/public/opt-out.pdf"' in public
    for language in LANGUAGES:
        assert f'href="/notice/{language}"' in public
        page = client.get(f"/notice/{language}").text
        assert f'<html lang="{language}">' in page
        assert "ask@shop.example" in page
    assert "Ceramics, Textiles" in printed(client.get("/public/notice-pl.pdf").content)
    assert client.get("/public/code-pl.svg").headers["content-type"] == "image/svg+xml"
    assert client.get("/public/opt-out.pdf").content.startswith(b"%PDF")
    assert client.get("/notice/xx").status_code == 404
    assert client.get("/public/notice-..%2Fen.pdf").status_code == 404


def test_the_command_fills_the_notice_from_the_hubs_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.toml").write_text('shop_name = "Kati boltja"\ncontact = "kati@bolt.example"\n')
    out = tmp_path / "notice.pdf"
    assert main(["notice", str(out), "--language", "hu", "--data", str(tmp_path)]) == 0
    assert "left blank" in capsys.readouterr().out
    assert "Kati boltja" in printed(out.read_bytes())
    stores.Store(tmp_path / stores.FILE).close()
    assert main(["notice", str(out), "--data", str(tmp_path)]) == 0
    assert "kati@bolt.example" in printed(out.read_bytes())
