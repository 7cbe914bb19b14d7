"""A development key ceremony, and the signing of releases: ``python -m deploy.keys``.

Rules:
- The root role has three keys and two of them sign (`ROOT_THRESHOLD`); targets, snapshot and timestamp have one each.
- Roots and versions only go up; what was published is never written again but the timestamp.

Left out: keys in hardware. Private keys are plain files here, which is fit for development and for trying it out alone;
docs/updates.md says what a real ceremony does otherwise.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from contract.errors import AttuneError, ConfigError
from contract.release import KINDS, Kind, archive

ROOT_KEYS: Final = ("root-1", "root-2", "root-3")
ROOT_THRESHOLD: Final = 2
ONLINE: Final = ("targets", "snapshot", "timestamp")
LIFE: Final = {
    "root": timedelta(days=730),
    "targets": timedelta(days=365),
    "snapshot": timedelta(days=365),
    "timestamp": timedelta(days=90),
}


def make_keys(folder: Path) -> None:
    """Six new keys, each a file that its owner alone may read. Raises: ConfigError when there are some already."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.glob("*.pem")):
        raise ConfigError(f"There are keys in {folder} already: give an empty folder.")
    for name in (*ROOT_KEYS, *ONLINE):
        place = folder / f"{name}.pem"
        place.touch(mode=0o600)
        place.write_bytes(CryptoSigner.generate_ed25519().private_bytes)


def signer(folder: Path, name: str) -> CryptoSigner:
    """One key of a folder. Raises: ConfigError."""
    try:
        return CryptoSigner(load_pem_private_key((folder / f"{name}.pem").read_bytes(), None))  # type: ignore[arg-type]
    except (OSError, ValueError) as error:
        raise ConfigError(f"The key {name} is not in {folder} ({error}): bring it from its safe.") from None


def sign_root(keys: Path, version: int, by: Iterable[str] = ROOT_KEYS[:2], *, also: Path | None = None) -> bytes:
    """A root that names the keys of a folder. ``also``: keys of the root before, which must sign its successor too."""
    root = Root(version=version, expires=_end("root"))
    for name in ROOT_KEYS:
        root.add_key(signer(keys, name).public_key, "root")
    for role in ONLINE:
        root.add_key(signer(keys, role).public_key, role)
    root.roles["root"].threshold = ROOT_THRESHOLD
    signed = Metadata(root)
    for folder in filter(None, (keys, also)):
        for name in by:
            signed.sign(signer(folder, name), append=True)
    return signed.to_bytes()


def publish(keys: Path, repository: Path, archives: dict[Kind, bytes], life: dict[str, timedelta] | None = None) -> int:
    """Adds a signed release to a repository's folder, beginning it where there is none; the release's number."""
    ends = {**LIFE, **(life or {})}
    metadata, targets = repository / "metadata", repository / "targets"
    for folder in (metadata, targets):
        folder.mkdir(parents=True, exist_ok=True)
    if not (metadata / "1.root.json").exists():
        (metadata / "1.root.json").write_bytes(sign_root(keys, 1))
    version = 1 + max((int(path.name.split(".")[0]) for path in metadata.glob("*.targets.json")), default=0)
    listed = Targets(version=version, expires=_end("targets", ends))
    for kind, content in archives.items():
        target = TargetFile.from_data(archive(kind), content, ["sha256"])
        listed.targets[target.path] = target
        (targets / f"{target.hashes['sha256']}.{target.path}").write_bytes(content)
    snapshot = Snapshot(version=version, expires=_end("snapshot", ends), meta={"targets.json": MetaFile(version)})
    timestamp = Timestamp(version=version, expires=_end("timestamp", ends), snapshot_meta=MetaFile(version))
    for name, signed in (
        (f"{version}.targets.json", _signed(keys, listed)),
        (f"{version}.snapshot.json", _signed(keys, snapshot)),
        ("timestamp.json", _signed(keys, timestamp)),
    ):
        (metadata / name).write_bytes(signed)
    return version


def _signed(keys: Path, said: Targets | Snapshot | Timestamp) -> bytes:
    signed: Metadata[Targets | Snapshot | Timestamp] = Metadata(said)
    signed.sign(signer(keys, said.type))
    return signed.to_bytes()


def _end(role: str, ends: dict[str, timedelta] = LIFE) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + ends[role]


def packed(folder: Path) -> bytes:
    """A folder as an archive: the same bytes for the same files, whoever packs them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size, member.mode = path.stat().st_size, 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as content:
                tar.addfile(member, content)
    return out.getvalue()


def for_a_stick(repository: Path, out: Path) -> None:
    """The repository's newest release as one file for ``attune-hub updates import``."""
    newest = Metadata[Timestamp].from_file(str(repository / "metadata/timestamp.json")).signed.version
    listed = Metadata[Targets].from_file(str(repository / f"metadata/{newest}.targets.json")).signed.targets
    names = [
        *sorted(path.relative_to(repository).as_posix() for path in repository.glob("metadata/*.root.json")),
        *(f"metadata/{newest}.{role}.json" for role in ("targets", "snapshot")),
        "metadata/timestamp.json",
        *(f"targets/{target.hashes['sha256']}.{target.path}" for target in listed.values()),
    ]
    with tarfile.open(out, "w") as tar:
        for name in names:
            tar.add(repository / name, name)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m deploy.keys", description="A development key ceremony.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    make = commands.add_parser("make", help="make six keys and the first root")
    make.add_argument("keys", type=Path, metavar="KEYS", help="a folder for the keys")
    make.set_defaults(run=_make)
    release = commands.add_parser("release", help="sign a release and pack it for a USB stick")
    release.add_argument("keys", type=Path, metavar="KEYS", help="the folder with targets, snapshot and timestamp keys")
    release.add_argument("repository", type=Path, metavar="REPOSITORY", help="the folder of all that was published")
    for kind in KINDS:
        release.add_argument(f"--{kind}", type=Path, metavar="DIR", help=f"what the {kind} archive holds")
    release.add_argument("--out", type=Path, required=True, metavar="RELEASE.tar")
    release.set_defaults(run=_release)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except AttuneError as error:
        print(f"deploy.keys: {error}", file=sys.stderr)
        return 1


def _make(options: argparse.Namespace) -> int:
    make_keys(options.keys)
    (options.keys / "1.root.json").write_bytes(sign_root(options.keys, 1))
    print(f"DEVELOPMENT KEYS, unprotected, in {options.keys}.")
    print(f"Lock away, each in another place and off every network: {', '.join(f'{name}.pem' for name in ROOT_KEYS)}.")
    print(f"  {ROOT_THRESHOLD} of the {len(ROOT_KEYS)} sign a new root: one may be lost, and one may be stolen.")
    print("Keep where releases are signed: targets.pem, snapshot.pem, timestamp.pem.")
    print("Ship with every install as /opt/attune/root.json: 1.root.json. It holds no secret.")
    return 0


def _release(options: argparse.Namespace) -> int:
    archives = {kind: packed(given) for kind in KINDS if (given := getattr(options, kind)) is not None}
    if "software" not in archives:
        raise ConfigError("A release holds the software at least: give --software DIR.")
    pinned = options.keys / "1.root.json"
    metadata = options.repository / "metadata"
    if pinned.exists() and not (metadata / pinned.name).exists():
        metadata.mkdir(parents=True, exist_ok=True)
        (metadata / pinned.name).write_bytes(pinned.read_bytes())
    version = publish(options.keys, options.repository, archives)
    for_a_stick(options.repository, options.out)
    print(f"Release {version} in {options.out}: on the hub, attune-hub updates import {options.out.name} --data DIR.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
