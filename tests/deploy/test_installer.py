"""The installers' plans, carried out on a machine made of dictionaries: again, cut off anywhere, and taken back."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.installer.carry import install, missing, uninstall
from deploy.installer.command import main
from deploy.installer.fake import FakeMachine, PowerCut
from deploy.installer.machine import Entry, InstallError
from deploy.installer.plan import HubWishes, NodeWishes, Role, Stick, hub_plan, node_plan
from deploy.installer.slot import Wheelhouse, open_wheelhouse
from deploy.installer.steps import Step
from edge import config as node_config
from hub import config as hub_config

ROOT = Path(__file__).parents[2]
LAID_DOWN = ("systemd/*", "deploy/*.conf", "deploy/Caddyfile", "deploy/broker-files", "deploy/dropins/*",
             "firmware_config/node.toml", "README.md")  # fmt: skip
ROLES: tuple[Role, ...] = ("node", "hub")


def wheelhouse(folder: Path, version: str = "1") -> Wheelhouse:
    files = {"wheels/attune-0-py3-none-any.whl": version, "models/affect/affect.tflite": "net"}
    for path, body in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(body)
    listed = {path: hashlib.sha256(body.encode()).hexdigest() for path, body in files.items()}
    for role in ROLES:
        lines = "".join(f"{sha256}  {path}\n" for path, sha256 in listed.items())
        (folder / f"{role}.wheelhouse.sha256").write_text(lines)
    return open_wheelhouse(folder, "node")


@pytest.fixture
def stick(tmp_path: Path) -> Stick:
    found = [path for pattern in LAID_DOWN for path in ROOT.glob(pattern) if path.is_file()]
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in found}
    small = {"firmware_config/udev/60-attune.rules": b"# a rule\n", "root.json": b"{}"}
    return Stick(files | small, wheelhouse(tmp_path))


def planned(stick: Stick, role: Role) -> tuple[Step, ...]:
    return node_plan(stick, NodeWishes("door")) if role == "node" else hub_plan(stick, HubWishes())


def carried(machine: FakeMachine, role: Role, plan: tuple[Step, ...]) -> int:
    return install(machine, role, plan, lambda _: None)


def joined(machine: FakeMachine) -> None:
    machine.entries["/var/lib/attune/tls/node.pem"] = Entry("file", 0o600, "attune-courier", "attune")


@pytest.mark.parametrize("role", ROLES)
def test_a_second_run_changes_nothing(stick: Stick, role: Role) -> None:
    machine, plan = FakeMachine(), planned(stick, role)
    assert carried(machine, role, plan) > 20
    assert missing(machine, plan) == []
    changes = machine.changes
    assert carried(machine, role, plan) == 0
    assert machine.changes == changes


@pytest.mark.parametrize("role", ROLES)
def test_cut_off_before_any_change_and_run_again_it_ends_the_same(stick: Stick, role: Role) -> None:
    whole, plan = FakeMachine(), planned(stick, role)
    carried(whole, role, plan)
    for at in range(1, whole.changes + 1):
        machine = FakeMachine(dies_at=at)
        with pytest.raises(PowerCut):
            carried(machine, role, plan)
        machine.dies_at = None
        carried(machine, role, plan)
        assert machine.state() == whole.state(), f"cut off before change {at}"
        assert missing(machine, plan) == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("running", [True, False])
def test_uninstalled_it_is_the_machine_that_it_was(stick: Stick, role: Role, running: bool) -> None:
    machine, plan = FakeMachine(running=running), planned(stick, role)
    before = machine.state()
    carried(machine, role, plan)
    assert machine.state() != before
    assert uninstall(machine, role, plan, lambda _: None) > 0
    assert left(machine, before) == set()
    assert machine.state()[1:] == before[1:]
    assert machine.entry("/var/lib/attune-installer") is None
    assert uninstall(machine, role, plan, lambda _: None) == 0


def left(machine: FakeMachine, before: tuple[object, ...]) -> set[str]:
    """Paths that are there and were not; empty folders that any package makes too are no trace."""
    was = before[0]
    assert isinstance(was, dict)
    usual = ("/etc/systemd", "/etc/udev", "/etc/mosquitto/conf.d", "/opt", "/var", "/usr")
    return {path for path in machine.entries if path not in was and not path.startswith(usual)} | {
        path for path in machine.entries if "attune" in path
    }


@pytest.mark.parametrize("role", ROLES)
def test_an_uninstall_that_was_cut_off_is_gone_on_with(stick: Stick, role: Role) -> None:
    plan = planned(stick, role)
    machine = FakeMachine()
    before = machine.state()
    carried(machine, role, plan)
    first = machine.changes
    for at in range(first + 1, first + 400, 7):
        machine = FakeMachine()
        carried(machine, role, plan)
        machine.dies_at = at
        try:
            uninstall(machine, role, plan, lambda _: None)
        except PowerCut:
            machine.dies_at = None
            uninstall(machine, role, plan, lambda _: None)
        assert left(machine, before) == set(), at
        assert machine.state()[1:] == before[1:], at


@pytest.mark.parametrize(("role", "kept"), [("node", "/var/lib/attune"), ("hub", "/var/lib/attune-hub")])
def test_kept_data_keeps_its_owner_and_its_settings(stick: Stick, role: Role, kept: str) -> None:
    machine, plan = FakeMachine(), planned(stick, role)
    carried(machine, role, plan)
    uninstall(machine, role, plan, lambda _: None, keep_data=True)
    assert machine.entry(kept) is not None
    assert machine.entry("/opt/attune") is None
    held = machine.entry(kept)
    assert held is not None
    assert f"{held.owner}:".encode() in machine.read("/etc/passwd")
    carried(machine, role, plan)
    assert missing(machine, plan) == []


def test_packages_groups_and_settings_that_were_there_before_stay(stick: Stick) -> None:
    machine, plan = FakeMachine(packages={"apt", "mosquitto"}), planned(stick, "hub")
    carried(machine, "hub", plan)
    assert {"caddy", "lib-caddy"} <= machine.packages
    uninstall(machine, "hub", plan, lambda _: None)
    assert machine.packages == {"apt", "mosquitto"}
    node = FakeMachine()
    carried(node, "node", planned(stick, "node"))
    assert b"gpio:" in node.read("/etc/group")
    uninstall(node, "node", planned(stick, "node"), lambda _: None)
    assert node.read("/etc/group") == b"root:x\nvideo:x\n"


def test_a_newer_stick_goes_into_the_other_slot_and_an_edited_setting_stays(stick: Stick, tmp_path: Path) -> None:
    machine = FakeMachine()
    carried(machine, "node", planned(stick, "node"))
    machine.bodies["/etc/attune/node.toml"] += b"# mine\n"
    newer = Stick(stick.files, wheelhouse(tmp_path / "newer", "2"))
    assert carried(machine, "node", planned(newer, "node")) == 2  # the slot, and the services that run from it
    current = machine.entry("/opt/attune/slots/current")
    assert current is not None
    assert current.target == "b"
    assert machine.read("/etc/attune/node.toml").endswith(b"# mine\n")


def test_a_pending_update_is_not_decided_by_an_install(stick: Stick, tmp_path: Path) -> None:
    machine = FakeMachine()
    carried(machine, "node", planned(stick, "node"))
    machine.entries["/opt/attune/slots/current"] = Entry("link", target="b")
    newer = Stick(stick.files, wheelhouse(tmp_path / "newer", "2"))
    with pytest.raises(InstallError, match="pending"):
        carried(machine, "node", planned(newer, "node"))


def test_a_package_that_was_cut_off_among_its_files_is_had_again(stick: Stick) -> None:
    machine = FakeMachine(torn={"python3-venv"})
    assert carried(machine, "node", planned(stick, "node"))
    assert not machine.torn
    assert "python3-venv" in machine.packages
    assert [command for command in machine.commands if "--reinstall" in command and command[-1] == "python3-venv"]


def test_a_damaged_wheel_is_one_sentence_and_no_slot(stick: Stick) -> None:
    (stick.wheelhouse.folder / "wheels/attune-0-py3-none-any.whl").write_text("bent")
    machine = FakeMachine()
    with pytest.raises(InstallError, match="damaged"):
        carried(machine, "node", planned(stick, "node"))
    assert machine.entry("/opt/attune/slots/current") is None


def test_a_node_starts_once_it_has_joined(stick: Stick) -> None:
    machine, plan = FakeMachine(), planned(stick, "node")
    carried(machine, "node", plan)
    assert machine.active == set()
    joined(machine)
    assert carried(machine, "node", plan) == 1
    assert {"attune-courier.service", "attune-eye.service", "attune-purge.timer"} <= machine.active
    assert carried(machine, "node", plan) == 0


def test_a_machine_is_of_one_role(stick: Stick) -> None:
    machine = FakeMachine()
    carried(machine, "hub", planned(stick, "hub"))
    with pytest.raises(InstallError, match="is a hub already"):
        carried(machine, "node", planned(stick, "node"))


def test_what_is_laid_down_is_what_the_loaders_take(stick: Stick, tmp_path: Path) -> None:
    machine = FakeMachine()
    plan = node_plan(stick, NodeWishes("door", "corner", "attune.local", "Europe/Vienna", "usb:0"))
    carried(machine, "node", plan)
    written = tmp_path / "node.toml"
    written.write_bytes(machine.read("/etc/attune/node.toml"))
    said = node_config.load(written)
    assert (said.node, said.store, said.broker.url) == ("door", "corner", "mqtts://attune.local:8883")
    assert (said.camera.source, str(said.broker.certificate)) == ("usb:0", "/var/lib/attune/tls/node.pem")
    hub = FakeMachine()
    carried(hub, "hub", hub_plan(stick, HubWishes("corner", "shop.local", "Europe/Vienna")))
    body = tomllib.loads(hub.read("/var/lib/attune-hub/hub.toml").decode())
    assert hub_config.parse(body, "hub.toml").hosts == ("shop.local",)
    assert b"https://shop.local {" in hub.read("/etc/attune/Caddyfile")
    assert b"host-name=shop\n" in hub.read("/etc/attune/avahi-daemon.conf")


def test_every_account_and_file_that_a_unit_names_is_in_its_plan(stick: Stick) -> None:
    for role in ROLES:
        machine = FakeMachine()
        carried(machine, role, planned(stick, role))
        users, groups = machine.read("/etc/passwd").decode(), machine.read("/etc/group").decode()
        for path, body in stick.files.items():
            if not path.startswith("systemd/") or path.startswith("systemd/attune-hub") != (role == "hub"):
                continue
            assert machine.entry(f"/etc/systemd/system/{path.removeprefix('systemd/')}") is not None
            for line in body.decode().splitlines():
                key, _, value = line.partition("=")
                if key in ("User", "SocketUser"):
                    assert f"{value}:" in users, (path, line)
                if key in ("Group", "SocketGroup", "SupplementaryGroups"):
                    assert all(f"{name}:" in groups for name in value.split()), (path, line)


@pytest.mark.parametrize("role", ROLES)
def test_the_command_is_quiet_when_fine_and_one_sentence_when_not(
    stick: Stick, role: Role, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.installer.command.LOCK", tmp_path / "lock")
    machine = FakeMachine()
    say: Callable[..., int] = lambda *arguments: main(role, [*arguments], machine)  # noqa: E731
    house = ("--wheelhouse", str(stick.wheelhouse.folder))
    assert say(*house, "--dry-run") == 0
    assert machine.changes == 0
    assert "would do: " in capsys.readouterr().out
    if role == "node":
        assert say(*house) == 1
        assert "--node NAME" in capsys.readouterr().err
        assert machine.changes == 0
        house = (*house, "--node", "door")
    assert say(*house) == 0
    assert capsys.readouterr().out.count("\n") == 2  # what was done, and what is next
    assert say(*house) == 0
    assert capsys.readouterr().out == "Nothing to do: all of it stands.\n"
    assert say("--wheelhouse", str(tmp_path / "none")) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"install-{role}: There is no wheelhouse for a {role}")
    assert said.count("\n") == 1
    assert say(*house, "--uninstall") == 0
    assert "taken back" in capsys.readouterr().out


def test_a_newer_stick_leaves_a_hub_its_name_and_another_name_is_refused(
    stick: Stick, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.installer.command.LOCK", tmp_path / "lock")
    machine, house = FakeMachine(), ("--wheelhouse", str(stick.wheelhouse.folder))
    assert main("hub", [*house, "--host", "corner.local"], machine) == 0
    assert main("hub", [*house], machine) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert b"https://corner.local {" in machine.read("/etc/attune/Caddyfile")
    changes = machine.changes
    assert main("hub", [*house, "--host", "attune.local"], machine) == 1
    assert "This hub is corner.local" in capsys.readouterr().err
    assert machine.changes == changes


def test_a_newer_stick_brings_a_node_with_a_usb_camera_nothing_for_another(
    stick: Stick, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.installer.command.LOCK", tmp_path / "lock")
    machine, house = FakeMachine(), ("--wheelhouse", str(stick.wheelhouse.folder))
    assert main("node", [*house, "--node", "door", "--camera", "usb:0"], machine) == 0
    assert main("node", [*house], machine) == 0
    assert "Nothing to do" in capsys.readouterr().out


def test_settings_that_cannot_be_read_are_said_and_keep_nobody_from_uninstalling(
    stick: Stick, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.installer.command.LOCK", tmp_path / "lock")
    machine, house = FakeMachine(), ("--wheelhouse", str(stick.wheelhouse.folder))
    assert main("hub", [*house], machine) == 0
    machine.write("/var/lib/attune-hub/hub.toml", b"hosts = [", 0o640, "attune-hub", "attune-hub")
    assert main("hub", [*house], machine) == 1
    assert "hub.toml cannot be read" in capsys.readouterr().err
    assert main("hub", [*house, "--uninstall"], machine) == 0
