from __future__ import annotations

import base64
import hashlib
import sqlite3
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import merkle, plain
from contract.checkpoint import KEY_FILE, Signer, hub_origin, node_origin
from contract.errors import LedgerError
from contract.ledger import FORGET_MAX, Entry, Forgotten, Ledger, create_tables
from contract.plain import (
    Frontier,
    consistent,
    cosigned_at,
    entry_bytes,
    leaf_hash,
    node_hash,
    note_is_by,
    parse_checkpoint,
    parse_key,
)
from tests.contract.logs import DATABASE, TOPIC, Log

LEAVES = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"]
ROOTS = {  # of the first leaves above; the well-known vectors of Certificate Transparency
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def slow_root(leaves: list[bytes]) -> bytes:
    """The definition, word for word. Source: RFC 6962, 2.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(slow_root(leaves[:half]), slow_root(leaves[half:]))


def reader(leaves: list[bytes]) -> merkle.Read:
    return lambda level, number: slow_root(leaves[number << level : (number + 1) << level])


@pytest.mark.parametrize("size", ROOTS)
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.push(leaf_hash(leaf))
    assert frontier.root().hex() == ROOTS[size]
    assert merkle.root(reader([leaf_hash(leaf) for leaf in LEAVES]), size).hex() == ROOTS[size]


@given(st.data())
def test_proofs_show_what_is_so_and_nothing_else(data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(data.draw(st.integers(1, 70)))]
    new = data.draw(st.integers(1, len(leaves)))
    old = data.draw(st.integers(1, new))
    position = data.draw(st.integers(0, new - 1))
    read = reader(leaves)
    old_root, new_root = slow_root(leaves[:old]), slow_root(leaves[:new])
    proof = merkle.consistency_proof(read, old, new)
    way = merkle.inclusion_proof(read, position, new)
    assert consistent(old, new, old_root, new_root, proof)
    assert merkle.included(leaves[position], position, new, new_root, way)
    wrong = leaf_hash(b"wrong")
    assert not consistent(old, new, wrong, new_root, proof)
    assert not consistent(old, new, old_root, wrong, proof)
    assert not consistent(old, new, old_root, new_root, [*proof, wrong])
    assert not merkle.included(wrong, position, new, new_root, way)
    assert not merkle.included(leaves[position], position, new, new_root, [*way, wrong])
    assert not merkle.included(leaves[position], new, new, new_root, way)
    for number in range(len(proof)):
        assert not consistent(old, new, old_root, new_root, proof[:number] + proof[number + 1 :])
    for number in range(len(way)):
        assert not merkle.included(leaves[position], position, new, new_root, way[:number] + way[number + 1 :])


def test_a_proof_of_what_cannot_be_is_refused() -> None:
    read = reader([leaf_hash(b"")])
    with pytest.raises(ValueError, match="no leaf 1"):
        merkle.inclusion_proof(read, 1, 1)
    for old in (0, 2):
        with pytest.raises(ValueError, match="cannot be held against"):
            merkle.consistency_proof(read, old, 1)


def test_a_ledger_keeps_what_it_was_given_under_the_root_of_all_of_it(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(37)
    entries = list(log.ledger.entries())
    leaves = [entry.hash for entry in entries]
    for entry in entries:
        assert isinstance(entry, Entry)
        assert entry.hash == leaf_hash(entry.salt + entry_bytes(entry.kind, entry.at_ms, entry.topic, entry.payload))
    assert [log.ledger.root(size) for size in range(39)] == [slow_root(leaves[:size]) for size in range(39)]
    assert merkle.included(leaves[5], 5, 30, log.ledger.root(30), log.ledger.inclusion(5, 30))
    assert consistent(9, 38, log.ledger.root(9), log.ledger.root(), log.ledger.consistency(9, 38))


def test_equal_entries_have_unlike_hashes(tmp_path: Path) -> None:
    log = Log(tmp_path)
    with log.writing():
        for _ in range(50):
            log.ledger.append("mood", b"same", 1.0, TOPIC)
    assert len({entry.hash for entry in log.ledger.entries()}) == 51


@given(*[st.tuples(st.text(), st.integers(0, 2**50), st.text(), st.binary())] * 2)
def test_no_two_entries_have_the_same_bytes(
    one: tuple[str, int, str, bytes], other: tuple[str, int, str, bytes]
) -> None:
    assert (entry_bytes(*one) == entry_bytes(*other)) == (one == other)


def test_what_is_rolled_back_never_was(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(5)
    before = log.ledger.root()
    log.db.execute("BEGIN")
    log.ledger.append("mood", b"x", 1.0)
    log.db.execute("ROLLBACK")
    assert (len(log.ledger), log.ledger.root()) == (6, before)
    log.write(4)
    assert log.ledger.root() == slow_root([entry.hash for entry in log.ledger.entries()])


def test_forgetting_leaves_the_hash_and_says_so(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(10)
    log.write(3, "health")
    log.write(4)
    root = log.ledger.root()
    with log.writing():
        gone = log.ledger.forget(["mood", "key", "forgotten"], log.now_s - 2, log.now_s)
    entries = list(log.ledger.entries())
    assert gone == 11
    forgotten = [entry.position for entry in entries if isinstance(entry, Forgotten)]
    assert forgotten == [*range(1, 11), 14]
    assert isinstance(entries[-1], Entry)
    assert (entries[-1].kind, entries[-1].payload) == ("forgotten", b"[[1,10],[14,14]]")
    assert log.ledger.root(18) == root
    with log.writing():
        assert log.ledger.forget(["mood"], log.now_s - 2, log.now_s) == 0
    assert len(log.ledger) == 19


def test_what_is_forgotten_is_gone_from_the_disk(tmp_path: Path) -> None:
    log = Log(tmp_path)
    with log.writing():
        log.ledger.append("mood", b"a secret of some length", log.now_s)
    entry = list(log.ledger.entries())[1]
    assert isinstance(entry, Entry)
    database = tmp_path / DATABASE
    assert all(part in database.read_bytes() for part in (entry.payload, entry.salt, entry.hash))
    with log.writing():
        log.ledger.forget(["mood"], log.now_s + 1, log.now_s)
    assert [part in database.read_bytes() for part in (entry.payload, entry.salt, entry.hash)] == [False, False, True]


def test_much_is_forgotten_a_bounded_number_at_a_time(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(FORGET_MAX + 10)
    gone = []
    while not gone or gone[-1]:
        with log.writing():
            gone.append(log.ledger.forget(["mood", "assist"], log.now_s + 1, log.now_s))
    assert gone == [FORGET_MAX, 10, 0]


def test_a_checkpoint_is_signed_by_the_key_that_the_ledger_begins_with(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(3)
    note = log.sign()
    assert parse_checkpoint(note) == (node_origin("shop", "front"), 4, log.ledger.root())
    name, key = parse_key(log.ledger.key())
    assert note_is_by(note, name, key)
    assert note.splitlines()[:3] == [name, "4", base64.b64encode(log.ledger.root()).decode()]
    assert not note_is_by(note.replace("\n4\n", "\n5\n"), name, key)
    newest = log.ledger.newest_checkpoint()
    assert newest is not None
    assert newest.note == note
    assert log.ledger.checkpoints() == [note]


def test_a_ledger_goes_on_under_its_own_key_only(tmp_path: Path) -> None:
    log = Log(tmp_path)
    with log.writing():
        log.ledger.begin(log.signer, 1.0)
    assert len(log.ledger) == 1
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(LedgerError, match="begun under another key"):
        Log(tmp_path)


def test_a_key_is_kept_for_its_owner_alone_and_signs_for_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE
    signer = Signer.open(path, hub_origin("shop"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert Signer.open(path, hub_origin("shop")).verifier == signer.verifier
    assert [found.name for found in tmp_path.iterdir()] == [KEY_FILE]
    with pytest.raises(LedgerError, match="signs for attune-hub/shop, not attune-hub/other"):
        Signer.open(path, hub_origin("other"))


@pytest.mark.parametrize("text", ["", "PRIVATE+KEY+a+b+c", "PRIVATE+KEY+a+00000000+AAAA", "\udcff"])
def test_a_file_that_is_no_key_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / KEY_FILE).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(LedgerError, match="no key of a ledger"):
        Signer.load(tmp_path / KEY_FILE)


def test_a_key_that_is_missing_or_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        Signer.load(tmp_path / KEY_FILE)
    with pytest.raises(LedgerError, match="cannot be made"):
        Signer.open(tmp_path / "no" / KEY_FILE, "name")


def test_a_cosignature_says_who_saw_a_checkpoint_and_when(tmp_path: Path) -> None:
    note = Log(tmp_path).sign()
    hub = Signer.open(tmp_path / "hub.key", hub_origin("shop"))
    other = Signer.open(tmp_path / "other.key", hub_origin("other"))
    seen = hub.cosign(note, 1_795_000_000)
    assert cosigned_at(seen, hub.cosigner) == 1_795_000_000
    assert cosigned_at(note, hub.cosigner) is None
    assert cosigned_at(seen, other.cosigner) is None
    assert cosigned_at(seen.replace("\n1\n", "\n2\n"), hub.cosigner) is None
    assert parse_checkpoint(seen) == parse_checkpoint(note)
    with pytest.raises(ValueError, match="not a cosigner"):
        cosigned_at(seen, hub.verifier)


@given(st.binary(max_size=100), st.integers(0, 511))
def test_the_plain_check_of_a_signature_agrees_with_the_library(message: bytes, bit: int) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secret = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(message).digest())
    key, signature = secret.public_key().public_bytes_raw(), secret.sign(message)
    assert plain.signed_plainly(key, signature, message)
    hurt = bytearray(signature)
    hurt[bit // 8] ^= 1 << bit % 8
    assert not plain.signed_plainly(key, bytes(hurt), message)
    assert not plain.signed_plainly(key, signature, message + b"!")
    hurt_key = bytearray(key)
    hurt_key[bit % 32] ^= 1
    assert plain.signed_plainly(bytes(hurt_key), signature, message) == plain.signed(
        bytes(hurt_key), signature, message
    )


@pytest.mark.parametrize("note", ["", "a\n", "a\n\n", "a\n\n— n\n", "a\n\n— n !\n", "a\n\n— n AAAA", "a\n\nn AAAA\n"])
def test_what_is_no_signed_note_is_refused(note: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        plain.parse_note(note)


def new_ledger() -> Ledger:
    db = sqlite3.connect(":memory:")
    create_tables(db)
    return Ledger(db)


@given(st.lists(st.lists(st.binary(max_size=8), max_size=9), max_size=6))
def test_many_entries_at_once_are_the_same_tree_as_one_by_one(batches: list[list[bytes]]) -> None:
    at_once, one_by_one = new_ledger(), new_ledger()
    with patch("contract.ledger.secrets.token_bytes", bytes):
        for batch in batches:
            assert at_once.extend([("mood", payload, 1.0, "t") for payload in batch]) == len(one_by_one)
            for payload in batch:
                one_by_one.append("mood", payload, 1.0, "t")
    assert len(at_once) == len(one_by_one)
    assert at_once.root() == one_by_one.root()
    assert list(at_once.entries()) == list(one_by_one.entries())


def test_subtrees_that_are_not_kept_any_more_go_and_the_tree_is_the_same() -> None:
    db = sqlite3.connect(":memory:")
    create_tables(db)
    ledger = Ledger(db)
    for number in range(40):
        ledger.append("mood", b"%d" % number, 0.0)
    roots = [ledger.root(size) for size in range(41)]
    db.execute("INSERT INTO ledger_subtrees VALUES (1, 0, X'00'), (3, 1, X'00')")
    create_tables(db)
    assert [row[0] for row in db.execute("SELECT DISTINCT level FROM ledger_subtrees ORDER BY 1")] == [4, 5]
    assert [ledger.root(size) for size in range(41)] == roots


KINDS = ("mood", "assist", "health")


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 50)), max_size=30),
    st.lists(st.tuples(st.sets(st.sampled_from(KINDS)), st.integers(0, 60)), max_size=4),
)
def test_by_blocks_the_same_is_forgotten_as_by_reading_every_entry(
    said: list[tuple[str, int]], forgets: list[tuple[set[str], int]]
) -> None:
    ledger = new_ledger()
    stands = [*said]
    with patch("contract.ledger.FORGET_MAX", 1_000):
        for chunk in range(0, len(said), 7):  # with far positions between them, so that there are several blocks
            ledger.extend((kind, b"x", float(at_s), "t") for kind, at_s in said[chunk : chunk + 7])
            ledger.extend(("status", b"x", 1e6, "t") for _ in range(150))
        for kinds, before_s in forgets:
            going = [one for one in stands if one[0] in kinds and one[1] < before_s]
            assert ledger.forget(kinds, before_s, 1e6) == len(going)
            stands = [one for one in stands if one not in going]
    left = [(one.kind, one.at_ms // 1000) for one in ledger.entries() if isinstance(one, Entry) and one.kind in KINDS]
    assert left == stands


def test_a_ledger_of_before_has_no_index_any_more_and_forgets() -> None:
    db = sqlite3.connect(":memory:")
    create_tables(db)
    for made in ("TABLE ledger_blocks", "TRIGGER ledger_entries_in_blocks"):
        db.execute(f"DROP {made}")
    db.execute("CREATE INDEX ledger_entries_by_time ON ledger_entries (kind, at_ms) WHERE kind IS NOT NULL")
    ledger = Ledger(db)
    ledger.extend(("mood", b"x", float(at_s), "t") for at_s in range(600))
    create_tables(db)
    assert (
        db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite%'").fetchall() == []
    )
    assert db.execute("SELECT block, at_ms FROM ledger_blocks").fetchall() == [(0, 0), (1, 256_000), (2, 512_000)]
    assert ledger.forget(["mood"], 300.0, 600.0) == 300
    assert db.execute("SELECT block, at_ms FROM ledger_blocks WHERE kind = 'mood'").fetchall() == [
        *((1, 300_000), (2, 512_000)),
    ]
