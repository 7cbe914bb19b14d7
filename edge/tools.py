"""The commands of ``attune-edge`` for whoever installs and looks after a node.

Left out: running the node, and proving it (`edge.__main__`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contract.errors import CameraError
from edge.config import load

CONFIG = Path("/etc/attune/node.toml")
TLS = Path("/var/lib/attune/tls")


def add_tool_commands(commands: Any) -> None:
    """Adds them to the parser's subcommands; each sets ``command``."""
    check = commands.add_parser("check", help="look over this node and say what to do about what is wrong")
    with_config(check)
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.set_defaults(command=_check)

    join = commands.add_parser(
        "join",
        help="join a shop: a key and certificates for the broker, for a token of attune-hub enrol",
        description="Makes this node's key, and gets its certificate from the hub for the token that attune-hub enrol"
        " printed there. The courier renews it by itself from then on.",
    )
    join.add_argument("hub", metavar="HUB", help="the hub's pages, https://NAME")
    join.add_argument("node", metavar="NODE", help="this node's name, as it was enrolled")
    join.add_argument("token", metavar="TOKEN", help="20 letters and digits, with or without dashes")
    join.add_argument("--folder", type=Path, default=TLS, metavar="DIR", help="where they are kept (%(default)s)")
    join.set_defaults(command=_join)

    optics = commands.add_parser(
        "optics",
        help="how far away a camera reads a face, by lens, picture width and height",
        description="Says how large a face and a badge are at a distance, and where faces are read. The field of view"
        " is the lens's horizontal one: Camera Module 3 has 66 degrees, its wide one 102.",
    )
    optics.add_argument("--fov", type=_between(5, 170), default=66.0, metavar="DEG", help="degrees (%(default)g)")
    optics.add_argument("--width", type=int, default=640, metavar="PX", help="camera.width_px (%(default)s)")
    optics.add_argument(
        "--height", type=_between(0.2, 6), default=1.55, metavar="M", help="of the camera (%(default)g)"
    )
    optics.add_argument("--distance", type=_between(0.1, 50), metavar="M", help="one distance; without, a row of them")
    optics.set_defaults(command=_optics)

    masks = commands.add_parser(
        "masks",
        help="turn printed mask markers in the picture into the masks of the config",
        description="Looks for printed mask markers (attune-hub badges --markers) and prints the masks to copy into "
        "the node's config. Three markers or more bound an area: 200 to 209 the first, 210 to 219 the second, and "
        "so on. No face is looked for. Take the markers down afterwards.",
    )
    with_config(masks)
    masks.add_argument("--frames", type=int, default=50, metavar="N", help="how many frames to look at (%(default)s)")
    masks.set_defaults(command=_masks)

    purge = commands.add_parser(
        "purge",
        help="forget what is of age on a node that is not running (what a timer starts)",
        description="The courier forgets by itself while it runs. This does it where it does not: on a node that was"
        " switched off or put away.",
    )
    with_config(purge)
    purge.set_defaults(command=_purge)


def with_config(parser: argparse.ArgumentParser) -> None:
    """The option that most commands have."""
    parser.add_argument("--config", type=Path, default=CONFIG, metavar="FILE", help="the node's TOML (%(default)s)")


def _between(low: float, high: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = float("nan")
        if not low <= found <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return found

    return number


def _check(options: argparse.Namespace) -> int:
    from contract.findings import report
    from edge.doctor import check

    findings = check(options.config)
    print(report(findings, as_json=options.json))
    return 0 if all(finding.passed for finding in findings) else 1


def _join(options: argparse.Namespace) -> int:
    from edge.enrol import CA, CERTIFICATE, enrol

    said = enrol(options.hub, options.node, options.token, options.folder)
    print(f"{options.node} has joined. In its node.toml stands, unless it does already:\n")
    print(f'node = "{options.node}"\nstore = "{said.store}"\n\n[broker]\nurl = "{said.broker}"')
    print(f'ca = "{options.folder / CA}"\ncertificate = "{options.folder / CERTIFICATE}"')
    return 0


def _optics(options: argparse.Namespace) -> int:
    from edge.optics import report

    print(report(options.fov, options.width, options.height, options.distance))
    return 0


def _masks(options: argparse.Namespace) -> int:
    from itertools import islice

    from edge.eye.camera import open_camera
    from edge.eye.markers import areas, told

    camera = load(options.config).camera
    opened = open_camera(camera.source, fps=camera.fps, size_px=(camera.width_px, camera.height_px))
    try:
        found = areas(islice(opened.frames(), options.frames))
    finally:
        opened.close()
    if not found:
        raise CameraError("There is no mask marker in the picture: hang them nearer and in light, flat to the camera.")
    print(told(found))
    return 0


def _purge(options: argparse.Namespace) -> int:
    from edge.courier.care import Timekeeper
    from edge.courier.disk import InUse
    from edge.courier.outbox import NAME, Outbox

    config = load(options.config)
    if not (config.outbox.folder / NAME).exists():
        print("There is nothing to forget: this node has no outbox yet.")
        return 0
    try:
        outbox = Outbox(config.outbox.folder, config.outbox.events_max, config.store, config.node)
    except InUse:
        print("The courier is running, and forgets by itself.")
        return 0
    outbox.nothing_of_age = Timekeeper.recalled(outbox.recall("clock")).nothing_of_age
    outbox.sign(now=True)
    outbox.close()
    print(
        "Nothing is forgotten: nobody believes the clock." if outbox.nothing_of_age else "What is of age is forgotten."
    )
    return 0
