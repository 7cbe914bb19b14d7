"""The export of a ledger, the same on a node as on a hub.

Rules:
- One zip holds what an auditor needs and nothing more: every entry, what was signed, the key, and the check itself.
- It is written from one moment of the ledger, while courier or hub may go on writing; a fresh checkpoint ends it.
- The same ledger with the same papers gives the same bytes.

Left out: the check (`contract.verify`, of which each export carries a copy) and the auditor's page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from contract import extracts, frame, plain, verify
from contract.checkpoint import KEY_FILE, Signer
from contract.errors import LedgerError
from contract.ledger import Entry, Forgotten, Ledger
from contract.sbom import model_card, sbom

_README: Final = """The ledger of an Attune {what}: everything it wrote down, in the order in which it did.

Check it on a machine you trust, with Python 3.9 or newer and without a network:

    python3 verify.py EXPORT.zip [--checkpoint FILE]

Exit status 0 means whole, 1 tampered with (the first bad entry is named), 2 not readable. FILE is a checkpoint that
you kept from an earlier visit, copied from the auditor's page, or took from the other side (a hub holds those of its
nodes). Only with one can you tell a ledger that its own key's owner has written anew. A verify.py of your own, out of a
release of Attune or an older export, is better than the one in here.

entries.ndjson    one entry a line. `text` (or `base64`) is the payload byte for byte; `hash` is
                  SHA-256(0x00 + salt + JSON of [kind, at_ms, topic] + newline + payload).
                  An entry with no content was forgotten when its time was over; a later entry of kind `forgotten`
                  says so.
checkpoints.json  every signed checkpoint (C2SP tlog-checkpoint), oldest first, with the cosignatures (C2SP
                  tlog-cosignature) of those whose keys stand in entries of kind `witness`.
proofs.json       RFC 6962 consistency proofs from each checkpoint to the next.
key.txt           the key that signs (C2SP signed-note verifier key, Ed25519); it is entry 0 as well.
history.ndjson    out of the entries: each birth and config that said something new of models, zones, gate and hours.
epsilon.ndjson    out of the entries: the privacy budget that each zone-hour spent, told or suppressed.
self-tests.ndjson out of the entries: each self-test's result, with the node's own signed report.
sbom.cdx.json     what is installed on the machine that made this export (CycloneDX 1.6), with the model's SHA-256.
model-card.md     the card of that model; `model` in history.ndjson says which one really ran.
notices.html      the notice that the shop must show, as it was when this export was made.
manifest.txt      SHA-256 of the other files, signed.

The three .ndjson files out of the entries are taken out anew by the check. The last three papers are what this machine
says of itself: the signature shows that they were not changed since, not that they are true.

What a ledger cannot show: whether what was logged is true, and what happened while a camera was unplugged or before
an entry was signed, to whoever holds the key.
"""
_OURS: Final = re.compile(r"^from contract\.\w+ import (\([^)]*\)|[^(\n]*)\n|^from __future__ .*\n", re.MULTILINE)


def no_notices(folder: Path) -> str:
    """What stands for the notices on a node, which has none."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Notices</title>'
        "<p>A node has no notice of its own: the export of the shop's hub holds it.</p></html>\n"
    )


def export(folder: Path, database: str, out: Path, notices: Callable[[Path], str] = no_notices) -> None:
    """Write the ledger of a data folder to a zip. ``database`` is the name of its SQLite file; ``notices`` make the
    page of the notices in force out of the folder.

    Raises: LedgerError when there is no ledger with its key, it is damaged, or the zip cannot be written.
    """
    source, part = folder / database, out.with_name(out.name + ".part")
    signer = Signer.load(folder / KEY_FILE)
    try:
        db = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None)
        with closing(db), part.open("wb") as file:
            db.execute("BEGIN")
            _write(Ledger(db), signer, notices(folder), file)
        part.replace(out)
    except sqlite3.Error as error:
        raise LedgerError(f"The ledger in {source} cannot be read ({error}): give the folder that holds it.") from None
    except OSError as error:
        raise LedgerError(f"The export {out} cannot be written ({error.strerror or error}): choose another.") from None
    except zipfile.LargeZipFile:
        raise LedgerError("The ledger is over 2 GiB and fits no export: shorten what is kept.") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _write(ledger: Ledger, signer: Signer, notices: str, file: Any) -> None:
    if ledger.key() != signer.verifier:
        raise LedgerError(f"The key of {signer.name} is not the one that this ledger was begun under: restore that.")
    size, sums = len(ledger), {}
    notes = ledger.checkpoints()
    try:
        sizes = [plain.parse_checkpoint(note)[1] for note in notes]
    except ValueError:
        raise LedgerError("A checkpoint in the ledger is damaged: restore a copy.") from None
    if not sizes or sizes[-1] < size:
        notes.append(signer.checkpoint(size, ledger.root(size)))
        sizes.append(size)
    proofs = [
        [base64.b64encode(node).decode() for node in ledger.consistency(old, new)] for old, new in pairwise(sizes)
    ]
    found = extracts.Extracts()  # filled while the entries are written, and written after them
    what = "hub" if signer.name.startswith("attune-hub/") else "node"
    files: dict[str, Iterable[bytes]] = {
        "README.txt": [_README.format(what=what).encode()],
        "verify.py": [standalone().encode()],
        frame.KEY: [f"{signer.verifier}\n".encode()],
        frame.CHECKPOINTS: [_json(notes)],
        frame.PROOFS: [_json(proofs)],
        frame.ENTRIES: _lines(ledger, found),
        **{name: map(str.encode, lines) for name, lines in found.files.items()},
        frame.SBOM: [sbom()],
        frame.CARD: [model_card()],
        frame.NOTICES: [notices.encode()],
    }
    with zipfile.ZipFile(file, "w", allowZip64=False) as archive:
        for name, parts in files.items():
            sums[name] = _add(archive, name, parts)
        _add(archive, frame.MANIFEST, [signer.sign(verify.seal_text(sums)).encode()])


def _add(archive: zipfile.ZipFile, name: str, parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    with archive.open(frame.new_member(name), "w") as member:
        for part in parts:
            digest.update(part)
            member.write(part)
    return digest.hexdigest()


def _lines(ledger: Ledger, found: extracts.Extracts) -> Iterator[bytes]:
    for entry in ledger.entries():
        if isinstance(entry, Entry):
            found.take(entry.position, entry.kind, entry.at_ms, entry.topic, entry.payload)
        yield _line(entry)


def _line(entry: Entry | Forgotten) -> bytes:
    line: dict[str, Any] = {"position": entry.position, "hash": entry.hash.hex()}
    if isinstance(entry, Entry):
        line |= {"kind": entry.kind, "at_ms": entry.at_ms, "topic": entry.topic, "salt": entry.salt.hex()}
        try:
            line["text"] = entry.payload.decode()
        except UnicodeDecodeError:
            line["base64"] = base64.b64encode(entry.payload).decode()
    return _json(line)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def standalone() -> str:
    """The check as one file of its own: the modules that it is made of, without what they import of ours."""
    modules = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in (plain, extracts, frame, verify)]
    head = "#!/usr/bin/env python3\nfrom __future__ import annotations\n\n"
    return head + "\n\n".join(_OURS.sub("", text).removeprefix("#!/usr/bin/env python3\n") for text in modules)
