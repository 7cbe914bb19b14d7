"""One batch of the writer: what is stored of it, and what it leads to once it stands.

Rules:
- A batch starts from the engine's state as it was, so that a batch that failed has changed nothing and can be tried
  again.
- Whatever came in time moves the nudge engine; what is late, or was known before, is stored and moves nothing.
- A node that is offline, paused or blind has withdrawn what it asked for.

Left out: the transaction around it, and who is told afterwards (`hub.writer`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from contract.events import Assist, Health, OfLedgers, Status
from contract.ledger_events import Checkpoint, Cosignature
from hub import nudge
from hub import nudge_types as nudges
from hub.ingest import LATE_S, Refused
from hub.store import FromNode, Message, OfItself, Store

BLIND: Final = frozenset(("camera_lost", "eye_stopped", "model_refused", "badges_unreadable"))
_UNSEEN: Final = nudges.Hold | nudges.LetGo | nudges.Wait | nudges.WaitNoMore
Order = nudges.TakenBy | nudges.Answered | nudges.OnShift | nudges.Busy | Callable[[Store], object]


@dataclass(slots=True)
class Batch:
    """Inside one transaction of ``store``. Units: ``now_s`` since the epoch, ``mono_s`` on the hub's own clock.

    ``seqs`` are the numbers to confirm, ``heard`` when each node was, ``says`` what to say of ledgers, ``sensing`` who
    said that it senses, ``seen`` whether what pages show has changed.
    """

    store: Store
    rules: nudges.Rules
    state: nudges.State
    now_s: float
    mono_s: float
    seqs: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    heard: dict[str, float] = field(default_factory=dict)
    says: list[Checkpoint | Cosignature] = field(default_factory=list)
    sensing: list[str] = field(default_factory=list)
    seen: bool = False

    def tick(self) -> tuple[nudges.Action, ...]:
        """What the time that passed leads to; to be written down by `act`."""
        self.state, actions = nudge.step(self.rules, self.state, nudges.Tick(), self.now_s)
        return actions

    def act(self, actions: Sequence[nudges.Action], at_s: float) -> None:
        """Write down what the engine decided."""
        for action in actions:
            self.store.act(action, at_s)
            quiet = isinstance(action, nudges.Renew) and not action.seen
            self.seen |= not (quiet or isinstance(action, _UNSEEN))

    def refuse(self, message: Message, refused: Refused) -> None:
        """Put aside what is not in the contract; the node need not send it again."""
        self.store.refuse(message, refused.code, refused.reason)
        if refused.tag:
            node, boot, seq = refused.tag
            self.seqs[node, boot].append(seq)

    def take_in(self, message: Message, event: FromNode, left_s: float | None) -> None:
        """Store an event, and move the engine by it where it came in time."""
        self.heard[event.node] = message.received_s
        if isinstance(event, OfItself):
            new = self.store.add(message, event, late=message.retained) == "new"
            self.seen |= new and not isinstance(event, Health)
            if isinstance(event, Status) and (event.state in ("offline", "paused") or event.reason in BLIND):
                self._step(nudges.Silent(event.node), self.now_s)
            elif isinstance(event, Status):
                self.sensing.append(event.node)
            elif isinstance(event, OfLedgers):
                self._witness(message, event)
            return
        age_s = None if left_s is None else max(0.0, self.mono_s - left_s)
        late = age_s is None or age_s > LATE_S
        kept = self.store.add(message, event, late=late)
        if kept == "conflict":
            self.store.refuse(message, "conflict", "Other bytes stand already under this node, boot and seq.")
        elif kept == "new" and isinstance(event, Assist):
            until_s = self.now_s + event.ttl_s - (age_s or 0.0)
            need = nudges.Assisted((event.node, event.zone), event.level, event.reasons, until_s, late)
            self._step(need, self.now_s)
        self.seqs[event.node, event.boot].append(event.seq)

    def _witness(self, message: Message, event: OfLedgers) -> None:
        try:
            answer = self.store.witness.takes(event, self.now_s, stale=message.retained)
        except ValueError as error:
            self.store.refuse(message, "ledger", str(error))
        else:
            self.says += [answer] if answer else []

    def obey(self, order: Order, asked_s: float) -> None:
        """Do what somebody asked for at a page."""
        if callable(order):
            order(self.store)
            self.state, self.seen = self.store.engine_state(self.rules, asked_s), True
        else:
            self._step(order, asked_s)

    def _step(self, event: nudges.Event, now_s: float) -> None:
        self.state, actions = nudge.step(self.rules, self.state, event, now_s)
        self.act(actions, now_s)
