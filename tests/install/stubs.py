"""Packages that cannot be had here, as stubs: they have the names and nothing else, and the report says so."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

#: A package and the module that it brings.
STUBS = {
    "python3-picamera2": "picamera2",
    "python3-lgpio": "lgpio",
    "python3-gpiozero": "gpiozero",
    "libedgetpu1-std": "",
}
_CONTROL = """Package: {name}
Version: 0~stub
Architecture: all
Maintainer: Attune's checks <none@localhost>
Description: stands in for {name} in Attune's own checks
"""


def add_stubs(folder: Path) -> None:
    """Their .deb files into a folder of packages."""
    for name, module in STUBS.items():
        with tempfile.TemporaryDirectory(prefix="attune-stub-") as built:
            top = Path(built)
            top.chmod(0o755)
            (top / "DEBIAN").mkdir()
            (top / "DEBIAN" / "control").write_text(_CONTROL.format(name=name))
            if module:
                place = top / "usr/lib/python3/dist-packages" / module
                place.mkdir(parents=True)
                (place / "__init__.py").write_text('"""A stub."""\n')
            subprocess.run(
                ("dpkg-deb", "--root-owner-group", "-Zxz", "--build", top, folder),
                check=True,
                stdout=subprocess.DEVNULL,
            )
