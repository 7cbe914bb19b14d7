"""What goes onto the stick: the lock judged for another machine, each role's own needs, and a list of it all."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from deploy.installer.debs import index
from deploy.installer.slot import open_wheelhouse
from deploy.wheels import MODELS, ROOT, environment, lay_out, needed, pinned

PI = environment("3.13", "aarch64")
LOCK = """\
one==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
two==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:cc
three==3.0 ; platform_machine == 'aarch64' and sys_platform == 'linux' \\
    --hash=sha256:dd
four==4.0 ; sys_platform == 'win32' \\
    --hash=sha256:ee
"""


def wheel(folder: Path, name: str, *requires: str) -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as held:
        lines = [
            "Metadata-Version: 2.4",
            f"Name: {name}",
            "Version: 1.0",
            *(f"Requires-Dist: {one}" for one in requires),
        ]
        held.writestr(f"{name}-1.0.dist-info/METADATA", "\n".join(lines) + "\n\nA text\n")
    return path


def names(paths: list[Path]) -> list[str]:
    return [path.name.partition("-")[0] for path in paths]


def test_markers_are_judged_for_the_target_and_hashes_stay() -> None:
    assert [one.partition("=")[0] for one in pinned(LOCK, PI)] == ["one", "three"]
    assert [one.partition("=")[0] for one in pinned(LOCK, environment("3.11", "x86_64"))] == ["one", "two"]
    assert pinned(LOCK, PI)[0] == "one==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"


def test_the_projects_own_lock_has_something_for_every_machine_that_there_may_be() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    for python in ("3.11", "3.12", "3.13"):
        for arch in ("aarch64", "x86_64"):
            found = pinned(lock, environment(python, arch))
            assert {"numpy", "pydantic", "paho-mqtt", "tuf"} <= {one.partition("=")[0] for one in found}
            assert not [one for one in found if ";" in one.partition("\n")[0] or "--hash=sha256:" not in one]


def shop(folder: Path) -> list[Path]:
    return [
        wheel(folder, "attune", "contract", "camera; extra == 'edge'", "pages[fast]; extra == 'hub'"),
        wheel(folder, "contract", "old; python_version < '3.12'"),
        wheel(folder, "camera"),
        wheel(folder, "pages", "speed; extra == 'fast'", "slow; extra == 'other'"),
        wheel(folder, "speed", "pages"),
        wheel(folder, "old"),
    ]


def test_each_role_takes_what_it_needs_for_the_target_and_nothing_else(tmp_path: Path) -> None:
    wheels = shop(tmp_path)
    assert names(needed(wheels, "attune[edge]", PI)) == ["attune", "camera", "contract"]
    assert names(needed(wheels, "attune[hub]", PI)) == ["attune", "contract", "pages", "speed"]
    assert "old" in names(needed(wheels, "attune[edge]", environment("3.11", "aarch64")))


def test_a_stick_holds_all_that_the_installer_reads_from_it(tmp_path: Path) -> None:
    if not all((ROOT / path).is_file() for path in MODELS):
        pytest.skip("the face detector is not there: python -m models.fetch")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    stick, root = tmp_path / "stick", tmp_path / "1.root.json"
    root.write_text("{}")
    lay_out(stick, shop(wheels), "3.13", "aarch64", root)
    node, hub = open_wheelhouse(stick / "wheelhouse", "node"), open_wheelhouse(stick / "wheelhouse", "hub")
    assert {str(path) for path in MODELS} < set(node.files)
    assert not [path for path in hub.files if path.startswith("models/")]
    for path, sha256 in {**node.files, **hub.files}.items():
        assert hashlib.sha256((stick / "wheelhouse" / path).read_bytes()).hexdigest() == sha256
    assert (stick / "wheelhouse" / "root.json").read_text() == "{}"
    told = subprocess.run((stick / "deploy" / "install-hub", "--help"), capture_output=True, text=True, check=False)
    assert told.returncode == 0
    assert not list(stick.rglob("__pycache__"))


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not here")
def test_fetched_packages_get_a_list_that_apt_takes(tmp_path: Path) -> None:
    made = tmp_path / "one" / "DEBIAN"
    made.mkdir(parents=True)
    made.parent.chmod(0o755)
    made.chmod(0o755)
    control = "Package: one\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: one\n"
    (made / "control").write_text(control)
    folder = tmp_path / "packages"
    folder.mkdir()
    subprocess.run(("dpkg-deb", "--build", tmp_path / "one", folder), check=True, capture_output=True)
    assert index(folder) == 1
    (deb,) = folder.glob("*.deb")
    listed = (folder / "Packages").read_text()
    assert f"Filename: ./{deb.name}\n" in listed
    assert f"SHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\n" in listed
