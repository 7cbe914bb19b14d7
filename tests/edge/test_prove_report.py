"""The verdict: a hit is never anything but failed, and nothing unproved is ever passed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from contract.checkpoint import KEY_FILE, Signer, node_origin
from contract.errors import LedgerError, StoreError
from contract.plain import note_is_by, parse_note
from edge.courier.selftest import NOTE, waiting
from edge.prove.channel import budget
from edge.prove.command import table
from edge.prove.report import Report, hand_over, signed
from edge.prove.search import Searched
from edge.prove.trace import Traced

FORMS = {"raw": 10, "int8": 20}
FOUND = dict(FORMS)
NONE = dict.fromkeys(FORMS, 0)
CLEAN = Report(
    node="n1",
    store="shop",
    at_s=1_700_000_000,
    took_s=87.0,
    windows=FORMS,
    shown=Searched("the eye's memory while it was shown", 1 << 20, FOUND),
    seen=True,
    places=(Searched("the eye's memory", 1 << 20, NONE), Searched("files", 1 << 20, NONE)),
    planted=(Searched("a file", 10, FOUND), Searched("a payload", 10, FOUND), Searched("a process", 10, FOUND)),
    trace=Traced("strace", 60.0, calls=9),
    channel=budget([(0.0, bytes([0x13]) + bytes(31))], 60.0),
)
HIT = replace(CLEAN, places=(Searched("files", 9, {"raw": 0, "int8": 1}),))
BUSY = budget([(float(i), bytes([0x13]) + bytes(31)) for i in range(60)], 60.0)
VOID = {
    "lost in a file": replace(CLEAN, planted=(Searched("a file", 10, {"raw": 10, "int8": 0}), *CLEAN.planted[1:])),
    "lost in memory": replace(CLEAN, planted=(*CLEAN.planted[:2], Searched("a process", 10, NONE))),
    "not seen": replace(CLEAN, seen=False),
    "not shown": replace(CLEAN, shown=Searched("the eye's memory", 9, NONE)),
}
PARTIAL = {
    "memory": replace(CLEAN, places=(Searched("the eye's memory", why_not="needs root"), *CLEAN.places[1:])),
    "payloads": replace(CLEAN, planted=(*CLEAN.planted[:1], Searched("a payload", 0, NONE, "no mosquitto"))),
    "calls": replace(CLEAN, trace=Traced("strace", why_not="strace wrote nothing")),
}
FAILED = {
    "a hit": HIT,
    "a hit in a void run": replace(HIT, seen=False),
    "a hit in a partial run": replace(HIT, trace=Traced("strace", why_not="none")),
    "a file opened": replace(CLEAN, trace=Traced("strace", calls=9, opened_for_writing=1)),
    "a byte written": replace(CLEAN, trace=Traced("strace", calls=9, bytes_to_files=1)),
    "a connect": replace(CLEAN, trace=Traced("strace", calls=9, network=1)),
    "an act allowed": replace(CLEAN, trace=Traced("probe", calls=30, refused=29, strangers=["fork"])),
    "too much said": replace(CLEAN, channel=BUSY),
}


def test_only_a_run_that_found_every_plant_and_nothing_else_has_passed() -> None:
    assert CLEAN.result == "passed"
    assert CLEAN.sentence() == "Proved: 30 windows, 0 hits in 2 MB; every plant was found."


def test_namespaces_with_a_name_keep_no_run_from_passing_and_are_said() -> None:
    files = Searched("files", 1 << 20, NONE, namespaces=2)
    met = replace(CLEAN, places=(*CLEAN.places[:1], files))
    assert met.result == "passed"
    assert [place.get("namespaces") for place in met.as_json()["places"]] == [None, 2]


@pytest.mark.parametrize("report", FAILED.values(), ids=FAILED.keys())
def test_what_breaks_the_rule_is_failed_whatever_else_is_amiss(report: Report) -> None:
    assert report.result == "failed"
    assert report.sentence().startswith("FAILED")


@pytest.mark.parametrize("report", VOID.values(), ids=VOID.keys())
def test_no_hit_means_nothing_where_what_was_planted_is_not_found(report: Report) -> None:
    assert report.result == "void"
    assert "Nothing is proved" in report.sentence()


@pytest.mark.parametrize("report", PARTIAL.values(), ids=PARTIAL.keys())
def test_what_was_not_checked_is_said_and_not_passed(report: Report) -> None:
    assert report.result == "partial"
    assert "Not checked" in report.sentence()


@pytest.mark.parametrize("report", [CLEAN, HIT, *VOID.values(), *PARTIAL.values(), *FAILED.values()])
def test_every_report_is_signed_handed_over_and_read_by_the_courier(report: Report, tmp_path: Path) -> None:
    signer = Signer.open(tmp_path / KEY_FILE, node_origin("shop", "n1"))
    hand_over(signed(report, tmp_path), tmp_path)
    event = waiting(tmp_path, "n1", "0011aabb-000001")
    assert event is not None
    assert (event.result, event.hits, event.windows) == (report.result, report.hits, 30)
    assert note_is_by(event.note, signer.name, signer.key.public_key().public_bytes_raw())
    assert json.loads(parse_note(event.note)[0]) == json.loads(json.dumps(report.as_json()))
    assert (tmp_path / NOTE).stat().st_mode & 0o777 == 0o600
    assert report.sentence() in table(report, "")


def test_a_node_without_a_key_signs_nothing(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        signed(CLEAN, tmp_path)
    with pytest.raises(StoreError, match="run this as root"):
        hand_over("note", tmp_path / "gone")
