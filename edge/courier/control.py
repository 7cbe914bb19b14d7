"""What the hub may ask of a node, checked, remembered, and put into orders for the eye.

Rules:
- A config is taken only when it is newer and its zones are fit; it carries no floor of rule 10, so it can lower none.
- Walks are heeded for an hour a day in all: who is asked to walk is one person in view, and others are to be none.
- A hub is heeded at a rate that no shop needs more of; `pause` always is. What is asked for twice is done once.
- Zones are judged as the eye will get them, rounded to the steps of an order, so that both ends agree.

Left out: the eye's own check of the same orders (`edge.eye.settings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from contract.errors import ConfigError
from contract.events import Command, Config, Event, Stored, ZoneSpec
from contract.ledger_events import Checkpoint, Cosignature
from edge.config import NodeConfig
from edge.courier.debit import Rate
from edge.order import (
    ApplyConfig,
    BeginConfig,
    Ease,
    Order,
    Pause,
    Resume,
    SetLevels,
    SetZone,
    SiteNeutral,
    SpentHours,
    decode_order,
    encode_order,
)
from edge.zones import check

WALKS_S: Final = 3_600
WALKS_EVERY_S: Final = 86_400.0


def taken(config: NodeConfig, wanted: Config) -> NodeConfig:
    """The node's config with what the hub wants.

    Raises: ConfigError when it is not newer, or its zones cannot be used; the config in force then stays.
    """
    if wanted.version <= config.version:
        raise ConfigError(f"Config {wanted.version} is not newer than {config.version}, which is in force.")
    zones = config.zones if wanted.zones is None else wanted.zones
    try:
        check([_rounded(zone) for zone in zones])
    except ValueError as error:
        raise ConfigError(f"Config {wanted.version} is refused: {error}.") from error
    named = [one.zone for one in wanted.thresholds]
    if len(set(named)) != len(named) or not set(named) <= {zone.id for zone in zones}:
        raise ConfigError(f"Config {wanted.version} is refused: give thresholds once for each zone that there is.")
    changed = {"zones": zones, "thresholds": wanted.thresholds, "version": wanted.version}
    return config.model_copy(update=changed)


def _rounded(zone: ZoneSpec) -> ZoneSpec:
    order = decode_order(encode_order(SetZone(zone.id, zone.polygon)))
    assert isinstance(order, SetZone)
    return zone.model_copy(update={"polygon": order.polygon})


def orders(
    config: NodeConfig, *, paused: bool, eased: bool = False, before: Sequence[SpentHours | SiteNeutral] = ()
) -> list[Order]:
    """The answer to an eye's greeting: the config in force, what was before, and always a word on whether to sense."""
    return [
        BeginConfig(config.version),
        *(SetZone(zone.id, zone.polygon) for zone in config.zones),
        *(SetLevels(one.zone, one.levels) for one in config.thresholds),
        ApplyConfig(config.version),
        *before,
        Ease(eased),
        Pause() if paused else Resume(),
    ]


@dataclass(slots=True)
class Heed:
    """How often a hub's words are taken: of each kind six at once, then one in 10 s."""

    _rate: Rate = field(default_factory=Rate)
    _walked: list[tuple[float, int]] = field(default_factory=list)

    def takes(self, event: Event, paused: bool, now_s: float) -> bool:
        """Whether to obey now."""
        match event:
            case Stored() | Checkpoint() | Cosignature():  # of ledgers: `edge.courier.ledgers` bounds them
                return True
            case Command(command="pause"):
                return not paused or self._rate.take("command", 1, now_s)
            case Command():
                return self._rate.take("command", 0, now_s)
            case _:
                return self._rate.take("config", 0, now_s)

    def walks(self, seconds: int, now_s: float) -> bool:
        """Whether somebody may walk for so long, of an eye that senses; it is spent then."""
        self._walked = [(at_s, each_s) for at_s, each_s in self._walked if now_s - at_s < WALKS_EVERY_S]
        if sum(each_s for _, each_s in self._walked) + seconds > WALKS_S:
            return False
        self._walked.append((now_s, seconds))
        return True
