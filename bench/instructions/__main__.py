"""``python -m bench.instructions``: the eye's instructions a frame, on x86-64 and on the processors of Pi 4 and Pi 5.

Rules:
- The same Python code, the same models and the same frames run under qemu's user emulation of each processor, with a
  plugin that counts (``count.c``). What two runs of different length differ by is what the frames between them took:
  nothing of starting up.
- The emulated Pis read the ``/proc/cpuinfo`` of a real one, so that XNNPACK picks the kernels that it picks there.
- Instructions are counted, times on a Pi are reckoned from them and say so: nobody here has a board.

Left out: caches, memory and heat, which an emulated processor has not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from contract.errors import AttuneError, ConfigError
from deploy.wheels import download, environment, needed
from edge.scene.camera import SceneCamera
from edge.scene.cast import busy
from edge.values import Luma
from tests.install.roots import fresh

TOP: Final = Path(__file__).parents[2]
HOME: Final = TOP / "bench-out" / "instructions"
REPORT: Final = TOP / "docs" / "instructions.md"
SUITE, PYTHON = "trixie", "3.13"
NEEDED: Final = ("qemu-aarch64", "qemu-x86_64", "mmdebstrap", "cc")
CORES: Final = 4
SCENE: Final = "the scene, 1280×720"
SCENE_FROM_S, SCENE_FPS, SCENE_PX = 45.0, 15.0, (1280, 720)
X86: Final = "x86-64"


@dataclass(frozen=True, slots=True)
class Board:
    """A Pi's processor as it names itself, and how many instructions a cycle it may manage."""

    name: str
    cpu: str
    part: str
    features: str
    clock_hz: float
    per_cycle: tuple[float, float]

    def ms(self, instructions: float) -> tuple[float, float]:
        """Estimated, at most and at least. Units: milliseconds."""
        slow, fast = (instructions / (self.clock_hz * each) * 1000 for each in self.per_cycle)
        return slow, fast


BOARDS: Final = (
    Board("Pi 4", "cortex-a72", "variant\t: 0x0\nCPU part\t: 0xd08", "fp asimd evtstrm crc32 cpuid", 1.5e9, (0.5, 1.5)),
    Board(
        "Pi 5",
        "cortex-a76",
        "variant\t: 0x4\nCPU part\t: 0xd0b",
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
        2.4e9,
        (0.75, 2.0),
    ),
)


@dataclass(frozen=True, slots=True)
class Task:
    """Some work on the frames of a file: from ``few`` to ``many`` of them is what is counted."""

    what: str
    told: str
    frames: Path
    fps: float
    few: int
    many: int


def machines(home: Path, roots: Path) -> dict[str, tuple[tuple[str, ...], Mapping[str, str]]]:
    """How to run Python on each, and with which variables. Raises: ConfigError when something is missing here."""
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if lacking:
        raise ConfigError(f"There is no {', '.join(lacking)} here: install it (Debian: qemu-user, mmdebstrap, gcc).")
    home.mkdir(parents=True, exist_ok=True)
    root, site, plugin = fresh(SUITE, "arm64", roots).resolve(), home / "site", home / "libcount.so"
    if not site.exists():
        with tempfile.TemporaryDirectory(dir=home) as folder:
            wheels = download(PYTHON, "aarch64", Path(folder))
            for wheel in needed(wheels, "attune[edge]", environment(PYTHON, "aarch64")):
                with zipfile.ZipFile(wheel) as held:
                    held.extractall(home / "site")
    subprocess.run(("cc", "-O2", "-shared", "-fPIC", Path(__file__).parent / "count.c", "-o", plugin), check=True)
    counting = ("-plugin", f"{plugin},out={{out}}")
    found: dict[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
        X86: (("qemu-x86_64", "-cpu", "max", *counting, sys.executable), os.environ | {"PYTHONPATH": str(TOP)})
    }
    for board in BOARDS:
        seen = _sysroot(board, root, home / board.cpu)
        python = ("qemu-aarch64", "-L", str(seen), "-cpu", board.cpu, *counting, f"{root}/usr/bin/python{PYTHON}")
        found[board.name] = (python, os.environ | {"PYTHONPATH": f"{TOP}:{site}"})
    return found


def _sysroot(board: Board, root: Path, folder: Path) -> Path:
    """The root as the board's own programs would see it."""
    shutil.rmtree(folder, ignore_errors=True)
    system = folder / "sys/devices/system/cpu"
    system.mkdir(parents=True)
    for name in ("usr", "lib", "etc"):
        (folder / name).symlink_to(root / name)
    for name in ("possible", "present"):
        (system / name).write_text(f"0-{CORES - 1}\n")
    for core in range(CORES):
        topology = system / f"cpu{core}" / "topology"
        topology.mkdir(parents=True)
        (topology / "physical_package_id").write_text("0\n")
        for name in ("cluster_cpus_list", "core_siblings_list"):
            (topology / name).write_text(f"0-{CORES - 1}\n")
    (folder / "proc").mkdir()
    (folder / "proc" / "cpuinfo").write_text("\n".join(
        f"processor\t: {core}\nFeatures\t: {board.features}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
        f"CPU {board.part}\nCPU revision\t: 1\n" for core in range(CORES)
    ))  # fmt: skip
    return folder


def count(python: Sequence[str], variables: Mapping[str, str], task: Task, frames: int) -> int:
    """Instructions of one run. Raises: ConfigError with what it said when it fails."""
    with tempfile.NamedTemporaryFile("r") as out:
        command = [part.format(out=out.name) for part in python]
        work = ("-B", "-m", "bench.instructions.work", task.what, str(task.frames), str(task.fps), str(frames))
        one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            (*command, *work), cwd=TOP, env={**variables, **one}, capture_output=True, text=True, check=False
        )
        if done.returncode or not (said := Path(out.name).read_text().strip()):
            last = " ".join(done.stderr.split())[-300:]
            raise ConfigError(f"{task.told} cannot be counted with {command[0]}: {last}.")
        return int(said)


def tasks(clips: Path | None, folder: Path) -> list[Task]:
    """The scene, and the clips where there are some. Raises: ConfigError for a folder without clips."""
    paths = sorted(clips.glob("*.gif")) if clips else []
    if clips and not paths:
        raise ConfigError(f"There is no clip (*.gif) in {clips}: give --clips a folder of clips.")
    camera = SceneCamera(busy(), fps=SCENE_FPS, realtime=False, seconds=SCENE_FROM_S + 3.0)
    pictures = [cv2.resize(frame.luma, SCENE_PX) for frame in camera.frames() if frame.t_s >= SCENE_FROM_S]
    scene = _kept(folder / "scene.npy", pictures)
    made = [
        Task("affect", "one reading of a face", scene, SCENE_FPS, 2, 12),
        Task("detector", "one search for faces", scene, SCENE_FPS, 3, 10),
        Task("eye", f"the whole eye, {SCENE}, a frame", scene, SCENE_FPS, 12, 36),
    ]
    for path in paths:
        capture, frames = cv2.VideoCapture(str(path)), []
        while (read := capture.read())[0]:
            frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY))
        fps, kept = capture.get(cv2.CAP_PROP_FPS), _kept(folder / f"{path.stem}.npy", frames)
        many = min(len(frames), 36)
        made.append(Task("eye", f"the whole eye, {path.stem}, a frame", kept, fps, many // 3, many))
    return made


def _kept(path: Path, pictures: Sequence[Luma]) -> Path:
    np.save(path, np.stack(pictures))
    return path


def measure(clips: Path | None, home: Path, roots: Path) -> dict[str, dict[str, float]]:
    """Instructions a frame, by task and machine."""
    with tempfile.TemporaryDirectory() as folder:
        counted: dict[str, dict[str, float]] = {}
        python = machines(home, roots)
        for task in tasks(clips, Path(folder)):
            for name, (command, variables) in python.items():
                print(f"\r{task.told}: {name:60}", end="", file=sys.stderr, flush=True)
                few, many = (count(command, variables, task, frames) for frames in (task.few, task.many))
                counted.setdefault(task.told, {})[name] = (many - few) / (task.many - task.few)
        print(file=sys.stderr)
    return counted


def report(counted: Mapping[str, Mapping[str, float]]) -> str:
    """The page."""
    rows = []
    for told, by in counted.items():
        counts = " | ".join(f"{number / 1e6:.1f}" for number in by.values())
        times = " | ".join("{1:.1f} to {0:.1f}".format(*board.ms(by[board.name])) for board in BOARDS)
        rows.append(f"| {told} | {counts} | {times} |")
    heads = " | ".join(f"{name}, million" for name in (X86, *(board.name for board in BOARDS)))
    guessed = " | ".join(f"{board.name}, ms (estimate)" for board in BOARDS)
    lines = "\n".join(rows)
    between = "; ".join(
        f"{board.name}: {board.clock_hz / 1e9:.1f} GHz, {board.per_cycle[0]} to {board.per_cycle[1]}"
        for board in BOARDS
    )
    return f"""\
# Instructions, and what they let a Pi be expected to do

Written by `python -m bench.instructions`. The instructions are **counted**: the same code, models and frames under
qemu's user emulation of an x86-64 with AVX2, of a Pi 4's Cortex-A72 and of a Pi 5's Cortex-A76 (each with one thread;
Python {sys.version_info.major}.{sys.version_info.minor} on x86-64, {PYTHON} on the others). The times are an
**estimate**: no board was at hand.

| | {heads} | {guessed} |
|---|{"---|" * (1 + 2 * len(BOARDS))}
{lines}

- A Pi 5 needs fewer than a Pi 4 where its dot products of bytes are used: in the reading of faces.
- The times are of one core at its usual clock and a range of instructions a cycle ({between}). The upper ends are half
  of what the cores decode in a cycle, three and four (Arm's software optimisation guides for the Cortex-A72 and A76).
  The lower end for the Pi 4 is about what XNNPACK's own published 75 ms for MobileNet v1 on four cores of a Pi 4
  (its README, 2020) come to: 569 million products in 450 million cycles, at a guess of a third of an instruction a
  product. That of the Pi 5 is half as much again, Arm having promised 25 to 35 % for the A76 over the A75, itself newer
  than the A72.
- Left out: the camera, caches, heat, and whatever else runs.
"""


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m bench.instructions``."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--clips", type=Path, help="folder of clips (*.gif), beside the scene")
    parser.add_argument("--home", type=Path, default=HOME, help="what is built for it (%(default)s)")
    parser.add_argument("--roots", type=Path, default=HOME.parent / "roots", help="Debian for arm64 (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write docs/instructions.md, not only print it")
    options = parser.parse_args(arguments)
    try:
        text = report(measure(options.clips, options.home.resolve(), options.roots))
    except AttuneError as error:
        print(f"bench.instructions: {error}", file=sys.stderr)
        return 1
    print(text)
    if options.write:
        REPORT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
