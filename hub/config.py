"""The shop's own settings: ``hub.toml`` in the data folder, every key optional; an unknown key is an error with the
nearest one."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from contract.config_error import sentence
from contract.errors import ConfigError
from contract.fields import Name, ZoneId
from contract.jurisdiction import Jurisdiction
from hub.connect.settings import ConnectPart
from hub.nudge_types import Quiet, Rules
from hub.shift import Fairness
from hub.views import UNNAMED, Settings

FILE: Final = "hub.toml"
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BrokerPart(_Part):
    """Certificates for an ``mqtts://`` broker; paths are relative to the data folder."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class QuietPart(_Part):
    """A span of the day without nudges, local time; it may pass midnight."""

    from_: Annotated[TimeOfDay, Field(alias="from")]
    to: TimeOfDay

    def span(self) -> Quiet:
        """The span in minutes of the day."""
        return Quiet(_minutes(self.from_), _minutes(self.to))


class ZonePart(_Part):
    """From which level one zone raises a nudge; 4 is never."""

    node: Name
    zone: ZoneId
    level_from: Annotated[int, Field(ge=1, le=4)]


class ZoneRef(_Part):
    """One zone."""

    node: Name
    zone: ZoneId


class NeighboursPart(_Part):
    """Zones so close to each other that one nudge is enough for all of them."""

    zones: Annotated[tuple[ZoneRef, ...], Field(min_length=2, max_length=24)]

    def group(self) -> frozenset[tuple[str, int]]:
        """The zones as the engine names them."""
        return frozenset((one.node, one.zone) for one in self.zones)


class NudgePart(_Part):
    """When staff are asked, and for how long. The engine's rules stand in `hub.nudge`."""

    level_from: Annotated[int, Field(ge=1, le=3)] = 1
    learns: bool = True
    precision: Annotated[float, Field(ge=0.3, le=0.95)] = 0.7
    first_approach_s: Annotated[float, Field(ge=0, le=600)] = 10.0
    hand_over_s: Annotated[float, Field(ge=10, le=600)] = 45.0
    expires_s: Annotated[float, Field(ge=30, le=900)] = 120.0
    taken_max_s: Annotated[float, Field(ge=60, le=3600)] = 600.0
    rest_s: Annotated[float, Field(ge=0, le=3600)] = 120.0
    rest_browsing_s: Annotated[float, Field(ge=0, le=7200)] = 600.0
    per_hour: Annotated[int, Field(ge=1, le=240)] = 20
    person_per_hour: Annotated[int, Field(ge=1, le=60)] = 12
    person_rest_s: Annotated[float, Field(ge=0, le=1800)] = 60.0
    busy_s: Annotated[float, Field(ge=60, le=7200)] = 600.0
    keep_distance: bool = True
    quiet: Annotated[tuple[QuietPart, ...], Field(max_length=10)] = ()
    zones: Annotated[tuple[ZonePart, ...], Field(max_length=240)] = ()
    neighbours: Annotated[tuple[NeighboursPart, ...], Field(max_length=24)] = ()


class KeepPart(_Part):
    """How long what is kept. The defaults are the most: a shop may keep less, never more (13 months are 396 days)."""

    assists_hours: Annotated[float, Field(ge=1, le=24)] = 24.0
    events_days: Annotated[int, Field(ge=1, le=396)] = 396
    health_days: Annotated[int, Field(ge=1, le=14)] = 14
    refused_days: Annotated[int, Field(ge=1, le=30)] = 30


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; write one such as Europe/Berlin") from None
    return name


class HubConfig(_Part):
    """Everything the owner has said about the shop. ``store`` is the shop's name in topics."""

    store: Name = "shop"
    shop_name: Annotated[str, Field(min_length=1, max_length=60)] = UNNAMED
    controller: Annotated[str, Field(max_length=200)] | None = None
    contact: Annotated[str, Field(max_length=120)] | None = None
    hosts: Annotated[tuple[str, ...], Field(max_length=8)] = ("attune.local",)
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "UTC"
    legal_basis: Annotated[str, Field(max_length=200)] | None = None
    jurisdiction: Jurisdiction = "eu"
    express_consent: Annotated[str, Field(max_length=200)] = ""
    dpia_reference: Annotated[str, Field(max_length=200)] = ""
    broker: BrokerPart = BrokerPart()
    nudges: NudgePart = NudgePart()
    keep: KeepPart = KeepPart()
    connect: ConnectPart = ConnectPart()

    def zone(self) -> ZoneInfo:
        """Where the shop's clock stands."""
        return ZoneInfo(self.timezone)

    def settings(self) -> Settings:
        """What pages and papers say of the shop."""
        return Settings(
            shop_name=self.shop_name,
            controller=self.controller,
            contact=self.contact,
            hosts=self.hosts,
            legal_basis=self.legal_basis,
            recipients=self.connect.recipients(),
            jurisdiction=self.jurisdiction,
            express_consent=self.express_consent,
            dpia_reference=self.dpia_reference,
            assists_hours=self.keep.assists_hours,
            keep_days=self.keep.events_days,
            timezone=self.zone(),
        )

    def rules(self) -> Rules:
        """The nudge engine's rules."""
        nudges = self.nudges
        return Rules(
            level_from=nudges.level_from,
            zone_level_from={(one.node, one.zone): one.level_from for one in nudges.zones},
            learns=nudges.learns,
            precision=nudges.precision,
            hand_over_s=nudges.hand_over_s,
            expires_s=nudges.expires_s,
            taken_max_s=nudges.taken_max_s,
            rest_s=nudges.rest_s,
            rest_browsing_s=nudges.rest_browsing_s,
            per_hour=nudges.per_hour,
            quiet=tuple(one.span() for one in nudges.quiet),
            timezone=self.zone(),
            first_approach_s=nudges.first_approach_s,
            neighbours=tuple(one.group() for one in nudges.neighbours),
            fair=Fairness(nudges.person_per_hour, nudges.person_rest_s, nudges.busy_s),
        )


def load(folder: Path) -> HubConfig:
    """The settings in a data folder; the defaults where there is no file.

    Raises: ConfigError, one sentence, when the file is not TOML or holds what cannot be used.
    """
    path = folder / FILE
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return HubConfig()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"The config file {path} cannot be read as TOML: {error}.") from None
    return parse(body, str(path))


def parse(body: dict[str, Any], said_in: str) -> HubConfig:
    """Raises: ConfigError naming the key, and the nearest known one where it is unknown."""
    try:
        return HubConfig.model_validate_json(json.dumps(body, default=str))
    except ValidationError as error:
        raise ConfigError(f"{said_in}: {sentence(HubConfig, error)}") from None


def _minutes(time_of_day: str) -> int:
    hours, minutes = time_of_day.split(":")
    return int(hours) * 60 + int(minutes)
