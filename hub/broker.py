"""A broker of the hub's own, on 127.0.0.1 only: for the demo, the tests, and a first look.

Mosquitto as a child process where it is installed, else `amqtt` in a thread; neither keeps anything on disk. A shop
with nodes on other machines runs Mosquitto with certificates instead (``--broker``).
"""

from __future__ import annotations

import asyncio
import ctypes
import getpass
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from contract.errors import LinkError

Flavour = Literal["mosquitto", "amqtt"]
HOST: Final = "127.0.0.1"
START_S: Final = 10.0
_SBIN: Final = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
_SETTINGS: Final = """\
listener {port} 127.0.0.1
allow_anonymous true
user {user}
persistence false
max_inflight_messages 200
max_queued_messages 10000
set_tcp_nodelay true
log_dest stderr
log_type error
"""
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A broker that runs until `stop`."""

    url: str
    flavour: Flavour
    stop: Callable[[], None]


def start_broker(prefer: Flavour = "mosquitto", port: int = 0) -> RunningBroker:
    """Start a broker and wait until it takes connections; ``port`` 0 is any free one.

    Raises: LinkError when the port is in use or the broker does not come up.
    """
    port = _free(port)
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path=_SBIN)
    if prefer == "mosquitto" and mosquitto:
        return RunningBroker(f"mqtt://{HOST}:{port}", "mosquitto", _start_mosquitto(mosquitto, port))
    return RunningBroker(f"mqtt://{HOST}:{port}", "amqtt", _start_amqtt(port))


def _free(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise LinkError(f"The broker cannot have port {port} ({error.strerror}): is another one running?") from None
        found: int = probe.getsockname()[1]
        return found


def _start_mosquitto(program: str, port: int) -> Callable[[], None]:
    folder = Path(tempfile.mkdtemp(prefix="attune-broker-"))
    settings = folder / "mosquitto.conf"
    settings.write_text(_SETTINGS.format(port=port, user=getpass.getuser()))
    folder.chmod(0o755)  # started by root, mosquitto reads it as a user of its own
    child = subprocess.Popen(
        [program, "-c", str(settings)],
        env={name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"},  # the hub's own
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=_end_with_parent,
    )

    def stop() -> None:
        child.terminate()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stderr:
            child.stderr.close()
        shutil.rmtree(folder, ignore_errors=True)

    if not _answers(port, lambda: child.poll() is None):
        said = child.stderr.read().decode(errors="replace").strip() if child.poll() is not None and child.stderr else ""
        stop()
        raise LinkError(f"Mosquitto did not start on port {port}: {said or 'no answer'}.")
    return stop


def _end_with_parent() -> None:
    """In the child: end when the parent does, however that ends; and leave Ctrl-C to the parent."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _start_amqtt(port: int) -> Callable[[], None]:
    from amqtt.broker import Broker

    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="broker", daemon=True)
    thread.start()
    settings = {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }

    async def build() -> Broker:
        broker = Broker(settings)
        await broker.start()
        return broker

    async def drop_rest() -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=1)

    def end() -> None:
        asyncio.run_coroutine_threadsafe(drop_rest(), loop).result(START_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    try:
        broker = asyncio.run_coroutine_threadsafe(build(), loop).result(START_S)
    except Exception as error:  # amqtt raises many kinds, all meaning the same here
        end()
        raise LinkError(f"The embedded broker did not start on port {port}: {error}.") from None

    def stop() -> None:
        asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(START_S)
        end()

    return stop


def _answers(port: int, alive: Callable[[], bool]) -> bool:
    until_s = time.monotonic() + START_S
    while alive() and time.monotonic() < until_s:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False
