"""What a node says of itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import get_args

import pytest

from contract.errors import ModelError
from contract.events import Trouble
from contract.wire import decode, encode
from edge.config import NodeConfig
from edge.courier import health
from edge.record import Head, PulseRecord
from tests.edge.hubside import BOOT, topic

MODEL = "ab" * 32


def test_temperature_is_in_whole_degrees_and_unknown_where_there_is_no_sensor(tmp_path: Path) -> None:
    sensor = tmp_path / "temp"
    assert health.temp_c(sensor) is None
    sensor.write_text("61499\n")
    assert health.temp_c(sensor) == 61.0
    sensor.write_text("hot")
    assert health.temp_c(sensor) is None


@pytest.mark.parametrize(("said", "is_slow"), [("0x0", False), ("0x50000", False), ("0x4", True), ("none", None)])
def test_a_pi_is_throttled_when_it_says_so_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, is_slow: bool | None
) -> None:
    program = tmp_path / "vcgencmd"
    program.write_text(f"#!/bin/sh\necho throttled={said}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert health.throttled() is is_slow


@pytest.mark.parametrize(("said", "was"), [("0x0", False), ("0x50000", True), ("0x4", False), ("none", False)])
def test_what_a_pi_was_since_its_start_is_another_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, was: bool
) -> None:
    program = tmp_path / "vcgencmd"
    program.write_text(f"#!/bin/sh\necho throttled={said}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert health.was_throttled() is was


def test_a_board_without_vcgencmd_cannot_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert health.throttled() is None


def test_memory_is_what_the_system_says(tmp_path: Path) -> None:
    said = tmp_path / "status"
    said.write_text("Name:\tpython\nVmHWM:\t  90000 kB\nVmRSS:\t   40960 kB\n")
    assert health.resident_mb(said) == 40
    assert health.resident_mb(Path(f"/proc/{os.getpid()}/status")) > 0


def test_the_models_hash_is_the_one_its_manifest_states(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"sha256": MODEL}))
    assert health.model_hash(tmp_path / "affect.tflite") == MODEL


@pytest.mark.parametrize("manifest", [None, "{", "[]", '{"sha256": "?"}'])
def test_a_manifest_that_says_no_hash_is_one_sentence(tmp_path: Path, manifest: str | None) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(ModelError, match="install model and manifest again"):
        health.model_hash(tmp_path / "affect.tflite")


def test_birth_and_health_are_what_the_hub_can_read_with_and_without_an_eye() -> None:
    config = NodeConfig(node="n1")
    pulse = PulseRecord(Head(0, 0, 0), 9.96, 5.04, 1.0, 1.0, 2.0, 1.0, 120)
    born = health.birth(config, BOOT, MODEL)
    well = health.health("n1", BOOT, MODEL, pulse, 3, 1)
    blind = health.health("n1", BOOT, MODEL, None, 3, 1)
    for event in (born, well, blind):
        assert decode(topic(event.kind), encode(event)) == event
    assert (well.fps, well.stage_ms["detect"], well.eye_mb) == (10.0, 5.0, 120)
    assert (blind.fps, blind.stage_ms, blind.eye_mb) == (None, {}, None)


def test_only_what_was_shut_on_purpose_is_called_paused() -> None:
    said = {trouble: health.status("n1", BOOT, trouble).state for trouble in get_args(Trouble)}
    assert {trouble for trouble, state in said.items() if state == "paused"} == {
        "closed", "no_notice", "no_dpia", "no_consent", "switch", "command", "commissioning",
    }  # fmt: skip
    assert health.status("n1", BOOT, None).state == "online"
