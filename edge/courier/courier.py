"""The courier: one thread between the eye's socket, the outbox on disk and the hub.

Rules:
- Log, then say: whatever is published is in the ledger first, byte for byte; of the last will it says so at the start.
- Save, then send: an event is in the outbox before it is published, and leaves it when the hub says stored.
- What is over a budget (`edge.courier.debit`) goes no further; how much there was of it is noted and told.
- An order is obeyed before it is written down: a disk that is full keeps nobody from pausing the eye.
- Trouble is said on the wire and work goes on: a disk that is full, an eye that stopped, a broker that is away.

Left out: what may be released (the eye's gate), the eye's restarts (the supervisor), what is on its way (`Window`).
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from contract.errors import ConfigError, StoreError, WireError
from contract.events import Birth, Command, Config, Event, Health, Kind, SelfTest, Status, Stored
from contract.wire import decode, encode, parse_topic
from edge.config import NodeConfig
from edge.courier import health, selftest
from edge.courier.control import Heed, orders, taken
from edge.courier.debit import SLACK_S, Rate, Refusals
from edge.courier.forget import Note
from edge.courier.habit import Habit
from edge.courier.intake import Intake, ZoneRecord, cell_of, event_of, kind_of
from edge.courier.outbox import Damaged, Outbox
from edge.courier.publish import Heard, Hub, Joined, Parted, Window
from edge.courier.watch import Accelerator, EyeWatch
from edge.order import SiteNeutral, SpentHours
from edge.record import NeutralRecord

HEALTH_S: Final = 60.0
HELD_MAX: Final = 1000
_TICK_S: Final = 1.0


@dataclass(slots=True)
class Courier:
    """What the courier holds. ``held``, ``unlogged`` and ``unkept`` wait for a disk that takes them.

    Units: ``held`` records with the seconds since the epoch at which they came.
    """

    config: NodeConfig
    model: str
    outbox: Outbox
    intake: Intake
    hub: Hub
    paused: bool = False
    window: Window = field(init=False)
    habit: Habit = field(init=False)
    watch: EyeWatch = field(default_factory=EyeWatch)
    held: deque[tuple[ZoneRecord, int]] = field(default_factory=deque)
    rate: Rate = field(default_factory=Rate)
    refusals: Refusals = field(default_factory=Refusals)
    heed: Heed = field(default_factory=Heed)
    later: tuple[str, bytes] | None = None
    unlogged: deque[tuple[Kind | Note, bytes]] = field(default_factory=lambda: deque(maxlen=HELD_MAX))
    unkept: dict[str, str] = field(default_factory=dict)
    disk_full: bool = False
    joined: bool = False
    away: bool = False
    announced: Accelerator | None = None
    said: Status | None = None
    health_s: float = 0.0

    def __post_init__(self) -> None:
        self.window = Window(self.outbox, self.hub)
        self.habit = Habit.recalled(self.outbox.recall("neutral"), self.model)
        self.rate.seen(self.outbox.said_since(time.time() - SLACK_S), time.monotonic())

    def run(self, asked: Callable[[], bool], woken: socket.socket) -> None:
        """Works until asked to end; ``woken`` is readable when there is news from the hub.

        Raises: Damaged when the outbox broke; the next start begins a new one.
        """
        listener, eye = self.intake.listener, None
        with selectors.DefaultSelector() as ready:
            ready.register(listener, selectors.EVENT_READ)
            ready.register(woken, selectors.EVENT_READ)
            while not asked():
                if eye is not self.intake.eye:
                    if eye is not None:
                        ready.unregister(eye)
                    if (eye := self.intake.eye) is not None:
                        ready.register(eye, selectors.EVENT_READ)
                if listener in (key.fileobj for key, _ in ready.select(_TICK_S)):
                    self.greet()
                self.step()
        self.listen()
        self._keep()

    def greet(self) -> None:
        """A new life of the eye: told at once what to run, and whether to sense at all."""
        self.listen()  # to the last word of the old one
        self._keep()
        if self.intake.accept():
            self.intake.tell(orders(self.config, paused=self.paused, before=self._before()))

    def step(self) -> None:
        """Takes in what came from both sides, and sends what is due."""
        self.listen()
        self._hear()
        self._keep()
        for due in (self._tell, self._send) if self.joined else ():
            try:
                due()
            except StoreError as error:
                self._disk(error)

    def listen(self) -> None:
        """Everything that the eye has said."""
        now_s = time.monotonic()
        for record in self.intake.records():
            self.watch.heard(record, now_s)
            if isinstance(record, NeutralRecord):
                if (kept := self.habit.takes(record, now_s)) is not None:
                    self.unkept["neutral"] = kept
                else:
                    self.intake.refused += 1
            if not isinstance(record, ZoneRecord):
                continue
            if self.rate.take(kind_of(record), record.head.zone, now_s):
                self._hold(record)
            else:
                self.refusals.add(kind_of(record), record.head.zone, "too many at once")
        if self.intake.eye is None:
            self.watch.gone(now_s)

    def _hold(self, record: ZoneRecord) -> None:
        if len(self.held) >= HELD_MAX:
            self.held.popleft()
            self.outbox.give_up()
        self.held.append((record, int(time.time())))

    def _keep(self) -> None:
        """Writes whatever waits for the disk; what it refuses stays and is tried again."""
        try:
            while self.unkept:
                key = next(iter(self.unkept))
                self.outbox.memo(key, self.unkept[key])
                del self.unkept[key]
            while self.held:
                self._store(*self.held[0])
                self.held.popleft()
            if lines := self.refusals.note(time.monotonic()):
                self.unlogged.append(("refusal", json.dumps({"refused": lines}).encode()))
            while self.unlogged:
                self.outbox.log(*self.unlogged[0])
                self.unlogged.popleft()
            if self.disk_full:
                self.outbox.memo("retried", str(int(time.time())))
            self.disk_full = False
        except StoreError as error:
            self._disk(error)

    def _store(self, record: ZoneRecord, t_wall: int) -> None:
        node, boot, model = self.config.node, self.outbox.boot, self.model

        def payload_of(seq: int) -> bytes:
            return encode(event_of(record, node=node, boot=boot, seq=seq, t_wall=t_wall, model=model))

        cell = cell_of(record)
        if cell is not None and (why := self.outbox.overdrawn(cell, self.config.privacy.epsilon_per_day)):
            self.refusals.add("hour", cell.zone, why)
            return
        try:
            self.outbox.append(kind_of(record), payload_of, cell)
        except WireError as error:
            self.intake.refused += 1
            complain(str(error))

    def _before(self) -> list[SpentHours | SiteNeutral]:
        """For an eye that begins anew; while the disk cannot be read, what was spent is refused here alone."""
        try:
            return [*self.outbox.spent(time.time()), *self.habit.orders()]
        except StoreError as error:
            self._disk(error)
            return list(self.habit.orders())

    def _disk(self, why: StoreError) -> None:
        """The disk takes nothing now: said once."""
        if isinstance(why, Damaged):
            raise why
        if not self.disk_full:
            complain(str(why))
        self.disk_full = True

    def _hear(self) -> None:
        if (waits := self.later) is not None:
            self.later = None
            self._obey(*waits)
        for news in self.hub.news():
            match news:
                case Joined():
                    if self.away:
                        complain("The broker is back.")
                    self.joined, self.away, self.said, self.announced = True, False, None, None
                    self.window.restart()
                case Parted(why):
                    if not self.away:
                        complain(
                            f"No broker at {self.config.broker.url} ({why}): events are kept, and it is tried again."
                        )
                    self.joined, self.away = False, True
                case Heard(topic, payload):
                    self._obey(topic, payload)

    def _heeded(self, topic: str, payload: bytes) -> Event | None:
        """What the hub says, or None when it says too much; its newest config then waits."""
        event = decode(topic, payload)
        if self.heed.takes(event, self.paused, time.monotonic()):
            return event
        if isinstance(event, Config):
            self.later = topic, payload
        else:
            self.refusals.add(event.kind, 0, "too many at once")
        return None

    def _obey(self, topic: str, payload: bytes) -> None:
        try:
            match self._heeded(topic, payload):
                case None:
                    return
                case Stored(boot=boot, since=since, seq=seq):
                    self.window.stored(boot, since, seq)
                    return
                case Config() as wanted:
                    if wanted.version == self.config.version:
                        return
                    self.config = taken(self.config, wanted)
                    self.unkept["config"] = payload.decode()
                    self.announced = None
                    self.intake.tell(orders(self.config, paused=self.paused, before=self._before()))
                case Command(command="pause" | "resume" as word):
                    self.paused = word == "pause"
                    self.unkept["paused"] = word
                    self.intake.tell(orders(self.config, paused=self.paused)[-1:])
                case Command(command="self-test"):
                    selftest.ask(self.intake.listener)
                case Command(command=word):
                    complain(f"The hub asks to {word}, which this node cannot do.")
            self.unlogged.append((parse_topic(topic).kind, payload))
        except WireError as error:
            complain(f"The hub said what is not in the contract: {error}")
        except ConfigError as error:
            complain(str(error))
        except StoreError as error:
            self._disk(error)

    def _tell(self) -> None:
        """Birth after each reconnect, new config or other accelerator, status when it changes, health every minute."""
        if self.announced != (runs_on := self.watch.accelerator):
            born = health.birth(self.config, self.outbox.boot, self.model, runs_on)
            self.announced = runs_on if self._say(born) else None
            self.health_s = 0.0
        status = self.status()
        if status != self.said and self._say(status):
            self.said = status
            if status.reason == "closed":  # closing time: the day is signed, and health tells it at once
                self.outbox.sign(now=True)
                self.health_s = 0.0
        if time.monotonic() >= self.health_s and self._say(self._health()):
            self.health_s = time.monotonic() + HEALTH_S

        folder = self.outbox.folder
        if (test := selftest.waiting(folder, self.config.node, self.outbox.boot)) and self._say(test):
            selftest.taken(folder)

    def _send(self) -> None:
        self.window.send(time.monotonic())

    def status(self) -> Status:
        """What the node says of itself now."""
        trouble = "disk_full" if self.disk_full else self.watch.trouble(time.monotonic())
        return health.status(self.config.node, self.outbox.boot, trouble)

    def _say(self, event: Status | Birth | Health | SelfTest) -> bool:
        """Logs, then says. While the disk takes nothing, only how the node is may be said, and is logged later."""
        payload = encode(event)
        try:
            self.outbox.log(event.kind, payload)
        except StoreError as error:
            self._disk(error)
            if not isinstance(event, Status):
                return False
            self.unlogged.append((event.kind, payload))
        return self.hub.publish(event.kind, payload)

    def _health(self) -> Health:
        depth, dropped = len(self.outbox), self.outbox.dropped
        checkpoint, pulse = self.outbox.sign(), self.watch.pulse
        said = health.health(self.config.node, self.outbox.boot, self.model, pulse, depth, dropped, checkpoint)
        refused = self.refusals.total + self.intake.refused
        return said.model_copy(update={"refused": refused, **self.habit.told()})


def complain(sentence: str) -> None:
    """One line for the log of this machine."""
    sys.stderr.write(f"attune-edge courier: {sentence}\n")
