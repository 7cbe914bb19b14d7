"""Hub and nodes as processes watch each other's ledgers over a real broker, and catch one that was set back."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from contract.export import export
from contract.plain import parse_note
from contract.verify import verify
from edge.courier.outbox import NAME
from hub.reads import StoreReads
from hub.store import FILE
from tests.brokers import mosquitto
from tests.edge.test_courier import courier_at
from tests.hub.test_serve import serving

PATIENCE_S = 60.0


def awaits(true: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until_s, f"{what} within {PATIENCE_S:.0f} s"
        time.sleep(0.1)


def signers(database: Path) -> set[str]:
    """Who stands under the checkpoints of a ledger."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        notes = [row[0] for row in db.execute("SELECT note FROM ledger_checkpoints")]
    return {name for note in notes for name, _ in parse_note(note)[1]}


def test_ledgers_are_cosigned_and_one_that_was_set_back_is_named(tmp_path: Path) -> None:
    for name in ("n1", "n2", "aside"):
        (tmp_path / name).mkdir()
    one, two, hub = tmp_path / "n1" / "outbox" / NAME, tmp_path / "n2" / "outbox" / NAME, tmp_path / "hub" / FILE
    with (
        mosquitto(tmp_path) as broker,
        serving(hub.parent, "--broker", broker.url) as _,
        courier_at(tmp_path / "n1", broker.url, "n1") as first,
        courier_at(tmp_path / "n2", broker.url, "n2") as second,
    ):
        first.start()
        second.start()
        everyone = {"attune-hub/shop", "attune-node/shop/n1", "attune-node/shop/n2"}
        for ledger in (one, two, hub):
            awaits(lambda ledger=ledger: signers(ledger) == everyone, f"cosignatures under {ledger}")  # type: ignore[misc]

        export(one.parent, NAME, tmp_path / "n1.zip")
        verdict = verify(tmp_path / "n1.zip")
        assert verdict.status == 0
        assert "cosigned by attune-" in verdict.sentence

        first.end(signal.SIGKILL)
        for part in one.parent.iterdir():
            shutil.copy(part, tmp_path / "aside")
        first.start()
        assert first.end(signal.SIGTERM) == 0  # its goodbye is signed
        first.start()
        reads = StoreReads(hub)
        awaits(lambda: any(line.node == "n1" and line.size > 8 for line in reads.ledgers()), "the longer ledger")
        first.end(signal.SIGKILL)
        for part in one.parent.iterdir():
            part.unlink()
        shutil.copytree(tmp_path / "aside", one.parent, dirs_exist_ok=True)

        def started_again_until_it_is_named() -> bool:
            first.start()
            time.sleep(4.0)  # what does not fit is doubted for ten seconds, and then named
            first.end(signal.SIGKILL)
            return any(line.fork for line in reads.ledgers())

        awaits(started_again_until_it_is_named, "a fork")
        (said,) = (line.fork for line in reads.ledgers() if line.fork)
        assert said.startswith("attune-node/shop/n1 signed ")
        with closing(sqlite3.connect(f"file:{one}?mode=ro", uri=True)) as db:
            own = [json.loads(row[0]) for row in db.execute("SELECT payload FROM ledger_entries WHERE kind = 'fork'")]
        assert {entry["by"] for entry in own} >= {"hub"}  # it was told, and wrote it down too
        assert {line.node for line in reads.ledgers() if line.fork} == {"n1"}
        reads.close()
