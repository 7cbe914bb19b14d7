"""The units hold what they promise: systemd itself is asked, without starting anything."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "systemd"
UNITS = sorted(path for path in FOLDER.iterdir() if path.suffix in {".service", ".socket", ".timer", ".path"})
SERVICES = [path for path in UNITS if path.suffix == ".service"]
#: The greatest exposure by systemd's own count, in tenths.
EXPOSURE_MAX = {
    "attune-eye.service": 15,
    "attune-courier.service": 30,
    "attune-hub.service": 30,
    "attune-prover.service": 30,
    "attune-purge.service": 30,
    "attune-settle.service": 30,
    "attune-update.service": 30,
    "attune-hub-purge.service": 30,
    "attune-hub-authority.service": 30,
    "attune-hub-broker.service": 30,
}

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("systemd-analyze", *arguments), capture_output=True, text=True, timeout=60)


def settings(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


@needs_systemd
def test_systemd_finds_nothing_to_say_about_any_unit(tmp_path: Path) -> None:
    for unit in UNITS:  # beside each other, with a program in place of the one that is not installed here
        (tmp_path / unit.name).write_text(
            re.sub(r"/opt/attune/(slots/\w+/venv/)?bin/\S+", "/bin/true", unit.read_text())
        )
    said = analyze("verify", *(str(tmp_path / unit.name) for unit in UNITS))
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_the_exposure_by_systemds_count_stays_under_its_bound(unit: Path) -> None:
    said = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX[unit.name]}", str(unit))
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:
    (line,) = settings(unit, "ExecStart")
    program, *arguments = shlex.split(line)
    if program.startswith("/opt/attune/bin/"):  # a script that the installer lays down
        assert (FOLDER.parent / "deploy" / Path(program).name).is_file()
        return
    command, *arguments = arguments
    module = {"attune-edge": "edge", "attune-hub": "hub"}[Path(program).name]
    told = subprocess.run((sys.executable, "-m", module, command, "--help"), capture_output=True, text=True, timeout=60)
    assert told.returncode == 0
    for argument in arguments:
        if argument.startswith("--"):
            assert argument in told.stdout


def test_the_eyes_unit_raises_the_same_walls_as_the_eye_does() -> None:
    eye = FOLDER / "attune-eye.service"
    for key, value in {
        "LimitFSIZE": "0",
        "LimitCORE": "0",
        "LimitMEMLOCK": "infinity",
        "MemorySwapMax": "0",
        "PrivateNetwork": "yes",
        "RestrictAddressFamilies": "AF_UNIX",
        "ProtectSystem": "strict",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
    }.items():
        assert settings(eye, key) == [value], key
    assert not settings(eye, "StateDirectory")
    assert not settings(eye, "ReadWritePaths")


def test_the_eye_may_still_raise_its_own_walls_behind_the_units_filter() -> None:
    allowed = " ".join(settings(FOLDER / "attune-eye.service", "SystemCallFilter")).split()
    assert {"landlock_restrict_self", "seccomp", "setrlimit", "mlockall"} <= set(allowed)


def test_the_couriers_unit_reaches_no_camera() -> None:
    courier = FOLDER / "attune-courier.service"
    assert settings(courier, "DevicePolicy") == ["closed"]
    assert not [line for line in settings(courier, "DeviceAllow") if re.search("video|media|dma_heap|usb", line)]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_what_runs_is_the_current_slot_and_what_judges_it_is_the_confirmed_one(unit: Path) -> None:
    judges = unit.name in ("attune-settle.service", "attune-update.service")
    (line,) = settings(unit, "ExecStart")
    if "/venv/" in line:
        assert line.startswith(f"/opt/attune/slots/{'good' if judges else 'current'}/venv/bin/attune-")


def test_a_pending_update_is_decided_about_before_anything_of_a_node_starts() -> None:
    (before,) = settings(FOLDER / "attune-settle.service", "Before")
    assert {f"attune-{name}.service" for name in ("courier", "eye", "prover", "update")} <= set(before.split())


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_hardening_line_stands_under_a_reason(unit: Path) -> None:
    """Each group of settings, as blank lines part them, has a sentence in it."""
    for group in unit.read_text().split("\n\n"):
        kept = [
            line for line in group.splitlines() if re.match(r"(Protect|Restrict|Private|Limit|System|No|Dev|Mem)", line)
        ]
        assert not kept or any(line.startswith("# ") for line in group.splitlines()), group
