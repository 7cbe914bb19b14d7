"""Codes to scan: signed checkpoints, behind which no ledger can be written anew once they are kept elsewhere; and links
that a tablet is paired with.

Rules:
- A code holds the note with its log's own signature and nothing else: read by any telephone, it is the file for
  ``--checkpoint``. Cosignatures would make it too dense to photograph.

Left out: signing (`contract.checkpoint`) and the check (`contract.verify`).
"""

from __future__ import annotations

import segno
from markupsafe import Markup

from contract.plain import cosigners, parse_checkpoint


def own_note(note: str) -> str:
    """The note under its log's own signature alone."""
    text, _, signatures = note.partition("\n\n")
    return f"{text}\n\n{signatures.partition(chr(10))[0]}\n"


def cosigners_of(note: str) -> list[str]:
    """Who else has signed a checkpoint; nobody where it is none."""
    try:
        return cosigners(note, parse_checkpoint(note)[0])
    except ValueError:
        return []


def code_of(note: str) -> segno.QRCode | None:
    """The note as a QR code; None for one that is too long for any."""
    try:
        return segno.make_qr(note, error="m", boost_error=False)
    except segno.DataOverflowError:
        return None


def picture_of(note: str) -> Markup:
    """The code as a drawing within the page, dark on light in any theme; nothing where there is none."""
    return _drawn(code_of(own_note(note)))


def picture_of_link(link: str) -> Markup:
    """A link as a code in the page: nothing of it stands in a file or an address of its own."""
    return _drawn(code_of(link))


def _drawn(code: segno.QRCode | None) -> Markup:
    if code is None:
        return Markup()
    return Markup(
        code.svg_inline(scale=4, border=4, dark="black", light="white", omitsize=True, svgclass="code", title="QR code")
    )
