"""The DPIA's draft: true where the configuration says it, open where only the owner knows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from contract.events import Birth
from contract.jurisdiction import EXPRESS_CONSENT, Jurisdiction, consent_missing
from hub.__main__ import main
from hub.dpia import MANIFEST, draft
from hub.views import Settings
from tests.hub.conftest import NOW_S, node_view
from tests.hub.test_badges import pdfium


def born(**changes: object) -> Birth:
    birth = node_view("floor-1", "Ceramics", "Textiles").birth
    assert birth is not None
    return birth.model_copy(update=changes)


def test_it_says_what_the_nodes_really_run() -> None:
    said = draft(Settings("Miller & Daughters", "ask@millers.example", keep_days=90), (born(),), NOW_S)
    for words in (
        "Miller & Daughters",
        "ask@millers.example",
        "Areas: Ceramics, Textiles",
        "Sensing hours: Mon 09:00–18:00",
        "Profile: aggregate",
        "at least 5 people",
        "from 11 visits on",
        "epsilon = 0.5",
        "90 days",
    ):
        assert words in said


def test_the_models_figures_are_told_only_of_the_model_that_runs() -> None:
    known = json.loads(MANIFEST.read_text())
    assert f"{100 * known['measured']['accuracy']:.1f} % right" in draft(
        Settings(), (born(model=known["sha256"]),), NOW_S
    )
    assert "% right" not in draft(Settings(), (born(model="00" * 32),), NOW_S)


def test_whom_the_owner_connected_is_a_recipient() -> None:
    assert "owner, auditor; [who holds an API key" in draft(Settings(), (), NOW_S)
    said = draft(Settings(recipients=("Home Assistant, over the shop's broker",)), (), NOW_S)
    assert "owner, auditor, Home Assistant, over the shop's broker;" in said
    assert "third countries: [where those are]" in said


def test_what_only_the_owner_knows_stays_in_brackets() -> None:
    said = draft(Settings(), (), NOW_S)
    for blank in ("[reference", "[contact]", "[legal name", "[No camera has joined", "Signed: [name"):
        assert blank in said
    named = Settings(contact="c@x.example", dpia_reference="D-7", legal_basis="consent")
    assert "Reference: D-7" in draft(named, (), NOW_S)


def test_every_rule_is_named_beside_the_risk_it_holds() -> None:
    risks = draft(Settings(), (), NOW_S).split("## 4.")[1]
    groups = re.findall(r"\(rules? ([\d and]+)\)", risks)
    assert {int(number) for group in groups for number in group.split(" and ")} == set(range(1, 12))


@pytest.mark.parametrize(
    ("jurisdiction", "express_consent", "says"),
    [
        ("eu", "", None),
        ("uk", "", None),
        ("ch", "", None),
        ("us", "", None),
        ("ca", "", None),
        ("other", "", None),
        ("us-il", "", "Illinois (BIPA"),
        ("us-tx", "", "Texas (CUBI"),
        ("ca-qc", "", "Québec"),
        ("us-il", "signed form at the door", None),
    ],
)
def test_where_express_consent_is_the_law_one_sentence_says_why_nothing_runs(
    jurisdiction: Jurisdiction, express_consent: str, says: str | None
) -> None:
    sentence = consent_missing(jurisdiction, express_consent)
    if says is None:
        assert sentence is None
        return
    assert jurisdiction in EXPRESS_CONSENT
    assert sentence is not None
    assert sentence.startswith(says)
    assert "sensing stays off" in sentence
    assert sentence in draft(Settings(jurisdiction=jurisdiction), (), NOW_S)


@pytest.mark.parametrize("name", ["dpia.md", "dpia.pdf"])
def test_the_command_writes_it_as_markdown_or_pdf(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.toml").write_text('shop_name = "Łódź Books"\njurisdiction = "ca-qc"\n')
    out = tmp_path / name
    assert main(["dpia", str(out), "--data", str(tmp_path)]) == 0
    assert "square brackets" in capsys.readouterr().out
    text = out.read_bytes()
    if name.endswith(".pdf"):
        text = " ".join(page.get_textpage().get_text_range() for page in pdfium.PdfDocument(text)).encode()
    assert "Łódź Books".encode() in text
    assert "Commission d'accès".encode() in text


def test_a_jurisdiction_that_is_unknown_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hub.toml").write_text('jurisdiction = "us-xx"\n')
    assert main(["dpia", str(tmp_path / "d.md"), "--data", str(tmp_path)]) == 1
    assert "jurisdiction" in capsys.readouterr().err
