"""What tests share: a real browser, and where real footage and labelled faces are (never required or committed)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

settings.register_profile("attune", deadline=None)  # a busy machine is no failure
settings.load_profile("attune")

CHROMIUM_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


def _shared(name: str, marker: str) -> Path:
    root = Path(os.environ.get("ATTUNE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    folder = root / name
    if not (folder / marker).exists():
        pytest.skip(f"{name} data is not on this machine (set ATTUNE_TEST_DATA to the folder that holds it)")
    return folder


@pytest.fixture(scope="session")
def footage_dir() -> Path:
    """Real clips of people: CC BY 4.0, Intel IoT DevKit sample videos."""
    return _shared("footage", "head-pose-face-detection-female-and-male.gif")


@pytest.fixture(scope="session")
def ferplus_dir() -> Path:
    """FER+ faces with ten annotators' votes (Barsoum et al., 2016)."""
    return _shared("ferplus", "ferplus_valid.npz")


@pytest.fixture(scope="module")  # no longer: while it lives, no other test of this thread can run an event loop
def chromium() -> Iterator[Browser]:
    """A real, headless browser."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
