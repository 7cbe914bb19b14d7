"""``attune-edge``: one camera node. Here, and only here, implementations are chosen."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from contract.audit import add_audit_command
from contract.beat import Beat
from contract.errors import AttuneError, ConfigError, LinkError, ModelError, WallError
from edge.config import NodeConfig, load
from edge.supervisor import UNFIT, Child, supervise
from edge.tools import add_tool_commands, with_config
from edge.update.command import add_update_command

if TYPE_CHECKING:
    from edge.eye.pipeline import Senses
    from edge.ports import Camera, Clock

SOCKET = Path("/run/attune/eye.sock")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses, runs one command, and turns any refusal into one sentence and an exit status."""
    options = _parser().parse_args(arguments)
    if arguments is None and options.command is _eye:
        from edge.eye.walls import start_uncached

        start_uncached()
    try:
        status = int(options.command(options))
        sys.stdout.flush()  # here, where a reader that has gone is no error
        return status
    except (ConfigError, ModelError, WallError) as error:
        return _say(error, UNFIT)
    except AttuneError as error:
        return _say(error, 1)
    except BrokenPipeError:  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _say(error: AttuneError, status: int) -> int:
    print(f"attune-edge: {error}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="attune-edge",
        description="One camera node of Attune: an eye that sees and may not speak, and a courier that speaks and may "
        "not see.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the whole node: eye and courier, kept alive")
    with_config(run)
    run.set_defaults(command=_run)

    eye = commands.add_parser("eye", help="run the eye alone (what the systemd unit starts)")
    with_config(eye)
    _with_socket(eye)
    eye.set_defaults(command=_eye)

    courier = commands.add_parser("courier", help="run the courier alone (what the systemd unit starts)")
    with_config(courier)
    _with_socket(courier)
    courier.add_argument(
        "--rest", action="store_true", help="rest longer each time it ended unasked, and let an eye wait that does"
    )
    courier.set_defaults(command=_courier)

    replay = commands.add_parser(
        "replay",
        help="run the eye over a recorded clip and print the released records",
        description="Runs the eye over a video file or GIF in clip time, every frame, and prints each released record "
        "as one JSON object a line. One zone over the whole picture unless the config says otherwise.",
    )
    replay.add_argument("clip", type=Path, metavar="CLIP", help="a video file or GIF")
    replay.add_argument("--config", type=Path, metavar="FILE", help="a node's TOML, for zones, masks and privacy")
    replay.add_argument(
        "--trace", action="store_true", help="print what was seen in each frame instead (development only)"
    )
    replay.set_defaults(command=_replay)

    add_tool_commands(commands)
    add_update_command(commands)

    bench = commands.add_parser("bench", help="measure the eye on a clip, stage by stage")
    bench.add_argument("clips", type=Path, nargs="+", metavar="CLIP", help="video files or GIFs")
    bench.add_argument("--json", action="store_true", help="print the figures as JSON")
    bench.set_defaults(command=_bench)

    prove = commands.add_parser(
        "prove",
        help="prove that nothing of a picture stays or leaves",
        description="Shows a picture that is like no other to a real eye and courier, searches everything they "
        "touched for it, and watches what the eye asks of the kernel. At most three minutes; run it as root, for "
        "nobody else may read the eye's memory.",
    )
    with_config(prove)
    _with_footage(prove)
    prove.add_argument("--json", action="store_true", help="print the report as JSON, with its signature")
    prove.add_argument("--out", type=Path, metavar="REPORT", help="write that to a file too")
    prove.set_defaults(command=_prove)

    prover = commands.add_parser("prover", help="wait to be asked for a self-test (what the auditor's button reaches)")
    with_config(prover)
    _with_footage(prover)
    _with_socket(prover)
    prover.set_defaults(command=_prover)

    add_audit_command(commands, "outbox.db", "command")
    return parser


def _with_socket(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--socket", type=Path, default=SOCKET, metavar="PATH", help="where they meet (%(default)s)")


def _with_footage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--footage", type=float, default=60.0, metavar="S", help="seconds of footage to watch (%(default)g)"
    )


def _run(options: argparse.Namespace) -> int:
    config = load(options.config)  # a config that cannot be used is said once, here
    if config.camera.source.startswith("canary:"):
        raise ConfigError("camera.source is a canary, which attune-edge prove alone may show: name a real camera.")
    with tempfile.TemporaryDirectory(prefix="attune-") as folder:
        shared = ("--config", str(options.config), "--socket", str(Path(folder) / "eye.sock"))
        command = (sys.executable, "-m", "edge")
        children = [Child(name, (*command, name, *shared)) for name in ("courier", "eye", "prover")]
        return supervise(children)


def _eye(options: argparse.Namespace) -> int:
    from edge.eye.link import Link
    from edge.eye.walls import raise_early, raise_late

    asked = Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    signal.signal(signal.SIGINT, lambda *_: asked.set())
    config = load(options.config)
    beat = Beat()
    link = Link.connect(options.socket, asked.is_set)
    raise_early()

    from edge.eye.life import Eye  # only now: numpy starts threads, and walls must stand before them

    return Eye(config, link, _live_senses, raise_late, asked.is_set, _complain, beat).live()


def _complain(sentence: str) -> None:
    """Past Python's own buffer: behind the walls a log that is a regular file takes nothing, now and at the end."""
    with suppress(OSError):
        os.write(sys.stderr.fileno(), f"attune-edge eye: {sentence}\n".encode())


def _courier(options: argparse.Namespace) -> int:
    from edge.courier.service import run

    config = load(options.config)
    return run(config, _listener(options.socket), rests=options.rest)


def _listener(path: Path) -> socket.socket:
    """The socket that systemd hands over, or a new one at ``path``."""
    if os.environ.get("LISTEN_FDS") == "1" and os.environ.get("LISTEN_PID") == str(os.getpid()):
        return socket.socket(fileno=3)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise LinkError(f"The courier cannot listen at {path} ({error}): choose another --socket.") from error
    listener.listen(1)
    return listener


def _prove(options: argparse.Namespace) -> int:
    from edge.prove.command import run_prove

    return run_prove(load(options.config), options)


def _prover(options: argparse.Namespace) -> int:
    from edge.courier.selftest import HELPER
    from edge.prove.helper import serve

    load(options.config)  # said now, not when somebody asks
    listener = _listener(options.socket.with_name(HELPER))
    return serve(listener, ("--config", str(options.config), "--footage", str(options.footage)))


def _live_senses(config: NodeConfig) -> Senses:
    from edge.clock import WallClock
    from edge.eye.camera import open_camera

    camera = config.camera
    size_px = (camera.width_px, camera.height_px)
    return _senses(config, open_camera(camera.source, fps=camera.fps, size_px=size_px), WallClock())


def _clip_senses(config: NodeConfig) -> Senses:
    from edge.clock import ClipClock
    from edge.eye.camera import open_camera

    return _senses(config, open_camera(config.camera.source, realtime=False), ClipClock())


def _senses(config: NodeConfig, camera: Camera, clock: Clock) -> Senses:
    from edge.eye.affect import TfliteAffect
    from edge.eye.faces import BlazeFace
    from edge.eye.pipeline import Senses
    from edge.eye.tags import TagReader

    detector = BlazeFace(config.models.faces, config.models.threads)
    affect = TfliteAffect(config.models.affect, config.models.threads)
    return Senses(camera, detector, TagReader(), affect, clock, models=(detector.model, affect.model))


def _replay(options: argparse.Namespace) -> int:
    from edge.eye.walls import raise_early, raise_late
    from edge.replay import replay

    config = load(options.config) if options.config else NodeConfig(node="replay")
    camera = config.camera.model_copy(update={"source": str(options.clip)})

    def senses(config: NodeConfig) -> Senses:
        raise_early()
        return _clip_senses(config)

    replay(options.clip, config.model_copy(update={"camera": camera}), senses, raise_late, trace=options.trace)
    return 0


def _bench(options: argparse.Namespace) -> int:
    from edge.bench import bench, table

    figures = [bench(clip, _clip_senses) for clip in options.clips]
    print(table(figures, as_json=options.json))
    return 0


if __name__ == "__main__":
    sys.exit(main())
