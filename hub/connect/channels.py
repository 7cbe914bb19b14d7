"""What is sent to a receiver of webhooks, and to an ntfy topic: an address, headers and a body.

Rules:
- A webhook is signed as Standard Webhooks asks: HMAC-SHA256 over id, time and body, by a secret of that receiver's own.
- ntfy carries one sentence in the staff's words, of a nudge that was just opened; nothing else.

Source: the Standard Webhooks specification (https://www.standardwebhooks.com), ntfy's publishing by plain POST.

Left out: sending (`hub.connect.sender`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, Protocol

from hub.connect.happened import Happened, Nudge, Zone, body_of, moment
from hub.connect.settings import SECRET_PREFIX, ConnectPart, NtfyPart, WebhookPart
from hub.languages import Language, phrases
from hub.words import why

NTFY: Final = "ntfy"
_TEST_NUDGE: Final = Nudge(
    id=0, node="test", zone=Zone(id=0, name="A test"), level=1, reasons=("long_dwell",), opened_at=moment(0)
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One POST."""

    url: str
    headers: dict[str, str]
    body: bytes
    lan: bool


class Channel(Protocol):
    """Somebody who is told."""

    @property
    def name(self) -> str:
        """What the owner calls it."""

    @property
    def host(self) -> str:
        """Where it is."""

    def wants(self, event: Happened) -> bool:
        """Whether it is told of this."""

    def parcel(self, event: Happened, now_s: float) -> Parcel:
        """What it is sent."""

    def test(self, number: str, now_s: float) -> Parcel:
        """What it is sent when the owner asks for a test."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver of webhooks."""

    part: WebhookPart

    @property
    def name(self) -> str:
        return self.part.name

    @property
    def host(self) -> str:
        return self.part.host

    def wants(self, event: Happened) -> bool:
        return event.what in self.part.events

    def parcel(self, event: Happened, now_s: float) -> Parcel:
        return self._signed(event.id, event.body(), now_s)

    def test(self, number: str, now_s: float) -> Parcel:
        body = body_of("test", now_s, _TEST_NUDGE.model_copy(update={"opened_at": moment(now_s)}))
        return self._signed(number, body, now_s)

    def _signed(self, number: str, body: bytes, now_s: float) -> Parcel:
        headers = {
            "Content-Type": "application/json",
            "webhook-id": number,
            "webhook-timestamp": str(int(now_s)),
            "webhook-signature": signature(self.part.secret, number, int(now_s), body),
        }
        return Parcel(self.part.url, headers, body, self.part.lan)


@dataclass(frozen=True, slots=True)
class Ntfy:
    """An ntfy topic."""

    part: NtfyPart
    name: str = NTFY

    @property
    def host(self) -> str:
        return self.part.host

    def wants(self, event: Happened) -> bool:
        return event.what == "opened"

    def parcel(self, event: Happened, now_s: float) -> Parcel:
        return self._said(sentence(event.nudge, self.part.language), 2 + event.nudge.level)

    def test(self, number: str, now_s: float) -> Parcel:
        return self._said("A test from Attune: nudges will arrive like this.", 3)

    def _said(self, text: str, priority: int) -> Parcel:
        token = {"Authorization": f"Bearer {self.part.token}"} if self.part.token else {}
        headers = {"Content-Type": "text/plain; charset=utf-8", "Priority": str(priority), **token}
        return Parcel(self.part.url, headers, text.encode(), self.part.lan)


def signature(secret: str, number: str, at_s: int, body: bytes) -> str:
    """``v1,`` and the HMAC-SHA256 of ``number.at_s.body`` in base64."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = b".".join((number.encode(), str(at_s).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def sentence(nudge: Nudge, language: Language) -> str:
    """A nudge as staff read it, in one line."""
    texts = phrases(language)
    says = texts["card"]["open"].format(zone=nudge.zone.name)
    return "; ".join((says, *why(nudge.reasons, texts), texts["urgency"][f"level_{nudge.level}"]))


def channels(part: ConnectPart) -> tuple[Channel, ...]:
    """Everybody whom the owner wants told; nobody by default."""
    hooks: tuple[Channel, ...] = tuple(map(Webhook, part.webhooks))
    return (*hooks, Ntfy(part.ntfy)) if part.ntfy else hooks
