"""The outbox: on disk before it is sent, there until the hub has it, whatever dies."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import LedgerError, StoreError
from contract.events import Kind
from contract.export import export
from contract.verify import verify
from edge.courier.outbox import NAME, Damaged, Outbox

WRITER = """
import sys
import time
from pathlib import Path
from edge.courier.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), 100_000, "shop", "front")
while True:
    seq = outbox.append("hour", lambda seq: f"{outbox.boot}/{seq}".encode())
    print(outbox.boot, seq, flush=True)
"""


def opened(folder: Path, events_max: int) -> Outbox:
    return Outbox(folder, events_max, "shop", "front")


def fill(outbox: Outbox, *kinds: Kind) -> None:
    for kind in kinds:
        outbox.append(kind, lambda seq: f"{seq}".encode())


def hours(count: int) -> list[Kind]:
    return ["hour"] * count


def kept(outbox: Outbox) -> list[tuple[str, int]]:
    return [(one.kind, one.seq) for one in outbox.after(0, 1000)]


def test_what_was_appended_is_there_after_a_restart_under_its_own_boot(tmp_path: Path) -> None:
    first = opened(tmp_path, 100)
    fill(first, "mood", "assist")
    first.close()
    second = opened(tmp_path, 100)
    assert [(one.boot, one.seq, one.payload) for one in second.after(0, 10)] == [
        (first.boot, 1, b"1"),
        (first.boot, 2, b"2"),
    ]
    assert second.boot == f"{first.boot[:8]}-000002"
    assert len(second) == 2


def test_only_what_the_hub_has_stored_goes(tmp_path: Path) -> None:
    outbox = opened(tmp_path, 100)
    fill(outbox, *hours(6))
    outbox.stored(outbox.boot, 2, 4)
    outbox.stored("00000000-000009", 1, 6)
    assert [seq for _, seq in kept(outbox)] == [1, 5, 6]
    assert len(outbox) == 3


def test_a_full_outbox_gives_up_the_oldest_mood_first_and_counts_it(tmp_path: Path) -> None:
    outbox = opened(tmp_path, 4)
    fill(outbox, "hour", "mood", "assist", "mood", "hour")
    assert kept(outbox) == [("hour", 1), ("assist", 3), ("mood", 4), ("hour", 5)]
    fill(outbox, "hour", "hour", "hour")
    assert kept(outbox) == [("hour", 5), ("hour", 6), ("hour", 7), ("hour", 8)]
    assert outbox.dropped == 4
    outbox.close()
    assert opened(tmp_path, 4).dropped == 4


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["mood", "hour", "assist"]), max_size=40), st.integers(1, 10))
def test_it_never_holds_more_than_it_may_and_loses_nothing_uncounted(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[Kind], most: int
) -> None:
    outbox = opened(tmp_path_factory.mktemp("outbox"), most)
    fill(outbox, *kinds)
    assert len(outbox) == len(kept(outbox)) <= most
    assert len(outbox) + outbox.dropped == len(kinds)
    assert [seq for _, seq in kept(outbox)] == sorted(seq for _, seq in kept(outbox))


@pytest.mark.parametrize("lines", [1, 7, 40])
def test_no_event_that_was_reported_is_lost_to_kill_9(tmp_path: Path, lines: int) -> None:
    with subprocess.Popen((sys.executable, "-c", WRITER, str(tmp_path)), stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline().split() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        said += [line.split() for line in writer.stdout.read().splitlines() if len(line.split()) == 2]
    there = {(one.boot, one.seq): one.payload for one in opened(tmp_path, 100_000).after(0, 100_000)}
    assert all(there[boot, int(seq)] == f"{boot}/{seq}".encode() for boot, seq in said)
    assert len(there) - len(said) in (0, 1)  # one may have been stored and not yet reported


def test_a_damaged_file_is_put_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    before = opened(tmp_path, 10)
    fill(before, "hour")
    before.close()
    (tmp_path / NAME).write_bytes(b"this is no database" * 400)
    for part in tmp_path.glob("*-*"):
        part.unlink()
    outbox = opened(tmp_path, 10)
    assert outbox.put_aside is not None
    assert outbox.put_aside.read_bytes().startswith(b"this is no database")
    fill(outbox, "hour")
    assert len(outbox) == 1


def test_what_can_still_be_read_of_a_damaged_file_is_taken_over_under_its_own_boot(tmp_path: Path) -> None:
    before = opened(tmp_path, 1000)
    fill(before, *hours(300))
    before.memo("paused", "pause")
    before.close()
    content = bytearray((tmp_path / NAME).read_bytes())
    start = content.rindex(b"hour150") // 1024 * 1024  # the page of the table that holds this event
    content[start : start + 1024] = b"\xff" * 1024
    (tmp_path / NAME).write_bytes(content)
    outbox = opened(tmp_path, 1000)
    assert outbox.put_aside is not None
    assert outbox.recall("paused") == "pause"
    assert outbox.boot[:8] != before.boot[:8]
    there = outbox.after(0, 1000)
    assert [one.seq for one in there] == sorted(one.seq for one in there)
    assert {1, 300} < {one.seq for one in there}
    assert len(there) > 100
    assert all((one.boot, one.payload) == (before.boot, f"{one.seq}".encode()) for one in there)
    assert len(outbox) == len(there)


def test_a_file_that_breaks_in_use_ends_the_courier_and_is_put_aside_at_its_next_start(tmp_path: Path) -> None:
    outbox = opened(tmp_path, 10)
    fill(outbox, "hour")
    outbox._db.execute("DROP TABLE events")
    outbox._db.execute("CREATE TABLE events (id INTEGER, boot TEXT, seq INTEGER, kind TEXT, payload INTEGER) STRICT")
    with pytest.raises(Damaged, match="next start puts it aside"):
        fill(outbox, "hour")
    outbox.close()
    again = opened(tmp_path, 10)
    assert again.put_aside is not None
    fill(again, "hour")
    again.close()
    assert opened(tmp_path, 10).put_aside is None


def test_a_folder_that_cannot_be_one_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"set outbox\.folder"):
        opened(tmp_path / "file", 10)


def test_a_disk_that_refuses_keeps_what_is_there_and_uses_up_no_seq(tmp_path: Path) -> None:
    outbox = opened(tmp_path, 10_000)
    fill(outbox, "hour")
    pages = outbox._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="make room"):
        outbox.append("hour", lambda seq: b"x" * 100_000)
    assert kept(outbox) == [("hour", 1)]
    outbox._db.execute("PRAGMA max_page_count = 100000")
    assert outbox.append("hour", lambda seq: b"x") == 2


def test_the_file_is_synced_at_every_commit(tmp_path: Path) -> None:
    outbox = opened(tmp_path, 10)
    assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert isinstance(outbox._db, sqlite3.Connection)
    assert outbox._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def logged(outbox: Outbox) -> list[tuple[str, bytes]]:
    rows = outbox._db.execute("SELECT kind, payload FROM ledger_entries WHERE kind <> 'key' ORDER BY position")
    return [(kind, bytes(payload)) for kind, payload in rows]


def test_whatever_is_kept_or_said_is_in_the_ledger_byte_for_byte(tmp_path: Path) -> None:
    outbox = opened(tmp_path, 1)
    fill(outbox, "mood", "hour")
    outbox.stored(outbox.boot, 1, 2)
    outbox.log("status", b"online")
    assert (kept(outbox), outbox.dropped) == ([], 1)
    assert logged(outbox) == [("mood", b"1"), ("hour", b"2"), ("status", b"online")]


def test_what_the_disk_refuses_is_in_neither_outbox_nor_ledger(tmp_path: Path) -> None:
    outbox = opened(tmp_path, 10)
    pages = outbox._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="make room"):
        outbox.append("hour", lambda seq: b"x" * 100_000)
    with pytest.raises(StoreError, match="make room"):
        outbox.log("health", b"x" * 100_000)
    assert (kept(outbox), logged(outbox)) == ([], [])


def test_the_nodes_export_is_whole_and_fits_what_it_signed(tmp_path: Path) -> None:
    outbox = opened(tmp_path, 10)
    fill(outbox, "mood")
    note = outbox.sign()
    fill(outbox, "hour")
    assert outbox.sign() == note
    assert outbox.sign(now=True) != note
    fill(outbox, "mood")
    export(tmp_path, NAME, tmp_path / "out.zip")
    assert verify(tmp_path / "out.zip", note).status == 0


def test_another_nodes_key_is_refused_in_one_sentence(tmp_path: Path) -> None:
    opened(tmp_path, 10).close()
    with pytest.raises(LedgerError, match="signs for attune-node/shop/front, not attune-node/shop/back"):
        Outbox(tmp_path, 10, "shop", "back")


def test_live_needs_are_forgotten_after_a_day_and_the_rest_after_thirteen_months_and_the_ledger_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now_s=1_800_000_000)
    clock.time = lambda: clock.now_s
    monkeypatch.setattr("edge.courier.outbox.time", clock)
    box = Outbox(tmp_path, 100, "shop", "front")

    def say(kind: Kind) -> None:
        box.append(kind, lambda seq: b'{"zone":0,"t_wall":%d}' % clock.now_s)

    for kind in ("assist", "mood", "hour"):
        say(kind)
    box.log("status", b"{}")
    clock.now_s += 90_000
    say("assist")
    box.sign(now=True)
    assert [kept.kind for kept in box.after(0, 9)] == ["mood", "hour", "assist"]
    assert (len(box), box.dropped) == (3, 1)
    kinds = "SELECT kind FROM ledger_entries WHERE kind NOT IN ('key', 'forgotten') ORDER BY position"
    assert [kind for (kind,) in box._db.execute(kinds)] == ["mood", "hour", "status", "assist"]
    clock.now_s += 396 * 86_400
    box.sign(now=True)
    assert box._db.execute(kinds).fetchall() == []
    box.close()
    export(tmp_path, NAME, tmp_path / "out.zip")
    verdict = verify(tmp_path / "out.zip")
    assert (verdict.status, "5 forgotten, each on record" in verdict.sentence) == (0, True)
