"""The distribution's packages onto the stick: fetched on a fresh machine of the target's kind that has internet.

Rules:
- apt itself says what is needed and checks what it fetches; here they only get a list, so that apt takes them again.

Left out: trust in the stick from then on. Who can write on it could as well write another installer.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Final

from deploy.installer.machine import InstallError, Machine, run

LIST: Final = "Packages"


def fetch(machine: Machine, names: tuple[str, ...], folder: Path) -> int:
    """Everything that this machine lacks for ``names`` into a folder, with its list; how many files that are."""
    (folder / "partial").mkdir(parents=True, exist_ok=True)
    run(machine, "read the list of packages", "apt-get", "-q", "update")
    run(
        machine, "fetch the packages", "apt-get", "-y", "-q", "-o", f"Dir::Cache::archives={folder.resolve()}",
        "-o", "APT::Sandbox::User=root", "install", "--no-install-recommends", "--download-only", *names,
    )  # fmt: skip
    (folder / "lock").unlink(missing_ok=True)
    (folder / "partial").rmdir()
    return index(folder)


def index(folder: Path) -> int:
    """Writes the list of a folder of packages; how many it names. Raises: InstallError."""
    entries = []
    for path in sorted(folder.glob("*.deb")):
        told = subprocess.run(("dpkg-deb", "--field", path), capture_output=True, text=True, check=False)
        if told.returncode:
            raise InstallError(f"{path.name} is no package: delete it and fetch again.")
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        entries.append(
            f"{told.stdout.rstrip()}\nFilename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {sha256}\n"
        )
    (folder / LIST).write_text("\n".join(entries))
    return len(entries)
