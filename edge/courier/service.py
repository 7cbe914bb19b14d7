"""The courier as a service: what it opens, what it remembers, and how it ends.

Left out: its work (`edge.courier.courier`).
"""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from threading import Event, Thread

from contract.beat import Beat
from contract.errors import ConfigError, StoreError
from contract.events import Config
from contract.restarts import STARTS, Restarts
from contract.wire import encode
from edge.config import NodeConfig
from edge.courier import health
from edge.courier.control import taken
from edge.courier.courier import Courier
from edge.courier.intake import Intake
from edge.courier.keep import complain
from edge.courier.outbox import Outbox
from edge.courier.panel import open_panel
from edge.courier.pause import Pause, remembered
from edge.courier.publish import MqttHub
from edge.courier.renewal import keep_renewed


def run(config: NodeConfig, listener: socket.socket, *, rests: bool = False) -> int:
    """The courier's whole life, until SIGTERM or SIGINT. ``rests``: before it, where the last ones ended unasked.

    Raises: ConfigError, ModelError, LedgerError or StoreError when it cannot begin, or the outbox broke.
    """
    ends: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: ends.append(number))
    os.umask(0o077)  # what the outbox holds is nobody else's
    model = health.model_hash(config.models.affect)
    restarts = Restarts(config.outbox.folder / STARTS)
    if rests and not _rested(restarts.begin(time.time()), ends):
        return 0
    outbox = Outbox(config.outbox.folder, config.outbox.events_max, config.store, config.node)
    if outbox.put_aside is not None:
        complain(f"The outbox was damaged: it is put aside as {outbox.put_aside}, and a new one begun.")
    config = _remembered(config, outbox)
    will = health.offline(config.node, outbox.boot, "link_lost")
    farewell = health.offline(config.node, outbox.boot, "stopped")
    hub = MqttHub(config.broker, config.store, config.node, encode(will))
    outbox.log("status", encode(will))
    hub.start()
    ending = Event()
    Thread(target=keep_renewed, args=(config, hub.redial, ending), name="renewal", daemon=True).start()
    pause = Pause(remembered(outbox), open_panel(config.panel))
    intake = Intake(listener, rests=rests)
    try:
        Courier(config, model, outbox, intake, hub, pause, Beat()).run(lambda: bool(ends), hub.woken)
        restarts.ended()
    finally:
        ending.set()
        intake.drop()  # the eye stops now, and not when the hub has been told
        pause.panel.light(on=False)
        with suppress(StoreError):
            outbox.log("status", encode(farewell))
            outbox.sign(now=True)
        hub.stop(encode(farewell))
        outbox.close()
    return 0


def _rested(rest_s: float, ends: list[int]) -> bool:
    """Lets the time pass; whether nobody asked for the end meanwhile."""
    if rest_s:
        complain(f"It ended unasked several times of late, and begins in {rest_s:.0f} s: look at what it said before.")
    until_s = time.monotonic() + rest_s
    while not ends and (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, 0.2))
    return not ends


def _remembered(config: NodeConfig, outbox: Outbox) -> NodeConfig:
    """The config with what the hub wanted last, as far as it still fits."""
    kept = outbox.recall("config")
    if kept is None:
        return config
    try:
        return taken(config, Config.model_validate_json(kept))
    except (ConfigError, ValueError) as error:
        complain(f"The config kept from the hub no longer fits: {error}")
        return config
