"""Releases for the nodes, so that they need no internet: brought on a stick, verified, then served as they are.

Rules:
- What is served was verified here, and is the very bytes that were: a stick is unpacked beside, and nothing of it is
  copied by a name of its own.
- The timestamp is replaced last. Before that nodes find the old release whole, and after it the new one.
- Anyone may read it, since all of it is signed and public; a name is one of a few forms, and every file has a bound.

Left out: making releases (`deploy.keys`), and what nodes do with them.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import FileResponse
from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import Metadata, Snapshot, TargetFile, Timestamp
from tuf.ngclient import FetcherInterface, Updater

from contract.errors import ConfigError, StoreError, UpdateError
from contract.release import (
    ARCHIVE_BYTES_MAX,
    CHUNK_BYTES,
    KINDS,
    METADATA_BYTES_MAX,
    METADATA_NAME,
    TARGET_NAME,
    archive,
    limits,
    refusals,
    replace,
    settle,
    unpack,
    write,
)
from hub.auth import ANYONE

FOLDER: Final = "updates"
PINNED: Final = Path("/opt/attune/root.json")
_METADATA, _TARGETS, _TRUSTED, _BESIDE = "metadata", "targets", "trusted", "stick-"
_ON_A_STICK: Final = re.compile(
    f"{_METADATA}/(?:{METADATA_NAME.pattern})|{_TARGETS}/(?:{TARGET_NAME.pattern})", re.ASCII
)


def routes(folder: Path) -> APIRouter:
    """What nodes read, of a folder that may not be there yet."""
    router = APIRouter(prefix="/updates", dependencies=[Depends(ANYONE)])

    @router.get("/metadata/{name}")
    def metadata(name: str) -> FileResponse:
        return _file(folder / _METADATA, name, METADATA_NAME.fullmatch(name) is not None, METADATA_BYTES_MAX)

    @router.get("/targets/{name}")
    def target(name: str) -> FileResponse:
        return _file(folder / _TARGETS, name, TARGET_NAME.fullmatch(name) is not None, ARCHIVE_BYTES_MAX)

    return router


def _file(folder: Path, name: str, well_named: bool, bytes_max: int) -> FileResponse:
    place = folder / name
    if not well_named or place.is_symlink() or not place.is_file() or place.stat().st_size > bytes_max:
        raise HTTPException(404)
    return FileResponse(place, media_type="application/octet-stream")


class _Stick(FetcherInterface):
    """Reads an unpacked release as if it were far away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        kind, name = unquote(urlsplit(url).path).strip("/").split("/", 1)
        form = METADATA_NAME if kind == _METADATA else TARGET_NAME
        place = self._folder / kind / name
        if not form.fullmatch(name) or not place.is_file():
            raise DownloadHTTPError(f"{name} is not in this release", 404)
        with place.open("rb") as file:
            yield from iter(lambda: file.read(CHUNK_BYTES), b"")


def bring(release: Path, data: Path, pinned: Path) -> list[str]:
    """Verifies a release and serves it from then on; what it holds.

    Raises: UpdateError when it is older than the last, out of date, not rightly signed or not whole; then the old one
    is served on. ConfigError when there is no root of trust, StoreError when the folder cannot be used.
    """
    try:
        root = pinned.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"The root of trust {pinned} cannot be read ({error.strerror}): name it with --root FILE."
        ) from None
    if not data.is_dir():
        raise StoreError(f"There is no folder {data}: give the --data of the hub.")
    if not release.is_file():
        raise ConfigError(f"There is no release {release}: name the file that was published.")
    folder = data / FOLDER
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
        for left in folder.glob(f"{_BESIDE}*"):  # of an import that the power cut short
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=_BESIDE, dir=folder) as beside:
            return _taken(release, Path(beside), folder, root)
    except UpdateError:
        raise
    except OSError as error:
        raise StoreError(f"The release cannot be kept in {folder} ({error}): make room there.") from None


def _taken(release: Path, beside: Path, folder: Path, root: bytes) -> list[str]:
    unpack(release, beside / "release", _ON_A_STICK)
    with refusals():
        updater = Updater(
            str(folder / _TRUSTED),
            f"stick:/{_METADATA}/",
            target_base_url=f"stick:/{_TARGETS}/",
            fetcher=_Stick(beside / "release"),
            config=limits(),
            bootstrap=root,
        )
        updater.refresh()
        listed = [found for kind in KINDS if (found := updater.get_targetinfo(archive(kind))) is not None]
        for target in listed:
            updater.download_target(target, str(beside / _name(target)))
    if not listed:
        raise UpdateError("The release holds nothing for a node: get another from whoever publishes it.")
    _publish(folder, beside, [_name(target) for target in listed])
    return [f"{target.path} of {target.length} bytes" for target in listed]


def _name(target: TargetFile) -> str:
    return f"{target.hashes['sha256']}.{target.path}"


def _publish(folder: Path, beside: Path, names: list[str]) -> None:
    """Archives, then what lists them, then the timestamp that points there; then what nothing points at goes."""
    trusted, metadata, targets = folder / _TRUSTED, folder / _METADATA, folder / _TARGETS
    for made in (metadata, targets):
        made.mkdir(mode=0o755, exist_ok=True)
    for name in names:
        (targets / name).unlink(missing_ok=True)
        with (beside / name).open("rb") as file:
            write(targets / name, iter(lambda: file.read(CHUNK_BYTES), b""))
    settle(targets)
    snapshot = Metadata[Timestamp].from_file(str(trusted / "timestamp.json")).signed.snapshot_meta.version
    listing = Metadata[Snapshot].from_file(str(trusted / "snapshot.json")).signed.meta["targets.json"].version
    told = {
        **{path.name: path for path in (trusted / "root_history").glob("*.root.json")},
        f"{listing}.targets.json": trusted / "targets.json",
        f"{snapshot}.snapshot.json": trusted / "snapshot.json",
        "timestamp.json": trusted / "timestamp.json",
    }
    for name, place in told.items():
        replace(metadata / name, place.read_bytes())
    for old in (*metadata.iterdir(), *targets.iterdir()):
        if old.name not in told and old.name not in names:
            old.unlink()


def add_update_commands(commands: Any) -> None:
    """Adds them to the parser's subcommands; each sets ``run``."""
    updates = commands.add_parser("updates", help="releases for the nodes").add_subparsers(
        title="commands", required=True, metavar="COMMAND"
    )
    taken = updates.add_parser(
        "import",
        help="take a signed release, from a USB stick say, and offer it to the nodes",
        description="Verifies a signed release and offers it to the nodes. The hub may be running. A release that is"
        " older than the last, out of date or not rightly signed is refused, and the last one is offered on.",
    )
    taken.add_argument("release", type=Path, metavar="RELEASE.tar", help="the release, as it was published")
    taken.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")
    taken.add_argument("--root", type=Path, default=PINNED, metavar="FILE", help="the pinned root (%(default)s)")
    taken.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> int:
    held = bring(options.release, options.data, options.root)
    print(f"Verified and offered to the nodes: {', '.join(held)}.")
    return 0
