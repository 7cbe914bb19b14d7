"""One node's config: TOML in, a frozen value out, floors applied; an unknown key is an error with the nearest key.

The floors of rule 10 stand here and nowhere else: no file and no hub lowers them.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from contract.config_error import sentence
from contract.errors import ConfigError
from contract.events import OpenHours, Profile, Thresholds, ZoneSpec
from contract.fields import ZONES_MAX, Name
from contract.jurisdiction import Jurisdiction
from contract.wire import HUB
from edge.zones import check

K_FLOOR: Final = 5
HOUR_MIN_FLOOR: Final = 11
LIVE_MOOD_FLOOR: Final = 3
WINDOW_FLOOR_S: Final = 300
WINDOW_MAX_S: Final = 1800
EPSILON_CEILING: Final = 1.0
EPSILON_PER_DAY_CEILING: Final = 24.0

SHIPPED: Final = Path(__file__).parents[1] / "models"

Zone = ZoneSpec


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Privacy(_Part):
    """The gate's settings, never below the floors."""

    k: Annotated[int, Field(ge=K_FLOOR, le=255)] = K_FLOOR
    window_s: Annotated[int, Field(ge=WINDOW_FLOOR_S, le=WINDOW_MAX_S)] = WINDOW_FLOOR_S
    window_max_s: Annotated[int, Field(ge=WINDOW_FLOOR_S, le=WINDOW_MAX_S)] = WINDOW_MAX_S
    hour_min: Annotated[int, Field(ge=HOUR_MIN_FLOOR, le=255)] = HOUR_MIN_FLOOR
    epsilon: Annotated[float, Field(gt=0, le=EPSILON_CEILING)] = 0.5
    epsilon_per_day: Annotated[float, Field(gt=0, le=EPSILON_PER_DAY_CEILING)] = 12.0
    profile: Profile = "aggregate"
    dpia_reference: Annotated[str, Field(max_length=200)] = ""

    @model_validator(mode="after")
    def _grounds(self) -> Self:
        if self.profile == "consented" and not self.dpia_reference:
            raise ValueError("profile 'consented' needs dpia_reference, the DPIA that allows it")
        if self.window_max_s < self.window_s:
            raise ValueError("window_max_s is below window_s")
        return self

    @property
    def people_for_live_mood(self) -> int | None:
        """How many must have contributed for affect to count towards a live nudge (rule 5); None for never."""
        return {"dwell-only": None, "aggregate": LIVE_MOOD_FLOOR, "consented": 1}[self.profile]


class NeedPart(_Part):
    """What is usual here. Units: ``usual_dwell_s`` how long people commonly stay in a zone."""

    usual_dwell_s: Annotated[float, Field(ge=5, le=3600)] = 45.0


class CameraPart(_Part):
    """Where frames come from: ``pi``, ``usb:0``, ``rtsp://…``, ``scene:busy`` or a file."""

    source: str = "pi"
    fps: Annotated[float, Field(gt=0, le=60)] = 10.0
    width_px: Annotated[int, Field(ge=160, le=1920)] = 640
    height_px: Annotated[int, Field(ge=120, le=1080)] = 360


class Broker(_Part):
    """The shop's broker, ``mqtt://`` or ``mqtts://``."""

    url: Annotated[str, Field(pattern=r"^mqtts?://[^\s/]+$")] = "mqtt://127.0.0.1:1883"
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Outbox(_Part):
    """The courier's outbox on disk."""

    folder: Path = Path("/var/lib/attune/outbox")
    events_max: Annotated[int, Field(ge=100, le=1_000_000)] = 50_000


class PanelPart(_Part):
    """Switch and light on the case; pins by their BCM numbers, none where there is none."""

    switch_pin: Annotated[int, Field(ge=0, le=27)] | None = None
    light_pin: Annotated[int, Field(ge=0, le=27)] | None = None

    @model_validator(mode="after")
    def _two_pins(self) -> Self:
        if self.switch_pin is not None and self.switch_pin == self.light_pin:
            raise ValueError("switch_pin and light_pin cannot be the same")
        return self


class Models(_Part):
    """Model files; the face detector is fetched by ``python -m models.fetch``."""

    affect: Path = SHIPPED / "affect" / "affect.tflite"
    faces: Path = SHIPPED / "faces" / "face_detection_full_range_sparse.tflite"
    threads: Annotated[int, Field(ge=1, le=4)] = 1


def _disjoint(zones: tuple[Zone, ...]) -> tuple[Zone, ...]:
    check(zones)
    return zones


Zones = Annotated[tuple[Zone, ...], Field(max_length=ZONES_MAX), AfterValidator(_disjoint)]
WHOLE_PICTURE: Final[tuple[Zone, ...]] = (
    ZoneSpec(id=0, name="Whole picture", polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))),
)


def _no_hub(name: str) -> str:
    if name == HUB:
        raise ValueError(f"{HUB!r} is the hub's own name: give the node another")
    return name


class NodeConfig(_Part):
    """Everything one node needs to know."""

    node: Annotated[Name, AfterValidator(_no_hub)]
    store: Name = "shop"
    notice_acknowledged: bool = False
    jurisdiction: Jurisdiction = "eu"
    express_consent: Annotated[str, Field(max_length=200)] = ""
    hours: tuple[OpenHours, ...] = ()
    timezone: str = "UTC"
    camera: CameraPart = CameraPart()
    broker: Broker = Broker()
    outbox: Outbox = Outbox()
    panel: PanelPart = PanelPart()
    models: Models = Models()
    privacy: Privacy = Privacy()
    need: NeedPart = NeedPart()
    zones: Zones = WHOLE_PICTURE
    masks: Annotated[tuple[tuple[tuple[float, float], ...], ...], Field(max_length=16)] = ()
    thresholds: tuple[Thresholds, ...] = ()
    version: Annotated[int, Field(ge=0, le=65_535)] = 0
    log: Literal["info", "debug"] = "info"


def load(path: Path) -> NodeConfig:
    """Reads a node's TOML; relative paths in it are relative to the file.

    Raises: ConfigError, one sentence, when the file is missing, is not TOML, or holds what cannot be used.
    """
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no config file {path}: copy firmware_config/node.toml there and edit it."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"The config file {path} cannot be read as TOML: {error}.") from error
    return parse(body, str(path), path.parent)


def parse(body: dict[str, Any], said_in: str, base: Path) -> NodeConfig:
    """Raises: ConfigError naming the key, and the nearest known one where it is unknown."""
    try:
        config = NodeConfig.model_validate_json(json.dumps(body, default=str))  # as JSON: the wire's types are strict
    except ValidationError as error:
        raise ConfigError(f"{said_in}: {sentence(NodeConfig, error)}") from None
    return _anchored(config, base)


def _anchored(config: NodeConfig, base: Path) -> NodeConfig:
    """Relative paths made relative to the config file's folder."""
    models = config.models.model_copy(
        update={"affect": base / config.models.affect, "faces": base / config.models.faces}
    )
    broker = config.broker.model_copy(
        update={
            name: base / path
            for name in ("ca", "certificate", "key")
            if (path := getattr(config.broker, name)) is not None
        }
    )
    outbox = config.outbox.model_copy(update={"folder": base / config.outbox.folder})
    return config.model_copy(update={"models": models, "broker": broker, "outbox": outbox})
