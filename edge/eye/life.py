"""One life of the eye: greet the courier, wait until sensing is allowed, look, and end.

Rules:
- No camera is open before the courier has answered and the notice, the hours and the pause allow it (rule 8).
- The early walls go up before anything else, the late ones once camera and models are open; without them it ends.
- A camera or model that fails is said, on the wire and in the log, and tried again after a rest.
- On a board that is hot or throttled it looks less often, and says nothing else.
- Whatever ends sensing ends the life: pause, closing time, new settings, a walk that is over, a camera that stopped,
  a courier that is gone. The supervisor starts the next one, which greets afresh.

Left out: how a life is started again (`edge.supervisor`, or systemd).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from contract.errors import CameraError, LinkError, ModelError
from contract.events import Trouble
from edge.config import NodeConfig
from edge.eye.gate import EYE_GAP_S, Budget, Gate, Spent
from edge.eye.hours import barred
from edge.eye.link import Link
from edge.eye.meter import Meter, resident_mb
from edge.eye.neutral import Site
from edge.eye.pipeline import STAGES, Senses, look
from edge.eye.settings import apply
from edge.eye.walk import Walking
from edge.order import Afresh, ApplyConfig, BeginConfig, Ease, Order, Pause, Resume, SiteNeutral, SpentHours, StartWalk
from edge.ports import Camera
from edge.record import Head, PulseRecord, StateRecord
from edge.values import Frame

AGAIN: Final = 75  # EX_TEMPFAIL: start the next life
PULSE_S: Final = 60.0
GREETING_S: Final = 60.0  # more than a courier lets an eye wait that keeps ending (`edge.courier.lives`)
REST_S: Final = 10.0
EASED_GAP_S: Final = 0.24  # about four looks a second: enough to tell who stays, and the detector rests in between
_POLL_S: Final = 0.2

Open = Callable[[NodeConfig], Senses]
Walls = Callable[[], object]
Complain = Callable[[str], object]


@dataclass(slots=True)
class _Until:
    """A camera that is closed as soon as the eye may no longer sense. ``done`` once no frame comes any more.

    ``over`` is asked for every frame, also those that nobody looks at.
    """

    camera: Camera
    over: Callable[[], bool]
    eased: Callable[[], bool]
    done: bool = False
    t_s: float = 0.0

    def frames(self) -> Iterator[Frame]:
        last_s = -EASED_GAP_S
        for frame in self.camera.frames():
            if self.over():
                break
            if self.eased() and 0 <= frame.t_s - last_s < EASED_GAP_S:
                continue
            self.t_s = last_s = frame.t_s
            yield frame
        self.done = True
        self.camera.close()

    def close(self) -> None:
        self.camera.close()


@dataclass(slots=True)
class Eye:
    """What one life holds. ``open_senses`` opens camera and models; ``raise_late`` shuts the eye in with them.

    Units: ``rest_s`` seconds before a camera or model that failed is tried again.
    """

    config: NodeConfig
    link: Link
    open_senses: Open
    raise_late: Walls
    ended: Callable[[], bool]
    complain: Complain
    beat: Callable[[], None] = lambda: None
    rest_s: float = REST_S
    paused: bool = False
    changed: bool = False
    eased: bool = False
    said: Trouble | None = "eye_stopped"
    walking: Walking | None = None
    draft: list[Order] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)
    site: Site = field(default_factory=lambda: Site(time.monotonic()))

    def live(self) -> int:
        """The whole life. Returns 0 when asked to end, `AGAIN` when the next life should begin.

        Raises: ConfigError, WallError: what no next life would mend.
        """
        try:
            self._greet()
            self._wait_until_allowed()
            return 0 if self.ended() else self._look()
        except CameraError as error:
            return self._troubled("camera_lost", error)
        except ModelError as error:
            return self._troubled("model_refused", error)
        except LinkError:
            return AGAIN

    def _greet(self) -> None:
        """Says that the eye is here and waits for the courier's word."""
        self._say(self.said)
        until_s = time.monotonic() + GREETING_S
        while time.monotonic() < until_s and not self.ended():
            self.beat()
            orders = self.link.orders(_POLL_S)
            self._obey(orders)
            if any(isinstance(order, Pause | Resume) for order in orders):
                self.changed = False  # what came with the greeting is what this life runs
                return
        raise LinkError("The courier did not answer the eye's greeting.")

    def _wait_until_allowed(self) -> None:
        while not self.ended() and (why := self._barred()) is not None:
            self.beat()
            self._say(why)
            self._obey(self.link.orders(_POLL_S))

    def _look(self) -> int:
        senses = self.open_senses(self.config)
        try:
            self.raise_late()
            self._say(None)
            self._run(senses)
        finally:
            senses.camera.close()
        self._say(self._barred())
        return 0 if self.ended() else AGAIN

    def _run(self, senses: Senses) -> None:
        meter, pulse_s, gate = Meter(), time.monotonic() + PULSE_S, self._gate()
        self.walking = walking = Walking(self.config.version)
        camera = _Until(senses.camera, self._heard_over, lambda: self.eased)
        seen = replace(senses, camera=camera)
        for record in look(seen, self.config, gate, meter, site=self.site, walking=walking):
            self.beat()
            if camera.done:
                self._say(self._barred() if self._over() else "camera_lost")
                if self.ended():
                    return
            if record is not None:
                time.sleep(EYE_GAP_S if camera.done else 0.0)  # what is left is said at the eye's own pace
                self.link.send(record)
            if camera.done:
                continue
            if (walked := walking.say(camera.t_s, gate.budget.take)) is not None:
                self.link.send(walked)
            self.changed = self.changed or walking.finished(camera.t_s)
            lost = any(model.lost for model in senses.models)
            self._say("commissioning" if walking.on else "accelerator_lost" if lost else None)
            if time.monotonic() >= pulse_s:
                neutral = self.site.say(self._head(), time.monotonic(), self.config.privacy.k)
                self.link.send(neutral or self._pulse(meter, senses))  # in its place: the eye's rate stands
                meter.reset()
                pulse_s += PULSE_S
        if not self._over():
            raise CameraError("The camera gives no more frames.")

    def _heard_over(self) -> bool:
        """The same, after the courier's orders: a pause waits for no look."""
        self._obey(self.link.orders())
        return self._over()

    def _over(self) -> bool:
        """Whether this life must stop sensing."""
        return self.ended() or self.changed or self._barred() is not None

    def _gate(self) -> Gate:
        config = self.config
        thresholds = {one.zone: one.levels for one in config.thresholds}
        budget = Budget(opened_s=time.monotonic())
        return Gate(config.privacy, config.need.usual_dwell_s, thresholds, config.version, budget, self.spent)

    def _obey(self, orders: list[Order]) -> None:
        for order in orders:
            match order:
                case Pause() | Resume():
                    self.paused = isinstance(order, Pause)
                    if self.walking is not None:
                        self.walking.end()
                case StartWalk():
                    if self.walking is not None:  # of a life that does not look there is no walk
                        self.walking.begin(order)
                case ApplyConfig():
                    taken = apply(self.config, (*self.draft, order))
                    self.changed = self.changed or taken != self.config
                    self.config = taken
                case SiteNeutral():
                    self.site.remember(order)
                case Ease(on):
                    self.eased = on
                case Afresh():
                    self.changed = True
                case SpentHours():
                    self.spent.remember(order)
                case BeginConfig():
                    self.draft = [order]
                case _:
                    self.draft.append(order)

    def _barred(self) -> Trouble | None:
        return barred(self.config, time.time(), self.paused)

    def _say(self, trouble: Trouble | None) -> None:
        """One state record, only when it differs from the last (the greeting always goes out)."""
        if trouble != self.said or trouble == "eye_stopped":
            self.link.send(StateRecord(self._head(), trouble))
            self.said = trouble

    def _troubled(self, trouble: Trouble, error: CameraError | ModelError) -> int:
        """Says so and rests, so that what is broken is neither hammered on nor silent."""
        self.complain(str(error))
        until_s = time.monotonic() + self.rest_s
        with suppress(LinkError):
            self._say(trouble)
            while time.monotonic() < until_s and not self.ended():
                self.beat()
                self._obey(self.link.orders(_POLL_S))
        return 0 if self.ended() else AGAIN

    def _pulse(self, meter: Meter, senses: Senses) -> PulseRecord:
        own = meter.own_ms()
        detect, track, badge, affect, rest = (own.get(stage, 0.0) for stage in STAGES[1:])
        fps = meter.frames / PULSE_S
        edgetpu = any(model.accelerator == "edgetpu" for model in senses.models)
        return PulseRecord(self._head(), fps, detect, track, badge, affect, rest, resident_mb(), edgetpu)

    def _head(self) -> Head:
        return Head(zone=0, config=self.config.version, t_mono_s=int(time.monotonic()))
