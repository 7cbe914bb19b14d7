"""What the owner has said about other systems: ``[connect]`` in ``hub.toml``. Nothing is connected by default.

Rules:
- What is sent leaves by https; plain http is for this machine and the shop's own network, and only where the owner
  says ``lan = true``.
- An address with a password in it is refused: secrets have keys of their own.

Left out: API keys, which the page and the command make (`hub.connect.keys`).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hub.languages import Language

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 (the prefix that receivers expect, not a secret)
SECRET_BYTES_MIN: Final = 24
LOCAL_ENDINGS: Final = (".local", ".lan", ".internal", ".home.arpa")
_PRIVATE: Final = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
Happening = Literal["opened", "taken", "closed"]
HAPPENINGS: Final[tuple[Happening, ...]] = ("opened", "taken", "closed")
ChannelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]


def _good_secret(text: str) -> str:
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(SECRET_PREFIX) or len(key) < SECRET_BYTES_MIN:
        raise ValueError(
            f"a webhook's secret is {SECRET_PREFIX} and at least {SECRET_BYTES_MIN} random bytes in base64: "
            "attune-hub secret prints one"
        )
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Outward(_Part):
    url: Annotated[str, Field(max_length=300)]
    lan: bool = False

    @property
    def host(self) -> str:
        """Whose it is, without the path, in which a secret may stand."""
        return urlsplit(self.url).hostname or ""

    @model_validator(mode="after")
    def _an_address(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.fragment:
            raise ValueError(f"{self.url!r} is no address to send to: write https://HOST/PATH without a password")
        if parts.scheme == "http" and not (self.lan and may_be_local(parts.hostname)):
            raise ValueError(
                f"{self.url!r} is not https: plain http is for this machine and the shop's network, with lan = true"
            )
        return self


class WebhookPart(_Outward):
    """One receiver of webhooks."""

    name: ChannelName
    secret: Annotated[str, Field(max_length=200), AfterValidator(_good_secret)]
    events: Annotated[tuple[Happening, ...], Field(min_length=1, max_length=3)] = HAPPENINGS


class NtfyPart(_Outward):
    """One ntfy topic that phones subscribe to, such as ``https://ntfy.example/shop-floor``."""

    language: Language = "en"
    token: Annotated[str, Field(max_length=200, pattern=r"^[\x21-\x7e]*$")] = ""


class MetricsPart(_Part):
    """``/metrics`` for Prometheus opens to an API key; with ``loopback`` to this machine without one, too."""

    loopback: bool = False


class HomeAssistantPart(_Part):
    """Home Assistant's discovery, over the shop's own broker."""

    enabled: bool = False
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] = "homeassistant"


class ConnectPart(_Part):
    """Other systems."""

    webhooks: Annotated[tuple[WebhookPart, ...], Field(max_length=8)] = ()
    ntfy: NtfyPart | None = None
    metrics: MetricsPart = MetricsPart()
    home_assistant: HomeAssistantPart = HomeAssistantPart()

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [hook.name for hook in self.webhooks]
        if len(set(names)) != len(names) or "ntfy" in names:
            raise ValueError("every webhook needs a name of its own, and none is called ntfy")
        return self

    def recipients(self) -> tuple[str, ...]:
        """Who is told what nodes say, for the owner's papers."""
        hooks = [f"webhook {hook.name} at {hook.host}" for hook in self.webhooks]
        phones = [f"phones by ntfy at {self.ntfy.host}"] if self.ntfy else []
        return (*hooks, *phones, *["Home Assistant, over the shop's broker"] * self.home_assistant.enabled)


def may_be_local(host: str) -> bool:
    """Whether a host's name or address can be of this machine or its network; what a name leads to is checked later."""
    try:
        return is_local(host)
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith(LOCAL_ENDINGS)


def is_local(address: str) -> bool:
    """Whether an IP address is of this machine or a private network. Raises: ValueError where it is none."""
    found = ipaddress.ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_loopback or any(found in network for network in _PRIVATE if network.version == found.version)
