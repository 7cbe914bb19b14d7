"""The bench's parts, very short: they run and their figures can be true. How fast a machine is, no test says."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import pytest

from contract.errors import CameraError, LinkError
from deploy import bench, bench_growth, bench_ingest, bench_latency, bench_memory, bench_pages
from deploy.bench_chart import bars
from edge.config import NodeConfig
from edge.scene.heads import PORTRAITS
from edge.scene.render import Painter

SBIN = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
needs_mosquitto = pytest.mark.skipif(
    not (shutil.which("mosquitto") or shutil.which("mosquitto", path=SBIN)),
    reason="mosquitto is not installed: apt-get install mosquitto",
)
needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="chromium is not installed: apt-get install chromium"
)
needs_models = pytest.mark.skipif(
    not (NodeConfig(node="bench").models.faces.exists() and PORTRAITS.exists()),
    reason="model and portraits are not there: python -m models.fetch --portraits",
)


@needs_models
def test_the_eye_is_measured_stage_by_stage_beside_its_models(footage_dir: Path) -> None:
    figures = bench.eye_figures(str(footage_dir / "face-demographics-walking-and-pause.gif"))
    assert figures.frames == 41
    assert set(figures.stage_ms) == {"camera", "detect", "track", "badge", "affect", "rest"}
    assert all(ms >= 0 for ms in figures.stage_ms.values())
    assert min(figures.fps, figures.bare_ms, figures.overhead) > 0
    assert 30 < figures.resident_mb < 1000


@needs_models
def test_what_the_eye_does_in_a_second_does_not_grow_with_the_camera_s_rate() -> None:
    slow, fast = (bench_growth.cost(Painter(), 2, 640, fps, 1) for fps in (10.0, 40.0))
    assert slow.looks_per_s == fast.looks_per_s == pytest.approx(5, abs=0.5)
    assert slow.found == pytest.approx(2, abs=0.5)
    assert f"| 2 | 640×360 | 40 | {fast.looks_per_s:.1f} |" in bench_growth.table([slow, fast])


def test_a_clip_that_cannot_be_read_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no clip"):
        bench.clips_in(tmp_path)
    (tmp_path / "broken.gif").write_bytes(b"GIF89a, but no more")
    assert bench.clips_in(tmp_path) == [str(tmp_path / "broken.gif")]
    with pytest.raises(CameraError, match=r"broken\.gif"):
        bench.eye_figures(str(tmp_path / "broken.gif"))


@needs_models
@needs_mosquitto
def test_eye_and_courier_hold_some_memory_while_the_scene_plays() -> None:
    held = bench_memory.measure(2.0)
    assert [one.process for one in held] == ["eye", "courier"]
    assert all(5 < one.resident_mb <= one.peak_mb < 1000 for one in held)


@needs_mosquitto
@needs_chromium
def test_every_need_of_the_latency_bench_becomes_a_card() -> None:
    took = bench_latency.measure(4)
    assert took.needs == 4
    assert 0 < took.p50_ms <= took.p99_ms <= took.most_ms


@needs_mosquitto
def test_every_page_that_reads_gets_every_card_while_others_are_frozen() -> None:
    took = bench_pages.measure(3, pages=40, frozen=4)  # raises when one of the 36 misses a card
    assert (took.pages, took.frozen, took.needs) == (40, 4, 3)
    assert 0 < took.p50_ms <= took.p99_ms <= took.most_ms


def test_a_page_that_misses_a_card_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_pages, "PATIENCE_S", 0.01)
    crowd = bench_pages.Crowd(("127.0.0.1", 1), "")
    crowd._note(1, True)
    assert len(crowd.all_show(True, 1)) == 1
    with pytest.raises(LinkError, match="1 of 2 pages never showed"):
        crowd.all_show(True, 2)


@needs_mosquitto
def test_the_ingest_bench_writes_the_hubs_rows_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[list[int]] = []
    write = bench_ingest._write

    def counted(path: Path, ends: list[int], *written: bench_ingest.Rows) -> float:
        took_s = write(path, ends, *written)
        with closing(sqlite3.connect(path)) as db:
            rows.append([db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES])
        return took_s

    monkeypatch.setattr(bench_ingest, "_write", counted)
    took = bench_ingest.measure(120, 1, tmp_path)
    assert took.events == 120
    assert took.hub_per_s > 0
    assert 1 <= took.batch <= 120
    assert [count[:2] for count in rows] == [[120, 120], [120, 0]]
    # Of a tree of n leaves nearly n / 8 nodes are kept; the leaves of what the courier said before are few.
    assert 10 <= rows[0][2] < 25
    assert rows[1][2] == 0


TABLES = ("events", "ledger_entries", "ledger_subtrees")


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_a_quantile_is_the_smallest_value_that_the_share_does_not_exceed(share: float, expected: float) -> None:
    assert bench_latency.quantile([float(i) for i in range(1, 101)], share) == expected


def test_a_chart_is_well_formed_and_its_longest_bar_fills_it() -> None:
    chart = bars("a < b", [("one", [1.0, 2.0]), ("two & three", [6.0, 0.0])], ["x", "y"])
    ElementTree.fromstring(chart)  # noqa: S314 (our own)
    assert max(float(width) for width in re.findall(r'width="([0-9.]+)" height="22"', chart)) == 480.0
