"""Certificates on disk: whose they are, and for how long.

Left out: issuing them, and the check that TLS itself makes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from contract.errors import ConfigError

SOON: Final = timedelta(days=14)


def read(path: Path) -> x509.Certificate:
    """The first certificate of a PEM file. Raises: ConfigError when there is none."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"The certificate {path} cannot be read ({error}): mend the path.") from None


def in_force(*paths: Path | None, now: datetime | None = None) -> str:
    """One line on all that are given.

    Raises: ConfigError when one is not yet or no longer good, or ends within two weeks, or when none is given.
    """
    now = now or datetime.now(UTC)
    given = [path for path in paths if path is not None]
    if not given:
        raise ConfigError(
            "mqtts:// has no certificate under [broker]: enrol this machine, or name ca, certificate and key."
        )
    says = []
    for path in given:
        found = read(path)
        names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        name = str(names[0].value) if names else path.name
        if now < found.not_valid_before_utc:
            raise ConfigError(
                f"The certificate {path} is not good before {found.not_valid_before_utc:%Y-%m-%d}: set the clock."
            )
        if now >= found.not_valid_after_utc:
            raise ConfigError(f"The certificate {path} ended on {found.not_valid_after_utc:%Y-%m-%d}: enrol anew.")
        if found.not_valid_after_utc - now < SOON:
            raise ConfigError(
                f"The certificate {path} ends on {found.not_valid_after_utc:%Y-%m-%d} and was not renewed: look why."
            )
        says.append(f"{name} until {found.not_valid_after_utc:%Y-%m-%d}")
    return ", ".join(says)
