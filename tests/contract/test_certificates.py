"""How long certificates are good for, in a line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.certificates import in_force, read
from contract.errors import ConfigError
from tests.brokers import certificates


def test_each_stage_of_a_certificates_life_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = certificates(tmp_path, "door")
    path = made.certificate("door")
    ends = read(path).not_valid_after_utc
    with pytest.raises(ConfigError, match="was not renewed"):
        in_force(path, now=ends - timedelta(minutes=30))
    with pytest.raises(ConfigError, match="ended on"):
        in_force(path, now=ends)
    with pytest.raises(ConfigError, match="set the clock"):
        in_force(path, now=datetime(2020, 1, 1, tzinfo=UTC))
    monkeypatch.setattr("contract.certificates.SOON", timedelta())
    assert in_force(made.ca, path, None) == f"test CA until {ends:%Y-%m-%d}, door until {ends:%Y-%m-%d}"


def test_what_is_no_certificate_and_none_at_all_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("no")
    with pytest.raises(ConfigError, match="cannot be read"):
        in_force(tmp_path / "x.pem")
    with pytest.raises(ConfigError, match="no certificate"):
        in_force(None)
