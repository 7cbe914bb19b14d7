"""``deploy/card``: puts onto a card, as Raspberry Pi Imager wrote it, what makes its first boot that of a node.

Rules:
- What was on the card stays: of config.txt only the lines between Attune's markers are Attune's, and cmdline.txt gets
  the words that it lacks. A second run with the same wishes changes nothing, and says so.
- A folder that is no boot partition is refused, unless ``--folder`` says that one is wanted.
- A password of a network is never written: only the key that opens this one network.
- Values go into YAML in quotes and escaped, so that no name can be taken for anything but itself.

Left out: writing the operating system (Raspberry Pi Imager), and installing Attune (`deploy.installer`). Bookworm reads
no user-data: there only config.txt, cmdline.txt and Attune's own files are written, and the command says what is to be
set in Imager.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from zoneinfo import available_timezones

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError

from contract.errors import AttuneError, ConfigError, StoreError
from contract.wire import Topic
from deploy.installer.plan import NodeWishes, node_toml

Release = Literal["trixie", "bookworm"]
FIRMWARE: Final = Path(__file__).parents[1] / "firmware_config"
BEGIN, END = "# --- Attune ---", "# --- end of Attune ---"
OWN: Final = "attune"  # the folder on the card for what install-node takes
NETWORK_BYTES_MAX: Final = 32  # of a Wi-Fi network's name (IEEE 802.11)
PASSWORD: Final = range(8, 64)  # characters of its password (WPA2)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an installer says of a card."""

    node: str
    store: str = "shop"
    hub: str = "attune.local"
    timezone: str = "UTC"
    camera: str = "pi"
    release: Release = "trixie"
    coral: bool = False
    ssid: str = ""
    password: str = ""
    country: str = ""
    ssh_keys: tuple[str, ...] = ()
    ntp: tuple[str, ...] = ()


def check(wishes: Wishes) -> None:
    """Raises: ConfigError, one sentence, for what no card can be made of."""
    try:
        Topic(store=wishes.store, node=wishes.node, kind="mood")
    except ValidationError:
        raise ConfigError(
            "Names of node and store are lower case letters, digits and dashes, 32 at most: mend them."
        ) from None
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}", wishes.hub):
        raise ConfigError(f"{wishes.hub!r} is no name of a machine: write one such as attune.local.")
    if not re.fullmatch(r"pi|usb:[0-9]", wishes.camera):
        raise ConfigError(f"There is no camera {wishes.camera!r} on a board: write pi, or usb:0.")
    if wishes.timezone not in available_timezones():
        raise ConfigError(f"There is no time zone {wishes.timezone!r}: write one such as Europe/Berlin.")
    if wishes.ssid:
        if len(wishes.ssid.encode()) > NETWORK_BYTES_MAX:
            raise ConfigError(f"The network's name has over {NETWORK_BYTES_MAX} bytes: no network is called so.")
        if len(wishes.password) not in PASSWORD or not wishes.password.isascii():
            raise ConfigError("A network's password has 8 to 63 characters of ASCII: give --password-file with that.")
        if len(wishes.country) != 2 or not wishes.country.isupper():
            raise ConfigError("Radio rules differ by country: give --country as two letters, such as AT.")


def psk(ssid: str, password: str) -> str:
    """The key of one network. Source: IEEE 802.11i, annex H.4."""
    return hashlib.pbkdf2_hmac("sha1", password.encode(), ssid.encode(), 4096, 32).hex()


def files(wishes: Wishes, there: Mapping[str, str]) -> dict[str, str]:
    """Every file of the card that Attune makes or adds to, by its path there; ``there`` holds what the card has."""
    made = {
        "config.txt": with_block(there.get("config.txt", ""), _firmware("boot/config.txt")),
        "cmdline.txt": with_words(there.get("cmdline.txt", ""), _firmware("boot/cmdline.txt")),
        f"{OWN}/node.toml": node_toml(
            _firmware("node.toml"),
            NodeWishes(wishes.node, wishes.store, wishes.hub, wishes.timezone, wishes.camera, wishes.coral),
        ),
    }
    if wishes.release == "trixie":
        made |= {name: _rendered(name, wishes) for name in ("user-data", "network-config", "meta-data")}
    return made


def with_block(config: str, lines: str) -> str:
    """config.txt with Attune's lines at its end, under [all], in place of those of an earlier run."""
    before, _, rest = config.partition(BEGIN)
    after = rest.partition(END)[2].strip("\n") if rest else ""
    parts = (before.rstrip("\n"), f"{BEGIN}\n[all]\n{lines.strip()}\n{END}", after)
    return "\n\n".join(part for part in parts if part) + "\n"


def with_words(cmdline: str, words: str) -> str:
    """cmdline.txt, which is one line, with the words that it lacks."""
    has = cmdline.split()
    lacks = [word for line in words.splitlines() if not line.startswith("#") for word in line.split()]
    return " ".join([*has, *(word for word in lacks if word not in has)]) + "\n"


def _firmware(name: str) -> str:
    return (FIRMWARE / name).read_text(encoding="utf-8")


def _rendered(name: str, wishes: Wishes) -> str:
    pages = Environment(
        loader=FileSystemLoader(FIRMWARE / "cloud"), undefined=StrictUndefined, keep_trailing_newline=True,
        autoescape=False,  # YAML, and every value as JSON
    )  # fmt: skip
    pages.filters["quoted"] = _quoted
    said = {
        "node": wishes.node,
        "timezone": wishes.timezone,
        "ssid": wishes.ssid,
        "psk": psk(wishes.ssid, wishes.password) if wishes.ssid else "",
        "country": wishes.country,
        "ssh_keys": list(wishes.ssh_keys),
        "ntp": list(wishes.ntp),
    }
    instance = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]
    return pages.get_template(name).render(said, instance=f"attune-{wishes.node}-{instance}")


def _quoted(value: object) -> str:
    """A text, or a list of them, in double quotes and with every strange character escaped."""
    return yaml.safe_dump(value, default_style='"', default_flow_style=True, width=10**6, allow_unicode=False).strip()


def put(folder: Path, made: Mapping[str, str], *, dry_run: bool = False) -> list[str]:
    """Writes what differs; the names of that. Raises: StoreError when the card cannot be written."""
    changed = [name for name, text in made.items() if _text(folder / name) != text]
    try:
        for name in () if dry_run else changed:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(made[name], encoding="utf-8")
    except OSError as error:
        raise StoreError(f"The card at {folder} cannot be written ({error.strerror}): mount it for writing.") from None
    return changed


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy/card",
        description="Puts a node's first boot onto a card that Raspberry Pi Imager wrote. Run it again as often as you"
        " like: it changes what differs, and says so.",
    )
    parser.add_argument("node", help="the node's name, such as window-1")
    parser.add_argument("boot", type=Path, help="where the card's boot partition is mounted, such as /media/you/bootfs")
    parser.add_argument("--folder", action="store_true", help="BOOT is any folder, not a card: to look at the files")
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    parser.add_argument("--release", choices=("trixie", "bookworm"), default="trixie", help="default: %(default)s")
    parser.add_argument("--store", default="shop", help="the shop's name in topics (%(default)s)")
    parser.add_argument("--hub", default="attune.local", help="the hub's name (%(default)s)")
    parser.add_argument("--timezone", default="UTC", help="such as Europe/Vienna (%(default)s)")
    parser.add_argument("--camera", default="pi", help="pi or usb:0 (%(default)s)")
    parser.add_argument("--coral", action="store_true", help="a Coral USB stick is plugged in")
    parser.add_argument("--ssid", default="", help="the Wi-Fi's name (default: cable)")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="its password, the file's first line")
    parser.add_argument("--country", default="", help="two letters, whose radio rules hold, such as AT")
    parser.add_argument("--ssh-key", type=Path, action="append", default=[], metavar="FILE.pub", help="who may log in")
    parser.add_argument(
        "--ntp", action="append", default=[], metavar="HOST", help="who tells the time (default: Debian's)"
    )
    return parser


def _first_line(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): name a file with one line.") from None


def main(arguments: list[str] | None = None) -> int:
    """The command. Exit status 1 when a card cannot be made so."""
    options = _parser().parse_args(arguments)
    try:
        wishes = Wishes(
            options.node, options.store, options.hub, options.timezone, options.camera, options.release, options.coral,
            options.ssid, _first_line(options.password_file), options.country,
            tuple(_first_line(path) for path in options.ssh_key), tuple(options.ntp),
        )  # fmt: skip
        check(wishes)
        if not options.folder and not (options.boot / "cmdline.txt").is_file():
            raise ConfigError(
                f"{options.boot} is no boot partition (it has no cmdline.txt): mount one, or add --folder."
            )
        there = {name: _text(options.boot / name) or "" for name in ("config.txt", "cmdline.txt")}
        changed = put(options.boot, files(wishes, there), dry_run=options.dry_run)
    except AttuneError as error:
        print(f"deploy/card: {error}", file=sys.stderr)
        return 1
    for name in changed:
        print(f"{'would write' if options.dry_run else 'written'}: {name}")
    if not changed:
        print("Nothing to do: all of it stands.")
    if wishes.release == "bookworm":
        print("Bookworm reads no user-data: set name, account, network and time zone in Raspberry Pi Imager.")
    if wishes.ssid and not options.dry_run:
        print("Whoever holds this card can join that Wi-Fi: a boot partition keeps no secrets from who reads it.")
    if not wishes.ssh_keys and wishes.release == "trixie":
        print("No --ssh-key was given: nobody can log in over the network.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
