"""The hub's export holds the notices in force."""

from __future__ import annotations

import zipfile
from pathlib import Path

from hub.__main__ import main
from hub.notice import LANGUAGES
from hub.paperwork import notices_in_force
from hub.store import FILE, Store


def test_the_hubs_export_holds_the_shops_notice_in_every_language(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('shop_name = "Corner <Shop>"\ncontact = "ask@shop.example"\n', encoding="utf-8")
    Store(tmp_path / FILE).close()
    out = tmp_path / "out.zip"
    assert main(["audit", "export", str(out), "--data", str(tmp_path)]) == 0
    assert main(["audit", "verify", str(out)]) == 0
    html = zipfile.ZipFile(out).read("notices.html").decode()
    assert html == notices_in_force(tmp_path)
    assert [f'<article lang="{language}">' in html for language in LANGUAGES] == [True] * 8
    assert "Corner &lt;Shop&gt;" in html
    assert html.count("ask@shop.example") >= 8
