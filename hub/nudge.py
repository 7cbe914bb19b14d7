"""The nudge engine: when to ask staff to look after a zone, and when to stop. Pure: no clock, no store, no wire.

Rules:
- A zone has at most one nudge that is open or taken, and neighbours have one together: a need beside an open nudge
  joins it, and one beside a nudge that is taken waits until that is over.
- A need raises one when its level is at least the zone's ``level_from``, it has stood for ``first_approach_s``, the
  zone is not resting, the shop is not in its quiet hours, fewer than ``per_hour`` were raised in the last hour, and
  somebody may still be asked.
- What came late is history: it neither raises, renews nor withdraws anything.
- One free person on shift is asked; everybody where nobody is free or on shift (`hub.shift`).
- Nobody takes it for ``hand_over_s``: the next one is asked (handed over), and again after as long. Whoever was asked
  alone and is busy or gone hands over at once.
- It is withdrawn when the zone's level falls to 0, when what the node said is no longer good, or when the node stops
  sensing; it expires ``expires_s`` after it was raised.
- Somebody on the way keeps it, whatever the zone says, until they answer or ``taken_max_s`` is over.
- A zone rests for ``rest_s`` after each nudge, and for ``rest_browsing_s`` after *just browsing*; neighbours that
  shared it rest too.
- A clock that jumps back ends what it would otherwise keep open.

- In an hour in which an experiment holds a zone out, a need that would raise a nudge is held instead: nobody is asked,
  it is none of the ``per_hour``, and it ends as an open nudge does (`hub.experiment`).
- While the shop learns, a need under ``level_from`` raises one in the few blocks of time that `hub.learn` explores.

Left out: whose turn it is (`hub.shift`), what a shared nudge says (`hub.neighbours`), and what the answers teach
(`hub.learn`), which comes in as ``level_from`` of a zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from hub import neighbours, shift
from hub.learn import LEVELS, explores
from hub.nudge_types import (
    HOUR_S,
    Action,
    Answered,
    Assisted,
    Busy,
    Close,
    Event,
    Expire,
    HandOver,
    Held,
    Hold,
    LetGo,
    Need,
    OnShift,
    OnTheWay,
    Open,
    Raise,
    Renew,
    Resting,
    Rules,
    Silent,
    Staffed,
    State,
    Take,
    TakenBy,
    Tick,
    Wait,
    Waiting,
    WaitNoMore,
    Withdraw,
    Zone,
    ZoneKey,
)
from hub.shift import JUMP_S

Over = Withdraw | Expire | Close | LetGo | WaitNoMore
Done = tuple[State, tuple[Action, ...]]


def step(rules: Rules, state: State, event: Event, now_s: float) -> Done:
    """What follows from one event. Time passes first, so that nothing over-age is acted on.

    Units: ``now_s`` seconds since the epoch.
    """
    before = state.shift
    state, passed = _pass_time(rules, state, now_s)
    state, more = _happened(rules, state, event, now_s)
    state, again = _handed_over(rules, state, now_s)
    staffed = () if state.shift == before else (Staffed(state.shift),)
    return state, (*passed, *more, *again, *staffed)


def _happened(rules: Rules, state: State, event: Event, now_s: float) -> Done:
    match event:
        case Assisted():
            return _assisted(rules, state, event, now_s)
        case Silent(node):
            return _silent(rules, state, node, now_s)
        case TakenBy(nudge, who):
            return _taken(state, nudge, who, now_s)
        case Answered(nudge, outcome):
            found = _find(state, nudge)
            zone = state.zones[found] if found else None
            if isinstance(zone, OnTheWay):
                state = replace(state, shift=shift.turn(state.shift, zone.who, now_s))
            return _ended(rules, state, {found: Close(nudge, outcome)} if found else {}, now_s)
        case OnShift(seat, on):
            there = shift.sign_on(state.shift, seat, now_s) if on else shift.sign_off(state.shift, seat)
            return replace(state, shift=there), ()
        case Busy(seat, busy):
            until_s = now_s + rules.fair.busy_s if busy else 0.0
            return replace(state, shift=shift.say_busy(state.shift, seat, until_s)), ()
        case Tick():
            return state, ()


# --- time passes ----------------------------------------------------------------------------------------------------


def _pass_time(rules: Rules, state: State, now_s: float) -> Done:
    over: dict[ZoneKey, Over] = {}
    zones = dict(state.zones)
    faded: list[Action] = []
    for key, zone in state.zones.items():
        match zone:
            case Open() if _over(zone.opened_s, rules.expires_s, now_s):
                over[key] = Expire(zone.id)
            case Open() if now_s >= zone.until_s:
                over[key] = Withdraw(zone.id, "moved on")
            case Open() if (left := neighbours.faded(zone, now_s)) != zone:
                zones[key] = left
                faded.append(Renew(left, True))
            case Held() if _over(zone.opened_s, rules.expires_s, now_s) or now_s >= zone.until_s:
                over[key] = LetGo(key)
            case Waiting() if now_s < zone.since_s - JUMP_S or now_s >= zone.need.until_s:
                over[key] = WaitNoMore(key)
            case OnTheWay() if _over(zone.taken_s, rules.taken_max_s, now_s):
                over[key] = Expire(zone.id)
            case Resting() if _over(zone.since_s, zone.until_s - zone.since_s, now_s):
                del zones[key]
            case _:
                pass
    raised = tuple(at_s for at_s in state.raised_s if abs(now_s - at_s) < HOUR_S)
    there = shift.there(rules.fair, state.shift, now_s)
    state = replace(state, zones=MappingProxyType(zones), raised_s=raised, shift=there)
    state, ended = _ended(rules, state, over, now_s)
    state, again = _handed_over(rules, state, now_s)
    state, due = _waited(rules, state, now_s)
    return state, (*faded, *ended, *again, *due)


def _over(since_s: float, lasts_s: float, now_s: float) -> bool:
    """Whether what began then has lasted its time, or the clock has jumped to well before it began."""
    return not -JUMP_S <= now_s - since_s < lasts_s


def _handed_over(rules: Rules, state: State, now_s: float) -> Done:
    """Nudges that the next one is asked about: nobody came for a while, or who was asked alone is busy or gone."""
    actions: list[Action] = []
    for key, zone in sorted((key, zone) for key, zone in state.zones.items() if isinstance(zone, Open)):
        if now_s - zone.asked_s >= rules.hand_over_s or _left(state, zone, now_s):
            asked, state = _ask(rules, state, replace(zone, handovers=zone.handovers + 1), now_s)
            state = _with(state, key, asked)
            actions.append(HandOver(asked))
    return state, tuple(actions)


def _left(state: State, nudge: Open, now_s: float) -> bool:
    seats = [state.shift.get(name) for name in nudge.asked.seats] if nudge.asked.alone else []
    return any(seat is None or shift.is_busy(seat, now_s) for seat in seats)


def _ask(rules: Rules, state: State, nudge: Open, now_s: float) -> tuple[Open, State]:
    elsewhere = {zone.who for zone in state.zones.values() if isinstance(zone, OnTheWay)}
    for zone in state.zones.values():
        if isinstance(zone, Open) and zone.asked.alone and zone.id != nudge.id:
            elsewhere.update(zone.asked.seats)
    asked, there = shift.ask(rules.fair, state.shift, nudge.asked.had, elsewhere, now_s)
    return replace(nudge, asked=asked, asked_s=now_s), replace(state, shift=there)


# --- what cameras say -----------------------------------------------------------------------------------------------


def _assisted(rules: Rules, state: State, event: Assisted, now_s: float) -> Done:
    key = neighbours.shared_by(state.zones, event.zone)
    zone = state.zones.get(key)
    if event.late or isinstance(zone, OnTheWay):
        return state, ()
    good = event.level > 0 and event.until_s > now_s
    if isinstance(zone, Open):
        need = Need(event.zone, event.level if good else 0, event.reasons if good else (), event.until_s)
        return _renewed(rules, state, key, neighbours.said(key, zone, need), now_s)
    if isinstance(zone, Held):
        if not good:
            return _ended(rules, state, {key: LetGo(key)}, now_s)
        held = replace(zone, until_s=event.until_s)
        return _with(state, key, held), (Hold(key, held),)
    if event.until_s > now_s and _enough(rules, event, now_s):
        return _needed(rules, state, Need(key, event.level, event.reasons, event.until_s), now_s)
    return _ended(rules, state, {key: WaitNoMore(key)} if isinstance(zone, Waiting) else {}, now_s)


def _enough(rules: Rules, event: Assisted, now_s: float) -> bool:
    """Whether a need has reached the zone's level, or is raised under it to learn whether that level is right."""
    level_from = max(1, rules.zone_level_from.get(event.zone, rules.level_from))
    explored = rules.learns and event.level >= 1 and level_from <= LEVELS[-1] and explores(event.zone, now_s)
    return event.level >= level_from or explored


def _waited(rules: Rules, state: State, now_s: float) -> Done:
    """Needs that have stood long enough by now."""
    actions: list[Action] = []
    for _, zone in sorted((key, zone) for key, zone in state.zones.items() if isinstance(zone, Waiting)):
        if now_s - zone.since_s >= rules.first_approach_s:
            state, more = _needed(rules, state, zone.need, now_s)
            actions += more
    return state, tuple(actions)


def _needed(rules: Rules, state: State, need: Need, now_s: float) -> Done:
    """A need that nobody is asked about: it joins a neighbour's nudge, raises one, is held, or waits."""
    zone, near = state.zones.get(need.zone), neighbours.near(state.zones, rules.beside(need.zone))
    if isinstance(zone, Resting):
        return state, ()
    since_s = zone.since_s if isinstance(zone, Waiting) else now_s
    beside = state.zones[near] if near else None
    full = len(state.raised_s) >= rules.per_hour or not shift.can_be_asked(rules.fair, state.shift, now_s)
    blocked = isinstance(beside, OnTheWay) or (beside is None and (full or rules.is_quiet(now_s)))
    if now_s - since_s < rules.first_approach_s or (blocked and isinstance(zone, Waiting)):
        waiting = Waiting(since_s, need)
        return _with(state, need.zone, waiting), () if waiting == zone else (Wait(need.zone, waiting),)
    if blocked:
        return state, ()
    done = (WaitNoMore(need.zone),) if isinstance(zone, Waiting) else ()
    state = _without(state, need.zone)
    if rules.hold_out and rules.hold_out.holds(need.zone, now_s):
        held = Held(now_s, need.until_s)
        return _with(state, need.zone, held), (*done, Hold(need.zone, held))
    if near and isinstance(beside, Open):
        state, more = _renewed(rules, state, near, neighbours.said(near, beside, need), now_s)
        return state, (*done, *more)
    fresh = Open(state.next_id, need.level, need.reasons, now_s, need.until_s, now_s)
    nudge, state = _ask(rules, state, fresh, now_s)
    state = replace(state, raised_s=(*state.raised_s, now_s), next_id=state.next_id + 1)
    return _with(state, need.zone, nudge), (*done, Raise(need.zone, nudge))


def _renewed(rules: Rules, state: State, key: ZoneKey, left: Open | None, now_s: float) -> Done:
    zone = state.zones[key]
    assert isinstance(zone, Open)
    if left is None:
        return _ended(rules, state, {key: Withdraw(zone.id, "moved on")}, now_s)
    return _with(state, key, left), (Renew(left, neighbours.read(zone) != neighbours.read(left)),)


def _silent(rules: Rules, state: State, node: str, now_s: float) -> Done:
    over: dict[ZoneKey, Over] = {}
    renewed: list[Action] = []
    for key, zone in state.zones.items():
        match zone:
            case Open() if (left := neighbours.gone(key, zone, node)) is None:
                over[key] = Withdraw(zone.id, "node silent")
            case Open() if left and left != zone:
                state = _with(state, key, left)
                renewed.append(Renew(left, True))
            case Held() if key[0] == node:
                over[key] = LetGo(key)
            case Waiting() if key[0] == node:
                over[key] = WaitNoMore(key)
            case _:
                pass
    state, ended = _ended(rules, state, over, now_s)
    return state, (*renewed, *ended)


# --- what staff say, and how it ends --------------------------------------------------------------------------------


def _taken(state: State, nudge: int, who: str, now_s: float) -> Done:
    key = _find(state, nudge)
    zone = state.zones.get(key) if key else None
    if key is None or not isinstance(zone, Open):
        return state, ()
    shared = neighbours.zones_of(key, zone) if zone.needs else ()
    taken = OnTheWay(zone.id, zone.opened_s, now_s, who, shared)
    state = replace(state, shift=shift.turn(state.shift, who, now_s))
    return _with(state, key, taken), (Take(taken),)


def _ended(rules: Rules, state: State, over: Mapping[ZoneKey, Over], now_s: float) -> Done:
    zones = dict(state.zones)
    for key, action in over.items():
        rest_s = rules.rest_after_s(action.outcome if isinstance(action, Close) else None)
        for one in neighbours.zones_of(key, zones.pop(key)):
            if not isinstance(action, WaitNoMore):
                zones[one] = Resting(now_s, now_s + rest_s)
    return replace(state, zones=MappingProxyType(zones)), tuple(over.values())


def _find(state: State, nudge: int) -> ZoneKey | None:
    for key, zone in state.zones.items():
        if isinstance(zone, Open | OnTheWay) and zone.id == nudge:
            return key
    return None


def _with(state: State, key: ZoneKey, zone: Zone) -> State:
    return replace(state, zones=MappingProxyType({**state.zones, key: zone}))


def _without(state: State, key: ZoneKey) -> State:
    return replace(state, zones=MappingProxyType({one: zone for one, zone in state.zones.items() if one != key}))
