"""The owner's floor plan: what is drawn where, what a camera's zones shall be, and how each zone is just now.

Rules:
- A plan holds drawings and names of zones, and nothing of a camera: no picture, no figure, nobody.
- Zones over a camera's view are judged as the node will judge them (`contract.polygons`), and the node judges them
  again: a plan carries no floor of rule 10, so it can lower none.
- A zone's state comes from open nudges alone. A camera that does not sense is never shown as calm.

Left out: the page (`hub.plan_page`), and the picture behind the plan (`hub.plan_picture`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, Literal, Protocol, Self

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from contract import wire
from contract.config_error import sentence
from contract.errors import ConfigError
from contract.events import Config, ZoneSpec
from contract.fields import ZONES_MAX, Message, Name, Unit, ZoneId
from contract.polygons import check
from contract.wire import Topic
from hub.auth import Role
from hub.nudge_types import ZoneKey
from hub.plan_picture import TABLE as PICTURE
from hub.plan_picture import Picture
from hub.views import NodeView, NudgeView

if TYPE_CHECKING:
    from hub.reads import StoreReads
    from hub.store import Store  # which makes the tables that stand here

ASKED_KIND: Final = "zones"  # an entry of the ledger
TABLES: Final = (
    "CREATE TABLE plan (id INTEGER PRIMARY KEY CHECK (id = 1), at_s REAL NOT NULL, said TEXT NOT NULL) STRICT",
    PICTURE,
)
State = Literal["asks", "attended", "quiet", "away"]
WORDS: Final[dict[State, str]] = {
    "asks": "may welcome a hand",
    "attended": "somebody is on the way",
    "quiet": "quiet",
    "away": "not sensing",
}
Size = Annotated[float, Field(ge=0.02, le=1)]


class _Drawn(BaseModel):
    model_config = Message.model_config


class Wall(_Drawn):
    """A straight wall, in fractions of the plan."""

    ends: tuple[tuple[Unit, Unit], tuple[Unit, Unit]]


class PlacedZone(_Drawn):
    """Where a node's zone is on the plan: the middle and the size of a box."""

    node: Name
    zone: ZoneId
    x: Unit
    y: Unit
    w: Size
    h: Size


class PlacedNode(_Drawn):
    """Where a node hangs, and which way it looks. Units: ``turn`` in degrees, clockwise from the right."""

    node: Name
    x: Unit
    y: Unit
    turn: Annotated[int, Field(ge=0, le=359)]


class View(_Drawn):
    """The zones of one node over what it sees."""

    node: Name
    zones: Annotated[tuple[ZoneSpec, ...], Field(min_length=1, max_length=ZONES_MAX)]

    @field_validator("zones")
    @classmethod
    def _fit(cls, zones: tuple[ZoneSpec, ...]) -> tuple[ZoneSpec, ...]:
        check(zones)
        return zones


class Plan(_Drawn):
    """All that is drawn. ``zones`` and ``nodes`` stand on the plan once each, and so does a node's view."""

    walls: Annotated[tuple[Wall, ...], Field(max_length=200)] = ()
    zones: Annotated[tuple[PlacedZone, ...], Field(max_length=200)] = ()
    nodes: Annotated[tuple[PlacedNode, ...], Field(max_length=60)] = ()
    views: Annotated[tuple[View, ...], Field(max_length=60)] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        for keys in (
            [(one.node, one.zone) for one in self.zones],
            [one.node for one in self.nodes],
            [one.node for one in self.views],
        ):
            if len(set(keys)) != len(keys):
                raise ValueError("the same zone or camera is drawn twice")
        return self

    def view(self, node: str) -> View | None:
        """What was drawn over a node's view."""
        return next((view for view in self.views if view.node == node), None)


@dataclass(frozen=True, slots=True)
class Mark:
    """A zone on the plan as it is now."""

    at: PlacedZone
    name: str
    state: State

    @property
    def words(self) -> str:
        return WORDS[self.state]


class PlanDesk(Protocol):
    """What the owner may see of the plan and do to it. Every method may be called from any thread."""

    def plan(self) -> Plan:
        """The plan as it was saved; an empty one where there is none."""

    def save(self, plan: Plan, now_s: float) -> None:
        """This plan from now on."""

    def picture(self) -> Picture | None:
        """What the plan is drawn over."""

    def lay(self, picture: Picture | None, now_s: float) -> None:
        """This picture behind the plan, or none."""

    def send(self, node: NodeView, view: View, by: Role, now_s: float) -> bool:
        """Ask a node for these zones; whether there was a broker to take it."""


def parse(body: bytes) -> Plan:
    """Raises: ConfigError, one sentence, when it is no plan."""
    try:
        return Plan.model_validate_json(body)
    except ValidationError as error:
        raise ConfigError(f"The plan was not saved: {sentence(Plan, error)}") from None


def fragment(view: View) -> str:
    """The zones as they stand in a ``node.toml``."""
    blocks = (
        f"[[zones]]\nid = {zone.id}\nname = {_quoted(zone.name)}\n"
        f"polygon = {json.dumps([list(corner) for corner in zone.polygon])}\n"
        for zone in view.zones
    )
    return "\n".join(blocks)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def marks(plan: Plan, nodes: tuple[NodeView, ...], nudges: tuple[NudgeView, ...]) -> tuple[Mark, ...]:
    """Every zone on the plan that its node has, as it is now."""
    sees = {node.name: node.state == "online" for node in nodes}
    names: Mapping[ZoneKey, str] = {
        (node.name, zone.id): zone.name for node in nodes if node.birth for zone in node.birth.zones
    }
    going = {(nudge.node, nudge.zone): nudge.state for nudge in nudges if nudge.state in ("open", "taken")}

    def state(key: ZoneKey) -> State:
        if not sees[key[0]]:
            return "away"
        return {"open": "asks", "taken": "attended"}.get(going.get(key, ""), "quiet")  # type: ignore[return-value]

    placed = ((one, (one.node, one.zone)) for one in plan.zones)
    return tuple(Mark(one, names[key], state(key)) for one, key in placed if key in names)


@dataclass(frozen=True, slots=True)
class PlanBook:
    """`PlanDesk` over the store; ``write`` has the one writer do something inside a batch, ``say`` publishes."""

    shop: str
    reads: StoreReads
    write: Callable[[Callable[[Store], object], float], None]
    say: Callable[[str, bytes], bool]

    def plan(self) -> Plan:
        """The plan as it was saved. Raises: StoreError."""
        rows = self.reads.rows("SELECT said FROM plan")
        return Plan.model_validate_json(rows[0][0]) if rows else Plan()

    def save(self, plan: Plan, now_s: float) -> None:
        """This plan from now on. Raises: StoreError when it could not be written down."""
        said = plan.model_dump_json()
        self.write(lambda store: store.run("INSERT OR REPLACE INTO plan VALUES (1, ?, ?)", now_s, said), now_s)

    def picture(self) -> Picture | None:
        """What the plan is drawn over. Raises: StoreError."""
        rows = self.reads.rows("SELECT width_px, height_px, png FROM plan_picture")
        return Picture(*rows[0]) if rows else None

    def lay(self, picture: Picture | None, now_s: float) -> None:
        """This picture behind the plan, or none. Raises: StoreError when it could not be written down."""

        def order(store: Store) -> None:
            store.run("DELETE FROM plan_picture")
            if picture:
                size = (picture.width_px, picture.height_px)
                store.run("INSERT INTO plan_picture VALUES (1, ?, ?, ?, ?)", now_s, *size, picture.png)

        self.write(order, now_s)

    def send(self, node: NodeView, view: View, by: Role, now_s: float) -> bool:
        """Written into the ledger, then said. Raises: StoreError when it could not be written down."""
        wanted = config_of(node, view)
        entry = {"by": by, "to": node.name, "zones": [zone.model_dump(mode="json") for zone in view.zones]}
        self.write(lambda store: store.note(ASKED_KIND, json.dumps(entry).encode(), now_s), now_s)
        return self.say(str(Topic(store=self.shop, node=node.name, kind="config")), wire.encode(wanted))


def config_of(node: NodeView, view: View) -> Config:
    """The order for these zones: one version newer than what the node says it runs."""
    return Config(version=(node.birth.config if node.birth else 0) + 1, zones=view.zones)


@dataclass(slots=True)
class FakePlan:
    """`PlanDesk` in memory; for tests and for looking at pages."""

    drawn: Plan = field(default_factory=Plan)
    behind: Picture | None = None
    sent: list[tuple[str, Config]] = field(default_factory=list)
    broker: bool = True

    def plan(self) -> Plan:
        return self.drawn

    def save(self, plan: Plan, now_s: float) -> None:
        self.drawn = plan

    def picture(self) -> Picture | None:
        return self.behind

    def lay(self, picture: Picture | None, now_s: float) -> None:
        self.behind = picture

    def send(self, node: NodeView, view: View, by: Role, now_s: float) -> bool:
        self.sent.append((node.name, config_of(node, view)))
        return self.broker
