"""Checkpoints as codes: what a telephone reads off the auditor's page is what the check of an export takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from contract.audit import add_audit_command
from contract.checkpoint import Signer, node_origin
from hub.auth import Role
from hub.codes import code_of, picture_of
from hub.fakes import FakeShop
from hub.views import LedgerView
from tests.contract.logs import DATABASE, Log
from tests.hub.conftest import NOW_S

cv2 = pytest.importorskip("cv2", reason="opencv is not installed (extra edge)")


def photographed(note: str) -> str:
    code = code_of(note)
    assert code is not None
    dots = np.array([list(row) for row in code.matrix], np.uint8)
    picture = np.kron(np.pad(255 * (1 - dots), 4, constant_values=255), np.ones((4, 4), np.uint8))
    return str(cv2.QRCodeDetectorAruco().detectAndDecode(picture.astype(np.uint8))[0])


def audit(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    add_audit_command(parser.add_subparsers(), DATABASE, "run")
    options = parser.parse_args(["audit", *map(str, words)])
    return int(options.run(options))


def test_what_a_telephone_reads_is_the_checkpoint_that_the_check_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log(tmp_path / "log")
    log.write(20)
    note, kept = log.sign(), tmp_path / "kept.txt"
    read = photographed(note)
    assert read == note
    log.write(5)
    export = log.export()
    for form, encoding in ((read, "utf-8"), (read.strip(), "utf-8"), (read.replace("\n", "\r\n"), "utf-8-sig")):
        kept.write_bytes(form.encode(encoding))
        assert audit("verify", export, "--checkpoint", kept) == 0
    assert "and fits the checkpoint kept elsewhere" in capsys.readouterr().out
    kept.write_text(Log(tmp_path / "other").sign(), encoding="utf-8")
    assert audit("verify", export, "--checkpoint", kept) == 1


def test_a_checkpoint_that_others_signed_too_still_fits_a_code(tmp_path: Path) -> None:
    note = Signer.open(tmp_path / "key", node_origin("shop", "front")).checkpoint(10**9, b"\xff" * 32)
    note = Signer.open(tmp_path / "other", node_origin("shop", "window")).cosign(note, int(NOW_S))
    assert photographed(note) == note


def test_what_is_too_long_for_any_code_has_none() -> None:
    assert picture_of("x" * 3000) == ""


def test_the_page_shows_each_code_with_what_to_do_and_what_it_cannot_catch(
    client_of: Callable[[Role | None], TestClient], fake_shop: FakeShop, tmp_path: Path
) -> None:
    note = Signer.open(tmp_path / "key", node_origin("shop", "front")).checkpoint(42, b"x" * 32)
    own = Signer.open(tmp_path / "hub", "attune-hub/shop").checkpoint(99, b"y" * 32)
    fake_shop.ledger_views = [
        LedgerView("this hub", 99, own, NOW_S),
        LedgerView("floor-1", 42, note, NOW_S),
        LedgerView("window-1", 0, None, None),
    ]
    html = client_of("auditor").get("/audit").text
    assert picture_of(own) in html
    assert picture_of(note) in html
    assert html.count('role="img" aria-label="QR code of the checkpoint of') == 2
    for said in ("Photograph each code and keep it elsewhere", "--checkpoint FILE", "unplugged", "root on a node"):
        assert said in html
    assert "style=" not in html
