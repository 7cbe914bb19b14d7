"""Zones that share one nudge: what it says of all of them, and what is left when one of them needs nothing more. Pure.

Rules:
- A nudge is as urgent as the most urgent of its zones, for all their reasons, and is good as long as the longest need.
- A zone whose need is over stays among its zones, with level 0, so that it rests with the others.
- While a nudge is about one zone alone, it says so by its own fields.

Left out: which zones are neighbours (`hub.nudge_types.Rules`), and when there is a nudge (`hub.nudge`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hub.nudge_types import Need, OnTheWay, Open, Zone, ZoneKey

_OVER_S = 0.0


def needs_of(key: ZoneKey, nudge: Open) -> tuple[Need, ...]:
    """What each zone of a nudge needs; ``key`` is the zone it was raised for."""
    return nudge.needs or (Need(key, nudge.level, nudge.reasons, nudge.until_s),)


def zones_of(key: ZoneKey, zone: Zone) -> tuple[ZoneKey, ...]:
    """Every zone that shares what goes on in this one."""
    match zone:
        case Open():
            return tuple(need.zone for need in needs_of(key, zone))
        case OnTheWay():
            return zone.zones or (key,)
        case _:
            return (key,)


def shared_by(zones: Mapping[ZoneKey, Zone], key: ZoneKey) -> ZoneKey:
    """The zone under which a zone's nudge stands: its own, or the neighbour's whose nudge it shares."""
    for lead, zone in zones.items():
        if isinstance(zone, Open | OnTheWay) and key in zones_of(lead, zone):
            return lead
    return key


def near(zones: Mapping[ZoneKey, Zone], group: frozenset[ZoneKey]) -> ZoneKey | None:
    """The zone under which the nudge of any zone of a group stands; the oldest of several."""
    found = [
        (zone.id, lead)
        for lead, zone in zones.items()
        if isinstance(zone, Open | OnTheWay) and not group.isdisjoint(zones_of(lead, zone))
    ]
    return min(found)[1] if found else None


def read(nudge: Open) -> object:
    """What staff read of a nudge."""
    return nudge.level, nudge.reasons, [need.zone for need in nudge.needs if need.level]


def said(key: ZoneKey, nudge: Open, need: Need) -> Open | None:
    """The nudge after a word on one of its zones, or on a zone that joins it; None where nothing is needed any more."""
    known = needs_of(key, nudge)
    if need.zone in (one.zone for one in known):
        return _with(nudge, tuple(need if one.zone == need.zone else one for one in known))
    return _with(nudge, (*known, need))


def gone(key: ZoneKey, nudge: Open, node: str) -> Open | None:
    """The nudge after a node fell silent; None where nothing is known to be needed any more."""
    return _with(nudge, tuple(_over(need) if need.zone[0] == node else need for need in needs_of(key, nudge)))


def faded(nudge: Open, now_s: float) -> Open:
    """The nudge without what is no longer good, while some of it still is."""
    if all(need.level == 0 or now_s < need.until_s for need in nudge.needs):
        return nudge
    return _with(nudge, tuple(need if now_s < need.until_s else _over(need) for need in nudge.needs)) or nudge


def _over(need: Need) -> Need:
    return Need(need.zone, 0, (), _OVER_S)


def _with(nudge: Open, needs: tuple[Need, ...]) -> Open | None:
    live = [need for need in needs if need.level > 0]
    if not live:
        return None
    reasons = tuple(dict.fromkeys(reason for need in live for reason in need.reasons))
    shared = needs if len(needs) > 1 else ()
    until_s = max(need.until_s for need in live)
    return replace(nudge, level=max(need.level for need in live), reasons=reasons, until_s=until_s, needs=shared)
