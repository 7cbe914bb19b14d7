"""Orders to settings: what a hub may change on an eye, and how it is checked once more.

Rules:
- A set of zones and thresholds is taken whole or not at all, and only where its zones are fit for use.
- Nothing here touches the gate's floors: no order carries them.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from contract.events import Thresholds, ZoneSpec
from edge import zones as shapes
from edge.config import NodeConfig
from edge.order import ApplyConfig, BeginConfig, Order, SetLevels, SetZone


def apply(config: NodeConfig, orders: Iterable[Order]) -> NodeConfig:
    """The config after the last whole and fit set among the orders; unfit sets change nothing."""
    draft: BeginConfig | None = None
    zones: list[SetZone] = []
    levels: list[SetLevels] = []
    for order in orders:
        match order:
            case BeginConfig():
                draft, zones, levels = order, [], []
            case SetZone():
                zones.append(order)
            case SetLevels():
                levels.append(order)
            case ApplyConfig(version) if draft is not None and draft.version == version:
                config = _taken(config, version, zones, levels)
                draft = None
    return config


def _taken(config: NodeConfig, version: int, zones: list[SetZone], levels: list[SetLevels]) -> NodeConfig:
    names = {zone.id: zone.name for zone in config.zones}
    try:
        drawn = tuple(
            ZoneSpec(id=zone.zone, name=names.get(zone.zone, f"Zone {zone.zone}"), polygon=zone.polygon)
            for zone in zones
        )
        shapes.check(drawn)
        thresholds = tuple(Thresholds(zone=level.zone, levels=level.levels) for level in levels)
    except (ValidationError, ValueError):
        return config
    return config.model_copy(update={"zones": drawn or config.zones, "thresholds": thresholds, "version": version})
