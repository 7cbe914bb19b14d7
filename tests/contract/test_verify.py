from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from contract import frame
from contract.checkpoint import KEY_FILE
from contract.errors import LedgerError
from contract.export import export, standalone
from contract.verify import Verdict, seal_text, verify
from tests.contract.logs import DATABASE, PAYLOADS, Log, a_day, cosigned, members, rezipped
from tests.contract.mutations import missed

NO_CRYPTOGRAPHY = "import sys; sys.modules['cryptography.exceptions'] = None\n"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return a_day(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="module")
def whole(log: Log) -> Path:
    return log.export()


def changed(whole: Path, tmp_path: Path, name: str, body: bytes) -> Path:
    """The export with another file in it, zipped as neatly as before."""
    path = tmp_path / "changed.zip"
    path.write_bytes(rezipped(members(whole) | {name: body}))
    return path


def with_entry(whole: Path, tmp_path: Path, number: int, **values: object) -> Path:
    lines = members(whole)[frame.ENTRIES].splitlines(keepends=True)
    entry = json.loads(lines[number]) | values
    lines[number] = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
    return changed(whole, tmp_path, frame.ENTRIES, b"".join(lines))


def tampered(path: Path, checkpoint: str | None = None) -> str:
    verdict = verify(path, checkpoint)
    assert verdict.status == 1
    return verdict.sentence


def test_an_export_that_nobody_touched_is_whole(whole: Path, log: Log) -> None:
    verdict = verify(whole)
    assert verdict.status == 0
    assert "71 entries (29 forgotten, each on record) under 5 checkpoints" in verdict.sentence
    assert "held against no checkpoint kept elsewhere" in verdict.sentence
    for note in log.notes:
        for pasted in (note, note.strip(), note.replace("\n", "\r\n")):
            assert "and fits the checkpoint kept elsewhere" in verify(whole, pasted).sentence


def test_every_payload_is_in_it_byte_for_byte(whole: Path) -> None:
    kept = [json.loads(line) for line in members(whole)[frame.ENTRIES].splitlines()]
    assert {entry["text"].encode() for entry in kept if "text" in entry} >= {PAYLOADS[0], PAYLOADS[1], PAYLOADS[3]}
    assert "/wAgbm8gdGV4dA==" in {entry.get("base64") for entry in kept}


def test_the_same_ledger_gives_the_same_bytes(log: Log, whole: Path) -> None:
    assert log.export("again.zip").read_bytes() == whole.read_bytes()


def test_no_forgotten_entry_is_in_it(log: Log, whole: Path) -> None:
    lines = [json.loads(line) for line in members(whole)[frame.ENTRIES].splitlines()]
    assert sum(set(line) == {"position", "hash"} for line in lines) == 29


def test_nothing_random_gets_through_given_one_earlier_checkpoint(tmp_path: Path) -> None:
    assert missed(300, 1, tmp_path)[0] == 0


def test_the_first_bad_entry_is_named(whole: Path, tmp_path: Path) -> None:
    assert "entry 40 (mood) is not what was logged" in tampered(with_entry(whole, tmp_path, 40, at_ms=1))
    assert "entry 41 is not one that a ledger writes" in tampered(with_entry(whole, tmp_path, 41, position=42))
    assert "entry 40 is not one" in tampered(with_entry(whole, tmp_path, 40, kind=["mood"], extra=1))
    assert "entry 3 " in tampered(with_entry(whole, tmp_path, 3, hash="zz"))


def test_another_hash_is_narrowed_down_to_the_checkpoints_around_it(whole: Path, tmp_path: Path) -> None:
    path = with_entry(whole, tmp_path, 20, hash="00" * 32)
    assert "an entry from 16 to 30 is not what was signed at 31 entries" in tampered(path)


def test_content_that_is_taken_out_unsaid_is_named(whole: Path, tmp_path: Path) -> None:
    lines = members(whole)[frame.ENTRIES].splitlines(keepends=True)
    entry = json.loads(lines[50])
    lines[50] = json.dumps({"position": 50, "hash": entry["hash"]}).encode() + b"\n"
    path = changed(whole, tmp_path, frame.ENTRIES, b"".join(lines))
    assert "entry 50 has no content, and no later entry says that it was forgotten" in tampered(path)


def test_a_ledger_written_anew_by_its_own_key_is_caught_by_a_checkpoint_kept_elsewhere(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.write(20)
    kept = log.sign()
    (tmp_path / "fork").mkdir()
    shutil.copy(tmp_path / "log" / KEY_FILE, tmp_path / "fork" / KEY_FILE)
    fork = Log(tmp_path / "fork")
    fork.write(30)
    path = fork.export()
    assert verify(path).status == 0
    assert "the first 21 entries are not those that the checkpoint kept elsewhere saw" in tampered(path, kept)


def test_a_ledger_cut_short_and_continued_is_caught(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.write(10)
    shutil.copytree(tmp_path / "log", tmp_path / "short")
    log.write(10)
    kept = log.sign()
    path = Log(tmp_path / "short").export()
    assert verify(path).status == 0
    assert "saw 21 entries; the ledger has 11" in tampered(path, kept)


def test_a_ledger_under_another_key_is_caught(whole: Path, tmp_path: Path, log: Log) -> None:
    other = Log(tmp_path / "other")
    other.write(70)
    assert "not those that the checkpoint" in tampered(other.export(), log.notes[0])


def test_whoever_has_not_the_key_can_seal_nothing(whole: Path, tmp_path: Path) -> None:
    files = members(whole)
    files["README.txt"] += b"more\n"
    assert "README.txt is not the file that was sealed" in tampered(changed(whole, tmp_path, "README.txt", b"no\n"))
    text = seal_text(
        {name: hashlib.sha256(files[name]).hexdigest() for name in frame.MEMBERS if name != frame.MANIFEST}
    )
    line = files[frame.MANIFEST].decode().splitlines()[-1]
    files[frame.MANIFEST] = f"{text}\n{line}\n".encode()
    path = tmp_path / "sealed.zip"
    path.write_bytes(rezipped(files))
    assert "manifest.txt is not signed by the ledger's key" in tampered(path)


def extract(whole: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in members(whole)[name].splitlines()]


def test_who_cosigned_is_said_and_checked(tmp_path: Path) -> None:
    log = a_day(tmp_path / "log")
    assert "cosigned by nobody" in verify(log.export()).sentence
    cosigned(log, tmp_path)
    assert (
        "cosigned by attune-hub/shop up to entry 71 with keys that it names itself, but held against"
        in verify(log.export()).sentence
    )
    log.write(3)
    log.sign()
    assert "cosigned by attune-hub/shop up to entry 71" in verify(log.export()).sentence


def test_a_cosignature_by_a_key_that_the_ledger_does_not_know_is_named(tmp_path: Path) -> None:
    log = a_day(tmp_path / "log")
    cosigned(log, tmp_path, known=False)
    assert "attune-hub/shop's cosignature at 71 entries" in tampered(log.export())


@pytest.mark.parametrize("key", ["attune-hub/shop+00000000+!!!!", "attune-hub/shop", "attune-hub/shop+zz+AAAA"])
def test_a_witness_entry_that_is_no_key_is_no_key(tmp_path: Path, key: str) -> None:
    log = a_day(tmp_path / "log")
    with log.writing():
        log.ledger.append("witness", key.encode(), log.now_s)
    cosigned(log, tmp_path, known=False)
    assert "is by no key that the ledger knows" in tampered(log.export())


def test_forks_on_record_are_said(tmp_path: Path) -> None:
    log = a_day(tmp_path / "log")
    with log.writing():
        log.ledger.append("fork", b"{}", log.now_s)
    assert ", 1 forks on record, " in verify(log.export()).sentence


def test_a_cosignature_of_another_checkpoint_is_named(tmp_path: Path) -> None:
    log = a_day(tmp_path / "log")
    cosigned(log, tmp_path)
    line = log.ledger.checkpoints()[-1].splitlines()[-1]
    log.write(1)
    with log.writing():
        note = log.ledger.checkpoint(log.signer, log.now_s) + line + "\n"
        log.db.execute("UPDATE ledger_checkpoints SET note = ? WHERE size = ?", (note, len(log.ledger)))
    assert "attune-hub/shop's cosignature at 73 entries" in tampered(log.export())


def test_history_holds_each_birth_and_config_that_said_something_new(whole: Path) -> None:
    history = extract(whole, frame.HISTORY)
    assert [line["kind"] for line in history] == ["birth", "config", "birth"]
    assert history[0]["said"] == {"model": "ab", "gate": {"k": 5}, "config": 1}
    assert history[2]["said"]["model"] == "cd"


def test_spent_epsilon_and_self_tests_stand_by_themselves(whole: Path) -> None:
    spent = {"node": "front", "zone": 1, "hour_start": 3600, "epsilon": 0.5, "suppressed": True}
    assert [line["said"] for line in extract(whole, frame.EPSILON)] == [spent, None]
    assert [line["said"]["result"] for line in extract(whole, frame.SELF_TESTS)] == ["passed"]


@pytest.mark.parametrize("name", frame.EXTRACTS)
def test_what_was_taken_out_of_the_entries_is_taken_out_anew_and_the_first_odd_line_named(
    whole: Path, tmp_path: Path, name: str
) -> None:
    body = members(whole)[name]
    lines = body.splitlines(keepends=True)
    last, position = len(lines), json.loads(lines[-1])["position"]
    for bad in (b"".join(lines[:-1]), body[:-1], body.replace(b"said", b"sald"), b"\n" + body):
        assert f"of {name} is not what the entries say" in tampered(changed(whole, tmp_path, name, bad))
    cut = changed(whole, tmp_path, name, b"".join(lines[:-1]))
    assert f"line {last} (entry {position}) of {name}" in tampered(cut)
    longer = changed(whole, tmp_path, name, body + b"{}\n")
    assert f"line {last + 1} of {name}" in tampered(longer)


@pytest.mark.parametrize("name", frame.PAPERS)
def test_a_paper_that_is_not_the_sealed_one_is_named(whole: Path, tmp_path: Path, name: str) -> None:
    path = changed(whole, tmp_path, name, members(whole)[name] + b" ")
    assert f"{name} is not the file that was sealed" in tampered(path)


def test_the_manifest_lists_every_other_file_by_its_hash(whole: Path) -> None:
    files = members(whole)
    manifest = files.pop(frame.MANIFEST).decode()
    for name, body in files.items():
        assert f"{hashlib.sha256(body).hexdigest()}  {name}\n" in manifest


def test_entries_that_nobody_signed_are_named(whole: Path, tmp_path: Path) -> None:
    notes = json.loads(members(whole)[frame.CHECKPOINTS])
    path = changed(whole, tmp_path, frame.CHECKPOINTS, json.dumps(notes[:-1]).encode())
    assert "entry 61 and those after it stand under no checkpoint" in tampered(path)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"[1]", b'["x"]', b"[" * 100_000, b"\xff", b"1" * 5000])
@pytest.mark.parametrize(
    "name", [frame.CHECKPOINTS, frame.PROOFS, frame.KEY, frame.MANIFEST, frame.ENTRIES, *frame.EXTRACTS]
)
def test_no_file_within_can_bring_the_check_down(whole: Path, tmp_path: Path, name: str, body: bytes) -> None:
    tampered(changed(whole, tmp_path, name, body))


@pytest.mark.parametrize(
    "payload",
    ["[[0,1]]", "[[1,99]]", "[[5,4]]", "[[-1,2]]", "[1]", "{}", '[["a","b"]]', "[[1.5,2]]", "[[1,999999999999999999]]"],
)
def test_a_note_of_forgetting_that_makes_no_sense_is_no_excuse(tmp_path: Path, payload: str) -> None:
    log = Log(tmp_path / "log")
    log.write(10)
    with log.writing():
        log.db.execute("UPDATE ledger_entries SET kind = NULL WHERE position = 2")
        log.ledger.append("forgotten", payload.encode(), log.now_s)
    tampered(log.export())


@pytest.mark.parametrize("spoil", ["extra file", "comment", "compressed", "order", "before", "after"])
def test_nothing_hides_in_the_zip(whole: Path, tmp_path: Path, spoil: str) -> None:
    files = members(whole)
    path = tmp_path / "spoilt.zip"
    path.write_bytes(whole.read_bytes())
    match spoil:
        case "extra file":
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr("more.txt", "x")
        case "comment":
            with zipfile.ZipFile(path, "a") as archive:
                archive.comment = b"x"
        case "compressed":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, body in files.items():
                    archive.writestr(name, body)
        case "order":
            path.write_bytes(rezipped(dict(reversed(files.items()))))
        case "before":
            path.write_bytes(b"x" + whole.read_bytes())
        case _:
            path.write_bytes(whole.read_bytes() + b"x")
    assert verify(path).status in (1, 2)


def test_what_is_no_export_is_unreadable_and_says_so(whole: Path, tmp_path: Path, log: Log) -> None:
    for name, body in {
        "empty": b"",
        "text": b"hello",
        "cut": whole.read_bytes()[:5000],
        "zip": b"PK\5\6" + bytes(18),
    }.items():
        (tmp_path / name).write_bytes(body)
        assert verify(tmp_path / name).status == 2
    assert verify(tmp_path / "missing").status == 2
    assert verify(tmp_path).status == 2
    assert verify(whole, "no checkpoint") == Verdict(
        2, "Unreadable: the checkpoint given is none; give the whole text as it was kept."
    )


@pytest.mark.parametrize("prelude", ["", NO_CRYPTOGRAPHY], ids=["with cryptography", "plain"])
def test_the_check_in_the_export_runs_alone(whole: Path, tmp_path: Path, log: Log, prelude: str) -> None:
    (tmp_path / "verify.py").write_bytes(members(whole)["verify.py"])
    (tmp_path / "kept.txt").write_text(log.notes[0])
    hurt = with_entry(whole, tmp_path, 40, at_ms=1)
    for path, status, said in ((whole, 0, "Whole: 71"), (hurt, 1, "Tampered: entry 40"), (tmp_path, 2, "Unreadable")):
        run = prelude + f"import runpy, sys; sys.argv = ['verify.py', {str(path)!r}, '--checkpoint', 'kept.txt']\n"
        run += "runpy.run_path('verify.py', run_name='__main__')"
        done = subprocess.run(
            [sys.executable, "-I", "-c", run], cwd=tmp_path, capture_output=True, text=True, env={"PATH": os.defpath}
        )
        assert (done.returncode, done.stderr) == (status, "")
        assert done.stdout.startswith(said)
        if status == 0:
            assert ("in plain Python" in done.stdout) == bool(prelude)


def test_the_check_in_the_export_imports_the_standard_library_alone() -> None:
    found = {
        line.split()[1].split(".")[0] for line in standalone().splitlines() if line.startswith(("import ", "from "))
    }
    assert found <= set(sys.stdlib_module_names) | {"__future__"}


def test_an_export_without_its_ledger_or_key_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"ledger\.key cannot be read"):
        export(tmp_path, DATABASE, tmp_path / "out.zip")
    log = Log(tmp_path / "log")
    with pytest.raises(LedgerError, match="cannot be read"):
        export(tmp_path / "log", "other.db", tmp_path / "out.zip")
    with pytest.raises(LedgerError, match="cannot be written"):
        export(tmp_path / "log", DATABASE, tmp_path / "no" / "out.zip")
    (tmp_path / "log" / KEY_FILE).unlink()
    type(log.signer).open(tmp_path / "log" / KEY_FILE, log.signer.name)
    with pytest.raises(LedgerError, match="is not the one that this ledger was begun under"):
        export(tmp_path / "log", DATABASE, tmp_path / "out.zip")
    assert list(tmp_path.glob("out.zip*")) == []


def test_an_export_can_be_made_while_the_ledger_is_being_written(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.db.execute("PRAGMA journal_mode = WAL")
    log.write(3)
    with log.writing():
        log.ledger.append("mood", b"not yet committed", log.now_s)
        path = log.export()
    assert "4 entries" in verify(path).sentence
