"""The two plans: what a node is, and what a hub is, as lists of steps in their order. Nothing is done here.

Rules:
- Later steps may need earlier ones; taking back goes the other way round.
- Units whose name begins with ``attune-hub`` are the hub's, all others a node's.
- A setting file that a person edits is laid down once and left alone from then on.

Left out: carrying a plan out (`deploy.installer.carry`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from deploy.installer.machine import InstallError
from deploy.installer.services import Enabled, Reloaded, Started
from deploy.installer.slot import ROOT_JSON, SLOTS, Slot, Wheelhouse
from deploy.installer.steps import File, Folder, Group, Link, Made, Packages, Step, User

Role = Literal["node", "hub"]
UNITS: Final = "/etc/systemd/system"
TLS: Final = "/var/lib/attune/tls"
NODE_TOML: Final = "/etc/attune/node.toml"
HUB_DATA: Final = "/var/lib/attune-hub"
BROKER_FILES: Final = "/opt/attune/bin/broker-files"
BROKER_FOLDER: Final = "/etc/mosquitto/attune"
NODE_PACKAGES: Final = ("python3-venv", "libnss-mdns", "avahi-daemon", "dbus")  # to find attune.local by its name
PI_PACKAGES: Final = ("python3-picamera2", "python3-gpiozero", "python3-lgpio")
CORAL_PACKAGES: Final = ("libedgetpu1-std",)
HUB_PACKAGES: Final = ("python3-venv", "mosquitto", "caddy", "avahi-daemon", "dbus")
#: Where small files of `firmware_config/` go, by their folder there.
PLACES: Final = {"udev": "/etc/udev/rules.d", "sysctl": "/etc/sysctl.d", "tmpfiles": "/etc/tmpfiles.d"}


@dataclass(frozen=True, slots=True)
class Stick:
    """Everything that is laid down: ``files`` are bytes by their path in the repository."""

    files: Mapping[str, bytes]
    wheelhouse: Wheelhouse
    packages: Path | None = None

    def text(self, path: str) -> str:
        """Raises: InstallError when the stick is not whole."""
        if path not in self.files:
            raise InstallError(f"The stick has no {path}: make it anew with deploy/wheelhouse.")
        return self.files[path].decode()


@dataclass(frozen=True, slots=True)
class NodeWishes:
    """What an installer says of a node. ``config`` is a whole node.toml in place of the example."""

    node: str
    store: str = "shop"
    hub: str = "attune.local"
    timezone: str = "UTC"
    camera: str = "pi"
    coral: bool = False
    config: bytes | None = None


@dataclass(frozen=True, slots=True)
class HubWishes:
    """What an installer says of a hub."""

    store: str = "shop"
    host: str = "attune.local"
    timezone: str = "UTC"


def node_plan(stick: Stick, wishes: NodeWishes) -> tuple[Step, ...]:
    """A camera node."""
    units = sorted(_units(stick, "node"))
    pi = PI_PACKAGES if wishes.camera == "pi" else ()
    packages = (*NODE_PACKAGES, *pi, *(CORAL_PACKAGES if wishes.coral else ()))
    body = wishes.config if wishes.config is not None else _node_toml(stick, wishes)
    return (
        Reloaded(),
        Packages(packages, stick.packages),
        *(Group(name, shared=True) for name in ("video", "plugdev", "gpio")),
        *(Group(name, data=True) for name in ("attune", "attune-eye")),
        User("attune-courier", "attune", data=True),
        User("attune-eye", "attune-eye", data=True),
        *_attune(stick, "attune-edge", site_packages=True),
        Link("/opt/attune/models", "slots/current/models"),
        Folder("/var/lib/attune", 0o700, "attune-courier", "attune", data=True),
        Folder(TLS, 0o750, "attune-courier", "attune", data=True),
        File(NODE_TOML, body, keep=True, data=True),
        *_small_files(stick),
        *_unit_files(stick, units),
        *(Enabled(unit) for unit in units if _at_boot(stick, unit)),
        Started(
            tuple(unit for unit in units if _at_boot(stick, unit)),
            needs=f"{TLS}/node.pem",
        ),
    )


def hub_plan(stick: Stick, wishes: HubWishes) -> tuple[Step, ...]:
    """The hub of a shop, with its broker and what gives its pages HTTPS."""
    units = sorted(_units(stick, "hub"))
    authority = f"{HUB_DATA}/authority"
    own = ("ca.pem", "crl.pem", "acl", "broker.pem")
    others = ("avahi-daemon.service", "mosquitto.service", "caddy.service")
    return (
        Reloaded(others=others),
        Packages(HUB_PACKAGES, stick.packages),
        Group("attune-hub", data=True),
        User("attune-hub", "attune-hub", data=True),
        *_attune(stick, "attune-hub", site_packages=False),
        Folder(HUB_DATA, 0o700, "attune-hub", "attune-hub", data=True),
        File(
            f"{HUB_DATA}/hub.toml", hub_toml(wishes).encode(), 0o640, "attune-hub", "attune-hub", keep=True, data=True
        ),
        Link("/etc/attune/hub.toml", f"{HUB_DATA}/hub.toml", data=True),
        File("/etc/attune/hub.env", b"ATTUNE_BROKER=mqtts://127.0.0.1:8883\n"),
        Made(
            "the shop's authority",
            tuple(f"{authority}/{name}" for name in (*own, "hub.pem")),
            ("runuser", "-u", "attune-hub", "--", "/opt/attune/venv/bin/attune-hub", "authority", "--data", HUB_DATA),
        ),
        Folder("/opt/attune/bin"),
        File(BROKER_FILES, stick.text("deploy/broker-files").encode(), 0o755),
        Folder(BROKER_FOLDER, 0o750, "root", "mosquitto"),
        Made("the broker's copies", tuple(f"{BROKER_FOLDER}/{name}" for name in own), (BROKER_FILES, "--only")),
        File("/etc/mosquitto/conf.d/attune.conf", stick.text("deploy/mosquitto.conf").encode()),
        File(f"{UNITS}/mosquitto.service.d/attune.conf", stick.text("deploy/dropins/mosquitto.conf").encode()),
        File("/etc/attune/Caddyfile", stick.text("deploy/Caddyfile").replace("attune.local", wishes.host).encode()),
        File(f"{UNITS}/caddy.service.d/attune.conf", stick.text("deploy/dropins/caddy.conf").encode()),
        File("/etc/attune/avahi-daemon.conf", avahi(stick.text("deploy/avahi-daemon.conf"), wishes.host).encode()),
        File(f"{UNITS}/avahi-daemon.service.d/attune.conf", stick.text("deploy/dropins/avahi-daemon.conf").encode()),
        *_unit_files(stick, units),
        *(Enabled(unit) for unit in units if _at_boot(stick, unit)),
        Started(tuple(unit for unit in units if _at_boot(stick, unit)), others=others),
    )


def node_toml(example: str, wishes: NodeWishes) -> str:
    """The example with this node's name and way to its hub."""
    said = {
        r"node = .*": f'node = "{wishes.node}"',
        r"store = .*": f'store = "{wishes.store}"',
        r"timezone = .*": f'timezone = "{wishes.timezone}"',
        r"source = .*": f'source = "{wishes.camera}"',
        r"url = .*": f'url = "mqtts://{wishes.hub}:8883"',
        r"# ca = .*": f'ca = "{TLS}/ca.pem"',
        r"# certificate = .*": f'certificate = "{TLS}/node.pem"',
        r"# key = .*\n": "",
    }
    for line, stands in said.items():
        example, count = re.subn(rf"^{line}", stands, example, flags=re.MULTILINE)
        if count != 1:
            raise InstallError(f"The stick's node.toml has {count} lines {line!r}, not one: make the stick anew.")
    return example


def _node_toml(stick: Stick, wishes: NodeWishes) -> bytes:
    return node_toml(stick.text("firmware_config/node.toml"), wishes).encode()


def hub_toml(wishes: HubWishes) -> str:
    """The hub's settings as they begin."""
    return (
        "# The shop's own settings; firmware_config/hub.toml in Attune's sources names what else may stand here.\n"
        "# Restart attune-hub after a change.\n"
        f'store = "{wishes.store}"\nhosts = ["{wishes.host}"]\ntimezone = "{wishes.timezone}"\n\n'
        '[broker]\nca = "authority/ca.pem"\ncertificate = "authority/hub.pem"\n'
    )


def avahi(conf: str, host: str) -> str:
    """Says the hub's name in the shop's network, as far as it is one that can be said there."""
    return conf.replace("host-name=attune", f"host-name={host.removesuffix('.local').split('.')[0]}")


def _attune(stick: Stick, program: str, *, site_packages: bool) -> Iterator[Step]:
    """The software and what lies beside it."""
    yield Folder("/opt/attune")
    yield Folder(SLOTS)
    yield Folder("/etc/attune", data=True)
    yield Slot(stick.wheelhouse, program, site_packages)
    yield Link("/opt/attune/venv", "slots/current/venv")
    yield Link(f"/usr/local/bin/{program}", f"/opt/attune/venv/bin/{program}")
    if ROOT_JSON in stick.files:
        yield File("/opt/attune/root.json", stick.files[ROOT_JSON], keep=True)
    yield Folder("/opt/attune/docs")
    for path in sorted(stick.files):
        if path == "README.md" or path.startswith("docs/"):
            yield File(f"/opt/attune/{path}", stick.files[path])


def _small_files(stick: Stick) -> Iterator[Step]:
    for path in sorted(stick.files):
        folder, _, name = path.removeprefix("firmware_config/").rpartition("/")
        if path.startswith("firmware_config/") and folder in PLACES:
            yield File(f"{PLACES[folder]}/{name}", stick.files[path])


def _units(stick: Stick, role: Role) -> Iterator[str]:
    for path in stick.files:
        room, _, name = path.partition("/")
        if room == "systemd" and name.startswith("attune-hub") == (role == "hub"):
            yield name


def _unit_files(stick: Stick, units: list[str]) -> Iterator[Step]:
    for unit in units:
        yield File(f"{UNITS}/{unit}", stick.files[f"systemd/{unit}"])


def _at_boot(stick: Stick, unit: str) -> bool:
    return b"\n[Install]\n" in stick.files[f"systemd/{unit}"]
