"""A hub in one file, and a hub from that file: whole, honest, and never a damaged one."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from contract.errors import AttuneError
from contract.export import export
from contract.verify import verify
from hub.__main__ import main
from hub.auth import Doors
from hub.authority import Authority
from hub.backup import back_up, look_over, restore
from hub.doctor import check
from hub.store import FILE, Store
from tests.hub.node import WALL_S, Node, message

NODE = Node()
NOW_S = float(WALL_S)


def take(data: Path, *seqs: int) -> list[str]:
    store = Store(data / FILE)
    with store.batch():
        kept = [store.add(message(event), event, late=False) for event in map(NODE.mood, seqs)]
        store.sign(NOW_S)
    store.close()
    return list(kept)


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    data = tmp_path / "old"
    data.mkdir()
    (data / "hub.toml").write_text('shop_name = "Corner"\n')
    take(data, 1, 2)
    Doors.open(data / "doors.db").close()
    Authority(data / "authority", "shop")
    return data


def test_a_hub_comes_back_with_everything_that_it_is(hub: Path, tmp_path: Path) -> None:
    out, new = tmp_path / "hub.backup", tmp_path / "new"
    assert main(["backup", str(out), "--data", str(hub)]) == 0
    assert out.stat().st_mode & 0o777 == 0o600
    assert main(["restore", str(out), "--data", str(new)]) == 0
    for name in ("hub.toml", "ledger.key", "authority/ca.key", "authority/ca.pem"):
        assert (new / name).read_bytes() == (hub / name).read_bytes()
    assert (new / "authority" / "ca.key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub.backup", "new", "old"]


def test_a_restored_ledger_says_so_and_is_whole(hub: Path, tmp_path: Path) -> None:
    out, new = tmp_path / "hub.backup", tmp_path / "new"
    made = back_up(hub, out, NOW_S + 60)
    restore(out, new, NOW_S + 3_600)
    with closing(sqlite3.connect(new / FILE)) as db:
        said = db.execute("SELECT payload FROM ledger_entries WHERE kind = 'restored'").fetchall()
    assert [json.loads(row[0]) for row in said] == [
        {"backup_s": NOW_S + 60, "entries": made.entries, "restored_s": NOW_S + 3_600}
    ]
    assert look_over(new) == made.entries + 1
    export(new, FILE, tmp_path / "ledger.zip")
    verdict = verify(tmp_path / "ledger.zip")
    assert verdict.status == 0, verdict.sentence


def test_the_check_says_what_span_is_missing(hub: Path, tmp_path: Path) -> None:
    out, new = tmp_path / "hub.backup", tmp_path / "new"
    back_up(hub, out, NOW_S)
    restore(out, new, NOW_S + 3_600)
    said = {finding.what: finding.says for finding in check(new)}["ledger"]
    assert "restored from a backup" in said
    assert "restored" not in {finding.what: finding.says for finding in check(hub)}["ledger"]


def test_what_a_node_sends_again_fills_the_gap_and_counts_once(hub: Path, tmp_path: Path) -> None:
    out, new = tmp_path / "hub.backup", tmp_path / "new"
    back_up(hub, out, NOW_S)
    take(hub, 3)
    restore(out, new, NOW_S + 60)
    assert take(new, 1, 2, 3, 4) == ["known", "known", "new", "new"]


def test_a_hub_that_writes_meanwhile_is_copied_whole(hub: Path, tmp_path: Path) -> None:
    store = Store(hub / FILE)
    with store.batch():
        event = NODE.mood(3)
        store.add(message(event), event, late=False)
    made = back_up(hub, tmp_path / "hub.backup", NOW_S)
    store.close()
    assert made.entries == look_over(hub)


def test_nothing_is_written_over(hub: Path, tmp_path: Path) -> None:
    out = tmp_path / "hub.backup"
    out.write_text("mine")
    with pytest.raises(AttuneError, match="there already"):
        back_up(hub, out, NOW_S)
    out.unlink()
    with pytest.raises(AttuneError, match="elsewhere"):
        back_up(hub, hub / "hub.backup", NOW_S)
    back_up(hub, out, NOW_S)
    with pytest.raises(AttuneError, match="not empty"):
        restore(out, hub, NOW_S)


def test_a_backup_with_a_changed_or_missing_byte_is_never_restored(hub: Path, tmp_path: Path) -> None:
    out, new, random = tmp_path / "hub.backup", tmp_path / "new", Random(7)
    files = back_up(hub, out, NOW_S).files
    body = out.read_bytes()
    for _ in range(8):
        out.write_bytes(body[: random.randrange(len(body) // 2)])
        with pytest.raises(AttuneError):
            restore(out, new, NOW_S)
    for name in files:  # one bit within each file
        inside = (hub / name).read_bytes()[:16] if not name.endswith(".db") else b"SQLite format 3\0"
        at = body.index(inside) + random.randrange(len(inside))
        out.write_bytes(body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :])
        with pytest.raises(AttuneError):
            restore(out, new, NOW_S)
    assert not new.exists()


def test_a_ledger_in_which_somebody_wrote_is_not_backed_up(hub: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(hub / FILE)) as db, db:
        db.execute("UPDATE ledger_entries SET payload = X'7b7d' WHERE kind = 'mood'")
    with pytest.raises(AttuneError, match="damaged at entry"):
        back_up(hub, tmp_path / "hub.backup", NOW_S)
    assert not (tmp_path / "hub.backup").exists()


@pytest.mark.parametrize("word", ["backup", "restore"])
def test_killed_before_the_end_there_is_nothing_instead_of_a_half(hub: Path, tmp_path: Path, word: str) -> None:
    out, new = tmp_path / "hub.backup", tmp_path / "new"
    if word == "restore":
        back_up(hub, out, NOW_S)
    data = hub if word == "backup" else new
    last = "os.link" if word == "backup" else "pathlib.Path.replace"
    program = (
        "import os, pathlib, signal\nfrom hub.__main__ import main\n"
        f"{last} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\nmain({[word, str(out), '--data', str(data)]!r})"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, env=os.environ).returncode == -signal.SIGKILL
    assert out.exists() == (word == "restore")
    assert not new.exists()
    assert main([word, str(out), "--data", str(data)]) == 0
