"""A check in a child process takes nobody else down."""

from __future__ import annotations

import ctypes
import os

import pytest

from contract.errors import ModelError
from edge import apart as module
from edge.apart import apart


def test_a_check_that_passes_says_nothing() -> None:
    apart(lambda: None, "it")


def test_a_refusal_comes_back_with_its_sentence() -> None:
    def refuse() -> None:
        raise ModelError("This is no model: fetch it again.")

    with pytest.raises(ModelError, match=r"^This is no model: fetch it again\.$"):
        apart(refuse, "it")


def test_a_crash_is_named_and_this_process_goes_on() -> None:
    with pytest.raises(ModelError, match=r"face\.tflite takes the model runtime down \(SIGSEGV\)"):
        apart(lambda: ctypes.string_at(0), "face.tflite")


def test_what_the_check_changes_stays_with_it() -> None:
    kept = [1]
    apart(kept.clear, "it")
    assert kept == [1]


def test_a_check_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 1)
    reading, _writing = os.pipe()
    with pytest.raises(ModelError, match="SIGALRM"):
        apart(lambda: os.read(reading, 1), "it")


def test_an_error_that_nobody_expected_is_no_pass() -> None:
    with pytest.raises(ModelError, match="exit 2"):
        apart(lambda: 1 / 0, "it")
