"""The PIN and the passphrase: what is fit, how it is kept, and how long wrong tries make one wait."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import ConfigError, StoreError
from hub import doors_secrets
from hub.auth import Doors
from hub.doors_backoff import (
    FIRST_S,
    FORGOTTEN_S,
    FREE,
    FREE_IN_ALL,
    LONGEST_IN_ALL_S,
    LONGEST_S,
    SUBJECTS_MAX,
    Backoff,
    wait_after,
)
from hub.doors_secrets import Secrets, fit_passphrase, fit_pin
from tests.hub.conftest import Clock

GOOD = "lantern gravel opera nineteen"


@pytest.fixture
def quick_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors_secrets, "_HASHER", PasswordHasher(1, 8, 1))


@pytest.fixture
def secrets(doors: Doors, page_clock: Clock, quick_hash: None) -> Secrets:
    return Secrets(doors.db, page_clock)


@pytest.mark.parametrize("pin", ["", "12345", "1234567890123", "12345a", "١٢٣٤٥٦", "-12345", "1234.6"])
def test_a_pin_has_six_to_twelve_digits(pin: str) -> None:
    with pytest.raises(ConfigError, match="6 to 12 digits"):
        fit_pin(pin)


@pytest.mark.parametrize("pin", ["000000", "123456", "654321", "890123", "121212", "123123", "135791"])
def test_a_pin_that_everybody_would_try_is_refused(pin: str) -> None:
    with pytest.raises(ConfigError, match="anybody would try"):
        fit_pin(pin)


def test_a_pin_may_be_written_with_spaces() -> None:
    assert fit_pin(" 402 917 ") == "402917"


@pytest.mark.parametrize("phrase", ["", "lantern gravel", "x" * 201, "    a    b   c   d  "])
def test_a_passphrase_has_fifteen_characters_or_more(phrase: str) -> None:
    with pytest.raises(ConfigError, match="15 to 200 characters"):
        fit_passphrase(phrase, "Corner Shop")


@pytest.mark.parametrize(
    "phrase",
    [
        "aaaaaaaaaaaaaaaaaaaa",
        "passwordpassword1",
        "Corner Shop corner shop 1",
        "correct horse battery staple",
        "attune attune attune 12",
        "word word word word word word",
        "1234567890123456",
    ],
)
def test_a_passphrase_that_is_easy_to_guess_is_refused(phrase: str) -> None:
    with pytest.raises(ConfigError, match="too easy to guess"):
        fit_passphrase(phrase, "Corner Shop")


def test_nothing_is_right_before_anything_is_set(secrets: Secrets) -> None:
    assert not secrets.has("pin")
    assert not secrets.has("passphrase")
    assert secrets.judge("pin", "", "tablet") == 0
    assert secrets.judge("passphrase", "", "10.0.0.9") == 0


def test_a_passphrase_is_right_however_a_keyboard_writes_it(secrets: Secrets) -> None:
    secrets.set_passphrase("Grüße  gravel opera nineteen", "Shop")
    assert secrets.judge("passphrase", " Gru\u0308ße gravel opera nineteen", "10.0.0.9") is None
    assert secrets.judge("passphrase", "grüße gravel opera nineteen", "10.0.0.9") == 0


def test_neither_pin_nor_passphrase_stands_in_the_file(secrets: Secrets, tmp_path: Path) -> None:
    secrets.set_pin("402917")
    secrets.set_passphrase(GOOD, "Shop")
    held = (tmp_path / "doors.db").read_bytes()
    assert b"402917" not in held
    assert GOOD.encode() not in held
    assert held.count(b"$argon2id$") == 2


def test_the_hash_is_argon2id_of_64_mib() -> None:
    parameters = extract_parameters(doors_secrets._HASHER.hash(GOOD))
    assert parameters.type.name == "ID"
    assert (parameters.memory_cost, parameters.time_cost) == (65_536, 3)


def test_a_hash_that_cannot_be_read_is_said(secrets: Secrets) -> None:
    secrets.db.run("INSERT INTO secrets VALUES ('pin', 'nonsense')")
    with pytest.raises(StoreError, match="set it anew"):
        secrets.judge("pin", "402917", "tablet")


def test_five_wrong_pins_are_free_and_then_each_doubles_the_wait(secrets: Secrets, page_clock: Clock) -> None:
    secrets.set_pin("402917")
    assert [secrets.judge("pin", "000000", "till") for _ in range(FREE)] == [0.0] * FREE
    waits = []
    for _ in range(4):
        wait_s = secrets.judge("pin", "402917", "till")  # even the right one
        assert wait_s
        waits.append(wait_s)
        page_clock.now_s += wait_s
        assert secrets.judge("pin", "000000", "till") == 0
    assert waits == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]


def test_a_try_while_one_waits_makes_the_wait_no_longer(secrets: Secrets, page_clock: Clock) -> None:
    secrets.set_pin("402917")
    for _ in range(50):
        secrets.judge("pin", "000000", "till")
    page_clock.now_s += FIRST_S
    assert secrets.judge("pin", "402917", "till") is None


def test_the_wait_survives_a_restart(doors: Doors, tmp_path: Path, page_clock: Clock, quick_hash: None) -> None:
    first = Secrets(doors.db, page_clock)
    first.set_pin("402917")
    for _ in range(FREE):
        first.judge("pin", "000000", "till")
    again = Doors.open(tmp_path / "doors.db", page_clock)
    assert Secrets(again.db, page_clock).judge("pin", "402917", "till") == FIRST_S
    again.close()


def test_one_tablets_wrong_tries_do_not_hold_up_another_until_there_are_many(secrets: Secrets) -> None:
    secrets.set_pin("402917")
    for _ in range(FREE):
        secrets.judge("pin", "000000", "till")
    assert secrets.judge("pin", "402917", "window") is None
    for number in range(FREE_IN_ALL):
        secrets.judge("pin", "000000", f"tablet {number}")
    wait_s = secrets.judge("pin", "402917", "window")
    assert wait_s
    assert wait_s <= LONGEST_IN_ALL_S


def test_a_right_try_takes_back_its_own_wrong_ones_and_nobody_elses(secrets: Secrets) -> None:
    secrets.set_pin("402917")
    for number in range(FREE_IN_ALL - 1):
        secrets.judge("pin", "000000", f"tablet {number}")
    for _ in range(FREE_IN_ALL):
        assert secrets.judge("pin", "402917", "window") is None
    assert secrets.judge("pin", "000000", "another") == 0
    assert secrets.judge("pin", "402917", "window")


def test_many_tries_at_once_are_no_way_around_the_count(secrets: Secrets) -> None:
    secrets.set_pin("402917")
    answers: list[float | None] = []
    comers = [
        threading.Thread(target=lambda: answers.append(secrets.judge("pin", "000000", "till"))) for _ in range(20)
    ]
    for comer in comers:
        comer.start()
    for comer in comers:
        comer.join()
    assert answers.count(0.0) == FREE
    assert len(answers) == 20


def test_a_clock_set_back_makes_no_wait_longer(secrets: Secrets, page_clock: Clock) -> None:
    secrets.set_pin("402917")
    for _ in range(FREE):
        secrets.judge("pin", "000000", "till")
    page_clock.now_s -= 400 * 86_400
    assert secrets.judge("pin", "402917", "till") == FIRST_S
    page_clock.now_s += FIRST_S
    assert secrets.judge("pin", "402917", "till") is None


def test_wrong_tries_are_forgotten_after_a_quiet_day_and_are_bounded(doors: Doors, page_clock: Clock) -> None:
    backoff = Backoff(doors.db, "pin", page_clock)
    doors.db.run(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO failures SELECT 'pin:' || i, 1, ? FROM n",
        SUBJECTS_MAX + 100,
        page_clock.now_s,
    )
    backoff.begin("one more")
    assert doors.db.run("SELECT count(*) FROM failures WHERE subject GLOB 'pin:*'") == [(SUBJECTS_MAX,)]
    page_clock.now_s += FORGOTTEN_S + 1
    backoff.begin("next day")
    assert doors.db.run("SELECT count(*) FROM failures") == [(2,)]


@given(st.integers(0, 10**6))
def test_the_wait_grows_with_the_count_and_has_an_end(count: int) -> None:
    assert wait_after(count, FREE, LONGEST_S) <= wait_after(count + 1, FREE, LONGEST_S) <= LONGEST_S
    assert (wait_after(count, FREE, LONGEST_S) == 0) == (count < FREE)
