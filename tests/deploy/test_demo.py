"""``make demo`` as a person starts it: it opens, names its pages, and leaves nothing behind."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from deploy.demo import main

WAIT_S = 90.0


@pytest.mark.timeout(180)
def test_the_demo_opens_on_another_port_where_its_own_is_taken_and_ends_when_told_to(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        process = subprocess.Popen(
            (sys.executable, "-m", "deploy.demo", "--no-history", "--port", port, "--data", tmp_path),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            said = ""
            while "Ctrl-C" not in said and (line := process.stdout.readline()):
                said += line
            links = dict(re.findall(r"^ +(staff|owner|auditor|public) +(http://127\.0\.0\.1:\d+/\S*)$", said, re.M))
            assert set(links) == {"staff", "owner", "auditor", "public"}
            assert f":{port}/" not in said
            with urllib.request.urlopen(links["public"] + "healthz", timeout=WAIT_S) as answer:  # noqa: S310  # noqa: S310 (our own hub)
                assert answer.status == 200
        finally:
            process.terminate()
            out, complained = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert "Closing the shop" in out
    assert "Traceback" not in complained


def test_a_scene_that_is_none_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert main(["--scene", "nowhere"]) == 1
    assert "no scene called 'nowhere'" in capsys.readouterr().err
