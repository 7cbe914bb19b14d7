"""What pages say about zones, nodes and nudges, in the words of the people who read them.

Rules:
6. What staff read never names an emotion: `mood_low` has no words, so a nudge may well come without a reason.
-  No data is never shown as calm: what cannot see says so, in the same calm voice.

Left out: advice to the owner (`hub.advice`); what notices in the shop say (they do name emotion recognition; see the
public page). What staff read stands in `hub/staff/`, a file a language.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from contract.events import Reason, Trouble
from hub.languages import Phrases, phrases
from hub.views import NodeView, NudgeView, Outcome, Shown

SILENT_S: Final = 150.0
_ENGLISH: Final = phrases("en")
OUTCOMES: Final[dict[Outcome, str]] = _ENGLISH["outcome"]
ENDED: Final[dict[Shown, str]] = _ENGLISH["ended"]
Tone = Literal["well", "rest", "look"]
_SLOW: Final[frozenset[Trouble | None]] = frozenset(("accelerator_lost", "hot", "throttled", "disk_full"))


@dataclass(frozen=True, slots=True)
class NodeLine:
    """One node in one sentence, or ``more``. ``sees`` is whether its quiet means anything."""

    name: str
    title: str
    sees: bool
    tone: Tone
    state: str
    sentence: str
    zones: tuple[str, ...]
    more: tuple[str, ...] = ()


def node_title(name: str) -> str:
    """``window-1`` reads "Window 1"."""
    words = name.replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def span(seconds: float) -> str:
    """A length of time as one says it: ``40 s``, ``3 min``, ``2 h``, ``5 days``."""
    for size_s, unit in ((172_800, "days"), (7_200, "h"), (120, "min")):
        if seconds >= size_s:
            per_s = {"days": 86_400, "h": 3_600, "min": 60}[unit]
            return f"{seconds / per_s:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def why(reasons: tuple[Reason, ...], texts: Phrases = _ENGLISH) -> tuple[str, ...]:
    """Reasons in the staff's words, those that have any."""
    return tuple(texts["why"][reason] for reason in reasons if reason in texts["why"])


def staff_line(node: NodeView, now_s: float, texts: Phrases = _ENGLISH) -> NodeLine:
    """What staff read of a node: whether it watches, and no jargon."""
    title = node_title(node.name)

    def line(sees: bool, tone: Tone, state: str, says: str) -> NodeLine:
        sentence = texts["camera"][says].format(name=title)
        return NodeLine(node.name, title, sees, tone, state, sentence, _zones(node))

    if silent(node, now_s) or node.state == "offline":
        return line(False, "look", "out of reach", "unreachable")
    if node.state == "paused":
        return line(False, "rest", "paused", node.reason or "paused")
    if node.state == "degraded":
        return line(node.reason in _SLOW, "look", "not well", node.reason or "unwell")
    return line(True, "well", "sensing", "sensing")


def how_it_went(nudge: NudgeView) -> str:
    """The last word on a nudge, as the owner reads it."""
    if nudge.outcome is not None:
        return OUTCOMES[nudge.outcome]
    return "no answer" if nudge.state == "expired" and nudge.taken_s is not None else ENDED[nudge.state]


def typical_answer_s(nudges: tuple[NudgeView, ...]) -> float | None:
    """The median time from a nudge to somebody on the way, or None when nobody went yet."""
    waits_s = [nudge.taken_s - nudge.opened_s for nudge in nudges if nudge.taken_s is not None]
    return median(waits_s) if waits_s else None


def silent(node: NodeView, now_s: float) -> bool:
    """Whether nothing came from a node that should be there."""
    return node.state != "offline" and node.heard_s is not None and now_s - node.heard_s > SILENT_S


def _zones(node: NodeView) -> tuple[str, ...]:
    return tuple(zone.name for zone in node.birth.zones) if node.birth else ()
