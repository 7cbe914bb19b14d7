"""What pages say about zones, nodes and nudges, in the words of the people who read them.

Rules:
6. What staff read never names an emotion: `mood_low` has no words, so a nudge may well come without a reason.
-  No data is never shown as calm: what cannot see says so, in the same calm voice.
-  Advice says what to do, not only what is wrong.

Left out: what notices in the shop say (they do name emotion recognition; see the public page). What staff read stands
in `hub/staff/`, a file a language.
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
DRIFTED: Final = "The picture has changed: check the camera's aim and the light."

_ADVICE: Final[dict[Trouble, str]] = {
    "camera_lost": "its camera does not answer: push the camera's cable in on both ends, then restart the node",
    "eye_stopped": "its eye has stopped: restart the node; if it stops again, run attune-edge check there",
    "model_refused": "its model file was refused: install the node's software again",
    "badges_unreadable": "it cannot read badges where it looks, so it reads nobody: bring the camera nearer or "
    "clean its lens",
    "accelerator_lost": "its accelerator is gone, and it goes on without: plug it in again when the shop is closed",
    "hot": "it is hot: give it air, and check its fan",
    "throttled": "it slows itself down: check its fan and its power supply",
    "disk_full": "its disk is full, and the oldest mood records are dropped: check the hub's link, then the disk",
    "clock_jumped": "its clock has jumped: check that the shop's network gives it the time",
    "closed": "the shop is closed by its opening hours",
    "no_notice": "it senses nothing until you acknowledge the printed notice",
    "no_dpia": "it senses nothing until its config names your DPIA (privacy.dpia_reference); "
    "attune-hub dpia drafts one",
    "no_consent": "it senses nothing, since the law where it stands asks for express consent and its config does "
    "not say how that is asked for (express_consent)",
    "switch": "its switch is off: flip it when sensing may go on",
    "command": "it was paused from here",
    "link_lost": "it cannot be reached: check its power and the network",
    "stopped": "it was switched off: plug it in when sensing may go on",
}

Tone = Literal["well", "rest", "look"]
_RESTING: Final[frozenset[Trouble | None]] = frozenset(
    ("closed", "switch", "command", "no_notice", "no_dpia", "no_consent", "stopped")
)
_SLOW: Final[frozenset[Trouble | None]] = frozenset(
    ("accelerator_lost", "hot", "throttled", "clock_jumped", "disk_full")
)


@dataclass(frozen=True, slots=True)
class NodeLine:
    """One node in one sentence. ``sees`` is whether its quiet means anything."""

    name: str
    title: str
    sees: bool
    tone: Tone
    state: str
    sentence: str
    zones: tuple[str, ...]


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

    if _silent(node, now_s) or node.state == "offline":
        return line(False, "look", "out of reach", "unreachable")
    if node.state == "paused":
        return line(False, "rest", "paused", node.reason or "paused")
    if node.state == "degraded":
        return line(node.reason in _SLOW, "look", "not well", node.reason or "unwell")
    return line(True, "well", "sensing", "sensing")


def owner_line(node: NodeView, now_s: float) -> NodeLine:
    """What the owner reads of a node: what is wrong and what to do."""
    line = staff_line(node, now_s)
    name = f"Node {node.name}"
    if _silent(node, now_s):
        ago = span(now_s - node.heard_s) if node.heard_s is not None else "a long time"
        sentence = f"{name} has not been heard for {ago}: check its power and its network cable."
    elif node.reason in _ADVICE and node.state != "online":
        sentence = f"{name}: {_ADVICE[node.reason]}."
    elif node.state == "offline":
        sentence = f"{name} is out of reach since {span(now_s - node.since_s)}: check its power and its network cable."
    elif node.state != "online":
        sentence = f"{name} is {node.state}: run attune-edge check on it."
    elif node.health and node.health.throttled:
        sentence = f"{name} is throttling: check its fan and its power supply."
    elif node.health and node.health.outbox_dropped:
        sentence = f"{name} had to drop {node.health.outbox_dropped} old mood records: check its link to the hub."
    elif node.health and node.health.drift:
        sentence = f"{name}: {DRIFTED}"
    else:
        sentence = f"{name} is well."
    tone: Tone = "look" if line.tone == "well" and not sentence.endswith("is well.") else line.tone
    tone = "rest" if node.state == "offline" and node.reason in _RESTING else tone
    return NodeLine(node.name, line.title, line.sees, tone, line.state, sentence, line.zones)


def how_it_went(nudge: NudgeView) -> str:
    """The last word on a nudge, as the owner reads it."""
    if nudge.outcome is not None:
        return OUTCOMES[nudge.outcome]
    return "no answer" if nudge.state == "expired" and nudge.taken_s is not None else ENDED[nudge.state]


def typical_answer_s(nudges: tuple[NudgeView, ...]) -> float | None:
    """The median time from a nudge to somebody on the way, or None when nobody went yet."""
    waits_s = [nudge.taken_s - nudge.opened_s for nudge in nudges if nudge.taken_s is not None]
    return median(waits_s) if waits_s else None


def _silent(node: NodeView, now_s: float) -> bool:
    return node.state != "offline" and node.heard_s is not None and now_s - node.heard_s > SILENT_S


def _zones(node: NodeView) -> tuple[str, ...]:
    return tuple(zone.name for zone in node.birth.zones) if node.birth else ()
