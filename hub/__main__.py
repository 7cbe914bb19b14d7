"""``attune-hub``: the hub of a shop. Only this module chooses what is plugged into what."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, get_args

import uvicorn

from contract.audit import add_audit_command
from contract.beat import Beat
from contract.errors import AttuneError, LinkError, StoreError
from contract.export import export
from contract.restarts import STARTS, Restarts
from hub import config as settings
from hub import store as stores
from hub.app import create_app
from hub.auth import Doors, Role, entry_path
from hub.backup_commands import add_backup_commands
from hub.broker import start_broker
from hub.clocks import SystemClocks, synchronised
from hub.commissioning import CommissioningBook
from hub.connect.commands import add_connect_commands
from hub.connect.connections import connect
from hub.connect.sales_in import add_sales_command
from hub.doors_in import setup_path
from hub.enrol_commands import add_enrol_commands, enrolment_of
from hub.experiment_desk import ExperimentBook
from hub.housekeeping import LOCK, add_housekeeping_commands, alone
from hub.ingest import Broker, MqttLink, parse_broker
from hub.paperwork import add_paper_commands, notices_in_force
from hub.plan import PlanBook
from hub.reads import StoreReads
from hub.recovery import forget_copies, recover, suspect
from hub.restored import missing_span
from hub.rules import RuleBook
from hub.snapshots import Hourly
from hub.steady import SteadyClocks
from hub.updates import FOLDER as UPDATES
from hub.updates import add_update_commands
from hub.views import Changes
from hub.writer import Writer

DOORS: Final = "doors.db"
BROKER_PORT: Final = 1883


def main(arguments: list[str] | None = None) -> int:
    """The command ``attune-hub``."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        return int(options.run(options))
    except AttuneError as error:
        print(f"attune-hub: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="attune-hub",
        description="The hub of a shop: takes what the nodes release, keeps it, and nudges the staff.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser(
        "serve",
        help="run the hub until it is stopped",
        description="Run the hub until it is stopped (Ctrl-C or SIGTERM). The shop's settings are read from"
        f" {settings.FILE} in the data folder, where there is one.",
    )
    serve.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder of the database; made if missing"
    )
    serve.add_argument(
        "--http", type=_address, default=("127.0.0.1", 8080), metavar="HOST:PORT", help="pages (default 127.0.0.1:8080)"
    )
    serve.add_argument(
        "--broker",
        metavar="URL",
        help="the shop's broker, mqtt://HOST:PORT or mqtts://HOST:PORT (default: one of the hub's own, for nodes on"
        " this machine only)",
    )
    serve.add_argument("--rest", action="store_true", help="rest longer each time it ended unasked (for services)")
    serve.set_defaults(run=_serve)

    link = commands.add_parser(
        "link",
        help="make a link that opens the pages",
        description="Make a link that opens the pages of one role. It works once, and for 15 minutes.",
    )
    link.add_argument("role", choices=get_args(Role), help="whose pages it opens")
    link.add_argument("--data", type=Path, required=True, metavar="DIR", help="the hub's data folder")
    link.add_argument("--until-stop", action="store_true", help="works as often as wanted, until the hub starts again")
    link.set_defaults(run=_link)

    add_enrol_commands(commands)
    add_update_commands(commands)
    add_housekeeping_commands(commands)
    add_backup_commands(commands)
    add_paper_commands(commands)
    add_connect_commands(commands, DOORS)
    add_sales_command(commands, DOORS)
    add_audit_command(commands, stores.FILE, "run", notices_in_force)
    return parser


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def _link(options: argparse.Namespace) -> int:
    if not options.data.is_dir():
        raise StoreError(f"There is no folder {options.data}: give the --data of the hub.")
    doors = Doors.open(options.data / DOORS)
    key = doors.mint(options.role, ttl_s=None, uses=None) if options.until_stop else doors.mint(options.role)
    doors.close()
    lock = options.data / LOCK
    base = lock.read_text().strip() if lock.exists() else ""
    print((base or "http://127.0.0.1:8080") + entry_path(key))
    return 0


def _serve(options: argparse.Namespace) -> int:
    with ExitStack() as stack:
        listener = stack.enter_context(_bound(*options.http))
        url = "http://{}:{}".format(*listener.getsockname()[:2])
        stack.enter_context(alone(options.data, url))
        restarts = Restarts(options.data / STARTS)
        if options.rest and (rest_s := restarts.begin(SystemClocks().wall_s())):
            print(
                f"The hub ended unasked several times of late, and begins in {rest_s:.0f} s.",
                file=sys.stderr,
                flush=True,
            )
            time.sleep(rest_s)
        config = settings.load(options.data)
        if said := recover(options.data, config.store, SystemClocks().wall_s()):
            print(said, file=sys.stderr, flush=True)
        store = stores.Store(options.data / stores.FILE, config.store)
        stack.callback(store.close)
        clocks = SteadyClocks(SystemClocks(), store.newest_s(), synchronised)
        reads = StoreReads(options.data / stores.FILE)
        stack.callback(reads.close)
        doors = Doors.open(options.data / DOORS)
        stack.callback(doors.close)
        doors.forget_unlimited()
        broker = _broker(options, config, stack)

        changes = Changes()
        writer = Writer(
            store,
            reads,
            config,
            changes,
            lambda topic, body: link.say(topic, body),
            clocks,
            lambda: end(),
            Beat(),
            deleted=lambda: forget_copies(options.data),
        )
        link = MqttLink(broker, writer.deliver, clocks)
        connections = connect(
            stack,
            config.connect,
            doors=options.data / DOORS,
            store=options.data / stores.FILE,
            shop=(config.store, config.shop_name),
            reads=reads,
            changes=changes,
            broker=broker,
            clock=clocks.wall_s,
            timezone=config.zone(),
        )
        app = create_app(
            reads=reads,
            desk=writer,
            doors=doors,
            changes=changes,
            settings=config.settings(),
            clock=clocks.wall_s,
            export=lambda out: export(options.data, stores.FILE, out, notices_in_force),
            troubles=lambda: tuple(filter(None, (writer.trouble(), link.trouble()))),
            doubts=lambda: tuple(filter(None, (clocks.trouble(config.zone()), hourly.trouble()))),
            restored=lambda since_s: missing_span(reads.rows, config.zone(), since_s),
            connections=connections,
            enrolment=enrolment_of(options.data, config),
            rules=RuleBook(config, reads, writer.write),
            experiment=ExperimentBook(reads, writer.write),
            updates=options.data / UPDATES,
            plan=PlanBook(config.store, reads, writer.write, lambda topic, body: link.say(topic, body)),
            commissioning=CommissioningBook(reads, writer.write),
        )
        server = _server(app)

        def end() -> None:
            server.should_exit = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: end())
        hurt = threading.Event()

        def damaged() -> None:
            hurt.set()
            end()

        hourly = Hourly(options.data, damaged)
        writer.start()
        stack.callback(writer.stop)
        hourly.start()
        stack.callback(hourly.stop)
        link.start()
        stack.callback(link.stop)
        setup = setup_path(doors)
        print(f"Pages at {url}, broker {broker.url}. A way in: attune-hub link owner --data {options.data}", flush=True)
        if setup:  # by a name, since browsers make no passkeys for a bare number
            print(f"Set it up, once and within 15 minutes: {url.replace('127.0.0.1', 'localhost')}{setup}", flush=True)
        server.run(sockets=[listener])
        if writer.failed or hurt.is_set():
            suspect(options.data)
            return 1
        restarts.ended()
        return 0


def _server(app: object) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
            log_config=None,
            access_log=False,  # keys stand in addresses
            proxy_headers=True,
            forwarded_allow_ips="127.0.0.1",
            timeout_graceful_shutdown=2,
            server_header=False,
        )
    )


def _broker(options: argparse.Namespace, config: settings.HubConfig, stack: ExitStack) -> Broker:
    if options.broker is not None:
        tls = (options.data / path if path else None for path in dict(config.broker).values())
        return parse_broker(options.broker, *tls)
    try:
        running = start_broker(port=BROKER_PORT)
    except LinkError:
        running = start_broker()
    stack.callback(running.stop)
    return parse_broker(running.url)


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
        except OSError as error:
            raise LinkError(
                f"The pages cannot have {host}:{port} ({error.strerror or error}): give another --http HOST:PORT."
            ) from None
        yield listener


if __name__ == "__main__":
    sys.exit(main())
