"""What the hub may ask of a node, checked, remembered, and put into orders for the eye.

Rules:
- A config is taken only when it is newer and its zones are fit; it carries no floor of rule 10, so it can lower none.
- What was taken last, and whether the node is paused, outlive this process.

Left out: the eye's own check of the same orders (`edge.eye.settings`).
"""

from __future__ import annotations

from contract.errors import ConfigError
from contract.events import Config, ZoneSpec
from edge.config import NodeConfig
from edge.record import ApplyConfig, BeginConfig, Order, Pause, Resume, SetLevels, SetZone
from edge.zones import check


def taken(config: NodeConfig, wanted: Config) -> NodeConfig:
    """The node's config with what the hub wants.

    Raises: ConfigError when it is not newer, or its zones cannot be used; the config in force then stays.
    """
    if wanted.version <= config.version:
        raise ConfigError(f"Config {wanted.version} is not newer than {config.version}, which is in force.")
    zones: tuple[ZoneSpec, ...] = config.zones if wanted.zones is None else wanted.zones
    try:
        check(zones)
    except ValueError as error:
        raise ConfigError(f"Config {wanted.version} is refused: {error}.") from error
    changed = {"zones": zones, "thresholds": wanted.thresholds, "version": wanted.version}
    return config.model_copy(update=changed)


def orders(config: NodeConfig, *, paused: bool) -> list[Order]:
    """The answer to an eye's greeting: the config in force, and always a word on whether to sense."""
    return [
        BeginConfig(config.version),
        *(SetZone(zone.id, zone.polygon) for zone in config.zones),
        *(SetLevels(one.zone, one.levels) for one in config.thresholds),
        ApplyConfig(config.version),
        Pause() if paused else Resume(),
    ]
