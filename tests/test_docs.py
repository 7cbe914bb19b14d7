"""The docs keep their promises: every file, test and page that they point at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "models/affect/card.md",
]
ROOMS = ("contract/", "edge/", "hub/", "models/", "deploy/", "docs/", "tests/", "firmware_config/")
MADE_LATER = ("models/faces", "models/runs")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_is_there(page: Path) -> None:
    named = re.findall(r"`([\w./-]+)`", page.read_text(encoding="utf-8"))
    ours = [name for name in named if name.startswith(ROOMS) and not name.startswith(MADE_LATER)]
    assert [name for name in ours if not (ROOT / name).exists()] == []
