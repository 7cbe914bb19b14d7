"""The rooms: who may import whom, and how large a room may grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("contract", "edge", "hub", "models")
MAY_IMPORT = {
    "contract": {"contract"},
    "edge": {"contract", "edge"},
    "hub": {"contract", "hub"},
    # What serves is what is measured: the eye's own detector, gate and moods, never a copy of them.
    "models": {
        "contract",
        "models",
        "edge.manifest",
        "edge.crop",
        "edge.tflite",
        "edge.values",
        "edge.eye.camera",
        "edge.eye.faces",
        "edge.eye.affect",
        "edge.eye.tracks",
    },
}
COURIER_NEVER_LOADS = ("edge.eye", "edge.scene", "edge.crop", "edge.tflite", "numpy", "cv2", "ai_edge_litert")
EYE_NEVER_CALLS = {"open", "write", "write_text", "write_bytes", "imwrite", "imshow", "VideoWriter", "savez", "tofile",
                   "mkstemp", "NamedTemporaryFile", "urlopen", "create_connection"}  # fmt: skip


def sources(*under: str) -> list[Path]:
    return sorted(path for room in under for path in (ROOT / room).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(allowed + ".")


@pytest.mark.parametrize("path", sources(*ROOMS), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    ours = [name for name in imports(path) if name.split(".")[0] in ROOMS and name not in ("edge",)]
    wrong = [name for name in ours if not any(within(name, allowed) for allowed in MAY_IMPORT[room])]
    assert not wrong


@pytest.mark.parametrize("path", sources("edge/courier"), ids=lambda path: path.name)
def test_the_courier_knows_no_camera_and_no_pixels(path: Path) -> None:
    assert not [name for name in imports(path) if any(within(name, never) for never in COURIER_NEVER_LOADS)]


@pytest.mark.parametrize("path", sources("edge/eye"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_eye_calls_nothing_that_writes_or_connects(path: Path) -> None:
    called = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called.add(node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))
    assert not called & EYE_NEVER_CALLS


@pytest.mark.parametrize("path", sources(*ROOMS), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 320
