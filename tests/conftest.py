"""Where tests find real footage and labelled faces: never required, never committed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


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
