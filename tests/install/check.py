"""``make check-install``: a hub and a node for real.

It installs them into plain Debian roots without a network, boots both with their own systemd, has them meet over a
cable, and takes everything back. What it saw goes into docs/install-report.md.

Needs root, mmdebstrap, systemd-nspawn, and a Debian mirror for the first run. It starts no container engine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from deploy.wheels import main as make_stick
from edge.scene.heads import PORTRAITS
from tests.install import knock
from tests.install.roots import NEEDED, Booted, booted, copied, fresh, inside, killed, two_networks
from tests.install.stubs import STUBS, add_stubs
from tests.install.tree import differences, tree

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "install-report.md"
PYTHON = {"bookworm": "3.11", "trixie": "3.13"}
KILLS = 8
MORE = {"hub": (), "node": ("--coral", "--node", "door")}
#: What differs between two installs by its nature: keys, times, compiled modules, lists of what was there.
ONE_OF_ITS_KIND = (
    r"var/lib/(attune-hub/authority|attune-installer)(/|$)|etc/mosquitto/attune/|opt/attune/slots/starts.json|etc/ssl/"
)
PATIENCE_S = 180.0


@dataclass(slots=True)
class Report:
    """What was looked at, and what was seen."""

    lines: list[str] = field(default_factory=list)

    def saw(self, what: str, held: bool, seen: str = "") -> None:
        """One look. Raises: SystemExit when it did not hold."""
        self.lines.append(f"| {what} | {seen or 'yes'} |")
        print(f"{'ok  ' if held else 'FAIL'}  {what}{': ' + seen if seen else ''}", flush=True)
        if not held:
            raise SystemExit(1)

    def write(self, arch: str, on: str) -> None:
        """Into the page, in place of this kind of machine's last part."""
        parts = (
            dict(re.findall(r"^## (\w+):(.*?)(?=^## |\Z)", REPORT.read_text(), re.M | re.S)) if REPORT.exists() else {}
        )
        table = "\n".join(("| looked at | seen |", "|---|---|", *self.lines))
        parts[arch] = f" {on}, {time.strftime('%Y-%m-%d')}\n\n{table}\n"
        head = _HEAD.format(stubs=", ".join(f"`{name}`" for name in sorted(STUBS)))
        body = "".join(f"## {name}:{part.rstrip()}\n\n" for name, part in sorted(parts.items()))
        REPORT.write_text(f"{head}\n{body.rstrip()}\n", encoding="utf-8")


_HEAD = """# What was installed for real, and what was seen

Written by `make check-install` and `make check-arm64`; each writes its own part anew. Both install from a stick, with
no network, into plain Debian roots. Stubs, with a name and nothing in them, stand in for packages that only Raspberry
Pi's and Google's own archives have, or for whose hardware there is none here: {stubs}. The camera is a simulated shop.
No Pi was at hand.
"""


def stick_for(suite: str, arch: str, cache: Path, work: Path) -> Path:
    """A stick with wheels of the locks, and packages that a fresh machine fetched; some of them stubs."""
    stick = work / "stick"
    if make_stick([str(stick), "--arch", {"amd64": "x86_64", "arm64": "aarch64"}[arch], "--python", PYTHON[suite]]):
        raise SystemExit(1)
    kept = cache / f"packages-{suite}-{arch}"
    if not (kept / "Packages").exists():
        kept.mkdir(parents=True, exist_ok=True)
        root = copied(fresh(suite, arch, cache), work / "fetching")
        shutil.copytree(stick, root / "var/stick")
        for role, more in (("hub", ()), ("node", ("--camera", "usb:0"))):
            program = f"/var/stick/deploy/install-{role}"
            done = inside(root, stick, program, *more, "--fetch-packages", "/var/fetched", network=True)
            if done.returncode:
                raise SystemExit(done.stdout)
        for path in (root / "var/fetched").glob("*.deb"):
            shutil.copy(path, kept)
        shutil.rmtree(root)
        add_stubs(kept)
        (kept / "Packages").touch()
    shutil.copytree(kept, stick / "packages")
    from deploy.installer.debs import index

    index(stick / "packages")
    return stick


def installed(report: Report, role: str, base: Path, stick: Path, work: Path) -> Path:
    """One role into a root of its own: planned, installed, installed again, looked over."""
    root, program = copied(base, work / role), f"/stick/deploy/install-{role}"
    before = tree(root)
    planned = inside(root, stick, program, "--dry-run")
    report.saw(f"{role}: `--dry-run` prints the plan and changes nothing", planned.returncode == 0
               and differences(before, tree(root)) == [], planned.stdout.strip().splitlines()[-1])  # fmt: skip
    began = time.monotonic()
    done = inside(root, stick, program, *MORE[role])
    report.saw(
        f"{role}: installs without any network",
        done.returncode == 0,
        f"{done.stdout.splitlines()[0]} {time.monotonic() - began:.0f} s",
    )
    first = tree(root)
    again = inside(root, stick, program, *MORE[role])
    report.saw(f"{role}: a second run changes no file and says so", "Nothing to do" in again.stdout
               and differences(first, tree(root)) == [], again.stdout.strip())  # fmt: skip
    verified = inside(root, stick, "sh", "-c", "systemd-analyze verify /etc/systemd/system/attune-*")
    report.saw(
        f"{role}: `systemd-analyze verify` has nothing to say about the installed units",
        (verified.returncode, verified.stdout) == (0, ""),
        verified.stdout.strip(),
    )
    if role == "hub":
        valid = inside(root, stick, "caddy", "validate", "--config", "/etc/attune/Caddyfile", "--adapter", "caddyfile")
        report.saw("hub: `caddy validate`", "Valid configuration" in valid.stdout, valid.stdout.splitlines()[-1])
    return root


def cut_off(report: Report, role: str, base: Path, whole: Path, stick: Path, work: Path, took_s: float) -> None:
    """The same install killed at random moments until it is through, ends in the same files."""
    root, program = copied(base, work / f"{role}-killed"), f"/stick/deploy/install-{role}"
    chance, kills = random.Random(6), 0
    while kills < KILLS:
        after_s = chance.uniform(0.2, took_s * (kills + 1) / KILLS)
        if not killed(root, stick, after_s, program, *MORE[role]):
            break
        kills += 1
    done = inside(root, stick, program, *MORE[role])
    found = differences(tree(whole, ONE_OF_ITS_KIND), tree(root, ONE_OF_ITS_KIND))
    report.saw(f"{role}: killed {kills} times on its way and run again, it ends in the same files", kills > 2
               and done.returncode == 0 and not found, "; ".join(found[:5]))  # fmt: skip
    shutil.rmtree(root)


def taken_back(report: Report, role: str, base: Path, root: Path, stick: Path) -> None:
    """Uninstalled, the root is what it was, but for the accounts that Debian's own packages never take back."""
    done = inside(root, stick, f"/stick/deploy/install-{role}", "--uninstall")
    found = [
        line
        for line in differences(tree(base), tree(root))
        if not re.match(r"other: etc/g?(shadow|passwd|group) ", line)
    ]
    accounts = (root / "etc/passwd").read_text() + (root / "etc/group").read_text()
    report.saw(f"{role}: uninstalled, no file and no account of it is left", done.returncode == 0 and not found
               and "attune" not in accounts, "; ".join(found[:5]))  # fmt: skip


def as_installed(report: Report, hub_root: Path, node_root: Path, stick: Path) -> None:
    """Both booted, meeting over a cable."""
    with two_networks("ah", "an"), booted(hub_root, stick, "ah") as hub, booted(node_root, stick, "an") as node:
        failed = hub.run("systemctl", "--failed", "--plain", "--no-legend").stdout.strip()
        report.saw("hub: booted, no unit has failed", failed == "", failed or ", ".join(_active(hub)))
        renewed = hub.run("systemctl", "start", "attune-hub-authority.service")
        report.saw("hub: its certificates are looked after inside that unit's walls", renewed.returncode == 0)
        begun = hub.run("attune-hub", "enrol", "door", "--data", "/var/lib/attune-hub").stdout
        command = next(line.strip() for line in begun.splitlines() if "attune-edge join" in line)
        came = node.run(*command.split())
        report.saw(
            "node: joins by the token, over HTTPS, finding attune.local by mDNS",
            came.returncode == 0,
            came.stderr.strip(),
        )
        simulated(node_root)
        again = node.run("/stick/deploy/install-node", *MORE["node"])
        report.saw(
            "node: run again once it has joined, the installer starts it",
            again.returncode == 0,
            again.stdout.strip() + again.stderr.strip(),
        )
        states = node.run("systemctl", "is-active", "attune-courier", "attune-eye", "attune-prover").stdout.split()
        report.saw("eye, courier and prover run inside their units' walls", set(states) == {"active"}, " ".join(states))
        nudged(report, hub, node)
        shut(report, node)
        _revoked(report, hub, node)
        for role, machine in (("hub", hub), ("node", node)):
            gone = machine.run(f"/stick/deploy/install-{role}", "--uninstall")
            units = machine.run("sh", "-c", "systemctl list-units --all --plain --no-legend 'attune*'").stdout.strip()
            report.saw(
                f"{role}: uninstalls while it runs",
                gone.returncode == 0 and units == "",
                gone.stdout.strip() + gone.stderr + units,
            )


def _active(machine: Booted) -> list[str]:
    said = machine.run("systemctl", "list-units", "--plain", "--no-legend", "attune-*", "mosquitto*", "caddy*").stdout
    return sorted(line.split()[0] for line in said.splitlines())


def simulated(root: Path, scene: str = "busy@5") -> None:
    """The node's camera is a drawn shop, which has acknowledged its own notice."""
    (site,) = (root / "opt/attune/slots/a/venv/lib").glob("python3*/site-packages")
    shutil.copytree(PORTRAITS, site / "models/faces/portraits")
    place = root / "etc/attune/node.toml"
    said = place.read_text()
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    hours = ", ".join(f'{{ day = "{day}", opens = "00:00", closes = "24:00" }}' for day in days)
    for line, stands in {
        r"^notice_acknowledged = .*": "notice_acknowledged = true",
        r"^hours = \[.*?^\]": f"hours = [{hours}]", r"^source = .*": f'source = "scene:{scene}"',
        r"^dpia_reference = \"\"": 'dpia_reference = "a drawn shop"', r"^usual_dwell_s = .*": "usual_dwell_s = 12.0",
        r"^fps = .*": "fps = 30.0",
    }.items():  # fmt: skip
        said, count = re.subn(line, stands, said, flags=re.MULTILINE | re.DOTALL if "\\[" in line else re.MULTILINE)
        assert count == 1, line
    place.write_text(said)


def _knocked(node: Booted, *words: str) -> object:
    script = Path(knock.__file__).read_text()
    done = node.run("/opt/attune/venv/bin/python", "-c", script, *words)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def nudged(report: Report, hub: Booted, node: Booted, patience_s: float = PATIENCE_S) -> None:
    """A need reaches the staff page, read from the node's end of the cable."""
    began = time.monotonic()
    seen = ""
    while "may welcome a hand" not in seen and time.monotonic() - began < patience_s:
        link = hub.run("attune-hub", "link", "staff", "--data", "/var/lib/attune-hub").stdout
        _, seen = _knocked(node, "page", link.strip().partition("key=")[2], "/staff")  # type: ignore[misc]
        time.sleep(2)
    report.saw("a nudge stands on the staff page, read over HTTPS from the node", "may welcome a hand" in seen,
               f"{time.monotonic() - began:.0f} s after it was looked for")  # fmt: skip
    ca = hub.run("cat", "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt").stdout
    report.saw("the authority that a tablet fetches is the hub's own", _knocked(node, "ca") == ca)


def shut(report: Report, node: Booted) -> None:
    """What the hub refuses, knocked at from the node's end of the cable."""
    ports = _knocked(node, "ports")
    report.saw("from the network only 443 and 8883 answer", ports == {"80": False, "443": True, "1883": False,
               "2019": False, "8080": False, "8883": True})  # fmt: skip
    slow = _knocked(node, "slow")
    assert isinstance(slow, float)
    report.saw("a request that comes drop by drop is cut off", slow < 25, f"after {slow:.0f} s")
    root = "attune/1/shop"
    for what, words, held in (
        ("the broker lets in the node with its certificate", ("own", "tls"), {"in": True, "heard": False}),
        ("the broker refuses whoever has none", ("none", "tls"), {"in": False, "heard": False}),
        ("the broker refuses plain text", ("none", "plain"), {"in": False, "heard": False}),
        (
            "the node hears nothing said to another",
            ("own", "tls", f"{root}/till/mood", f"{root}/till/#"),
            {"in": True, "heard": False},
        ),
    ):
        said = _knocked(node, "broker", *words)
        report.saw(what, said == held, "" if said == held else json.dumps(said))


def _revoked(report: Report, hub: Booted, node: Booted) -> None:
    hub.run("attune-hub", "revoke", "door", "--data", "/var/lib/attune-hub")
    began = time.monotonic()
    hub.awaits("sh", "-c", "! grep -q '^user door' /etc/mosquitto/attune/acl", what="the access list", patience_s=60)
    words = ("broker", "own", "tls", "attune/1/shop/door/status", "attune/1/shop/door/+")
    while _knocked(node, *words) != {"in": False, "heard": False} and time.monotonic() - began < 60:
        time.sleep(1)
    took_s = time.monotonic() - began
    report.saw(
        "a revoked node is not let in again within 60 s, without a restart of the broker",
        took_s < 60,
        f"{took_s:.0f} s",
    )
    hub.run("systemctl", "restart", "mosquitto")
    hub.awaits("systemctl", "is-active", "mosquitto", what="the broker")
    report.saw("nor after a restart of the broker", _knocked(node, *words) == {"in": False, "heard": False})


def main() -> int:
    """The whole check on amd64."""
    parser = argparse.ArgumentParser(prog="python -m tests.install.check", description=__doc__)
    parser.add_argument("--cache", type=Path, default=ROOT / "bench-out" / "roots", metavar="DIR", help="(%(default)s)")
    options = parser.parse_args()
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if lacking or os.geteuid() != 0:
        print(
            f"check-install needs root and {', '.join(lacking or NEEDED)}: install what is missing and try again.",
            file=sys.stderr,
        )
        return 1
    report, work = Report(), options.cache / "work"
    shutil.rmtree(work, ignore_errors=True)
    base = fresh("bookworm", "amd64", options.cache)
    stick = stick_for("bookworm", "amd64", options.cache, work)
    began = time.monotonic()
    roots = {role: installed(report, role, base, stick, work) for role in ("hub", "node")}
    took_s = (time.monotonic() - began) / 4
    for role, root in roots.items():
        cut_off(report, role, base, root, stick, work, took_s)
        taken = copied(root, work / f"{role}-taken")
        taken_back(report, role, base, taken, stick)
        shutil.rmtree(taken)
    as_installed(report, roots["hub"], roots["node"], stick)
    report.write("amd64", "two machines booted with their own systemd in network namespaces, Debian 12, Python 3.11")
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
