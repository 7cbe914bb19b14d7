"""The courier's part in a self-test: it asks for one, and takes the result into the ledger and to the hub.

Rules:
- It asks by connecting to a local socket and says nothing there: whoever commands the courier chooses no argument.
- A result waits in the outbox's folder, which only the courier's user and root may write. It stays there until it is in
  the ledger and on its way; one that is none is put aside with a sentence.

Left out: the test itself (`edge.prove`), which needs rights that a courier does not have.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Final

from contract.events import SelfTest
from contract.plain import parse_note

HELPER: Final = "prove.sock"
NOTE: Final = "self-test.note"
_PATIENCE_S: Final = 1.0


def ask(meeting: socket.socket) -> None:
    """Asks the helper, which listens beside the socket where eye and courier meet."""
    path = Path(meeting.getsockname()).with_name(HELPER)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as helper:
        helper.settimeout(_PATIENCE_S)
        try:
            helper.connect(str(path))
        except OSError:
            _log(f"The hub asks for a self-test, and nobody listens at {path}: start attune-edge prover.")


def waiting(folder: Path, node: str, boot: str) -> SelfTest | None:
    """The result that waits, as an event of this node."""
    path = folder / NOTE
    try:
        note = path.read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        text, _ = parse_note(note)
        said = json.loads(text)
        return SelfTest(
            node=node,
            boot=boot,
            t_wall=said["at_s"],
            result=said["result"],
            windows=sum(said["windows"].values()),
            hits=said["hits"],
            searched_mb=said["searched_mb"],
            note=note,
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        _log(f"The self-test's result {path} is none: it is put aside.")
        path.replace(path.with_suffix(".refused"))
        return None


def taken(folder: Path) -> None:
    """The result has left: it waits no longer."""
    (folder / NOTE).unlink(missing_ok=True)


def _log(sentence: str) -> None:
    sys.stderr.write(f"attune-edge courier: {sentence}\n")
