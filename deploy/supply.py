"""What Attune ships and under which licences: ``python -m deploy.supply sbom|licences|audit``.

Rules:
- What ships is what `requirements.lock` pins, the front-end files, fonts and the face detector that come with it, and
  the affect model. What tests and training need does not ship.
- Licences are read from the packages' own metadata, and the list is committed: a test says when it is no longer true.
- The same lock gives the same bytes.

Left out: the operating system's packages, and what a running machine has installed (`contract.sbom`, in each export).
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from packaging.markers import Marker
from packaging.requirements import Requirement

from contract.errors import AttuneError, ConfigError
from models.fetch import DETECTOR

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "requirements.lock"
VENDORED: Final = ROOT / "hub" / "static" / "vendor" / "README.md"
LICENCES: Final = ROOT / "docs" / "licences.md"
MANIFEST: Final = ROOT / "models" / "affect" / "manifest.json"
OSV: Final = "api.osv.dev"
WAIT_S: Final = 5.0
_BOARD: Final = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64", "os_name": "posix"}
_SHORT: Final = 60  # longer than that a licence field is the whole text


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that ships. ``purl`` where a registry knows it; ``sha256`` where it is one file."""

    name: str
    version: str
    licence: str
    kind: str = "library"
    purl: str = ""
    sha256: str = ""


def shipped() -> list[Part]:
    """Everything, by name. Raises: ConfigError when a locked package is not installed here."""
    return sorted([*_packages(), *_front_end(), *_models()], key=lambda part: (part.kind, part.name))


def locked() -> dict[str, str]:
    """Name and version of every package that a board gets."""
    found = {}
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum():
            pinned = Requirement(line.rstrip("\\ "))
            if pinned.marker is None or _on_a_board(pinned.marker):
                found[pinned.name] = str(pinned.specifier).removeprefix("==")
    return found


def _on_a_board(marker: Marker) -> bool:
    return any(marker.evaluate({**_BOARD, "python_version": one, "python_full_version": f"{one}.9"}) for one in
               ("3.11", "3.12", "3.13"))  # fmt: skip


def _packages() -> Iterator[Part]:
    for name, version in locked().items():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            raise ConfigError(
                f"{name} is locked and not installed here: run 'make lint' once, then this again."
            ) from None
        yield Part(name, version, _licence(found.metadata), purl=f"pkg:pypi/{name}@{version}")


def _licence(said: Any) -> str:
    """As SPDX where the package says so; else as its classifiers or its short licence field do."""
    if expression := said.get("License-Expression"):
        return str(expression)
    classes = [line.rpartition(" :: ")[2] for line in said.get_all("Classifier") or () if line.startswith("License ::")]
    if classes and classes != ["OSI Approved"]:
        return " and ".join(sorted({*classes} - {"OSI Approved"}))
    field = str(said.get("License") or "").strip()
    return field if field and len(field) <= _SHORT and "\n" not in field else "see the package"


def _front_end() -> Iterator[Part]:
    for line in VENDORED.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"`[@a-z0-9./-]+`", cells[0]):
            name, version = cells[0].strip("`"), cells[1]
            licence = re.sub(r" \(.*\)$", "", cells[3])
            yield Part(name, version, licence, "front end", f"pkg:npm/{name.replace('@', '%40')}@{version}")


def _models() -> Iterator[Part]:
    digest = str(json.loads(MANIFEST.read_text(encoding="utf-8"))["sha256"])
    yield Part("attune-affect", digest[:12], "Apache-2.0", "model", sha256=digest)
    source, _, version = DETECTOR.requirement.partition("==")
    yield Part(Path(DETECTOR.name).stem, f"from {source} {version}", DETECTOR.licence, "model", sha256=DETECTOR.sha256)


def sbom() -> bytes:
    """A CycloneDX 1.6 document of what ships. Source: https://cyclonedx.org/docs/1.6/json/."""
    body = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "attune", "name": "attune"}},
        "components": [_component(part) for part in shipped()],
    }
    return json.dumps(body, indent=1, ensure_ascii=False).encode() + b"\n"


def _component(part: Part) -> dict[str, Any]:
    kind = "machine-learning-model" if part.kind == "model" else "library"
    said: dict[str, Any] = {
        "type": kind,
        "bom-ref": part.purl or part.name,
        "name": part.name,
        "version": part.version,
        "licenses": [{"license": {"name": part.licence}}],
    }
    said |= {"purl": part.purl} if part.purl else {}
    return said | ({"hashes": [{"alg": "SHA-256", "content": part.sha256}]} if part.sha256 else {})


def licences() -> str:
    """The committed list."""
    rows = "\n".join(f"| {part.name} | {part.version} | {part.licence} | {part.kind} |" for part in shipped())
    return f"""\
# Licences of what ships

Written by `make licences` from `requirements.lock`, the packages' own metadata, and what comes with Attune, which is
itself Apache-2.0. The texts lie in each package; those of the front end beside its files in `hub/static/vendor`. What
tests and training need is not here, for it does not ship. `make sbom` tells the same as CycloneDX.

| what | version | licence | |
|---|---|---|---|
{rows}
"""


def audit() -> int:
    """Known flaws of what is locked, by OSV; says so and is content where that cannot be asked."""
    try:
        socket.create_connection((OSV, 443), WAIT_S).close()
    except OSError as error:
        print(f"Not audited: {OSV} cannot be reached from here ({error}).")
        return 0
    command = (sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-s", "osv", "-r", str(LOCK))
    return subprocess.run(command, check=False).returncode


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m deploy.supply``."""
    parser = argparse.ArgumentParser(prog="python -m deploy.supply", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="sbom|licences|audit")
    bill = commands.add_parser("sbom", help="a CycloneDX document of what ships")
    bill.add_argument("out", type=Path, metavar="OUT.json")
    commands.add_parser("licences", help="write docs/licences.md")
    commands.add_parser("audit", help="known flaws of what is locked, where OSV can be asked")
    options = parser.parse_args(arguments)
    try:
        if options.command == "audit":
            return audit()
        if options.command == "licences":
            LICENCES.write_text(licences(), encoding="utf-8")
            print(f"{LICENCES.relative_to(ROOT)} is written.")
        else:
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_bytes(sbom())
            print(f"{options.out} is written.")
    except AttuneError as error:
        print(f"deploy.supply: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
