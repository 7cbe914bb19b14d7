"""A machine made of dictionaries, for tests: it knows as much of useradd, apt and systemctl as the plans need."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from deploy.installer.machine import Entry


class PowerCut(Exception):
    """The machine went off."""


@dataclass(slots=True)
class FakeMachine:
    """``dies_at`` counts changes: before that one, the power goes. ``running`` says whether systemd runs."""

    running: bool = True
    dies_at: int | None = None
    changes: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    packages: set[str] = field(default_factory=lambda: {"apt", "dpkg"})
    torn: set[str] = field(default_factory=set)
    active: set[str] = field(default_factory=set)
    commands: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for path in ("/", "/etc", "/etc/mosquitto", "/usr/local/bin", "/var/lib"):
            self.entries[path] = Entry("folder", 0o755)
        for path, body in {"/etc/passwd": b"root:x\n", "/etc/group": b"root:x\nvideo:x\n"}.items():
            self.entries[path], self.bodies[path] = Entry("file", 0o644), body
        if self.running:
            self.entries["/run/systemd/system"] = Entry("folder", 0o755)

    def entry(self, path: str) -> Entry | None:
        return self.entries.get(path)

    def names(self, folder: str) -> tuple[str, ...]:
        return tuple(
            sorted(PurePosixPath(path).name for path in self.entries if str(PurePosixPath(path).parent) == folder)
        )

    def read(self, path: str) -> bytes:
        return self.bodies.get(path, b"")

    def write(self, path: str, body: bytes, mode: int, owner: str, group: str) -> None:
        self._change()
        self.entries[path], self.bodies[path] = Entry("file", mode, owner, group), body

    def link(self, path: str, target: str) -> None:
        self._change()
        self.entries[path] = Entry("link", target=target)

    def folder(self, path: str, mode: int, owner: str, group: str) -> None:
        self._change()
        for parent in PurePosixPath(path).parents:
            self.entries.setdefault(str(parent), Entry("folder", 0o755))
        self.entries[path] = Entry("folder", mode, owner, group)

    def copy(self, source: Path, path: str) -> None:
        self.write(path, source.read_bytes(), 0o644, "root", "root")

    def remove(self, path: str) -> None:
        for gone in [one for one in self.entries if one == path or one.startswith(f"{path}/")]:
            self._change()
            del self.entries[gone]
            self.bodies.pop(gone, None)

    def ask(self, *command: str) -> tuple[int, str]:
        """What is only asked changes nothing."""
        match command:
            case ("dpkg", "--audit"):
                return 0, ""
            case ("dpkg-query", *_, form) if "Eflag" in form:
                return 0, "".join(f"reinstreq {name}\n" for name in self.torn) + "ok apt\n"
            case ("dpkg-query", *_):
                return 0, "".join(f"ii \t{name}\n" for name in sorted(self.packages))
            case ("systemctl", "is-enabled", unit):
                there = self.entry(f"/etc/systemd/system/wants/{unit}") is not None
                return (0, "enabled\n") if there else (1, "disabled\n")
            case ("systemctl", "is-active", *units):
                states = ["active" if unit in self.active else "inactive" for unit in units]
                return (0 if "active" in states else 3), "\n".join(states)
        self._change()
        self.commands.append(command)
        return self._does(command)

    def _does(self, command: tuple[str, ...]) -> tuple[int, str]:
        match command:
            case ("groupadd", _, name):
                self._listed("/etc/group", name)
            case ("groupdel", name):
                self._unlisted("/etc/group", name)
            case ("useradd", *_, name):
                self._listed("/etc/passwd", name)
            case ("userdel", name):
                self._unlisted("/etc/passwd", name)
            case ("dpkg", "--configure", *_) if self.torn:
                return 1, "package is in a very bad inconsistent state"
            case ("apt-get", *rest) if "install" in rest:
                self.torn -= set(rest) if "--reinstall" in rest else set()
                names = rest[rest.index("--no-install-recommends") + 1 :]
                self.packages |= {*names, *(f"lib-{name}" for name in names)}
            case ("apt-get", "-y", "-q", "purge" | "remove", _, *names):
                self.packages -= set(names)
                self.active -= {f"{name}.service" for name in names}
            case ("systemctl", "enable", unit):
                self.entries[f"/etc/systemd/system/wants/{unit}"] = Entry("link", target=unit)
            case ("systemctl", "disable", unit):
                self.entries.pop(f"/etc/systemd/system/wants/{unit}", None)
            case ("systemctl", "restart", *units):
                self.active |= set(units)
            case ("systemctl", "stop", *units):
                self.active -= set(units)
            case (_, "-c", script, slots, name, digest) if "seal" in script:
                sealed = f'{{"archives": {{"wheelhouse": "{digest}"}}, "files": {{}}}}'
                self.write(f"{slots}/{name}/slot.json", sealed.encode(), 0o644, "root", "root")
            case (_, "-c", script, slots, name) if "switch" in script:
                self.link(f"{slots}/current", name)
                self.link(f"{slots}/good", name)
            case ("runuser", *_, data):
                for name in ("ca.pem", "crl.pem", "acl", "broker.pem", "hub.pem"):
                    self.write(f"{data}/authority/{name}", name.encode(), 0o640, "attune-hub", "attune-hub")
            case ("/opt/attune/bin/broker-files", "--only"):
                for name in ("ca.pem", "crl.pem", "acl", "broker.pem"):
                    self.write(f"/etc/mosquitto/attune/{name}", name.encode(), 0o640, "root", "mosquitto")
        return 0, ""

    def _listed(self, path: str, name: str) -> None:
        self.bodies[path] += f"{name}:x\n".encode()

    def _unlisted(self, path: str, name: str) -> None:
        kept = [line for line in self.bodies[path].splitlines(True) if not line.startswith(f"{name}:".encode())]
        self.bodies[path] = b"".join(kept)

    def _change(self) -> None:
        self.changes += 1
        if self.dies_at is not None and self.changes >= self.dies_at:
            raise PowerCut

    def state(self) -> tuple[object, ...]:
        """Everything that can be compared of two machines, notes left out."""
        notes = "/var/lib/attune-installer"
        entries = {path: entry for path, entry in self.entries.items() if not path.startswith(notes)}
        bodies = {path: body for path, body in self.bodies.items() if not path.startswith(notes)}
        return entries, bodies, frozenset(self.packages), frozenset(self.active)
