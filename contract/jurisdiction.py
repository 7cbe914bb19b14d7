"""Where the shop is, and whether the law there asks for express consent before anybody's face is read.

Left out: everything else that counsel has to say; this is engineering, not legal advice.
"""

from __future__ import annotations

from typing import Final, Literal

Jurisdiction = Literal["eu", "uk", "ch", "us", "us-il", "us-tx", "ca", "ca-qc", "other"]

EXPRESS_CONSENT: Final[dict[Jurisdiction, str]] = {
    "us-il": "Illinois (BIPA, 740 ILCS 14/15) asks for a written release before a scan of face geometry is collected",
    "us-tx": "Texas (CUBI, Bus. & Com. Code § 503.001) asks that people are told and consent before a record of their "
    "face geometry is captured",
    "ca-qc": "Québec (CQLR c. C-1.1, s. 44, and Law 25) asks for express consent and a notice to the Commission "
    "d'accès à l'information before biometrics are used",
}


def consent_missing(jurisdiction: Jurisdiction, express_consent: str) -> str | None:
    """In one sentence why nothing may be sensed here yet, or None. ``express_consent`` says how it is asked for."""
    law = EXPRESS_CONSENT.get(jurisdiction)
    if law is None or express_consent.strip():
        return None
    return f"{law}: sensing stays off until you record, as express_consent, how each person's consent is asked for."
