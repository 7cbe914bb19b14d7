"""The one writer: whatever came while the last batch was being committed is the next batch.

Rules:
- Save, then send: broker and node hear of a message, staff of a nudge, after the commit that holds it.
- When the disk does not take a batch, nothing of it has happened: messages wait and are tried again, in order, and
  what staff tapped is refused with the reason.
- A database that is damaged ends the writer, and the hub: its next start takes a whole copy (`hub.recovery`).
- One thread; what comes while it is busy waits (`hub.inbox`).

Left out: the rules of nudges (`hub.nudge`), what is in the contract (`hub.ingest`) and too much (`hub.hearing`).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from contract import wire
from contract.errors import DamagedError, StoreError
from contract.events import Command, Stored
from contract.ledger_events import Checkpoint, Cosignature
from contract.wire import Topic
from hub import nudge_types as nudges
from hub import retention, rules, steady
from hub.batch import Batch
from hub.config import HubConfig
from hub.erase import delete_everything
from hub.hearing import Hearing
from hub.inbox import GATHER_S, Asked, Came, Inbox
from hub.ingest import Clocks, Receipt, Refused, runs
from hub.learn import Learnt, taught
from hub.lessons import lessons
from hub.reads import StoreReads
from hub.roll import roll
from hub.store import ASKED_KIND, FromNode, Message, Store
from hub.views import Changes, LessonView, NudgeView, Outcome

AGAIN_S: Final = 1.0
SWEEP_EVERY_S: Final = 3_600.0
_STOP: Final = Command(command="pause")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A message, what it is, and when it left on the hub's monotonic clock."""

    message: Message
    receipt: Receipt
    event: FromNode | Refused | None
    left_s: float | None


class Writer:
    """`hub.views.Desk`, and where messages are delivered.

    ``say`` publishes to MQTT, and returns whether it could; ``died`` is called from the writer's thread when it cannot
    go on, ``beat`` each time it goes round, and ``deleted`` when everything was, for what else holds it.
    ``gather_s`` is for how long what nobody waits for is gathered.
    """

    def __init__(
        self,
        store: Store,
        reads: StoreReads,
        config: HubConfig,
        changes: Changes,
        say: Callable[[str, bytes], bool],
        clocks: Clocks,
        died: Callable[[], None] = lambda: None,
        beat: Callable[[], None] = lambda: None,
        gather_s: float = GATHER_S,
        deleted: Callable[[], object] = lambda: None,
    ) -> None:
        self._store, self._reads, self._config, self._changes = store, reads, config, changes
        self._say, self._clocks, self._died, self._beat, self._deleted = say, clocks, died, beat, deleted
        self._rules, self._learnt = self._taught()
        self._hearing = Hearing(config.store)
        self._inbox = Inbox(gather_s)
        self.failed = self._unsummed = False
        self._swept_s: float | None = None
        self._signed = self._offered = ""
        self._paused = store.newest_order() == "pause"
        self._state = store.engine_state(self._rules, clocks.wall_s())
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what has come, then end."""
        self._inbox.close()
        self._thread.join()

    def trouble(self) -> str | None:
        """One sentence while nothing can be written, or somebody says too much."""
        return self._inbox.trouble or self._hearing.trouble(self._clocks.mono_s())

    def deliver(self, message: Message, receipt: Receipt) -> None:
        """Take a message; blocks while the queue is full, and forgets it when the writer has ended."""
        self._inbox.deliver(message, receipt)

    def take(self, nudge_id: int, who: str, now_s: float) -> NudgeView | None:
        """Somebody is on the way. Raises: StoreError when it could not be written down."""
        return self._ask(nudge_id, nudges.TakenBy(nudge_id, who), now_s)

    def answer(self, nudge_id: int, outcome: Outcome, who: str, now_s: float) -> NudgeView | None:
        """Somebody said how it went; ``who`` is not kept. Raises: StoreError when it could not be written down."""
        return self._ask(nudge_id, nudges.Answered(nudge_id, outcome), now_s)

    def staff(self, word: nudges.OnShift | nudges.Busy, now_s: float) -> None:
        """Somebody is on shift, or busy, or no longer. Raises: StoreError when it could not be written down."""
        self._inbox.ask(word, now_s)

    def lessons(self) -> tuple[LessonView, ...]:
        """What the answers taught, by the zones' names."""
        return lessons(self._learnt, self._reads.zone_names(), self._rules.precision)

    def forget(self, node: str, zone: int, now_s: float) -> None:
        """A zone learns anew. Raises: StoreError when it could not be written down."""
        self._inbox.ask(lambda store: store.forget_answers(node, zone, now_s), now_s)

    def delete_everything(self, now_s: float) -> None:
        """All that nodes ever told. Raises: StoreError when it could not be deleted; then nothing is."""
        self._inbox.ask(lambda store: delete_everything(store, now_s), now_s)
        self._deleted()

    def order(self, command: Command, nodes: tuple[str, ...], now_s: float) -> bool:
        """Says a word to nodes, then writes down that it was; whether there was a broker to take it."""
        payload = wire.encode(command)
        if command.command in ("pause", "resume"):
            self._paused = command.command == "pause"
        topics = [str(Topic(store=self._config.store, node=node, kind="command")) for node in nodes]
        said = all(self._say(topic, payload) for topic in topics)
        line = json.dumps({"said": command.model_dump(exclude={"kind", "v"}, exclude_none=True), "to": nodes}).encode()
        try:
            self._inbox.ask(lambda store: store.note(ASKED_KIND, line, now_s), now_s)
        except StoreError as error:  # it was said, and the nodes' ledgers have it
            log.error("%s", error)
        return said

    def write(self, order: Callable[[Store], object], now_s: float) -> None:
        """Whatever a page has written, in a batch. Raises: StoreError when it could not be; then nothing of it is."""
        self._inbox.ask(order, now_s)

    def accept_ledger(self, node: str, now_s: float) -> None:
        """Somebody's ledger was begun anew. Raises: StoreError when it could not be written down."""
        self._inbox.ask(lambda store: store.witness.accept(node, now_s), now_s)

    def _ask(self, nudge_id: int, event: nudges.TakenBy | nudges.Answered, now_s: float) -> NudgeView | None:
        self._inbox.ask(event, now_s)
        return self._reads.nudge(nudge_id)

    # --- the writer's own thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._inbox.done():
                self._beat()
                self._persist([self._judged(item) if isinstance(item, Came) else item for item in self._inbox.next()])
                self._sweep()
                self._offer()
        except Exception:
            log.exception("The writer cannot go on")
            self.failed = True
            self._inbox.closed.set()
            self._died()

    def _taught(self) -> tuple[nudges.Rules, dict[nudges.ZoneKey, Learnt]]:
        return taught(rules.for_engine(self._config, self._reads), self._reads.answers())

    def _judged(self, came: Came) -> _Judged:
        return _Judged(came.message, came.receipt, *self._hearing.hear(came.message))

    def _persist(self, items: Sequence[_Judged | Asked]) -> None:
        """Commit a batch, as often as it takes, and then tell."""
        while True:
            try:
                batch = self._commit(items)
            except DamagedError as error:
                self._refuse(items, error)
                raise
            except StoreError as error:
                if self._inbox.trouble != str(error):
                    log.error("%s", error)
                self._inbox.trouble = str(error)
                self._refuse(items, error)
                items = [item for item in items if isinstance(item, _Judged)]
                self._beat()
                if self._inbox.closed.wait(AGAIN_S):
                    return
            else:
                break
        self._inbox.trouble = None
        self._state = batch.state
        self._tell(items, batch)

    @staticmethod
    def _refuse(items: Sequence[_Judged | Asked], error: StoreError) -> None:
        for item in items:
            if isinstance(item, Asked):
                item.done.set_exception(error)

    def _commit(self, items: Sequence[_Judged | Asked]) -> Batch:
        now_s = self._clocks.wall_s()
        batch = Batch(self._store, self._rules, self._state, now_s, self._clocks.mono_s())
        passed = batch.tick()
        if not items and not passed:
            return batch
        with self._store.batch():
            batch.act(passed, now_s)
            for item in items:
                if isinstance(item, Asked):
                    batch.obey(item.event, item.now_s)
                elif isinstance(item.event, Refused):
                    batch.refuse(item.message, item.event)
                elif item.event is not None:
                    batch.take_in(item.message, item.event, item.left_s)
            for node, at_s in batch.heard.items():
                self._store.heard(node, at_s)
        return batch

    def _tell(self, items: Sequence[_Judged | Asked], batch: Batch) -> None:
        """Staff first, then the nodes, then the broker."""
        if any(isinstance(item, Asked) and callable(item.event) for item in items):
            self._store.wash()
        if any(isinstance(item, Asked) and not isinstance(item.event, nudges.TakenBy) for item in items):
            self._rules, self._learnt = self._taught()
        if batch.seen:
            self._changes.touch()
        for item in items:
            if isinstance(item, Asked):
                item.done.set_result(None)
        for (node, boot), seqs in batch.seqs.items():
            topic = str(Topic(store=self._config.store, node=node, kind="stored"))
            for since, seq in runs(seqs):
                self._say(topic, wire.encode(Stored(boot=boot, since=since, seq=seq)))
        for event in batch.says:
            self._publish(event)
        for node in batch.sensing if self._paused else ():  # it was not there when everybody was told to stop
            self._say(str(Topic(store=self._config.store, node=node, kind="command")), wire.encode(_STOP))
        for item in items:
            if isinstance(item, _Judged):
                item.receipt()

    def _publish(self, event: Checkpoint | Cosignature) -> bool:
        return self._say(str(Topic(store=self._config.store, node=wire.HUB, kind=event.kind)), wire.encode(event))

    def _offer(self) -> None:
        """The newest checkpoint to those who cosign it, once for each, as soon as there is a broker."""
        if self._signed == self._offered:
            return
        try:
            with self._store.batch():
                newest = self._store.witness.offer()
        except StoreError as error:
            log.error("%s", error)
        else:
            if newest is not None and self._publish(newest):
                self._offered = self._signed

    def _sweep(self) -> None:
        now_s = self._clocks.wall_s()
        due = self._swept_s is None or not 0 <= now_s - self._swept_s < SWEEP_EVERY_S
        try:
            if due:
                self._swept_s = now_s
                retention.sweep(self._store, self._config.keep, now_s, steady.gap_of(self._clocks))
                with self._store.batch():
                    self._signed = self._store.sign(now_s)
            if due or self._unsummed:
                self._unsummed = roll(self._store, self._config.zone(), now_s, self._config.keep.events_days)
        except StoreError as error:
            self._unsummed = False
            log.error("%s", error)
