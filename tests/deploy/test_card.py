"""A node's card: what the first boot reads, on a folder that stands for the boot partition."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import ConfigError
from deploy import card
from deploy.card import BEGIN, END, FIRMWARE, Wishes, check, files, main, psk, put, with_block, with_words
from edge.config import load
from hub.config import HubConfig
from hub.config import load as load_hub

CONFIG = "# For more options see config.txt's own pages\ndtparam=audio=on\n\n[cm4]\notg_mode=1\n"
CMDLINE = "console=serial0,115200 console=tty1 root=PARTUUID=1 rootfstype=ext4 fsck.repair=yes rootwait\n"
DOOR = Wishes("door-1", ssid='Shop "1"', password="correct horse", country="AT", ssh_keys=("ssh-ed25519 AAAA me",))


@pytest.fixture
def boot(tmp_path: Path) -> Path:
    """A boot partition as Imager leaves it."""
    (tmp_path / "config.txt").write_text(CONFIG)
    (tmp_path / "cmdline.txt").write_text(CMDLINE)
    return tmp_path


def read(boot: Path, name: str) -> object:
    return yaml.safe_load((boot / name).read_text())


def test_a_card_gets_what_a_first_boot_reads_and_a_second_run_changes_nothing(
    boot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["door-1", str(boot), "--timezone", "Europe/Vienna"]) == 0
    assert {line.removeprefix("written: ") for line in capsys.readouterr().out.splitlines() if "written" in line} == {
        "config.txt", "cmdline.txt", "attune/node.toml", "user-data", "network-config", "meta-data",
    }  # fmt: skip
    before = {path: path.read_bytes() for path in boot.rglob("*") if path.is_file()}
    assert main(["door-1", str(boot), "--timezone", "Europe/Vienna"]) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in boot.rglob("*") if path.is_file()} == before


def test_a_dry_run_writes_nothing(boot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["door-1", str(boot), "--dry-run"]) == 0
    assert "would write: user-data" in capsys.readouterr().out
    assert sorted(path.name for path in boot.iterdir()) == ["cmdline.txt", "config.txt"]


def test_the_nodes_settings_on_the_card_are_such_as_a_node_reads(boot: Path) -> None:
    put(boot, files(DOOR, {}))
    config = load(boot / "attune" / "node.toml")
    assert (config.node, config.broker.url) == ("door-1", "mqtts://attune.local:8883")


def test_the_examples_are_read_by_node_and_hub(tmp_path: Path) -> None:
    assert load(FIRMWARE / "node.toml").node == "window-1"
    shutil.copy(FIRMWARE / "hub.toml", tmp_path)
    assert load_hub(tmp_path) != HubConfig()


def test_what_was_on_the_card_stays_and_attunes_lines_stand_once() -> None:
    once = with_block(CONFIG, "dtparam=watchdog=on\n")
    assert once.startswith(CONFIG.rstrip("\n"))
    assert with_block(once, "dtparam=watchdog=on\n") == once
    other = with_block(once + "\n# mine\n", "camera_auto_detect=1\n")
    assert "watchdog" not in other
    assert "# mine" in other
    assert other.count(BEGIN) == other.count(END) == 1


def test_the_kernels_line_stays_one_line_and_gets_what_it_lacks() -> None:
    line = with_words(CMDLINE, (FIRMWARE / "boot" / "cmdline.txt").read_text())
    assert line.count("\n") == 1
    assert line.startswith(CMDLINE.strip())
    assert line.split().count("fsck.repair=yes") == 1
    assert "cgroup_enable=memory" in line.split()
    assert with_words(line, "panic=10\n") == line


def test_every_line_for_the_firmware_has_its_reason() -> None:
    """Each line, or run of lines, is below a comment."""
    for name in ("boot/config.txt", "boot/cmdline.txt", "udev/60-attune-coral.rules"):
        lines = (FIRMWARE / name).read_text().splitlines()
        setting = [number for number, line in enumerate(lines) if line and not line.startswith("#")]
        assert all(lines[number - 1] for number in setting), "a line without a reason above it"


names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    node=names, ssid=texts.filter(lambda text: len(text.encode()) <= 32), keys=st.lists(texts, max_size=3), ntp=texts
)
def test_whatever_things_are_called_yaml_reads_back_the_same(node: str, ssid: str, keys: list[str], ntp: str) -> None:
    made = files(Wishes(node, ssid=ssid, password="12345678", country="AT", ssh_keys=tuple(keys), ntp=(ntp,)), {})
    user = yaml.safe_load(made["user-data"])
    assert user["hostname"] == node
    assert user["users"][0]["ssh_authorized_keys"] == keys
    assert user["ntp"]["servers"] == [ntp]
    points = yaml.safe_load(made["network-config"])["network"]["wifis"]["wlan0"]["access-points"]
    assert points == {ssid: {"password": psk(ssid, "12345678")}}


def test_a_networks_password_is_never_written(boot: Path) -> None:
    put(boot, files(DOOR, {}))
    assert not [path for path in boot.rglob("*") if path.is_file() and b"correct horse" in path.read_bytes()]


def test_the_key_of_a_network_is_that_of_the_standard() -> None:
    """Source: IEEE 802.11i, annex H.4.3, first test vector."""
    assert psk("IEEE", "password") == "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"


def test_a_node_on_a_cable_has_no_wifi(boot: Path) -> None:
    put(boot, files(Wishes("door-1"), {}))
    network = read(boot, "network-config")
    assert json.loads(json.dumps(network))["network"].keys() == {"version", "ethernets"}


def test_a_card_with_other_wishes_is_a_new_one_to_cloud_init() -> None:
    assert files(DOOR, {})["meta-data"] == files(DOOR, {})["meta-data"]
    assert files(Wishes("door-1", timezone="Europe/Paris"), {})["meta-data"] != files(Wishes("door-1"), {})["meta-data"]


def test_bookworm_gets_no_user_data_and_says_so(boot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["door-1", str(boot), "--release", "bookworm"]) == 0
    assert "Bookworm reads no user-data" in capsys.readouterr().out
    assert not (boot / "user-data").exists()


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        (Wishes("Door"), "lower case"),
        (Wishes("door", timezone="Mars/Base"), "time zone"),
        (Wishes("door", hub='a"b'), "no name of a machine"),
        (Wishes("door", camera="rtsp://x"), "no camera"),
        (Wishes("door", ssid="x" * 33, password="12345678", country="AT"), "33|32 bytes"),
        (Wishes("door", ssid="shop", password="short", country="AT"), "8 to 63"),
        (Wishes("door", ssid="shop", password="12345678", country="at"), "two letters"),
    ],
)  # fmt: skip
def test_what_no_card_can_be_made_of_is_one_sentence(wishes: Wishes, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check(wishes)


def test_a_folder_that_is_no_card_is_refused_unless_it_is_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["door-1", str(tmp_path)]) == 1
    assert "no boot partition" in capsys.readouterr().err
    assert main(["door-1", str(tmp_path), "--folder"]) == 0


# --- what others say of it, where they are installed ------------------------------------------------------------


def tool(name: str, package: str) -> str:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed (Debian: apt install {package})")
    return path


def test_cloud_init_finds_nothing_to_say_of_it(boot: Path) -> None:
    put(boot, files(DOOR, {}))
    command = (tool("cloud-init", "cloud-init"), "schema", "--config-file", str(boot / "user-data"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "deprecated" not in done.stdout + done.stderr


def test_netplan_takes_the_network(boot: Path) -> None:
    put(boot, files(DOOR, {}))
    place = boot / "etc" / "netplan"
    place.mkdir(parents=True)
    shutil.copy(boot / "network-config", place / "60-attune.yaml")
    command = (tool("netplan", "netplan.io"), "generate", "--root-dir", str(boot))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_layout_of_two_systems_is_one_that_sfdisk_lays(tmp_path: Path) -> None:
    disk = tmp_path / "card.img"
    with disk.open("wb") as image:
        image.truncate(16 * 10**9)
    command = (tool("sfdisk", "fdisk"), "--quiet", str(disk))
    layout = (FIRMWARE / "image" / "layout.sfdisk").read_text()
    subprocess.run(command, input=layout, text=True, check=True, capture_output=True)
    said = subprocess.run((command[0], "--json", str(disk)), capture_output=True, text=True, check=True).stdout
    found = [one["name"] for one in json.loads(said)["partitiontable"]["partitions"]]
    assert found == ["bootconfig", "boot-a", "boot-b", "root-a", "root-b", "userdata"]


def test_the_read_only_roots_table_of_mounts_keeps_what_must_stay_and_nothing_else() -> None:
    lines = [line.split() for line in (FIRMWARE / "image" / "fstab").read_text().splitlines() if line[:1] not in "#"]
    assert all(len(line) == 6 for line in lines)
    kept = {line[1] for line in lines if line[0].startswith("/userdata/")}
    assert kept == {"/var/lib/attune", "/etc/attune", "/opt/attune", "/var/lib/systemd/timesync"}
    assert all("nosuid" in line[3] for line in lines if line[2] in ("tmpfs", "ext4", "vfat"))


def test_udev_takes_the_rules() -> None:
    rules = FIRMWARE / "udev" / "60-attune-coral.rules"
    said = subprocess.run((tool("udevadm", "udev"), "verify", "--help"), capture_output=True, text=True, check=False)
    if said.returncode:
        pytest.skip("this udevadm cannot verify rules (systemd 254 and later can)")
    subprocess.run((tool("udevadm", "udev"), "verify", "--no-summary", str(rules)), check=True, capture_output=True)


def test_help_says_what_it_does() -> None:
    script = Path(card.__file__).with_name("card")
    said = subprocess.run((str(script), "--help"), capture_output=True, text=True, check=True).stdout
    assert "a card that Raspberry Pi Imager wrote" in " ".join(said.split())
