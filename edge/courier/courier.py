"""The courier: one thread between the eye's socket, the outbox on disk and the hub.

Rules:
- Log, then say: whatever is published is in the ledger first, byte for byte; of the last will it says so at the start.
- Save, then send: an event is in the outbox before it is published, and leaves it when the hub says stored.
- An order is obeyed before it is written down: a disk that is full keeps nobody from pausing the eye.
- Trouble is said on the wire and work goes on: a disk that is full, an eye that stopped, a broker that is away.

Left out: what may be released (the eye's gate), the eye's restarts (the supervisor), what is on its way (`Window`).
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from contract.errors import ConfigError, StoreError, WireError
from contract.events import Birth, Command, Config, Event, Health, SelfTest, Status, Stored
from contract.ledger_events import Checkpoint, Cosignature
from contract.wire import HUB, decode, encode, parse_topic
from edge.config import NodeConfig
from edge.courier import health, selftest
from edge.courier.care import Care, Timekeeper
from edge.courier.control import Heed, orders, taken
from edge.courier.habit import Habit
from edge.courier.intake import Intake, ZoneRecord
from edge.courier.keep import Keep, complain
from edge.courier.ledgers import Ledgers
from edge.courier.outbox import Outbox
from edge.courier.pause import Pause, mark
from edge.courier.publish import Heard, Hub, Joined, Parted, Window
from edge.courier.watch import Accelerator, EyeWatch
from edge.order import Order, SiteNeutral, SpentHours, StartWalk
from edge.record import NeutralRecord
from edge.update.told import Running

HEALTH_S: Final = 60.0
HUB_BEGAN_S: Final = 2.0  # a hub that signs may have begun anew: it learns this node's clock from its health
SIGN_LOOK_S: Final = 60.0
NOTE_S: Final = 86_400.0
_TICK_S: Final = 1.0


@dataclass(slots=True)
class Courier:
    """What the courier holds. Units: ``health_s`` and ``sign_s`` when they are due, on the monotonic clock."""

    config: NodeConfig
    model: str
    outbox: Outbox
    intake: Intake
    hub: Hub
    pause: Pause = field(default_factory=Pause)
    beat: Callable[[], None] = lambda: None
    keep: Keep = field(init=False)
    window: Window = field(init=False)
    habit: Habit = field(init=False)
    running: Running = field(default_factory=Running.of)
    ledgers: Ledgers = field(init=False)
    watch: EyeWatch = field(default_factory=EyeWatch)
    heed: Heed = field(default_factory=Heed)
    care: Care = field(init=False)
    later: Heard | None = None
    joined: bool = False
    away: bool = False
    announced: Accelerator | None = None
    said: Status | None = None
    health_s: float = 0.0
    sign_s: float = 0.0
    closed: bool = False
    noted_s: float = 0.0

    def __post_init__(self) -> None:
        config = self.config
        self.keep = Keep(self.outbox, config.node, self.model, config.privacy.epsilon_per_day)
        self.window = Window(self.outbox, self.hub)
        self.ledgers = Ledgers(self.outbox, config.node)
        self.care = Care(Timekeeper.recalled(self.outbox.recall("clock")))
        self.outbox.nothing_of_age = self.care.clock.nothing_of_age
        self.habit = Habit.recalled(self.outbox.recall("neutral"), self.model)

    def run(self, asked: Callable[[], bool], woken: socket.socket) -> None:
        """Works until asked to end; ``woken`` is readable when there is news from the hub.

        Raises: Damaged when the outbox broke; the next start begins a new one.
        """
        listener, eye = self.intake.listener, None
        with selectors.DefaultSelector() as ready:
            ready.register(listener, selectors.EVENT_READ)
            ready.register(woken, selectors.EVENT_READ)
            ready.register(self.pause.panel.woken, selectors.EVENT_READ)
            while not asked():
                self.beat()
                if eye is not self.intake.eye:
                    if eye is not None:
                        ready.unregister(eye)
                    if (eye := self.intake.eye) is not None:
                        ready.register(eye, selectors.EVENT_READ)
                if listener in (key.fileobj for key, _ in ready.select(_TICK_S)):
                    self.greet()
                self.step()
        self.listen()
        self.keep.write()

    def greet(self) -> None:
        """A new life of the eye: told what to run, and whether to sense at all, as soon as it may begin."""
        self.listen()  # to the last word of the old one
        self.keep.write()
        if self.intake.accept():
            self.intake.tell(self._orders())

    def _orders(self) -> list[Order]:
        """All that an eye has to know."""
        return orders(self.config, paused=self.paused, eased=self.care.eased, before=self._before())

    @property
    def paused(self) -> bool:
        """Whether the eye is kept from sensing by a person, or by a clock that nobody believes."""
        return bool(self.pause) or self.care.clock.doubted

    def turn(self) -> None:
        """Looks at the switch, and obeys it."""
        if (line := self.pause.turned()) is not None:
            self.intake.tell(orders(self.config, paused=self.paused)[-1:])
            self.keep.lines.append(("switch", line))

    def look(self) -> None:
        """Looks after the board, and remembers once a day what time was believed."""
        clock, wall_s = self.care.clock, time.time()
        doubted = clock.doubted
        told = self.care.look(self.watch, wall_s, time.monotonic())
        self.outbox.nothing_of_age = clock.nothing_of_age
        self.intake.tell(told if clock.doubted == doubted else self._orders())
        if not clock.doubted and abs(wall_s - self.noted_s) > NOTE_S:
            self.noted_s = wall_s
            self.keep.words["clock"] = str(int(wall_s))

    def step(self) -> None:
        """Takes in what came from both sides, and sends what is due."""
        self.turn()
        self.look()
        self.listen()
        self.intake.answer(self._orders)
        self.pause.show(self.watch)
        self._hear()
        self.keep.write()
        self._sign()
        for due in (self._tell, self._send) if self.joined else ():
            try:
                due()
            except StoreError as error:
                self.keep.refused(error)

    def listen(self) -> None:
        """Everything that the eye has said."""
        now_s = time.monotonic()
        for record in self.intake.records():
            self.watch.heard(record, now_s)
            if isinstance(record, NeutralRecord):
                if (kept := self.habit.takes(record, now_s)) is not None:
                    self.keep.words["neutral"] = kept
                else:
                    self.intake.refused += 1
            if isinstance(record, ZoneRecord):
                self.keep.take(record, now_s)
        if self.intake.eye is None:
            self.watch.gone(now_s)

    def _before(self) -> list[SpentHours | SiteNeutral]:
        """For an eye that begins anew; while the disk cannot be read, what was spent is refused here alone."""
        try:
            return [*self.outbox.spent(time.time()), *self.habit.orders()]
        except StoreError as error:
            self.keep.refused(error)
            return list(self.habit.orders())

    def _hear(self) -> None:
        if (waits := self.later) is not None:
            self.later = None
            self._obey(waits)
        for news in self.hub.news():
            match news:
                case Joined():
                    if self.away:
                        complain("The broker is back.")
                    self.joined, self.away, self.said, self.announced = True, False, None, None
                    self.ledgers.offered = None
                    self.window.restart()
                case Parted(why):
                    if not self.away:
                        complain(
                            f"No broker at {self.config.broker.url} ({why}): events are kept, and it is tried again."
                        )
                    self.joined, self.away = False, True
                case Heard():
                    self._obey(news)

    def _heeded(self, heard: Heard) -> Event | None:
        """What the hub says, or None when it says too much; its newest config then waits."""
        event = decode(heard.topic, heard.payload)
        if self.heed.takes(event, self.pause.commanded, time.monotonic()):
            return event
        if isinstance(event, Config):
            self.later = heard
        else:
            self.keep.refusals.add(event.kind, 0, "too many at once")
        return None

    def _obey(self, heard: Heard) -> None:
        try:
            match self._heeded(heard):
                case None:
                    return
                case Checkpoint() | Cosignature() as said:
                    if said.node == HUB and said.kind == "checkpoint" and not heard.retained:
                        self.health_s = min(self.health_s, time.monotonic() + HUB_BEGAN_S)
                    if answer := self.ledgers.answer(said, stale=heard.retained):
                        self._say(answer)
                    return
                case Stored(boot=boot, since=since, seq=seq):
                    self.window.stored(boot, since, seq)
                    return
                case Config() as wanted:
                    if wanted.version == self.config.version:
                        return
                    self.config = taken(self.config, wanted)
                    self.keep.words["config"] = heard.payload.decode()
                    self.announced = None
                    self.intake.tell(self._orders())
                case Command(command="pause" | "resume" as word):
                    self.pause.commanded = word == "pause"
                    self.intake.tell(orders(self.config, paused=self.paused)[-1:])
                    self.keep.words["paused"] = word
                    mark(self.outbox.folder, paused=word == "pause")
                case Command(command="walk", zone=int(zone), seconds=int(seconds)):
                    if not self.watch.senses:
                        complain("The hub asks for a walk while the camera is off: let it sense first.")
                        return
                    if not self.heed.walks(seconds, time.monotonic()):
                        self.keep.refusals.add("command", 0, "walked for an hour today")
                        return
                    self.intake.tell([StartWalk(zone, seconds)])
                case Command(command="self-test"):
                    selftest.ask(self.intake.listener)
                case Command(command="accept-ledger", log=str(log)):
                    self.ledgers.accept(log)
                case Command(command=word):
                    complain(f"The hub asks to {word}, which this node cannot do.")
            self.keep.lines.append((parse_topic(heard.topic).kind, heard.payload))
        except WireError as error:
            complain(f"The hub said what is not in the contract: {error}")
        except (ConfigError, ValueError) as error:
            complain(str(error))
        except StoreError as error:
            self.keep.refused(error)

    def _tell(self) -> None:
        """Birth after each reconnect, new config or other accelerator, status when it changes, health every minute."""
        if self.announced != (runs_on := self.watch.accelerator):
            born = health.birth(self.config, self.outbox.boot, self.model, runs_on)
            self.announced = runs_on if self._say(born) else None
            self.health_s = 0.0
        status = self.status()
        if status != self.said and self._say(status):
            self.said = status
            if status.reason == "closed":  # closing time: what was signed is told at once
                self.health_s = 0.0
        if time.monotonic() >= self.health_s and self._say(self._health()):
            self.health_s = time.monotonic() + HEALTH_S
            if (newest := self.ledgers.due()) and self._say(newest):
                self.ledgers.offered = newest.note

        folder = self.outbox.folder
        if (test := selftest.waiting(folder, self.config.node, self.outbox.boot)) and self._say(test):
            selftest.taken(folder)

    def _sign(self) -> None:
        """Each hour and at closing time; what is of age is forgotten then. It needs nobody to be told."""
        closed = self.watch.trouble(time.monotonic()) == "closed"
        closing, self.closed = closed and not self.closed, closed
        if closing or time.monotonic() >= self.sign_s:
            self.sign_s = time.monotonic() + SIGN_LOOK_S
            try:
                self.outbox.sign(now=closing)
            except StoreError as error:
                self.keep.refused(error)

    def _send(self) -> None:
        self.window.send(time.monotonic())

    def status(self) -> Status:
        """What the node says of itself now."""
        now_s = time.monotonic()
        other = self.pause.trouble() or self.care.trouble(self.watch.trouble(now_s), now_s)
        trouble = "disk_full" if self.keep.full else other
        return health.status(self.config.node, self.outbox.boot, trouble)

    def _say(self, event: Status | Birth | Health | SelfTest | Checkpoint | Cosignature) -> bool:
        """Logs, then says. While the disk takes nothing, only how the node is may be said, and is logged later."""
        payload = encode(event)
        try:
            self.outbox.log(event.kind, payload)
        except StoreError as error:
            self.keep.refused(error)
            if not isinstance(event, Status):
                return False
            self.keep.lines.append((event.kind, payload))
        return self.hub.publish(event.kind, payload)

    def _health(self) -> Health:
        depth, dropped = len(self.outbox), self.outbox.dropped
        said = health.health(self.config.node, self.outbox.boot, self.model, self.watch.pulse, depth, dropped)
        refused = self.keep.refusals.total + self.keep.unfit + self.intake.refused
        return said.model_copy(update={"refused": refused, **self.habit.told(), **self.running.told()})
