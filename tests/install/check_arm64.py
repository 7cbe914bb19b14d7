"""``make check-arm64``: a hub and a node on arm64, emulated by qemu, Debian 13, Python 3.13.

As `tests.install.check`, but for what an emulated processor cannot do: systemd does not run as the first process, so
that the units' own commands are started by hand; and there is no seccomp, so that the eye's walls stand open. Both are
said in the report. Times mean nothing here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.install.check import ROOT, Report, installed, nudged, shut, simulated, stick_for
from tests.install.roots import NEEDED, booted, fresh, two_networks

BINFMT = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
PATIENCE_S = 900.0
#: What the hub's units start, by hand.
HUB = """
mkdir -p /run/mosquitto /var/log/mosquitto; chown mosquitto /run/mosquitto /var/log/mosquitto
/opt/attune/bin/broker-files --only
runuser -u attune-hub -- /opt/attune/venv/bin/attune-hub serve --data /var/lib/attune-hub --http 127.0.0.1:8080 \
  --broker mqtts://127.0.0.1:8883 &
HOME=/var/lib/caddy caddy run --config /etc/attune/Caddyfile --adapter caddyfile &
while :; do
  mosquitto -c /etc/mosquitto/mosquitto.conf & broker=$!
  while /opt/attune/bin/broker-files --only && cmp -s /etc/mosquitto/attune/acl /run/acl; do sleep 1; done
  cp /etc/mosquitto/attune/acl /run/acl; kill $broker; wait $broker
done
"""
NODE = """
mkdir -p /run/attune; chown attune-courier:attune /run/attune
until [ -e /run/begin ]; do sleep 1; done
config=/etc/attune/node.toml socket=/run/attune/eye.sock
runuser -u attune-courier -- /opt/attune/venv/bin/attune-edge courier --config $config --socket $socket &
until [ -e /run/attune/eye.sock ]; do sleep 1; done
chmod 0666 /run/attune/eye.sock
while :; do runuser -u attune-eye -- /opt/attune/venv/bin/python -c "$EYE"; sleep 1; done
"""
EYE = """
import sys
import edge.eye.walls as walls
walls.raise_early = lambda: None
walls.raise_late = lambda: walls.Walls(())
from edge.__main__ import main
sys.exit(main(["eye", "--config", "/etc/attune/node.toml", "--socket", "/run/attune/eye.sock"]))
"""


def met(report: Report, hub_root: Path, node_root: Path, stick: Path) -> None:
    """Both started by hand, meeting over a cable."""
    (node_root / "etc/hosts").write_text("127.0.0.1 localhost\n10.77.0.1 attune.local\n")
    start_node = ("sh", "-c", f"EYE='{EYE}'; {NODE}")
    with (
        two_networks("ah", "an"),
        booted(hub_root, stick, "ah", "sh", "-c", HUB) as hub,
        booted(node_root, stick, "an", *start_node) as node,
    ):
        hub.awaits("sh", "-c", "[ -e /var/lib/attune-hub/hub.lock ]", what="the hub", patience_s=PATIENCE_S)
        begun = hub.run("attune-hub", "enrol", "door", "--data", "/var/lib/attune-hub").stdout
        command = next(line.strip() for line in begun.splitlines() if "attune-edge join" in line)
        node.awaits(*command.split(), what="the way in", patience_s=PATIENCE_S)
        report.saw("node: joins by the token, over HTTPS", held=True)
        simulated(node_root, scene="busy")
        node.run("touch", "/run/begin")
        nudged(report, hub, node, PATIENCE_S)
        shut(report, node)


def main() -> int:
    """The whole check on arm64."""
    parser = argparse.ArgumentParser(prog="python -m tests.install.check_arm64", description=__doc__)
    parser.add_argument("--cache", type=Path, default=ROOT / "bench-out" / "roots", metavar="DIR", help="(%(default)s)")
    options = parser.parse_args()
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if lacking or os.geteuid() != 0 or not BINFMT.exists():
        needs = "root, qemu-user-static with binfmt_misc mounted (update-binfmts --enable qemu-aarch64), " + ", ".join(
            NEEDED
        )
        print(f"check-arm64 needs {needs}: install what is missing and try again.", file=sys.stderr)
        return 1
    report, work = Report(), options.cache / "work-arm64"
    shutil.rmtree(work, ignore_errors=True)
    base = fresh("trixie", "arm64", options.cache)
    stick = stick_for("trixie", "arm64", options.cache, work)
    with ThreadPoolExecutor() as both:
        hub, node = both.map(lambda role: installed(report, role, base, stick, work), ("hub", "node"))
    met(report, hub, node, stick)
    report.write("arm64", "emulated by qemu-user, without systemd as the first process and without the eye's walls"
                 " (neither can be had there), Debian 13, Python 3.13")  # fmt: skip
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
