"""Two children kept alive, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from edge import supervisor
from edge.supervisor import AGAIN, PAUSE_MAX_S, PAUSE_MIN_S, STEADY_S, UNFIT, Child

WAIT_S = 30.0


def ending(code: int) -> Child:
    return Child("eye", ("/bin/sh", "-c", f"exit {code}"))


def lives(child: Child, now_s: float) -> int | None:
    """One start and one end at this moment."""
    assert child.step(now_s) is None
    assert child.process is not None
    child.process.wait(WAIT_S)
    return child.step(now_s)


def test_a_child_that_crashes_is_started_again_after_longer_and_longer_pauses(
    capfd: pytest.CaptureFixture[str],
) -> None:
    child, now_s, pauses = ending(1), 0.0, []
    for _ in range(8):
        assert lives(child, now_s) is None
        pauses.append(child.start_at_s - now_s)
        assert child.step(child.start_at_s - 0.01) is None
        assert child.process is None
        now_s = child.start_at_s
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert pauses[0] == PAUSE_MIN_S
    assert pauses[-1] == PAUSE_MAX_S
    assert capfd.readouterr().err.count("the eye ended with 1; starting it again") == 8


def test_a_child_that_asks_for_its_next_life_gets_it_at_once_and_silently(capfd: pytest.CaptureFixture[str]) -> None:
    child = ending(AGAIN)
    for start_s in range(3):
        assert lives(child, float(start_s)) is None
        assert child.start_at_s - start_s == PAUSE_MIN_S
    assert capfd.readouterr().err == ""


def test_a_crash_after_a_long_steady_life_is_as_the_first() -> None:
    child = ending(1)
    child.pause_s = PAUSE_MAX_S
    child.step(0.0)
    assert child.process is not None
    child.process.wait(WAIT_S)
    child.step(STEADY_S + 1)
    assert child.start_at_s - (STEADY_S + 1) == PAUSE_MIN_S


def test_a_child_that_cannot_run_at_all_ends_the_whole() -> None:
    assert lives(ending(UNFIT), 0.0) == UNFIT


def test_a_child_that_does_not_end_when_asked_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "END_S", 0.05)
    deaf = Child("eye", ("/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"))
    deaf.process = process = subprocess.Popen(deaf.command, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"deaf\n"
    deaf.end()
    assert process.returncode == -signal.SIGKILL
    process.stdout.close()
    os.killpg(process.pid, signal.SIGKILL)  # the sleep that it had started


def test_a_child_that_never_began_has_nothing_to_end() -> None:
    ending(0).end()


CODE = """\
import sys
from edge.supervisor import Child, supervise
child = "import os, time; os.write(1, b'%d;' % os.getpid()); time.sleep(1000)"
sys.exit(supervise([Child(name, (sys.executable, "-c", child)) for name in ("courier", "eye")]))
"""


@pytest.fixture
def whole() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen((sys.executable, "-c", CODE), stdout=subprocess.PIPE, text=True, start_new_session=True)
    yield process
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_when_the_whole_is_asked_to_end_both_children_do(whole: subprocess.Popen[str], number: signal.Signals) -> None:
    assert whole.stdout is not None
    said = ""
    while said.count(";") < 2:
        said += whole.stdout.read(1)
    children = [int(pid) for pid in said.split(";") if pid]
    whole.send_signal(number)
    assert whole.wait(WAIT_S) == 0
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
