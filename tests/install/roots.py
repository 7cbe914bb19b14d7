"""Debian roots to install into, and machines booted from them: mmdebstrap, systemd-nspawn, network namespaces."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NEEDED = ("mmdebstrap", "systemd-nspawn", "ip", "nsenter", "dpkg-deb")
BASE = "python3,ca-certificates,systemd,udev"
PATIENCE_S = 120.0


def fresh(suite: str, arch: str, cache: Path) -> Path:
    """A plain Debian root, made once."""
    root = cache / f"{suite}-{arch}"
    if not (root / "etc/os-release").exists():
        shutil.rmtree(root, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ("mmdebstrap", "-q", f"--arch={arch}", "--variant=minbase", f"--include={BASE}", suite, str(root)),
            check=True,
        )
    return root


def copied(root: Path, to: Path) -> Path:
    """A root of one's own."""
    shutil.rmtree(to, ignore_errors=True)
    subprocess.run(("cp", "-a", "--reflink=auto", str(root), str(to)), check=True)
    return to


def inside(root: Path, stick: Path, *command: str, network: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs a command in a root that is not booted, without any network unless it is asked for."""
    if network:
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    done = subprocess.run(
        (*_nspawn(root, stick), "--pipe", *(() if network else ("--private-network",)), *command),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    said = "".join(line for line in done.stdout.splitlines(True) if "we can't allow that" not in line)
    return subprocess.CompletedProcess(done.args, done.returncode, said)


def killed(root: Path, stick: Path, after_s: float, *command: str) -> bool:
    """Runs a command and kills it with all it started after a while; whether it was still at work."""
    running = subprocess.Popen(
        (*_nspawn(root, stick), "--private-network", "--pipe", "--kill-signal=SIGKILL", *command),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        running.wait(after_s)
    except subprocess.TimeoutExpired:
        for leader in _children(running.pid):
            os.kill(leader, signal.SIGKILL)
        running.wait()
        return True
    return False


def _nspawn(root: Path, stick: Path) -> tuple[str, ...]:
    return (
        "systemd-nspawn", "-q", "--register=no", "--keep-unit", "-D", str(root), "--resolv-conf=off",
        f"--bind-ro={stick}:/stick", f"--machine={root.name}",
    )  # fmt: skip


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@dataclass(slots=True)
class Booted:
    """A machine that runs its own systemd in a network namespace."""

    process: subprocess.Popen[bytes]
    namespace: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command as root on it."""
        (leader,) = _children(self.process.pid)
        return subprocess.run(
            ("nsenter", "-t", str(leader), "-a", *command), capture_output=True, text=True, check=False, cwd="/"
        )

    def awaits(self, *command: str, what: str, patience_s: float = PATIENCE_S) -> str:
        """Until a command succeeds; its output."""
        until_s = time.monotonic() + patience_s
        while time.monotonic() < until_s:
            done = self.run(*command)
            if done.returncode == 0:
                return done.stdout
            time.sleep(0.3)
        raise AssertionError(f"{what} did not come within {patience_s:.0f} s: {done.stdout}{done.stderr}")


@contextmanager
def booted(root: Path, stick: Path, namespace: str, *instead: str) -> Iterator[Booted]:
    """Boots a root, or runs a command ``instead`` as its first process; ends with it."""
    with (root.parent / f"{root.name}.boot.log").open("wb") as log:
        process = subprocess.Popen(
            (*_nspawn(root, stick), f"--network-namespace-path=/run/netns/{namespace}", *(instead or ("-b",))),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    machine = Booted(process, namespace)
    try:
        time.sleep(1)
        up = "systemctl is-system-running --wait | grep -E 'running|degraded'"
        machine.awaits("sh", "-c", "true" if instead else up, what="the boot")
        yield machine
    finally:
        for leader in _children(process.pid):
            os.kill(leader, signal.SIGKILL)
        process.wait()


@contextmanager
def two_networks(first: str, second: str) -> Iterator[None]:
    """Two network namespaces and a cable between them: 10.77.0.1 and 10.77.0.2. Nothing leads out."""
    names = (first, second)
    _ip("link", "add", f"{first}0", "type", "veth", "peer", "name", f"{second}0")
    try:
        for number, name in enumerate(names, 1):
            _ip("netns", "add", name)
            _ip("link", "set", f"{name}0", "netns", name)
            _ip("-n", name, "link", "set", f"{name}0", "name", "eth0")
            _ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
        for name in names:
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "route", "add", "224.0.0.0/4", "dev", "eth0")
        yield
    finally:
        for name in names:
            subprocess.run(("ip", "netns", "delete", name), stderr=subprocess.DEVNULL, check=False)
            subprocess.run(("ip", "link", "delete", f"{name}0"), stderr=subprocess.DEVNULL, check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(("ip", *arguments), check=True)
