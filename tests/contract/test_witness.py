"""Ledgers that watch each other: what is cosigned, and which forks are caught and named."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.checkpoint import Signer, hub_origin, node_origin
from contract.ledger import Ledger, create_tables
from contract.ledger_events import Checkpoint, Cosignature
from contract.plain import FORK_KIND, cosigned_at, parse_checkpoint, parse_note
from contract.wire import HUB, encode
from contract.witness import DOUBT_S, NODES, OFFERS_AT_ONCE, TABLE, UNPROVEN_MAX, Seen, Witness, chosen, judge

NOW_S = 1_795_000_000.0
BOOT = "00c0ffee-000001"


@dataclass
class Party:
    """A ledger in memory with its key, as a party of the shop."""

    name: str
    folder: Path
    witness: Witness = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        db = sqlite3.connect(":memory:", isolation_level=None)
        create_tables(db)
        db.execute(TABLE)
        origin = hub_origin("shop") if self.name == HUB else node_origin("shop", self.name)
        signer = Signer.open(self.folder / f"{self.name}.key", origin)
        ledger = Ledger(db)
        ledger.begin(signer, NOW_S)
        self.witness = Witness(db, ledger, signer, "shop", self.name, BOOT)

    def grow(self, entries: int = 3) -> Checkpoint:
        """Some entries more, signed; the newest checkpoint."""
        for number in range(entries):
            self.witness.ledger.append("mood", f"{self.name} {number}".encode(), NOW_S)
        self.witness.ledger.checkpoint(self.witness.signer, NOW_S)
        offered = self.witness.offer()
        assert offered is not None
        return offered

    def hears(
        self, said: Checkpoint | Cosignature | None, *, stale: bool = False, at_s: float = NOW_S
    ) -> Checkpoint | Cosignature | None:
        return None if said is None else self.witness.takes(said, at_s, stale=stale)

    def forks(self) -> list[str]:
        rows = self.witness.db.execute("SELECT payload FROM ledger_entries WHERE kind = ?", (FORK_KIND,))
        return [bytes(row[0]).decode() for row in rows]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Party]:
    party = Party(HUB, tmp_path)
    yield party
    party.witness.db.close()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Party]:
    party = Party("door", tmp_path)
    yield party
    party.witness.db.close()


def word(said: Checkpoint | Cosignature | None) -> str:
    assert isinstance(said, Cosignature)
    return said.word


def newest_note(party: Party) -> str:
    return party.witness.ledger.checkpoints()[-1]


def test_a_checkpoint_that_goes_on_from_the_last_is_cosigned_and_kept_under_it(hub: Party, door: Party) -> None:
    for _ in range(3):
        answer = hub.hears(door.grow())
        assert word(answer) == "cosigned"
        door.hears(answer)
        at_s = cosigned_at(newest_note(door), hub.witness.signer.cosigner)
        assert at_s == NOW_S
    assert door.witness.witnesses() == {hub_origin("shop"): hub.witness.signer.cosigner}
    assert parse_checkpoint(newest_note(door))[1] > parse_checkpoint(door.witness.ledger.checkpoints()[0])[1]


def test_the_hubs_own_ledger_is_cosigned_by_its_nodes(hub: Party, door: Party) -> None:
    hub.hears(door.hears(hub.grow()))
    assert [name for name, _ in parse_note(newest_note(hub))[1]] == [hub_origin("shop"), node_origin("shop", "door")]


def test_a_witness_that_missed_some_asks_for_a_proof_and_then_cosigns(hub: Party, door: Party) -> None:
    hub.hears(door.grow())
    for _ in range(3):
        missed = door.grow()
    answer = hub.hears(missed)
    assert word(answer) == "behind"
    again = door.hears(answer)
    assert isinstance(again, Checkpoint)
    assert word(hub.hears(again)) == "cosigned"


def test_a_cosigned_checkpoint_is_offered_without_the_cosignatures(hub: Party, door: Party) -> None:
    first = door.grow()
    door.hears(hub.hears(first))
    assert door.witness.offer() == first


def test_what_is_said_of_oneself_is_not_answered(door: Party) -> None:
    assert door.hears(door.grow()) is None


@pytest.mark.parametrize("how", ["cut short", "another key", "a proof of something else"])
def test_what_does_not_fit_is_asked_about_and_is_a_fork_when_it_does_not_fit_again(
    hub: Party, door: Party, tmp_path: Path, how: str
) -> None:
    for _ in range(2):
        hub.hears(door.grow())
    before = door.witness.ledger.newest_checkpoint()
    assert before is not None
    anew = Party("door", tmp_path / "elsewhere" if how == "another key" else tmp_path)
    forked = anew.grow(1 if how == "cut short" else 20)
    if how == "a proof of something else":
        forked = forked.model_copy(update={"old": before.size})
    asked = hub.hears(forked)
    assert isinstance(asked, Cosignature)
    assert (asked.word, asked.size) == ("behind", before.size)
    assert word(hub.hears(forked, at_s=NOW_S + DOUBT_S - 1)) == "behind"
    answer = hub.hears(forked, at_s=NOW_S + DOUBT_S)
    assert word(answer) == "forked"
    (written,) = hub.forks()
    assert "attune-node/shop/door" in written
    assert before.note.split("\n")[2] in written  # the evidence: what it signed before, and now
    for _ in range(3):
        assert word(hub.hears(door.grow())) == "forked"
    assert len(hub.forks()) == 1
    door.hears(answer)
    assert len(door.forks()) == 1
    anew.witness.db.close()


def test_two_signed_trees_of_one_size_are_a_fork_at_once(hub: Party, door: Party, tmp_path: Path) -> None:
    said = door.grow(3)
    hub.hears(said)
    anew = Party("door", tmp_path)
    anew.witness.ledger.append("mood", b"something else", NOW_S)
    assert word(hub.hears(anew.grow(2))) == "forked"
    anew.witness.db.close()


@pytest.mark.parametrize("how", ["yesterday's note", "a spoilt proof", "a key of his own"])
def test_a_stranger_makes_no_honest_log_a_fork(hub: Party, door: Party, tmp_path: Path, how: str) -> None:
    """Whatever he says under its name, and however often: the log's own answer settles it."""
    old = door.grow()
    hub.hears(old)
    hub.hears(door.grow())
    size = parse_checkpoint(newest_note(door))[1]
    stranger = Party("door", tmp_path / "stranger")
    for number in range(50):
        now_s = NOW_S + 100.0 * number
        said = {
            "yesterday's note": old,
            "a spoilt proof": door.grow().model_copy(update={"old": size, "proof": ()}),
            "a key of his own": stranger.grow(),
        }[how]
        asked = hub.hears(said, at_s=now_s)
        assert word(asked) == "behind"
        answer = hub.hears(door.hears(asked, at_s=now_s), at_s=now_s)
        assert word(answer) == "cosigned"
        size = parse_checkpoint(newest_note(door))[1]
    assert hub.forks() == []
    stranger.witness.db.close()


def test_a_log_that_never_shows_a_proof_is_a_fork_after_a_day_of_asking(
    hub: Party, door: Party, tmp_path: Path
) -> None:
    hub.hears(door.grow())
    anew = Party("door", tmp_path)
    anew.witness.ledger.append("mood", b"something else", NOW_S)
    words = [word(hub.hears(anew.grow().model_copy(update={"old": 0, "proof": ()}))) for _ in range(UNPROVEN_MAX + 2)]
    assert words == ["behind"] * (UNPROVEN_MAX - 1) + ["forked"] * 3
    anew.witness.db.close()


def test_what_a_broker_kept_from_before_is_held_against_nobody(hub: Party, door: Party) -> None:
    first = door.grow()
    hub.hears(first)
    door.grow()
    missed = door.grow()
    for number in range(3 * UNPROVEN_MAX):
        for said in (missed, first):
            answer = hub.hears(said, stale=True, at_s=NOW_S + 100.0 * number)
            assert answer is None or word(answer) == "behind"
    assert hub.forks() == []
    assert word(hub.hears(door.witness.offer(parse_checkpoint(first.note)[1]))) == "cosigned"


def test_a_cosignature_that_was_lost_is_given_again(hub: Party, door: Party) -> None:
    said = door.grow()
    hub.hears(said)
    again = hub.hears(said)
    assert word(again) == "cosigned"
    door.hears(again)
    assert door.witness.witnesses()


def test_however_many_ask_the_log_makes_few_offers(door: Party) -> None:
    sizes = [parse_checkpoint(door.grow().note)[1] for _ in range(20)]
    answers = [
        door.hears(
            Cosignature(node=f"n{number}", boot=BOOT, log="door", word="behind", size=size, key=None, line=None),
            at_s=NOW_S + number / 100,
        )
        for number in range(20)
        for size in sizes
    ]
    assert len([answer for answer in answers if answer]) == OFFERS_AT_ONCE


def test_honest_nodes_that_are_switched_off_at_night_are_never_called_forks(tmp_path: Path) -> None:
    """A week of a shop: each morning every node hears what the broker kept, and knows no names yet."""
    names = [HUB, *(f"node-{number}" for number in range(6))]
    parties = {name: Party(name, tmp_path) for name in names}
    kept: dict[str, Checkpoint] = {}
    for day in range(9):
        now_s = NOW_S + 86_400.0 * day
        waiting: list[Checkpoint | Cosignature] = []
        for number in range(len(names)):
            name = names[(number + day) % len(names)]
            party = parties[name]
            party.witness._names.clear()
            party.witness._offered_s.clear()
            for said in kept.values():
                answer = party.hears(said, stale=True, at_s=now_s)
                waiting += [answer] if answer else []
        for hour in range(10):
            for name in names:
                kept[name] = parties[name].grow()
                waiting.append(kept[name])
            while waiting:
                said = waiting.pop(0)
                for party in parties.values():
                    with contextlib.suppress(ValueError):
                        answer = party.hears(said, at_s=now_s + 3600.0 * hour)
                        waiting += [answer] if answer else []
    assert [party.forks() for party in parties.values()] == [[]] * len(names)
    for party in parties.values():
        cosigners = {name for name, _ in parse_note(newest_note(party))[1]}
        assert party.name == HUB or hub_origin("shop") in cosigners
        party.witness.db.close()


def test_a_person_may_accept_a_ledger_that_was_begun_anew(hub: Party, door: Party, tmp_path: Path) -> None:
    assert not hub.witness.accept("door", NOW_S)
    hub.hears(door.grow())
    hub.hears(door.hears(hub.grow()))
    anew = Party("door", tmp_path / "new card")
    said = anew.grow()
    hub.hears(said)
    assert word(hub.hears(said, at_s=NOW_S + DOUBT_S)) == "forked"
    with pytest.raises(ValueError, match="another key"):
        hub.hears(anew.hears(hub.grow()))
    assert hub.witness.accept("door", NOW_S)
    assert word(hub.hears(anew.grow())) == "cosigned"
    hub.hears(anew.hears(hub.grow()))
    assert hub.witness.witnesses() == {node_origin("shop", "door"): anew.witness.signer.cosigner}
    assert len(hub.forks()) == 1  # it stays on record
    anew.witness.db.close()


def test_a_checkpoint_that_somebody_else_made_says_nothing_of_the_log(hub: Party, door: Party, tmp_path: Path) -> None:
    hub.hears(door.grow())
    till = Party("till", tmp_path)
    with pytest.raises(ValueError, match="not signed by attune-node/shop/door"):
        hub.hears(till.grow().model_copy(update={"node": "door"}))
    assert hub.forks() == []
    till.witness.db.close()


def test_a_cosignature_of_what_was_never_signed_or_by_another_key_is_refused(
    hub: Party, door: Party, tmp_path: Path
) -> None:
    answer = hub.hears(door.grow())
    assert isinstance(answer, Cosignature)
    with pytest.raises(ValueError, match="never signed"):
        door.hears(answer.model_copy(update={"size": 1}))
    with pytest.raises(ValueError, match="is none"):
        door.hears(answer.model_copy(update={"line": answer.line[:-8] + "AAAAAAA=" if answer.line else None}))
    door.hears(answer)
    other = Party(HUB, tmp_path / "other")
    with pytest.raises(ValueError, match="another key"):
        door.hears(other.hears(door.grow()))
    assert "other" not in newest_note(door)
    other.witness.db.close()


def test_no_more_than_three_nodes_and_the_hub_stand_under_a_checkpoint(tmp_path: Path) -> None:
    door = Party("door", tmp_path)
    others = [Party(name, tmp_path) for name in (HUB, "a", "b", "c", "d")]
    said = door.grow()
    for other in others:
        other.witness._names.clear()
        answer = other.hears(said)
        door.witness._names |= {"a", "b", "c", "d"}
        door.hears(answer)
    names = {name for name, _ in parse_note(newest_note(door))[1]}
    those = {node_origin("shop", name) for name in "abcd" if chosen(name, "door", set("abcd") | {"door"})}
    assert names == {hub_origin("shop"), node_origin("shop", "door"), *those}
    assert len(those) == NODES


def test_the_witnesses_of_a_log_are_the_hub_and_three_nodes_whoever_asks() -> None:
    names = {f"node-{number}" for number in range(50)}
    for log in names:
        assert chosen(HUB, log, names)
        those = {name for name in names if chosen(name, log, names)}
        assert len(those) == NODES
        assert log not in those
    counts = [sum(chosen(name, log, names) for log in names) for name in names]
    assert max(counts) < 12  # nobody does it all


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=12))
def test_an_honest_log_is_never_called_a_fork_however_much_is_missed(
    tmp_path: Path, steps: list[tuple[int, bool]]
) -> None:
    hub, door = Party(HUB, tmp_path), Party("door", tmp_path)
    for hour, (entries, heard) in enumerate(steps):
        said, at_s = door.grow(entries), NOW_S + 3_600 * hour
        if heard:
            answer = hub.hears(said, at_s=at_s)
            if isinstance(answer, Cosignature) and answer.word == "behind":
                answer = hub.hears(door.hears(answer, at_s=at_s), at_s=at_s)
            assert word(answer) == "cosigned"
            encode(said)
            encode(answer)  # type: ignore[arg-type]
    assert hub.forks() == []
    hub.witness.db.close()
    door.witness.db.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 20), st.integers(0, 19), st.integers(1, 20))
def test_two_ledgers_under_one_key_are_never_both_cosigned_whole(
    tmp_path: Path, first: int, common: int, more: int
) -> None:
    """However long the two are: once one is cosigned, no longer or shorter other one of its key is."""
    hub, door = Party(HUB, tmp_path), Party("door", tmp_path)
    said = door.grow(first)
    assert word(hub.hears(said)) == "cosigned"
    other = Party("door", tmp_path)
    other.witness.ledger.append("mood", b"something else", NOW_S)
    forked = other.grow(common + more)
    for old in {forked.old, said.old, parse_checkpoint(said.note)[1]}:
        again = other.witness.offer(old) if 0 < old <= parse_checkpoint(forked.note)[1] else forked
        answer = hub.hears(again)
        assert answer is None or word(answer) != "cosigned"
    hub.witness.db.close()
    door.witness.db.close()
    other.witness.db.close()


def test_judging_changes_nothing_and_says_why(door: Party) -> None:
    said = door.grow()
    seen = Seen(said.key, said.note)
    origin = node_origin("shop", "door")
    assert judge(seen, origin, said, NOW_S, stale=False) == ("cosigned", "")
    assert judge(seen, origin, said, NOW_S, stale=True) == ("nothing", "")
    assert judge(replace(seen, fork="it did"), origin, said, NOW_S, stale=False) == ("forked", "it did")
