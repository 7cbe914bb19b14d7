"""``/metrics`` for Prometheus: whether the hub and its nodes are well, and how nudges go.

Rules:
- No mood is a metric, and nobody is a label.
- A node that cannot see has no level of need: no series, not 0.
- Counters count since the hub started, as Prometheus expects of a process.

Source: Prometheus' naming practices (base units, ``_total``, one unit a metric).
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, get_args

from fastapi import APIRouter, Depends, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from contract.events import State
from hub.connect.keys import AllowKey
from hub.connect.sender import ChannelLine
from hub.fakes import FakeShop
from hub.views import NodeView, NudgeView, Reads
from hub.words import staff_line

WAITS_S: Final = (5, 10, 20, 30, 45, 60, 90, 120)
ENDINGS: Final = ("helped", "browsing", "nobody", "withdrawn", "expired")
SETTLED_S: Final = 2 * 3_600.0  # no nudge stands for longer
Lines = Callable[[], tuple[ChannelLine, ...]]


def routes(
    reads: Reads, clock: Callable[[], float], lines: Lines, troubles: Callable[[], tuple[str, ...]], loopback: bool
) -> APIRouter:
    """The route for Prometheus."""
    router = APIRouter()
    opens, started_s = AllowKey(scope="metrics", loopback=loopback), clock()
    tally = Tally(started_s)

    @router.get("/metrics", dependencies=[Depends(opens)])
    def metrics() -> Response:
        """What Prometheus scrapes."""
        registry = CollectorRegistry(auto_describe=False)
        now_s = clock()
        registry.register(_Shop(reads, now_s, started_s, tally.counts(reads, now_s), lines(), troubles()))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


@dataclass(slots=True)
class Counts:
    """Nudges by zone, by how they ended, and by how long somebody took (the edge that it was within)."""

    opened: Counter[tuple[str, int]] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    waits: Counter[float] = field(default_factory=Counter)
    waited_s: float = 0.0

    def plus(self, nudges: tuple[NudgeView, ...]) -> Counts:
        """These and more."""
        waits_s = [nudge.taken_s - nudge.opened_s for nudge in nudges if nudge.taken_s is not None]
        return Counts(
            self.opened + Counter((nudge.node, nudge.zone) for nudge in nudges),
            self.closed + Counter(nudge.outcome or nudge.state for nudge in nudges if nudge.closed_s is not None),
            self.waits + Counter(next((edge for edge in WAITS_S if wait_s <= edge), math.inf) for wait_s in waits_s),
            self.waited_s + sum(waits_s),
        )


@dataclass(slots=True)
class Tally:
    """Counts since a moment. What is settled is counted once, so that a scrape reads hours and not months."""

    since_s: float
    _settled: Counts = field(default_factory=Counts)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def counts(self, reads: Reads, now_s: float) -> Counts:
        """All until now."""
        with self._lock:
            if now_s - SETTLED_S > self.since_s:
                self._settled = self._settled.plus(reads.nudges_between(self.since_s, now_s - SETTLED_S))
                self.since_s = now_s - SETTLED_S
            return self._settled.plus(reads.nudges_between(self.since_s, now_s + 1))


def described() -> tuple[Metric, ...]:
    """Every metric, of a shop in which nothing is."""
    return tuple(_Shop(FakeShop(), 0.0, 0.0, Counts(), (), ()).collect())


class _Shop(Collector):
    """The shop at one moment."""

    def __init__(
        self,
        reads: Reads,
        now_s: float,
        started_s: float,
        counts: Counts,
        lines: tuple[ChannelLine, ...],
        troubles: tuple[str, ...],
    ) -> None:
        self._nodes, self._now, self._stored = reads.nodes(), reads.nudges_now(now_s), reads.counts()
        self._now_s, self._started_s, self._counts = now_s, started_s, counts
        self._lines, self._troubles = lines, troubles

    def collect(self) -> Iterator[Metric]:
        yield _gauge("attune_hub_start_time_seconds", "When this hub started, since the epoch.", self._started_s)
        yield _gauge("attune_hub_troubles", "What ails the hub, as its pages say it.", len(self._troubles))
        yield _gauge("attune_hub_stored_events", "Events of nodes that the hub keeps.", self._stored["events"])
        yield _gauge("attune_hub_refused_messages", "Messages in the quarantine.", self._stored["refused"])
        yield from _of_nodes(self._nodes, self._now_s)
        yield _levels(self._nodes, self._now, self._now_s)
        yield from _of_nudges(self._counts)
        yield from _of_channels(self._lines)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value)


def _of_nodes(nodes: tuple[NodeView, ...], now_s: float) -> Iterator[Metric]:
    sensing = GaugeMetricFamily("attune_node_sensing", "Whether a node's quiet means anything.", labels=["node"])
    state = GaugeMetricFamily("attune_node_state", "What a node last said of itself.", labels=["node", "state"])
    heard = GaugeMetricFamily("attune_node_last_heard_timestamp_seconds", "When a node was heard.", labels=["node"])
    frames = GaugeMetricFamily("attune_node_frames_per_second", "Pictures that a node looks at.", labels=["node"])
    heat = GaugeMetricFamily("attune_node_temperature_celsius", "A node's temperature.", labels=["node"])
    waiting = GaugeMetricFamily("attune_node_outbox_records", "Records that a node has still to send.", labels=["node"])
    for node in nodes:
        sensing.add_metric([node.name], staff_line(node, now_s).sees)
        for one in get_args(State):
            state.add_metric([node.name, one], node.state == one)
        if node.heard_s is not None:
            heard.add_metric([node.name], node.heard_s)
        if node.health and node.health.fps is not None:
            frames.add_metric([node.name], node.health.fps)
        if node.health and node.health.temp_c is not None:
            heat.add_metric([node.name], node.health.temp_c)
        if node.health:
            waiting.add_metric([node.name], node.health.outbox_depth)
    yield from (sensing, state, heard, frames, heat, waiting)


def _levels(nodes: tuple[NodeView, ...], nudges: tuple[NudgeView, ...], now_s: float) -> Metric:
    levels = GaugeMetricFamily(
        "attune_zone_need_level",
        "How much help may be welcome: 0 none, 3 most. Absent where nothing is seen.",
        labels=["node", "zone", "zone_name"],
    )
    for (node, zone, name), level in need_levels(nodes, nudges, now_s).items():
        levels.add_metric([node, str(zone), name], level)
    return levels


def need_levels(
    nodes: tuple[NodeView, ...], nudges: tuple[NudgeView, ...], now_s: float
) -> dict[tuple[str, int, str], int]:
    """The level of the nudge that stands in each zone that is seen, 0 where none does; by node, zone and name."""
    standing = {(nudge.node, nudge.zone): nudge.level for nudge in nudges if nudge.state in ("open", "taken")}
    return {
        (node.name, zone.id, zone.name): standing.get((node.name, zone.id), 0)
        for node in nodes
        if node.birth and staff_line(node, now_s).sees
        for zone in node.birth.zones
    }


def _of_nudges(counts: Counts) -> Iterator[Metric]:
    opened = CounterMetricFamily("attune_nudges_opened", "Nudges raised.", labels=["node", "zone"])
    for (node, zone), count in sorted(counts.opened.items()):
        opened.add_metric([node, str(zone)], count)
    yield opened
    closed = CounterMetricFamily("attune_nudges_closed", "Nudges that are over, by how they went.", labels=["ending"])
    for ending in ENDINGS:
        closed.add_metric([ending], counts.closed[ending])
    yield closed
    within = [(f"{edge}.0", sum(counts.waits[lower] for lower in WAITS_S if lower <= edge)) for edge in WAITS_S]
    yield HistogramMetricFamily(
        "attune_nudge_wait_seconds",
        "From a nudge to somebody on the way.",
        buckets=[*within, ("+Inf", counts.waits.total())],
        sum_value=counts.waited_s,
    )


def _of_channels(lines: tuple[ChannelLine, ...]) -> Iterator[Metric]:
    tries = CounterMetricFamily(
        "attune_connect_deliveries", "What was sent to other systems.", labels=["channel", "result"]
    )
    waiting = GaugeMetricFamily("attune_connect_waiting", "What is still to be sent.", labels=["channel"])
    for line in lines:
        for result in ("delivered", "failed", "dropped"):
            tries.add_metric([line.name, result], getattr(line.standing, result))
        waiting.add_metric([line.name], line.standing.waiting)
    yield from (tries, waiting)
