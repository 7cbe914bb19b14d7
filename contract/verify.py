#!/usr/bin/env python3
"""Checks an export of an Attune ledger; needs Python alone, and no Attune.

    python3 verify.py EXPORT.zip [--checkpoint FILE]

Exit status 0: whole. 1: tampered with; the first bad entry is named. 2: cannot be read.

Rules:
- Every entry is hashed anew and the tree of them is held against every checkpoint.
- What was forgotten on purpose keeps its hash, and a later entry must say so.
- History, spent ε and self-tests are taken out of the entries anew and compared.
- Who cosigned a checkpoint did so with a key that the ledger wrote down when it first did. Whose key that really is,
  the export of the other side says.
- A checkpoint kept elsewhere (``--checkpoint``) must fit: it catches a ledger that was cut short or written anew.
- Every byte of the zip is accounted for, so that nothing can be hidden in it or changed unseen.

Left out: whether what was logged is true. A camera that was unplugged, or whoever held the key before an entry was
signed, is caught by no ledger. Without a checkpoint kept elsewhere, the key's owner may have written it all anew.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from contract.extracts import Extracts
from contract.frame import CHECKPOINTS, ENTRIES, KEY, MANIFEST, MEMBERS, PROOFS, Member, Tampered, Unreadable, members
from contract.plain import (
    FORGOTTEN_KIND,
    FORK_KIND,
    KEY_KIND,
    PLAIN,
    WITNESS_KIND,
    Frontier,
    consistent,
    cosigned_by,
    cosigners,
    entry_bytes,
    leaf_hash,
    note_is_by,
    parse_checkpoint,
    parse_key,
    parse_note,
)

SEAL = "attune-export/2"
PLAIN_SIGNATURES = 24
WRONG_SHAPE = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError)


@dataclass(frozen=True)  # no slots: this file also runs on an auditor's older Python
class Verdict:
    """``status`` is the exit status: 0 whole, 1 tampered with, 2 cannot be read."""

    status: int
    sentence: str


@dataclass
class Found:
    """What reading the entries left behind. ``roots`` by size; ``key`` the one that signs, which entry 0 says;
    ``witnesses`` the keys of those who cosign, by name."""

    tree: Frontier = field(default_factory=Frontier)
    roots: dict[int, bytes] = field(default_factory=dict)
    key: str = ""
    witnesses: dict[str, list[str]] = field(default_factory=dict)
    forks: int = 0
    gone: bytearray = field(default_factory=bytearray)
    extracts: Extracts = field(default_factory=Extracts)


def verify(path: Path, checkpoint: str | None = None) -> Verdict:
    """Checks one export, against a checkpoint kept elsewhere where one is given."""
    try:
        kept = None if checkpoint is None else _kept(checkpoint)
        with path.open("rb") as raw:
            return Verdict(0, _check(raw, kept))
    except Unreadable as error:
        return Verdict(2, f"Unreadable: {error}")
    except Tampered as error:
        return Verdict(1, f"Tampered: {error}")
    except OSError as error:
        return Verdict(2, f"Unreadable: {path} cannot be read ({error.strerror or error}).")


def _kept(note: str) -> tuple[str, str, int, bytes]:
    note = note.replace("\r", "").strip() + "\n"  # as it was pasted, or came by mail
    try:
        return (note, *parse_checkpoint(note))
    except WRONG_SHAPE:
        raise Unreadable("the checkpoint given is none; give the whole text as it was kept.") from None


def _check(raw: IO[bytes], kept: tuple[str, str, int, bytes] | None) -> str:
    files = members(raw)
    sums: dict[str, str] = {}
    texts = {name: _text(files[name], raw, sums) for name in MEMBERS if name != ENTRIES}
    notes = _notes(texts[CHECKPOINTS])
    wanted = {size for _, _, size, _ in notes} | ({kept[2]} if kept else set())
    found = _read_entries(files[ENTRIES].lines(raw), wanted, sums)
    _check_gone(found.gone)
    checked = _check_notes(notes, found)
    if kept:
        _check_kept(kept, found)
    _check_proofs(texts[PROOFS], notes)
    _check_extracts(texts, found.extracts)
    if texts[KEY] != f"{found.key}\n":
        raise Tampered(f"{KEY} is not the key that stands in the ledger.")
    _check_seal(texts[MANIFEST], sums, found)
    return _whole(found, notes, checked, kept)


def _whole(found: Found, notes: list[tuple[str, str, int, bytes]], checked: int, kept: object) -> str:
    how = "in plain Python" if PLAIN else "by the cryptography library"
    anchor = "and fits the checkpoint kept elsewhere" if kept else "but held against no checkpoint kept elsewhere"
    forgotten = found.gone.count(2)
    last = next((note for note in reversed(notes) if cosigners(note[0], note[1])), None)
    seen = "cosigned by nobody"
    if last:
        names = ", ".join(cosigners(last[0], last[1]))
        seen = f"cosigned by {names} up to entry {last[2] - 1} with keys that it names itself"
    forks = f", {found.forks} forks on record" if found.forks else ""
    return (
        f"Whole: {found.tree.size} entries ({forgotten} forgotten, each on record) under {len(notes)} checkpoints of "
        f"{found.key}{forks}, {seen}, {anchor}; the newest {checked} signatures and the seal checked {how}."
    )


def _text(member: Member, raw: IO[bytes], sums: dict[str, str]) -> str:
    body = member.read(raw)
    sums[member.name] = hashlib.sha256(body).hexdigest()
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Tampered(f"{member.name} is not text.") from None


def _notes(text: str) -> list[tuple[str, str, int, bytes]]:
    try:
        notes = [(note, *parse_checkpoint(note)) for note in json.loads(text)]
    except WRONG_SHAPE:
        raise Tampered(f"{CHECKPOINTS} is no list of checkpoints.") from None
    sizes = [size for _, _, size, _ in notes]
    if not notes or sizes != sorted(set(sizes)):
        raise Tampered(f"{CHECKPOINTS} is empty or out of order.")
    return notes


def _read_entries(lines: Iterator[bytes], wanted: set[int], sums: dict[str, str]) -> Found:
    found, whole = Found(), hashlib.sha256()
    for position, line in enumerate(lines):
        whole.update(line)
        try:
            _take(found, position, line)
        except WRONG_SHAPE:
            raise Tampered(f"entry {position} is not one that a ledger writes.") from None
        if found.tree.size in wanted:
            found.roots[found.tree.size] = found.tree.root()
    sums[ENTRIES] = whole.hexdigest()
    return found


def _take(found: Found, position: int, line: bytes) -> None:
    entry: dict[str, Any] = json.loads(line)
    leaf = bytes.fromhex(entry["hash"])
    if entry["position"] != position or len(leaf) != 32 or not line.endswith(b"}\n"):
        raise ValueError
    if len(entry) not in (2, 7):
        raise ValueError
    if len(entry) == 7:
        kind, payload = entry["kind"], _payload(entry)
        data = bytes.fromhex(entry["salt"]) + entry_bytes(kind, entry["at_ms"], entry["topic"], payload)
        if leaf_hash(data) != leaf:
            raise Tampered(f"entry {position} ({kind}) is not what was logged.")
        found.extracts.take(position, kind, entry["at_ms"], entry["topic"], payload)
        if (kind == KEY_KIND) != (position == 0):
            raise ValueError
        if kind == KEY_KIND:
            found.key = payload.decode()
        elif kind == WITNESS_KIND:
            found.witnesses.setdefault(payload.decode().split("+", 1)[0], []).append(payload.decode())
        elif kind == FORK_KIND:
            found.forks += 1
        elif kind == FORGOTTEN_KIND:
            for first, last in json.loads(payload):
                if not 0 <= first <= last < position:
                    raise ValueError
                found.gone[first : last + 1] = found.gone[first : last + 1].replace(b"\1", b"\2")
    found.gone.append(len(entry) == 2)
    found.tree.push(leaf)


def _payload(entry: dict[str, Any]) -> bytes:
    text = entry.get("text")
    return base64.b64decode(entry["base64"], validate=True) if text is None else text.encode()


def _check_gone(gone: bytearray) -> None:
    """1 stands for an entry without content, 2 for one that a later entry says was forgotten."""
    if (unsaid := gone.find(1)) >= 0:
        raise Tampered(f"entry {unsaid} has no content, and no later entry says that it was forgotten.")


def _check_notes(notes: list[tuple[str, str, int, bytes]], found: Found) -> int:
    """Every root, and the signatures, or the newest of them where there is only the plain check; how many."""
    before = 0
    for _, _, size, root in notes:
        if size > found.tree.size:
            raise Tampered(f"the ledger ends at entry {found.tree.size - 1}, but a checkpoint was signed for {size}.")
        if found.roots.get(size, b"") != root:
            raise Tampered(f"an entry from {before} to {size - 1} is not what was signed at {size} entries.")
        before = size
    if before != found.tree.size:
        raise Tampered(f"entry {before} and those after it stand under no checkpoint.")
    newest = notes[-PLAIN_SIGNATURES:] if PLAIN else notes
    for note, origin, size, _ in newest:
        _check_signature(note, origin, found, f"the checkpoint at {size} entries")
        for name in cosigners(note, origin):
            if not cosigned_by(note, found.witnesses.get(name, [])):
                raise Tampered(f"{name}'s cosignature at {size} entries is by no key that the ledger knows.")
    return len(newest)


def _check_signature(note: str, origin: str, found: Found, what: str) -> None:
    try:
        name, public = parse_key(found.key)
        good = name == origin and note_is_by(note, name, public)
    except WRONG_SHAPE:
        good = False
    if not good:
        raise Tampered(f"{what} is not signed by the ledger's key.")


def _check_kept(kept: tuple[str, str, int, bytes], found: Found) -> None:
    note, origin, size, root = kept
    if size > found.tree.size:
        raise Tampered(f"the checkpoint kept elsewhere saw {size} entries; the ledger has {found.tree.size}.")
    if size == 0 or found.roots[size] != root:
        raise Tampered(f"the first {size} entries are not those that the checkpoint kept elsewhere saw.")
    _check_signature(note, origin, found, "the checkpoint kept elsewhere")


def _check_proofs(text: str, notes: list[tuple[str, str, int, bytes]]) -> None:
    try:
        proofs = [[base64.b64decode(node, validate=True) for node in proof] for proof in json.loads(text)]
        pairs = list(zip(notes, notes[1:]))  # noqa: B905, RUF007  (older Pythons)
        good = len(proofs) == len(pairs) and all(
            consistent(old[2], new[2], old[3], new[3], proof)
            for (old, new), proof in zip(pairs, proofs)  # noqa: B905
        )
    except WRONG_SHAPE:
        good = False
    if not good:
        raise Tampered(f"{PROOFS} does not show that each checkpoint goes on from the one before.")


def _check_extracts(texts: dict[str, str], extracts: Extracts) -> None:
    for name, ours in extracts.files.items():
        if texts[name] == "".join(ours):
            continue
        theirs = texts[name].split("\n")
        number = next((at for at, line in enumerate(ours) if theirs[at : at + 1] != [line[:-1]]), len(ours))
        entry = f" (entry {json.loads(ours[number])['position']})" if number < len(ours) else ""
        raise Tampered(f"line {number + 1}{entry} of {name} is not what the entries say.")


def _check_seal(manifest: str, sums: dict[str, str], found: Found) -> None:
    said = seal_text({name: sums[name] for name in MEMBERS if name != MANIFEST})
    try:
        text, signatures = parse_note(manifest)
        name, _ = signatures[0]
    except WRONG_SHAPE:
        raise Tampered(f"{MANIFEST} is not a signed note.") from None
    if text != said:
        ours, theirs = said.splitlines(), text.splitlines()
        odd = next((line.split()[-1] for line, other in zip(ours, theirs) if line != other), MANIFEST)  # noqa: B905
        raise Tampered(f"{odd} is not the file that was sealed.")
    _check_signature(manifest, name, found, MANIFEST)
    if len(signatures) != 1:
        raise Tampered(f"{MANIFEST} has a signature too many.")


def seal_text(sums: dict[str, str]) -> str:
    """What the seal signs: SHA-256 and name of every other file."""
    return f"{SEAL}\n" + "".join(f"{digest}  {name}\n" for name, digest in sums.items())


def main(arguments: list[str] | None = None) -> int:
    """The command ``verify.py``."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Checks an export of an Attune ledger.")
    parser.add_argument("export", type=Path, metavar="EXPORT.zip", help="the export, as it was downloaded")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="a checkpoint that was kept elsewhere")
    options = parser.parse_args(arguments)
    verdict = verify_with(options.export, options.checkpoint)
    sys.stdout.write(verdict.sentence + "\n")
    return verdict.status


def verify_with(export: Path, checkpoint: Path | None) -> Verdict:
    """As `verify`, the checkpoint out of a file."""
    try:
        note = None if checkpoint is None else checkpoint.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return Verdict(2, f"Unreadable: {checkpoint} cannot be read as a checkpoint.")
    return verify(export, note)


if __name__ == "__main__":
    sys.exit(main())
