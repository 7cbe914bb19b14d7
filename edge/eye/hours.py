"""Whether the eye may sense at all (rule 8): the notice acknowledged, the DPIA named, express consent arranged where
the law asks for it, within opening hours, and not paused.

Left out: the hardware switch, which takes the camera's power and needs no rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contract.errors import ConfigError
from contract.events import OpenHours, Trouble
from contract.jurisdiction import consent_missing
from edge.config import NodeConfig

_DAYS: Final = get_args(OpenHours.model_fields["day"].annotation)


def barred(config: NodeConfig, wall_s: float, paused: bool) -> Trouble | None:
    """What keeps the eye from sensing now, or None.

    Raises: ConfigError when the config's timezone is not known.
    """
    if not config.notice_acknowledged:
        return "no_notice"
    if not config.privacy.dpia_reference.strip():
        return "no_dpia"
    if consent_missing(config.jurisdiction, config.express_consent):
        return "no_consent"
    if paused:
        return "command"
    return None if is_open(config.hours, wall_s, config.timezone) else "closed"


def is_open(hours: Sequence[OpenHours], wall_s: float, timezone: str) -> bool:
    """Whether the shop is open at this wall time; no hours at all means never."""
    try:
        local = datetime.fromtimestamp(wall_s, ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"The timezone {timezone!r} is not known: use a name like 'Europe/Vienna'.") from error
    day, minute = _DAYS[local.weekday()], f"{local:%H:%M}"
    return any(span.day == day and span.opens <= minute < span.closes for span in hours)
