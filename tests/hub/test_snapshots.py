"""Hourly copies of the database: whole, by turns, only what changed, and gone with everything else."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from contract.errors import DamagedError, StoreError
from hub import snapshots
from hub.__main__ import main
from hub.backup import back_up, restore
from hub.snapshots import BLOCK, DAMAGED, FOLDER, NAMES, Hourly, check, forget, take, whole
from hub.store import FILE, Store
from tests.hub.node import WALL_S, Node, message

NODE = Node()
NOW_S = float(WALL_S)


def add(store: Store, *seqs: int) -> None:
    with store.batch():
        for seq in seqs:
            event = NODE.mood(seq)
            store.add(message(event), event, late=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "hub"
    folder.mkdir()
    store = Store(folder / FILE)
    add(store, *range(1, 200))
    store.close()
    return folder


def rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
        return db.execute("SELECT * FROM events ORDER BY id").fetchall()


def test_a_copy_is_the_database_and_is_taken_while_the_hub_writes(data: Path) -> None:
    store = Store(data / FILE)
    add(store, 200)
    made = take(data, NOW_S)
    add(store, 201)
    copy = data / FOLDER / made.name
    assert len(rows(copy)) == 200
    assert check(copy) == made.entries
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(data / FILE)) as db:
        assert db.execute("SELECT count(*) FROM events").fetchone() == (201,)
    store.close()


def test_the_two_are_written_in_turn_and_only_what_changed_is_written(data: Path) -> None:
    first, second = take(data, NOW_S), take(data, NOW_S + 1)
    assert {first.name, second.name} == set(NAMES)
    store = Store(data / FILE)
    add(store, 300)
    store.close()
    third = take(data, NOW_S + 2)
    assert third.name == first.name
    assert 0 < third.written_bytes < first.written_bytes / 2
    assert [one.at_s for one, _ in whole(data)] == [NOW_S + 2, NOW_S + 1]


def test_a_copy_that_was_cut_short_is_none_and_the_other_stays(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = take(data, NOW_S)
    monkeypatch.setattr(snapshots, "check", lambda path: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        take(data, NOW_S + 1)
    assert [one for one, _ in whole(data)] == [kept]


def test_a_damaged_database_replaces_no_whole_copy(data: Path) -> None:
    kept = take(data, NOW_S)
    spoil(data / FILE)
    with pytest.raises(DamagedError, match="start the hub again"):
        take(data, NOW_S + 1)
    assert [one for one, _ in whole(data)] == [kept]
    assert main(["snapshot", "--data", str(data)]) == DAMAGED


def spoil(path: Path, seed: int = 1) -> None:
    """Overwrites pages in the middle."""
    chance, size = Random(seed), path.stat().st_size
    with path.open("r+b") as file:
        for _ in range(12):
            file.seek(chance.randrange(size // 4, size - BLOCK))
            file.write(chance.randbytes(BLOCK // 2))


def test_copies_are_no_part_of_a_backup_and_go_with_everything(data: Path, tmp_path: Path) -> None:
    take(data, NOW_S)
    made = back_up(data, tmp_path / "hub.backup", NOW_S)
    assert not any(name.startswith(FOLDER) for name in made.files)
    restore(tmp_path / "hub.backup", tmp_path / "new", NOW_S)
    assert main(["delete-everything", "--yes", "--data", str(data)]) == 0
    assert whole(data) == []
    assert not any((data / FOLDER / name).exists() for name in NAMES)
    forget(tmp_path / "new")


def test_without_room_no_copy_is_begun(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "ROOM_BYTES", 2**60)
    with pytest.raises(StoreError, match="MB are free"):
        take(data, NOW_S)
    assert whole(data) == []
    with pytest.raises(StoreError, match="no hub's database"):
        take(data.parent, NOW_S)


def test_the_hub_has_them_taken_by_the_hour_and_hears_of_damage(data: Path) -> None:
    hurt = threading.Event()
    hourly = Hourly(data, hurt.set, first_s=0.0, every_s=0.2)
    hourly.start()
    try:
        assert wait(lambda: bool(whole(data)))
        assert hourly.trouble() is None
        spoil(data / FILE)
        assert hurt.wait(30)
        assert "is damaged" in (hourly.trouble() or "")
    finally:
        hourly.stop()


def wait(true: object) -> bool:
    pause = threading.Event()
    for _ in range(300):
        if true():  # type: ignore[operator]
            return True
        pause.wait(0.1)
    return False


def test_the_process_that_copies_says_what_it_did(data: Path) -> None:
    ran = subprocess.run((sys.executable, "-m", "hub.snapshots", data), capture_output=True, text=True, check=True)
    assert "is whole" in ran.stdout
