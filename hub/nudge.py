"""The nudge engine: when to ask staff to look after a zone, and when to stop. Pure: no clock, no store, no wire.

Rules:
- A zone has at most one nudge that is open or taken.
- A need raises one when its level is at least the zone's ``level_from``, the zone is not resting, the shop is not in
  its quiet hours, and fewer than ``per_hour`` were raised in the last hour.
- What came late is history: it neither raises, renews nor withdraws anything.
- Nobody takes it for ``hand_over_s``: it is asked again (handed over), and again after as long.
- It is withdrawn when the zone's level falls to 0, when what the node said is no longer good, or when the node stops
  sensing; it expires ``expires_s`` after it was raised.
- Somebody on the way keeps it, whatever the zone says, until they answer or ``taken_max_s`` is over.
- A zone rests for ``rest_s`` after each nudge, and for ``rest_browsing_s`` after *just browsing*.
- A clock that jumps back ends what it would otherwise keep open.

- In an hour in which an experiment holds a zone out, a need that would raise a nudge is held instead: nobody is asked,
  it is none of the ``per_hour``, and it ends as an open nudge does (`hub.experiment`).
- While the shop learns, a need under ``level_from`` raises one in the few blocks of time that `hub.learn` explores.

Left out: who is asked (all tablets are, until staff have names), and what the answers teach (`hub.learn`), which comes
in as ``level_from`` of a zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from hub.learn import LEVELS, explores
from hub.nudge_types import (
    HOUR_S,
    Action,
    Answered,
    Assisted,
    Close,
    Event,
    Expire,
    HandOver,
    Held,
    Hold,
    LetGo,
    OnTheWay,
    Open,
    Raise,
    Renew,
    Resting,
    Rules,
    Silent,
    State,
    Take,
    TakenBy,
    Tick,
    Withdraw,
    Zone,
    ZoneKey,
)

JUMP_S: Final = 5.0
Over = Withdraw | Expire | Close | LetGo


def step(rules: Rules, state: State, event: Event, now_s: float) -> tuple[State, tuple[Action, ...]]:
    """What follows from one event. Time passes first, so that nothing over-age is acted on.

    Units: ``now_s`` seconds since the epoch.
    """
    state, passed = _pass_time(rules, state, now_s)
    match event:
        case Assisted():
            state, more = _assisted(rules, state, event, now_s)
        case Silent(node):
            gone: dict[ZoneKey, Over] = {
                key: Withdraw(zone.id, "node silent") if isinstance(zone, Open) else LetGo(key)
                for key, zone in state.zones.items()
                if key[0] == node and isinstance(zone, Open | Held)
            }
            state, more = _ended(rules, state, gone, now_s)
        case TakenBy(nudge, who):
            state, more = _taken(state, nudge, who, now_s)
        case Answered(nudge, outcome):
            found = _find(state, nudge)
            state, more = _ended(rules, state, {found: Close(nudge, outcome)} if found else {}, now_s)
        case Tick():
            more = ()
    return state, (*passed, *more)


def _pass_time(rules: Rules, state: State, now_s: float) -> tuple[State, tuple[Action, ...]]:
    over: dict[ZoneKey, Over] = {}
    zones = dict(state.zones)
    again: list[Action] = []
    for key, zone in state.zones.items():
        match zone:
            case Open() if _over(zone.opened_s, rules.expires_s, now_s):
                over[key] = Expire(zone.id)
            case Open() if now_s >= zone.until_s:
                over[key] = Withdraw(zone.id, "moved on")
            case Open() if now_s - zone.asked_s >= rules.hand_over_s:
                asked = replace(zone, asked_s=now_s, handovers=zone.handovers + 1)
                zones[key] = asked
                again.append(HandOver(asked))
            case Held() if _over(zone.opened_s, rules.expires_s, now_s) or now_s >= zone.until_s:
                over[key] = LetGo(key)
            case OnTheWay() if _over(zone.taken_s, rules.taken_max_s, now_s):
                over[key] = Expire(zone.id)
            case Resting() if _over(zone.since_s, zone.until_s - zone.since_s, now_s):
                del zones[key]
            case _:
                pass
    raised = tuple(at_s for at_s in state.raised_s if abs(now_s - at_s) < HOUR_S)
    state, ended = _ended(rules, replace(state, zones=MappingProxyType(zones), raised_s=raised), over, now_s)
    return state, (*again, *ended)


def _over(since_s: float, lasts_s: float, now_s: float) -> bool:
    """Whether what began then has lasted its time, or the clock has jumped to well before it began."""
    return not -JUMP_S <= now_s - since_s < lasts_s


def _assisted(rules: Rules, state: State, event: Assisted, now_s: float) -> tuple[State, tuple[Action, ...]]:
    zone = state.zones.get(event.zone)
    if event.late or isinstance(zone, OnTheWay):
        return state, ()
    if isinstance(zone, Open):
        if event.level == 0 or event.until_s <= now_s:
            return _ended(rules, state, {event.zone: Withdraw(zone.id, "moved on")}, now_s)
        renewed = replace(zone, level=event.level, reasons=event.reasons, until_s=event.until_s)
        seen = (zone.level, zone.reasons) != (event.level, event.reasons)
        return _with(state, event.zone, renewed), (Renew(renewed, seen),)
    if isinstance(zone, Held):
        if event.level == 0 or event.until_s <= now_s:
            return _ended(rules, state, {event.zone: LetGo(event.zone)}, now_s)
        held = replace(zone, until_s=event.until_s)
        return _with(state, event.zone, held), (Hold(event.zone, held),)
    wanted = event.until_s > now_s and _enough(rules, event, now_s)
    full = len(state.raised_s) >= rules.per_hour
    if not wanted or full or isinstance(zone, Resting) or rules.is_quiet(now_s):
        return state, ()
    if rules.hold_out and rules.hold_out.holds(event.zone, now_s):
        held = Held(now_s, event.until_s)
        return _with(state, event.zone, held), (Hold(event.zone, held),)
    nudge = Open(state.next_id, event.level, event.reasons, now_s, event.until_s, now_s)
    state = replace(state, raised_s=(*state.raised_s, now_s), next_id=state.next_id + 1)
    return _with(state, event.zone, nudge), (Raise(event.zone, nudge),)


def _enough(rules: Rules, event: Assisted, now_s: float) -> bool:
    """Whether a need has reached the zone's level, or is raised under it to learn whether that level is right."""
    level_from = max(1, rules.zone_level_from.get(event.zone, rules.level_from))
    explored = rules.learns and event.level >= 1 and level_from <= LEVELS[-1] and explores(event.zone, now_s)
    return event.level >= level_from or explored


def _taken(state: State, nudge: int, who: str, now_s: float) -> tuple[State, tuple[Action, ...]]:
    key = _find(state, nudge)
    zone = state.zones.get(key) if key else None
    if key is None or not isinstance(zone, Open):
        return state, ()
    taken = OnTheWay(zone.id, zone.opened_s, now_s, who)
    return _with(state, key, taken), (Take(taken),)


def _ended(rules: Rules, state: State, over: Mapping[ZoneKey, Over], now_s: float) -> tuple[State, tuple[Action, ...]]:
    zones = dict(state.zones)
    for key, action in over.items():
        rest_s = rules.rest_after_s(action.outcome if isinstance(action, Close) else None)
        zones[key] = Resting(now_s, now_s + rest_s)
    return replace(state, zones=MappingProxyType(zones)), tuple(over.values())


def _find(state: State, nudge: int) -> ZoneKey | None:
    for key, zone in state.zones.items():
        if isinstance(zone, Open | OnTheWay) and zone.id == nudge:
            return key
    return None


def _with(state: State, key: ZoneKey, zone: Zone) -> State:
    return replace(state, zones=MappingProxyType({**state.zones, key: zone}))
