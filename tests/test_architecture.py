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
EYE_NEVER_CALLS = {
    "open", "write", "writev", "pwrite", "sendfile", "write_text", "write_bytes", "touch", "mkdir", "mkfifo", "mknod",
    "rename", "symlink_to", "imwrite", "imshow", "VideoWriter", "FileStorage", "save", "savetxt", "savez",
    "savez_compressed", "tofile", "memmap", "dump", "mkstemp", "NamedTemporaryFile", "urlopen", "create_connection",
    "bind", "sendto", "sendmsg", "system", "popen", "Popen", "execv", "print",
}  # fmt: skip
EYE_NEVER_IMPORTS = ("subprocess", "shutil", "pickle", "shelve", "sqlite3", "tempfile", "mmap", "urllib", "http", "ssl",
                     "logging", "multiprocessing", "requests", "paho")  # fmt: skip
#: Beside `edge/eye`: what runs in the eye as well.
EYE_TOO = ("edge/tflite.py", "edge/crop.py", "edge/record.py", "edge/order.py", "edge/values.py", "edge/manifest.py")
#: The walls themselves try and say what they stop, through the kernel.
EYE_MAY = {"edge/eye/walls/kernel.py": {"open", "write"}, "edge/eye/link.py": {"connect"}}


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


def called(source: str) -> set[str]:
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in calls}


@pytest.mark.parametrize(
    "path", [*sources("edge/eye"), *map(ROOT.joinpath, EYE_TOO)], ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_eye_calls_nothing_that_writes_or_connects(path: Path) -> None:
    allowed = EYE_MAY.get(str(path.relative_to(ROOT)), set())
    assert not called(path.read_text()) & (EYE_NEVER_CALLS | {"connect"}) - allowed
    assert not [name for name in imports(path) if any(within(name, never) for never in EYE_NEVER_IMPORTS)]


@pytest.mark.parametrize(
    "planted",
    [
        "np.save(name, luma)", "np.savez_compressed(name, luma)", "luma.dump(name)", "np.memmap(name)",
        "Path(name).touch()", "os.pwrite(3, luma, 0)", "os.writev(3, [luma])", "open(name, 'wb')",
        "sock.sendto(luma, there)", "print(luma)", "sock.connect(there)", "os.mkfifo(name)",
        "Path(name).write_bytes(luma)",
    ],
)  # fmt: skip
def test_a_call_that_would_write_or_connect_is_seen(planted: str) -> None:
    assert called(planted) & (EYE_NEVER_CALLS | {"connect"})


@pytest.mark.parametrize("path", sources(*ROOMS), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 320
