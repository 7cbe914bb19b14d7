from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from contract.audit import add_audit_command
from contract.errors import LedgerError
from tests.contract.logs import DATABASE, Log


def audit(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    add_audit_command(parser.add_subparsers(), DATABASE, "run")
    options = parser.parse_args(["audit", *map(str, words)])
    return int(options.run(options))


def test_what_is_exported_verifies_until_it_is_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = Log(tmp_path / "log")
    log.write(5)
    (tmp_path / "kept.txt").write_text(log.sign())
    out = tmp_path / "out.zip"
    assert audit("export", out, "--data", tmp_path / "log") == 0
    assert audit("verify", out) == 0
    assert audit("verify", out, "--checkpoint", tmp_path / "kept.txt") == 0
    body = bytearray(out.read_bytes())
    body[len(body) // 2] ^= 1
    out.write_bytes(body)
    assert audit("verify", out) == 1
    assert audit("verify", tmp_path / "missing.zip") == 2
    assert audit("verify", out, "--checkpoint", tmp_path / "missing.txt") == 2
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0].split()[-1] for line in said[1:]] == ["Whole"] * 2 + ["Tampered"] + ["Unreadable"] * 2


def test_an_export_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        audit("export", tmp_path / "out.zip", "--data", tmp_path)
