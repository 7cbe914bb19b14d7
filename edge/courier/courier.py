"""The courier: one thread between the eye's socket, the outbox on disk and the hub.

Rules:
- Log, then say: whatever is published is in the ledger first, byte for byte; of the last will it says so at the start.
- Save, then send: an event is in the outbox before it is published, and leaves it when the hub says stored.
- After a reconnect, and when the hub has been silent about an event for `AGAIN_S`, everything kept is sent again, in
  order; the hub takes an event twice without counting it twice.
- Trouble is said on the wire and work goes on: a disk that is full, an eye that stopped, a broker that is away.

Left out: what may be released (the eye's gate) and the eye's restarts (the supervisor).
"""

from __future__ import annotations

import selectors
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from contract.errors import ConfigError, StoreError, WireError
from contract.events import Birth, Command, Config, Event, Health, Kind, State, Status, Stored, Trouble
from contract.wire import decode, encode
from edge.config import NodeConfig
from edge.courier import health
from edge.courier.control import orders, taken
from edge.courier.intake import Intake, ZoneRecord, event_of
from edge.courier.outbox import Outbox
from edge.courier.publish import Heard, Joined, MqttHub, Parted
from edge.record import PulseRecord, StateRecord

AGAIN_S: Final = 30.0
HEALTH_S: Final = 60.0
FLYING_MAX: Final = 200
BATCH: Final = 50
HELD_MAX: Final = 1000
EYE_GRACE_S: Final = 5.0
_TICK_S: Final = 1.0
_PAUSED: Final[frozenset[Trouble]] = frozenset(("closed", "no_notice", "switch", "command"))


@dataclass(slots=True)
class Courier:
    """What the courier holds. ``held`` are records that the disk would not take yet."""

    config: NodeConfig
    model: str
    outbox: Outbox
    intake: Intake
    hub: MqttHub
    joined: bool = False
    sent_id: int = 0
    flying: dict[tuple[str, int], float] = field(default_factory=dict)
    held: deque[ZoneRecord] = field(default_factory=lambda: deque(maxlen=HELD_MAX))
    eye_trouble: Trouble | None = "eye_stopped"
    eye_gone_s: float = 0.0
    disk_full: bool = False
    said: Status | None = None
    pulse: PulseRecord | None = None
    health_s: float = 0.0
    announced: bool = False
    unlogged: deque[tuple[Kind, bytes]] = field(default_factory=lambda: deque(maxlen=HELD_MAX))

    def run(self, asked: Callable[[], bool]) -> None:
        """Works until asked to end."""
        with selectors.DefaultSelector() as ready:
            ready.register(self.intake.listener, selectors.EVENT_READ)
            ready.register(self.hub.woken, selectors.EVENT_READ)
            self.eye_gone_s = time.monotonic()
            while not asked():
                for key, _ in ready.select(_TICK_S):
                    if key.fileobj is self.intake.listener:
                        self._greet(ready)
                    elif key.fileobj is self.hub.woken:
                        self._hear()
                    else:
                        self._listen(ready, key.fileobj)
                self._keep()
                self._send()
                self._tell()

    def _greet(self, ready: selectors.BaseSelector) -> None:
        """A new life of the eye: told at once what to run, and whether to sense at all."""
        old = self.intake.eye
        eye = self.intake.accept()
        if eye is None:
            return
        if old is not None:
            ready.unregister(old)
        ready.register(eye, selectors.EVENT_READ)
        self.intake.tell(orders(self.config, paused=self._paused()))

    def _listen(self, ready: selectors.BaseSelector, eye: object) -> None:
        if eye is not self.intake.eye:
            return
        records = self.intake.records()
        if self.intake.eye is None:
            ready.unregister(eye)  # type: ignore[arg-type]
            self._eye_is("eye_stopped")
        for record in records or ():
            match record:
                case StateRecord(trouble=trouble):
                    self._eye_is(trouble)
                case PulseRecord():
                    self.pulse = record
                case _:
                    self.held.append(record)

    def _eye_is(self, trouble: Trouble | None) -> None:
        if trouble == "eye_stopped" != self.eye_trouble:
            self.eye_gone_s = time.monotonic()
        self.eye_trouble = trouble

    def _keep(self) -> None:
        """Every record that waits goes into the outbox; what the disk refuses stays and is tried again."""
        while self.held:
            record = self.held[0]
            try:
                self._store(record)
            except WireError as error:
                _log(str(error))
            except StoreError as error:
                self._disk(full=True, why=error)
                return
            self.held.popleft()
            self._disk(full=False)

    def _store(self, record: ZoneRecord) -> None:
        def bytes_of(seq: int) -> bytes:
            made = event_of(
                record,
                node=self.config.node,
                boot=self.outbox.boot,
                seq=seq,
                t_wall=int(time.time()),
                model=self.model,
            )
            return encode(made)

        kind = event_of(record, node="n", boot=self.outbox.boot, seq=1, t_wall=0, model=self.model).kind
        self.outbox.append(kind, bytes_of)

    def _disk(self, *, full: bool, why: Exception | None = None) -> None:
        if full and not self.disk_full:
            _log(str(why))
        self.disk_full = full

    def _send(self) -> None:
        """Publishes what is kept, in order, with at most `FLYING_MAX` events not yet vouched for."""
        if not self.joined:
            return
        now_s = time.monotonic()
        if self.flying and now_s - next(iter(self.flying.values())) > AGAIN_S:
            self.sent_id, self.flying = 0, {}
        while len(self.flying) < FLYING_MAX and (batch := self.outbox.after(self.sent_id, BATCH)):
            for kept in batch:
                self.hub.publish(kept.kind, kept.payload)
                self.flying[kept.boot, kept.seq] = now_s
                self.sent_id = kept.id

    def _hear(self) -> None:
        for news in self.hub.news():
            match news:
                case Joined():
                    self.joined, self.sent_id, self.flying = True, 0, {}
                    self.said, self.announced = None, False
                case Parted():
                    self.joined = False
                case Heard(topic, payload):
                    self._obey(topic, payload)

    def _obey(self, topic: str, payload: bytes) -> None:
        try:
            event: Event = decode(topic, payload)
        except WireError as error:
            _log(f"The hub said what is not in the contract: {error}")
            return
        try:
            match event:
                case Stored(boot=boot, since=since, seq=seq):
                    self.outbox.stored(boot, since, seq)
                    for number in range(since, seq + 1):
                        self.flying.pop((boot, number), None)
                case Config():
                    self._take(event)
                case Command(command="pause" | "resume" as word):
                    self.outbox.memo("paused", "yes" if word == "pause" else "no")
                    self.intake.tell(orders(self.config, paused=self._paused())[-1:])
                case Command(command=word):
                    _log(f"The hub asks to {word}; this node cannot yet.")
        except StoreError as error:
            self._disk(full=True, why=error)

    def _take(self, wanted: Config) -> None:
        if wanted.version == self.config.version:
            return
        try:
            self.config = taken(self.config, wanted)
        except ConfigError as error:
            _log(str(error))
            return
        self.outbox.memo("config", encode(wanted).decode())
        self.intake.tell(orders(self.config, paused=self._paused()))
        self.announced = False

    def _paused(self) -> bool:
        return self.outbox.recall("paused") == "yes"

    def _tell(self) -> None:
        """Birth after each reconnect or new config, status when it changes, health every minute."""
        if not self.joined:
            return
        status = self.status()
        if not self.announced:
            self.announced = self._say(health.birth(self.config, self.outbox.boot, self.model))
            self.health_s = 0.0
        if status != self.said:
            self._say(status)
            self.said = status
        if time.monotonic() >= self.health_s:
            self._say(self._health())
            self.health_s = time.monotonic() + HEALTH_S

    def status(self) -> Status:
        """What the node says of itself now. An eye that starts its next life is given a moment."""
        trouble = self.eye_trouble
        if trouble == "eye_stopped" and time.monotonic() - self.eye_gone_s < EYE_GRACE_S and self.said is not None:
            return self.said
        if self.disk_full:
            trouble = "disk_full"
        state: State = "online" if trouble is None else "paused" if trouble in _PAUSED else "degraded"
        return Status(node=self.config.node, boot=self.outbox.boot, state=state, reason=trouble)

    def _say(self, event: Status | Birth | Health) -> bool:
        """Logs, then says. While the disk takes nothing, only how the node is may be said, and is logged later."""
        self.unlogged.append((event.kind, encode(event)))
        try:
            while self.unlogged:
                self.outbox.log(*self.unlogged[0])
                self.unlogged.popleft()
            self._disk(full=False)
        except StoreError as error:
            self._disk(full=True, why=error)
            if not isinstance(event, Status):
                self.unlogged.pop()
                return False
        self.hub.say(event)
        return True

    def _health(self) -> Health:
        try:
            checkpoint = self.outbox.sign()
        except StoreError as error:
            self._disk(full=True, why=error)
            checkpoint = None
        depth, dropped = len(self.outbox), self.outbox.dropped
        return health.health(self.config.node, self.outbox.boot, self.model, self.pulse, depth, dropped, checkpoint)


def run(config: NodeConfig, listener: socket.socket) -> int:
    """The courier's whole life, until SIGTERM or SIGINT.

    Raises: ConfigError, ModelError or StoreError when it cannot begin.
    """
    ends: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: ends.append(number))
    model = health.model_hash(config.models.affect)
    outbox = Outbox(config.outbox.folder, config.outbox.events_max, config.store, config.node)
    if outbox.put_aside is not None:
        _log(f"The outbox was damaged: it is put aside as {outbox.put_aside}, and a new one begun.")
    config = _remembered(config, outbox)
    will = Status(node=config.node, boot=outbox.boot, state="offline", reason="link_lost")
    farewell = will.model_copy(update={"reason": "stopped"})
    hub = MqttHub(config.broker, config.store, config.node, will)
    outbox.log("status", encode(will))
    hub.start()
    try:
        Courier(config, model, outbox, Intake(listener), hub).run(lambda: bool(ends))
    finally:
        with suppress(StoreError):
            outbox.log("status", encode(farewell))
            outbox.sign(now=True)
        hub.stop(farewell)
        outbox.close()
    return 0


def _remembered(config: NodeConfig, outbox: Outbox) -> NodeConfig:
    """The config with what the hub wanted last, as far as it still fits."""
    kept = outbox.recall("config")
    if kept is None:
        return config
    try:
        return taken(config, Config.model_validate_json(kept))
    except (ConfigError, ValueError) as error:
        _log(f"The config kept from the hub no longer fits: {error}")
        return config


def _log(sentence: str) -> None:
    sys.stderr.write(f"attune-edge courier: {sentence}\n")
