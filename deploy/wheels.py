"""Makes a stick from which a node or a hub can be installed without internet: `deploy/wheelhouse`.

Rules:
- What is taken is what requirements.lock pins for the target's Python and processor, each wheel checked by its hash.
- Each role has a list of its own: what attune[edge] or attune[hub] needs, followed through the wheels' own metadata.
- What is on the stick is listed with its SHA-256; the installer takes nothing else.

Left out: the distribution's packages (``install-node --fetch-packages``, on a machine of the target's kind).
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from deploy.installer.command import LAID_DOWN
from deploy.installer.slot import LIST, ROOT_JSON

ROOT: Final = Path(__file__).parents[1]
EXTRAS: Final = {"node": "edge", "hub": "hub"}
MODELS: Final = tuple(
    Path("models") / path
    for path in (
        "affect/affect.tflite",
        "affect/manifest.json",
        "affect/card.md",
        "faces/face_detection_full_range_sparse.tflite",
    )
)
INSTALLER: Final = ("deploy/install-*", "deploy/installer/*.py", "deploy/__init__.py", *LAID_DOWN)
SOURCE_ONLY: Final = ("sdnotify",)  # pure Python without a wheel on the index: its pinned source is built here
GLIBC_MINORS: Final = range(36, 16, -1)  # Debian 12 has 2.36


def environment(python: str, arch: str) -> dict[str, str]:
    """What markers are judged by on the target."""
    return {
        "python_version": python, "python_full_version": f"{python}.0", "platform_machine": arch, "os_name": "posix",
        "sys_platform": "linux", "platform_system": "Linux", "implementation_name": "cpython",
        "platform_python_implementation": "CPython", "extra": "",
    }  # fmt: skip


def pinned(lock: str, target: Mapping[str, str]) -> list[str]:
    """The entries of a lock that are for the target, their markers judged and gone."""
    kept = []
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        head, _, hashes = entry.partition("\\\n")
        requirement, _, marker = head.partition(";")
        if not marker.strip() or Marker(marker.strip()).evaluate(dict(target)):
            kept.append(f"{requirement.strip()} \\\n{hashes.rstrip()}\n")
    return kept


def needed(wheels: Iterable[Path], root: str, target: Mapping[str, str]) -> list[Path]:
    """The wheels that ``root``, such as attune[hub], needs, itself among them."""
    by_name = {parse_wheel_filename(path.name)[0]: path for path in wheels}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(root)]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for text in _requires(by_name[name]):
                one = Requirement(text)
                if one.marker is None or one.marker.evaluate(dict(target) | {"extra": extra}):
                    waiting.append(one)
    return sorted({by_name[name] for name, _ in seen})  # type: ignore[index]


def _requires(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as held:
        (name,) = (name for name in held.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        return HeaderParser().parsestr(held.read(name).decode()).get_all("Requires-Dist") or []


def download(python: str, arch: str, folder: Path) -> list[Path]:
    """Attune's own wheel, built here, and all that the lock pins for the target."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    subprocess.run((*pip, "wheel", "-q", "--no-deps", "-w", folder, ROOT), check=True)
    entries = pinned((ROOT / "requirements.lock").read_text(), environment(python, arch))
    lock, sources = folder / "target.lock", folder / "sources.lock"
    lock.write_text("".join(one for one in entries if not one.startswith(SOURCE_ONLY)))
    sources.write_text("".join(one for one in entries if one.startswith(SOURCE_ONLY)))
    subprocess.run((*pip, "wheel", "-q", "--no-deps", "--require-hashes", "-w", folder, "-r", sources), check=True)
    platforms = [f"--platform=manylinux_2_{minor}_{arch}" for minor in GLIBC_MINORS]
    subprocess.run(
        (*pip, "download", "-q", "--no-deps", "--require-hashes", "--only-binary=:all:", f"--python-version={python}",
         "--implementation=cp", *platforms, f"--platform=manylinux2014_{arch}", "-d", folder, "-r", lock),
        check=True,
    )  # fmt: skip
    return sorted(folder.glob("*.whl"))


def lay_out(stick: Path, wheels: Iterable[Path], python: str, arch: str, root: Path | None) -> None:
    """Everything in its place on the stick."""
    wheels, house = list(wheels), stick / "wheelhouse"
    shutil.rmtree(house, ignore_errors=True)
    (house / "wheels").mkdir(parents=True)
    for path in MODELS:
        (house / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, house / path)
    for role, extra in EXTRAS.items():
        own = needed(wheels, f"attune[{extra}]", environment(python, arch))
        for wheel in own:
            shutil.copyfile(wheel, house / "wheels" / wheel.name)
        paths = [*(f"wheels/{wheel.name}" for wheel in own), *(map(str, MODELS) if role == "node" else ())]
        (house / f"{role}.{LIST}").write_text("".join(f"{_sha256(house / path)}  {path}\n" for path in sorted(paths)))
    (house / "for.txt").write_text(f"Python {python} on {arch}\n")
    if root is not None:
        shutil.copyfile(root, house / ROOT_JSON)
    for path in _laid_down():
        (stick / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, stick / path)


def _laid_down() -> Iterator[Path]:
    for pattern in INSTALLER:
        yield from (path.relative_to(ROOT) for path in ROOT.glob(pattern) if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """The command ``deploy/wheelhouse``."""
    parser = argparse.ArgumentParser(prog="wheelhouse", description="Makes a stick to install from without internet.")
    parser.add_argument("stick", type=Path, metavar="STICK", help="a folder, such as where a USB stick is mounted")
    parser.add_argument("--arch", choices=("aarch64", "x86_64"), default="aarch64", help="(%(default)s)")
    parser.add_argument("--python", choices=("3.11", "3.12", "3.13"), default="3.13", help="3.13 is Trixie's, 3.11"
                        " Bookworm's (%(default)s)")  # fmt: skip
    parser.add_argument("--root", type=Path, metavar="ROOT.json", help="the pinned root of updates")
    options = parser.parse_args(arguments)
    missing = [path for path in MODELS if not (ROOT / path).is_file()]
    if missing:
        print(f"wheelhouse: {missing[0]} is not here: run python -m models.fetch first.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="attune-wheels-") as folder:
        try:
            wheels = download(options.python, options.arch, Path(folder))
        except subprocess.CalledProcessError as error:
            print(f"wheelhouse: pip cannot get all wheels ({error.returncode}): see above.", file=sys.stderr)
            return 1
        lay_out(options.stick, wheels, options.python, options.arch, options.root)
    if options.root is None:
        print("Without --root nodes installed from it take no updates from the hub: see python -m deploy.keys.")
    print(f"Ready in {options.stick}, for Python {options.python} on {options.arch}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
