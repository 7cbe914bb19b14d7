"""A release: one archive a kind, signed by The Update Framework. What hub and node must agree on about it.

Rules:
- What an archive may hold is said by what is allowed: folders and plain files, each once, below its own folder. One
  entry of another sort refuses the whole archive; links, devices and sparse files are of another sort.
- Archives are not compressed (wheels are), so that what is unpacked is never larger than what was signed.
- Every size has a bound before a byte is read.

Left out: where they are kept (`hub.updates`, `edge.update`), and who signs (`deploy.keys`).
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Final, Literal, get_args

from tuf.api.exceptions import DownloadError, ExpiredMetadataError, RepositoryError
from tuf.ngclient import UpdaterConfig

from contract.errors import UnreachedError, UpdateError

Kind = Literal["software", "models"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ARCHIVE_BYTES_MAX: Final = 512 * 2**20
METADATA_BYTES_MAX: Final = 512_000
FILES_MAX: Final = 2_000
METADATA_NAME: Final = re.compile(r"(timestamp|[1-9][0-9]{0,8}\.(root|targets|snapshot))\.json", re.ASCII)
TARGET_NAME: Final = re.compile(r"[0-9a-f]{64}\.(software|models)\.tar", re.ASCII)
CHUNK_BYTES: Final = 2**18
_PLAIN: Final = (tarfile.REGTYPE, tarfile.AREGTYPE)


def archive(kind: Kind) -> str:
    """The name under which a kind's archive is signed."""
    return f"{kind}.tar"


def limits() -> UpdaterConfig:
    """How much metadata anybody reads before it is trusted."""
    return UpdaterConfig(
        max_root_rotations=32,
        max_delegations=0,
        root_max_length=METADATA_BYTES_MAX,
        timestamp_max_length=16_384,
        snapshot_max_length=METADATA_BYTES_MAX,
        targets_max_length=METADATA_BYTES_MAX,
    )


@contextmanager
def refusals() -> Iterator[None]:
    """Turns what the framework raises into one sentence. Raises: UpdateError."""
    try:
        yield
    except ExpiredMetadataError as error:
        raise UpdateError(
            f"The release is out of date ({error}): what runs goes on; import a newer one at the hub or, where there is"
            " none to be had, look at this machine's clock."
        ) from error
    except RepositoryError as error:
        raise UpdateError(
            f"The release is not to be trusted ({error}): nothing was changed; get it anew from whoever publishes it."
        ) from error
    except DownloadError as error:
        raise UnreachedError(
            f"The release could not be had whole ({error}): nothing was changed; it is tried again next time."
        ) from error


def unpack(source: Path, folder: Path, allowed: re.Pattern[str] | None = None) -> None:
    """Unpacks an archive into a folder of its own, each file flushed to the disk.

    ``allowed``: what each file's path must be.

    Raises: UpdateError when one entry is not what an archive may hold; what was unpacked by then is for the caller.
    """
    try:
        folder.mkdir()
        with tarfile.open(source, "r:") as tar:
            for member in _checked(tar, allowed):
                place = folder / member.name
                if member.isdir():
                    place.mkdir(parents=True, exist_ok=True)
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                content = tar.extractfile(member)
                assert content is not None  # it is a plain file
                write(place, iter(partial(content.read, CHUNK_BYTES), b""), bool(member.mode & 0o100))
    except (tarfile.TarError, OSError, ValueError) as error:
        if isinstance(error, UpdateError):
            raise
        raise UpdateError(f"The archive {source.name} cannot be unpacked ({error}): look at the disk.") from error


def _checked(tar: tarfile.TarFile, allowed: re.Pattern[str] | None) -> Iterator[tarfile.TarInfo]:
    seen: set[PurePosixPath] = set()
    left = ARCHIVE_BYTES_MAX
    for member in tar:
        path = PurePosixPath(member.name)
        plain = member.type in _PLAIN and not member.issparse()
        if not (plain or member.isdir()) or path.is_absolute() or not path.parts or ".." in path.parts:
            raise UpdateError(f"The archive holds {member.name!r}, which no release may: nothing was changed.")
        if "\\" in member.name or not member.name.isprintable():
            raise UpdateError(f"The archive holds {member.name!r}, which is no name of a file: nothing was changed.")
        if plain and allowed and not allowed.fullmatch(member.name):
            raise UpdateError(f"The archive holds {member.name!r}, which is no part of a release: nothing was changed.")
        left -= member.size
        if path in seen or len(seen) >= FILES_MAX or left < 0:
            raise UpdateError("The archive holds more than a release may, or one file twice: nothing was changed.")
        seen.add(path)
        yield member


def write(place: Path, chunks: Iterable[bytes], executable: bool = False) -> None:
    """A new file, on the disk when this returns."""
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755 if executable else 0o644), "wb") as file:
        for chunk in chunks:
            file.write(chunk)
        flush(file)


def replace(place: Path, content: bytes) -> None:
    """A file whose content is the old one or the new one, whenever the power goes."""
    beside = place.with_name(place.name + ".new")
    beside.unlink(missing_ok=True)
    write(beside, (content,))
    beside.replace(place)
    settle(place.parent)


def flush(file: IO[bytes]) -> None:
    """Onto the disk."""
    file.flush()
    os.fsync(file.fileno())


def settle(folder: Path) -> None:
    """A folder's names, onto the disk."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
