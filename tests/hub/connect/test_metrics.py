"""``/metrics``: read by Prometheus' own parser, and checked for what its practices ask of names."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from hub.app import create_app
from hub.auth import Doors
from hub.connect.connections import Connections
from hub.connect.keys import Keys
from hub.connect.metrics import described
from hub.connect.settings import ConnectPart, MetricsPart
from hub.fakes import FakeShop
from hub.views import HourView, NudgeView, Settings
from tests.hub.conftest import NOW_S, ORIGIN, Clock, node_view

BASE_UNITS = ("seconds", "celsius", "bytes", "ratio", "info")


def app_of(shop: FakeShop, doors: Doors, keys: Keys, clock: Clock, *, loopback: bool) -> FastAPI:
    part = ConnectPart(metrics=MetricsPart(loopback=loopback))
    return create_app(
        reads=shop,
        desk=shop,
        doors=doors,
        changes=shop.changes,
        settings=Settings(hosts=("attune.local",)),
        clock=clock,
        connections=Connections(keys, part),
    )


@pytest.fixture
def scraper(pages_app: FastAPI, api_keys: Keys) -> TestClient:
    key = api_keys.make("prometheus", ("metrics",))
    return TestClient(pages_app, base_url=ORIGIN, headers={"authorization": f"Bearer {key}"})


def scraped(client: TestClient) -> dict[str, Metric]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {metric.name: metric for metric in text_string_to_metric_families(answer.text)}


def values(metric: Metric, *labels: str) -> dict[Any, float]:
    return {tuple(sample.labels[label] for label in labels): sample.value for sample in metric.samples}


def nudge(number: int, **more: Any) -> NudgeView:
    plain = NudgeView(number, "floor-1", 0, "Ceramics", 2, ("long_dwell",), "open", NOW_S + 1)
    return replace(plain, **more)


def test_names_follow_the_practices(scraper: TestClient, fake_shop: FakeShop) -> None:
    fake_shop.put(nudge(1, state="taken", taken_s=NOW_S + 20))
    found = scraped(scraper)
    assert {metric.name for metric in described()} == set(found)
    for name, metric in found.items():
        assert re.fullmatch(r"attune_[a-z]+(_[a-z]+)*", name)
        assert metric.documentation.endswith(".")
        assert not name.endswith(("_total", "_count", "_sum", "_bucket"))
        assert not re.search(r"_(ms|milliseconds|minutes|percent|mb|kb)(_|$)", name)
        if metric.type == "counter":
            assert all(sample.name == f"{name}_total" for sample in metric.samples)
        if "time" in name.split("_") or "wait" in name.split("_"):
            assert name.endswith(BASE_UNITS)
        for sample in metric.samples:
            assert set(sample.labels) <= {"node", "zone", "zone_name", "state", "ending", "channel", "result", "le"}
            assert math.isfinite(sample.value)


def test_prometheus_own_tool_finds_nothing_to_mend(scraper: TestClient, fake_shop: FakeShop) -> None:
    tool = os.environ.get("ATTUNE_PROMTOOL") or shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus), and ATTUNE_PROMTOOL names none")
    fake_shop.put(nudge(1, state="answered", outcome="helped", taken_s=NOW_S + 20, closed_s=NOW_S + 60))
    checked = subprocess.run(
        (tool, "check", "metrics"), input=scraper.get("/metrics").content, capture_output=True, timeout=60, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_nodes_say_how_they_are(scraper: TestClient, fake_shop: FakeShop) -> None:
    fake_shop.say(replace(node_view("mute"), state="offline", birth=None, health=None, heard_s=None))
    found = scraped(scraper)
    assert values(found["attune_node_sensing"], "node") == {("floor-1",): 1, ("mute",): 0}
    states = values(found["attune_node_state"], "node", "state")
    assert {key for key, value in states.items() if value} == {("floor-1", "online"), ("mute", "offline")}
    assert values(found["attune_node_temperature_celsius"], "node") == {("floor-1",): 60}


def test_a_zone_that_is_not_seen_has_no_level_and_one_without_a_nudge_has_none_to_tell(
    scraper: TestClient, fake_shop: FakeShop
) -> None:
    fake_shop.put(nudge(1, level=3))
    levels = values(scraped(scraper)["attune_zone_need_level"], "node", "zone", "zone_name")
    assert levels == {("floor-1", "0", "Ceramics"): 3, ("floor-1", "1", "Textiles"): 0}
    fake_shop.say(replace(node_view("floor-1", "Ceramics"), state="paused", reason="command"))
    assert scraped(scraper)["attune_zone_need_level"].samples == []


def test_nudges_are_counted_since_the_hub_started(scraper: TestClient, fake_shop: FakeShop, page_clock: Clock) -> None:
    fake_shop.put(nudge(1, opened_s=NOW_S - 100, state="expired", closed_s=NOW_S - 10))
    page_clock.now_s += 200
    fake_shop.put(nudge(2, state="answered", outcome="helped", taken_s=NOW_S + 13, closed_s=NOW_S + 60))
    fake_shop.put(nudge(3, state="withdrawn", closed_s=NOW_S + 30))
    found = scraped(scraper)
    assert values(found["attune_nudges_opened"], "node", "zone") == {("floor-1", "0"): 2}
    endings = values(found["attune_nudges_closed"], "ending")
    assert {key: value for key, value in endings.items() if value} == {("helped",): 1, ("withdrawn",): 1}
    waits = {
        sample.labels.get("le", sample.name): sample.value for sample in found["attune_nudge_wait_seconds"].samples
    }
    assert (waits["10.0"], waits["20.0"], waits["+Inf"], waits["attune_nudge_wait_seconds_sum"]) == (0, 1, 1, 12)


def test_counters_never_fall_though_the_store_forgets(
    scraper: TestClient, fake_shop: FakeShop, page_clock: Clock
) -> None:
    def read() -> tuple[float, float, float]:
        found = scraped(scraper)
        opened, closed = found["attune_nudges_opened"], found["attune_nudges_closed"]
        waited = next(one for one in found["attune_nudge_wait_seconds"].samples if one.name.endswith("_sum"))
        return sum(values(opened, "node", "zone").values()), values(closed, "ending")["helped",], waited.value

    helped = {"state": "answered", "outcome": "helped", "taken_s": NOW_S + 501, "closed_s": NOW_S + 602}
    fake_shop.put(nudge(1, **helped))
    page_clock.now_s += 700
    assert read() == (1, 1, 500)
    page_clock.now_s += 9_000
    fake_shop.put(nudge(2, opened_s=page_clock.now_s, state="open"))
    assert read() == (2, 1, 500)
    fake_shop.nudges.pop(1)
    assert read() == (2, 1, 500)
    page_clock.now_s += 9_000
    assert read() == read() == (2, 1, 500)


def test_no_mood_and_nobody_is_a_metric(scraper: TestClient, fake_shop: FakeShop) -> None:
    fake_shop.hours.append(HourView("floor-1", 0, "Ceramics", int(NOW_S) // 3600 * 3600, False, 0.5, 3, 4321, 2, 1))
    fake_shop.put(nudge(1, state="taken", taken_s=NOW_S + 9, taken_by="8badf00d", reasons=("mood_low",)))
    text = scraper.get("/metrics").text
    assert not re.search(r"mood|negative|neutral|positive|valence|8badf00d|4321", text)


def test_a_zone_of_any_name_is_read_back_as_it_is(scraper: TestClient, fake_shop: FakeShop) -> None:
    name = 'Küche "A\\B"\nKasse'
    fake_shop.say(node_view("floor-1", name))
    assert ("floor-1", "0", name) in values(scraped(scraper)["attune_zone_need_level"], "node", "zone", "zone_name")


@pytest.mark.parametrize("loopback", [True, False])
def test_this_machine_needs_no_key_only_where_the_owner_says_so(
    fake_shop: FakeShop, doors: Doors, api_keys: Keys, page_clock: Clock, loopback: bool
) -> None:
    app = app_of(fake_shop, doors, api_keys, page_clock, loopback=loopback)
    here = TestClient(app, base_url=ORIGIN, client=("127.0.0.1", 1))
    assert here.get("/metrics").status_code == (200 if loopback else 401)
    assert here.get("/api/v1/today").status_code == 401


@pytest.mark.parametrize(
    ("url", "address", "headers"),
    [
        (ORIGIN, "192.168.1.9", {}),
        ("https://attune.local", "127.0.0.1", {}),
        (ORIGIN, "127.0.0.1", {"x-forwarded-for": "127.0.0.1"}),
        (ORIGIN, "127.0.0.1", {"forwarded": "for=10.0.0.1"}),
        (ORIGIN, "127.0.0.1", {"via": "1.1 caddy"}),
    ],
)
def test_who_comes_through_a_proxy_or_from_elsewhere_is_not_this_machine(
    fake_shop: FakeShop,
    doors: Doors,
    api_keys: Keys,
    page_clock: Clock,
    url: str,
    address: str,
    headers: dict[str, str],
) -> None:
    app = app_of(fake_shop, doors, api_keys, page_clock, loopback=True)
    assert TestClient(app, base_url=url, client=(address, 1), headers=headers).get("/metrics").status_code == 401
