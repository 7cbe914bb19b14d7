"""What the owner should do about a node: one sentence each for what it says of itself, the most pressing first.

Rules:
- Advice says what to do, not only what is wrong.
- It follows from `status` and `health` alone, which tell of the machine and of nobody in front of it.
- A node that is well has one sentence too: no news is not good news.

Left out: what staff read of a node (`hub.words.staff_line`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from contract.events import Health, Trouble
from hub.views import NodeView
from hub.words import NodeLine, Tone, silent, span, staff_line

HOT_C: Final = 80.0
SLOW_FPS: Final = 3.0
WAITING: Final = 1_000
EYE_MB: Final = 400

SAID: Final[dict[Trouble, str]] = {
    "camera_lost": "its camera does not answer: push the camera's cable in on both ends, then restart the node",
    "eye_stopped": "its eye has stopped: restart the node; if it stops again, run attune-edge check there",
    "model_refused": "its model file was refused: install the node's software again",
    "badges_unreadable": "it cannot read badges where it looks, so it reads nobody: bring the camera nearer or "
    "clean its lens",
    "accelerator_lost": "its accelerator is gone, and it goes on without: plug it in again when the shop is closed",
    "hot": "it is hot, and looks less often until it is cool: give it air, and check its fan",
    "throttled": "it slows itself down, and looks less often: check its fan and its power supply",
    "disk_full": "its disk is full, and the oldest mood records are dropped: check the hub's link, then the disk",
    "clock_jumped": "its clock has jumped, and it senses nothing while nobody can tell the time: check that the shop's "
    "network gives it the time",
    "closed": "the shop is closed by its opening hours",
    "no_notice": "it senses nothing until you acknowledge the printed notice",
    "no_dpia": "it senses nothing until its config names your DPIA (privacy.dpia_reference); "
    "attune-hub dpia drafts one",
    "no_consent": "it senses nothing, since the law where it stands asks for express consent and its config does "
    "not say how that is asked for (express_consent)",
    "switch": "its switch is off: flip it when sensing may go on",
    "command": "it was paused from here",
    "commissioning": "somebody walks its zones to see how well it sees them; it goes on by itself when they are done",
    "link_lost": "it cannot be reached: check its power and the network",
    "stopped": "it was switched off: plug it in when sensing may go on",
}


_RESTING: Final[frozenset[Trouble | None]] = frozenset(
    ("closed", "switch", "command", "no_notice", "no_dpia", "no_consent", "stopped", "commissioning")
)


def _many(count: int, one: str) -> str:
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


# In the order of what presses most: (whether it is so, what to say).
SEEN: Final[tuple[tuple[Callable[[Health], bool], Callable[[Health], str]], ...]] = (
    (lambda seen: bool(seen.throttled), lambda _: "is throttling: check its fan and its power supply"),
    (
        lambda seen: not seen.throttled and seen.temp_c is not None and seen.temp_c >= HOT_C,
        lambda seen: f"runs at {seen.temp_c:.0f} °C: give it air before it slows down",
    ),
    (
        lambda seen: bool(seen.outbox_dropped),
        lambda seen: f"had to drop {_many(seen.outbox_dropped, 'old mood record')}: check its link to the hub",
    ),
    (
        lambda seen: seen.outbox_depth >= WAITING,
        lambda seen: f"has {seen.outbox_depth} records still to send: check its link to the hub",
    ),
    (
        lambda seen: bool(seen.refused),
        lambda seen: (
            f"refused {_many(seen.refused, 'record')} of its own eye: run attune-edge check on it, and look"
            " at what left it on the auditor's page"
        ),
    ),
    (
        lambda seen: seen.fps is not None and seen.fps < SLOW_FPS,
        lambda seen: (
            f"sees only {seen.fps:.1f} pictures a second and misses people: close other programs on it, or"
            " give it an Edge TPU"
        ),
    ),
    (
        lambda seen: seen.eye_mb is not None and seen.eye_mb >= EYE_MB,
        lambda seen: f"uses {seen.eye_mb} MB for its eye: restart it when the shop is closed",
    ),
    (
        lambda seen: seen.update == "rolled_back",
        lambda _: (
            "did not do well with the newest release and went back by itself to what it had: tell whoever publishes it"
            " what journalctl -u attune-update says there; it takes the next release by itself"
        ),
    ),
    (
        lambda seen: seen.update == "failed",
        lambda _: (
            "cannot take the hub's release and goes on with what it has: import the newest one (attune-hub updates"
            " import); where that does not help, attune-edge update --check on it says why"
        ),
    ),
    (lambda seen: seen.drift, lambda _: "sees another picture than before: check its aim and the light"),
)


def advice(node: NodeView, now_s: float) -> tuple[str, ...]:
    """Sentences about one node, the most pressing first; never none."""
    name = f"Node {node.name}"
    if silent(node, now_s) and node.heard_s is not None:
        return (f"{name} has not been heard for {span(now_s - node.heard_s)}: check its power and its network cable.",)
    said: list[str] = []
    if node.state != "online":
        if node.reason in SAID:
            said.append(f"{name}: {SAID[node.reason]}.")
        elif node.state == "offline":
            ago = span(now_s - node.since_s)
            said.append(f"{name} is out of reach since {ago}: check its power and its network cable.")
        else:
            said.append(f"{name} is {node.state}: run attune-edge check on it.")
    if node.health and node.state in ("online", "degraded"):
        told = node.reason if node.state == "degraded" else None
        said += [
            f"{name} {words(node.health)}."
            for holds, words in SEEN
            if holds(node.health) and not (told in ("throttled", "hot") and holds in (SEEN[0][0], SEEN[1][0]))
        ]
    return tuple(said) or (f"{name} is well.",)


def owner_line(node: NodeView, now_s: float) -> NodeLine:
    """What the owner reads of a node: what is wrong and what to do."""
    line, (sentence, *more) = staff_line(node, now_s), advice(node, now_s)
    tone: Tone = "look" if line.tone == "well" and not sentence.endswith("is well.") else line.tone
    tone = "rest" if node.state == "offline" and node.reason in _RESTING else tone
    return NodeLine(node.name, line.title, line.sees, tone, line.state, sentence, line.zones, tuple(more))
