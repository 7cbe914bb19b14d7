from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from PIL import Image

from deploy.screenshots import BYTES_MAX, SIZES, afternoon, gallery_of, shown, small


def test_every_page_that_the_app_has_is_shown_by_somebody_who_may_see_it() -> None:
    pages = {page.path: page for page in shown()}
    assert {"/", "/staff", "/owner", "/owner/connect", "/audit", "/notice/en"} <= set(pages)
    assert {page.role for page in pages.values()} == {None, "staff", "owner", "auditor"}
    assert len({page.name for page in pages.values()}) == len(pages)
    assert all(path.split("/")[1] in ("owner", "staff", "audit") for path, page in pages.items() if page.role)


def test_the_gallery_shows_every_page_on_every_screen() -> None:
    text = gallery_of(shown(), "pictures")
    for page in shown():
        assert f"## `{page.path}`" in text
        assert all(f"](pictures/{page.name}-{size}.png)" in text for size in SIZES)


def test_the_gallery_in_the_docs_is_the_one_of_the_app_and_its_pictures_are_there() -> None:
    docs = Path(__file__).parents[2] / "docs"
    text = gallery_of(shown(), "pictures")
    assert (docs / "pages.md").read_text(encoding="utf-8") == text, "run 'make screenshots'"
    assert all((docs / "pictures" / f"{page.name}-{size}.png").is_file() for page in shown() for size in SIZES)


@pytest.mark.parametrize("utc_hour", range(24))
def test_the_pictures_are_of_an_afternoon(utc_hour: int) -> None:
    moment = datetime(2026, 5, 4, utc_hour, 30, tzinfo=UTC)
    assert moment.astimezone(ZoneInfo(afternoon(utc_hour))).hour == 16


def test_a_picture_becomes_small_and_stays_the_picture() -> None:
    width, height = 1600, 1600
    across = np.linspace(0, 255, width, dtype=np.uint8)
    noise = np.random.default_rng(1).integers(0, 40, (height, width, 3), dtype=np.uint8)
    busy = Image.fromarray(np.dstack([np.tile(across, (height, 1))] * 3) // 2 + noise)
    png = io.BytesIO()
    busy.crop((0, 0, 300, 200)).save(png, "PNG")
    packed = small(png.getvalue())
    assert len(packed) < min(len(png.getvalue()), BYTES_MAX)
    again = Image.open(io.BytesIO(packed))
    assert (again.mode, again.size) == ("P", (300, 200))
    assert np.abs(np.asarray(again.convert("RGB"), int) - np.asarray(busy.crop((0, 0, 300, 200)), int)).mean() < 8
