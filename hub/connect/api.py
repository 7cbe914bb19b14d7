"""``/api/v1/``: what other programs may read; nothing here changes anything. `hub.connect.apidoc` describes it.

Rules:
- A key opens the routes of its scopes (`hub.connect.keys`).
- Nothing is finer than what the owner's page shows: released hours, nudges without anybody, nodes and their health.
- What was suppressed, or is not known, is absent: never 0, never null.

Left out: sales that are told (`hub.connect.sales_in`), what happens at once (`hub.connect.sender`) and figures to
watch (`hub.connect.metrics`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query

from contract.events import Health
from hub.advice import owner_line
from hub.connect.happened import Nudge, Zone, moment, nudge_of
from hub.connect.keys import SCOPES, AllowKey, Scope
from hub.connect.models import (
    Hours,
    HourTold,
    HourWithheld,
    Node,
    NodeHealth,
    Nodes,
    NudgeHour,
    NudgeHours,
    Nudges,
    Refusal,
    Today,
)
from hub.dashboard import HOUR_S, noise_within, nudge_series, sensed, today_of
from hub.days import day_start_s
from hub.limits import Tries
from hub.views import HourView, NodeView, NudgeView, Reads

ROOT: Final = "/api/v1"
DAYS_MAX: Final = 31
DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
When = Annotated[datetime | None, Query(description="ISO 8601 with a time zone, such as `2026-05-04T09:00:00Z`")]


def describing(unusable: str) -> Callable[[Scope], dict[str, Any]]:
    """How routes are declared, by their scope; ``unusable`` is what is refused as 400."""
    tries = Tries()
    opens = {scope: AllowKey(scope=scope, tries=tries) for scope in SCOPES}
    said: dict[int | str, dict[str, Any]] = {
        code: {"model": Refusal, "description": words}
        for code, words in (
            (400, unusable),
            (401, "No key, or one that is not known"),
            (403, "A key that opens other routes"),
            (429, "Too many wrong keys: wait a minute"),
            (503, "The hub cannot use its store"),
        )
    }

    def describe(scope: Scope) -> dict[str, Any]:
        return {
            "dependencies": [Depends(opens[scope])],
            "responses": said,
            "tags": [scope],
            "response_model_exclude_none": True,
            "openapi_extra": {"security": [{"key": []}], "x-scope": scope},
        }

    return describe


def routes(reads: Reads, clock: Callable[[], float], timezone: tzinfo = UTC) -> APIRouter:
    """The routes of the API."""
    router = APIRouter(prefix=ROOT)
    describe = describing("A time that is none, or a span that is too long")

    @router.get("/today", **describe("today"))
    def today() -> Today:
        """Today at a glance."""
        now_s = clock()
        return _today(reads, day_start_s(now_s, timezone), now_s)

    @router.get("/hours", **describe("hours"))
    def hours(since: When = None, until: When = None) -> Hours:
        """Visits by zone and hour, as released: the last week, or a span of at most 31 days."""
        since_s, until_s = _span(since, until, clock())
        return Hours(
            since=moment(since_s),
            until=moment(until_s),
            hours=tuple(map(_hour, reads.hours_between(since_s, until_s))),
        )

    @router.get("/nudges", **describe("nudges"))
    def nudges() -> Nudges:
        """Today's nudges, one by one. Who went is not kept."""
        now_s = clock()
        since_s = day_start_s(now_s, timezone)
        found = reads.nudges_between(since_s, now_s + 1)
        return Nudges(since=moment(since_s), nudges=tuple(map(_nudge, found)))

    @router.get("/nudges/hours", **describe("nudges"))
    def nudge_hours(since: When = None, until: When = None) -> NudgeHours:
        """Nudges by zone and hour, and how they went: the last week, or a span of at most 31 days."""
        since_s, until_s = _span(since, until, clock())
        found = nudge_series(reads.nudges_between(since_s, until_s))
        rows = tuple(_nudge_hour(zone, *hour) for zone in found for hour in zone["hours"])
        return NudgeHours(since=moment(since_s), until=moment(until_s), hours=rows)

    @router.get("/nodes", **describe("nodes"))
    def nodes() -> Nodes:
        """The camera nodes and their health."""
        now_s = clock()
        return Nodes(nodes=tuple(_node(node, now_s) for node in reads.nodes()))

    return router


def _span(since: datetime | None, until: datetime | None, now_s: float) -> tuple[int, int]:
    """Raises: HTTPException for a time without a zone, or a span that is too long or has no length."""
    if any(given is not None and given.tzinfo is None for given in (since, until)):
        raise HTTPException(400)
    try:
        next_hour_s = int(now_s) // HOUR_S * HOUR_S + HOUR_S
        until_s = int(until.timestamp()) if until else int(since.timestamp()) + WEEK_S if since else next_hour_s
        since_s = int(since.timestamp()) if since else until_s - WEEK_S
        for edge_s in (since_s, until_s):
            datetime.fromtimestamp(edge_s, UTC)
    except (OverflowError, ValueError, OSError):
        raise HTTPException(400) from None
    if not 0 < until_s - since_s <= DAYS_MAX * DAY_S:
        raise HTTPException(400)
    return since_s, until_s


def _today(reads: Reads, since_s: float, now_s: float) -> Today:
    found = reads.nudges_between(since_s, now_s + 1)
    day, lines = today_of(found), [line for _, line in sensed(reads, now_s)]
    return Today(
        since=moment(since_s),
        nudges=day.nudges,
        taken=day.went,
        answered=day.answered,
        helped=day.helped if day.enough else None,
        wait_s=None if day.answer_s is None else int(day.answer_s),
        nodes=len(lines),
        nodes_sensing=sum(line.sees for line in lines),
    )


def _hour(hour: HourView) -> HourTold | HourWithheld:
    zone, start = Zone(id=hour.zone, name=hour.zone_name), moment(hour.hour_start_s)
    if hour.suppressed:
        return HourWithheld(node=hour.node, zone=zone, start=start)
    return HourTold(
        node=hour.node,
        zone=zone,
        start=start,
        negative=hour.negative,
        neutral=hour.neutral,
        positive=hour.positive,
        unknown=hour.unknown,
        epsilon=hour.epsilon,
        noise_within=noise_within(hour.epsilon),
    )


def _nudge(nudge: NudgeView) -> Nudge:
    return nudge_of(
        nudge.id,
        nudge.node,
        nudge.zone,
        nudge.zone_name,
        nudge.level,
        nudge.reasons,
        nudge.state,
        nudge.opened_s,
        nudge.taken_s,
        nudge.closed_s,
        nudge.outcome,
    )


def _nudge_hour(zone: dict[str, Any], start_s: int, counts: list[int]) -> NudgeHour:
    helped, browsing, nobody, unanswered = counts
    return NudgeHour(
        node=zone["node"],
        zone=Zone(id=zone["zone"], name=zone["name"]),
        start=moment(start_s),
        helped=helped,
        browsing=browsing,
        nobody=nobody,
        unanswered=unanswered,
    )


def _node(node: NodeView, now_s: float) -> Node:
    line = owner_line(node, now_s)
    return Node(
        name=node.name,
        state=node.state,
        reason=node.reason,
        sensing=line.sees,
        advice=line.sentence,
        since=moment(node.since_s),
        heard=None if node.heard_s is None else moment(node.heard_s),
        zones=tuple(Zone(id=zone.id, name=zone.name) for zone in node.birth.zones) if node.birth else (),
        health=_health(node.health) if node.health else None,
    )


def _health(health: Health) -> NodeHealth:
    return NodeHealth(
        frames_per_s=health.fps,
        temperature_c=health.temp_c,
        throttled=health.throttled,
        accelerator=health.accelerator,
        outbox_records=health.outbox_depth,
        dropped_records=health.outbox_dropped,
        refused_records=health.refused,
        version=health.version,
        update=health.update,
    )
