"""What the hub has to offer, and getting it: The Update Framework's client, with the root that came with the install.

Rules:
- Nothing that was got is believed for where it came from: the hub may be anybody, and TLS adds nothing to a signature.
- The trusted metadata lies beside the slots and only goes up: an older release, even a rightly signed one, is refused.

Left out: what is done with it (`edge.update.flow`).
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.api.metadata import TargetFile
from tuf.ngclient import FetcherInterface, Updater

from contract.errors import ConfigError, UpdateError
from contract.release import ARCHIVE_BYTES_MAX, CHUNK_BYTES, KINDS, Kind, archive, flush, limits, refusals

TRUSTED: Final = "trusted"
WAIT_S: Final = 20.0


class Http(FetcherInterface):
    """Bytes from the hub, as many as it said there would be."""

    def __init__(self) -> None:
        unchecked = ssl.create_default_context()  # what is signed proves itself
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=unchecked), _NoRedirect())

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            with self._opener.open(url, timeout=WAIT_S) as answer:
                left = int(answer.headers.get("Content-Length", -1))
                while chunk := answer.read(CHUNK_BYTES):
                    left -= len(chunk)
                    yield chunk
                if left > 0:
                    raise DownloadError(f"{url} ended {left} bytes early")
        except urllib.error.HTTPError as error:
            raise DownloadHTTPError(f"{url} was answered with {error.code}", error.code) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise DownloadError(f"{url} does not answer: {error}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Source:
    """The releases of one hub. Raises: ConfigError when address or pinned root cannot be used."""

    def __init__(self, hub: str, pinned: Path, slots: Path) -> None:
        where = urlsplit(hub)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise ConfigError(f"{hub!r} is no hub: write --from https://NAME.")
        try:
            root = pinned.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"The root of trust {pinned} cannot be read ({error.strerror}): it comes with the install; put it back."
            ) from None
        self._trusted = slots / TRUSTED
        for left in self._trusted.glob("tmp*"):  # of an update that the power cut short
            left.unlink(missing_ok=True)
        base = f"{where.scheme}://{where.netloc}/updates"
        with refusals():
            self._updater = Updater(
                str(self._trusted),
                f"{base}/metadata/",
                target_base_url=f"{base}/targets/",
                fetcher=Http(),
                config=limits(),
                bootstrap=root,
            )

    def newest(self) -> Mapping[Kind, TargetFile]:
        """What the newest release holds; nothing where the hub has none. Raises: UpdateError when it cannot be had or
        trusted.
        """
        with refusals():
            try:
                self._updater.refresh()
            except DownloadHTTPError as error:
                if error.status_code == 404 and "timestamp" in str(error):
                    return {}
                raise
            found = {kind: self._updater.get_targetinfo(archive(kind)) for kind in KINDS}
        for place in self._trusted.glob("*.json"):
            with place.open("rb") as file:
                flush(file)
        listed = {kind: target for kind, target in found.items() if target is not None}
        if "software" not in listed or any(one.length > ARCHIVE_BYTES_MAX for one in listed.values()):
            raise UpdateError(
                "The release holds no software, or more than fits: get another from whoever publishes it."
            )
        return listed

    def get(self, target: TargetFile, place: Path) -> None:
        """One archive, checked, to a place. Raises: UpdateError; then there is nothing at the place to be used."""
        try:
            with refusals():
                self._updater.download_target(target, str(place))
        except OSError as error:
            raise UpdateError(
                f"The release cannot be written to {place.parent} ({error.strerror}): make room."
            ) from None
