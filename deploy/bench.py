"""``make bench``: measures Attune on this machine, prints the tables, and writes report and charts into ``bench-out/``.

Rules:
- Each clip is measured in a process of its own, pinned to one core, with one thread.
- The report names the machine and how busy it was: figures of a busy machine are worse than they need be, and the
  report says so instead of leaving them out.

Left out: rivals, faults and long runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from contract.errors import AttuneError, CameraError
from deploy import bench_growth, bench_ingest, bench_latency, bench_memory, bench_pages
from deploy.bench_chart import bars
from edge.bench import Figures, table

OUT: Final = Path("bench-out")
PARTS: Final = ("eye", "growth", "memory", "latency", "pages", "ingest")
SCENE: Final = "scene:busy"
CLIPS: Final = ("*.gif", "*.mp4", "*.avi", "*.mkv", "*.mov", "*.webm")
Section = tuple[str, str]  # Markdown, and a chart's SVG or nothing


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m deploy.bench``."""
    options = _parser().parse_args(arguments)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        print(_write(options, _measured(options)))
    except AttuneError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.bench",
        description="Measure speed, memory, latency, many tablets and ingest on this machine. Takes about nine"
        " minutes; close what else keeps it busy.",
    )
    parser.add_argument("--clips", type=Path, help="folder of clips for the eye (default: the simulated scene)")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone; may be repeated")
    parser.add_argument("--short", action="store_true", help="every part very short: to see that it runs")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of report and charts (default: %(default)s)")
    return parser


def _measured(options: argparse.Namespace) -> list[Section]:
    short: bool = options.short
    parts: dict[str, Callable[[], Section]] = {
        "eye": lambda: eye_section(clips_in(options.clips)),
        "growth": lambda: _growth_section(1 if short else bench_growth.PASSES),
        "memory": lambda: _memory_section(5.0 if short else 60.0),
        "latency": lambda: _latency_section(5 if short else 40),
        "pages": lambda: _pages_section(3 if short else 200),
        "ingest": lambda: _ingest_section(300 if short else 8000, 1 if short else 3, options.out),
    }
    wanted = options.only or PARTS
    sections = []
    for number, name in enumerate(wanted, 1):
        began_s = time.monotonic()
        print(f"[{number}/{len(wanted)}] {name} …", flush=True)
        sections.append(parts[name]())
        print(f"[{number}/{len(wanted)}] {name} took {time.monotonic() - began_s:.0f} s", flush=True)
    return sections


def clips_in(folder: Path | None) -> list[str]:
    """What the eye is measured on. Raises: CameraError when the folder holds no clip."""
    if folder is None:
        return [SCENE]
    found = sorted(str(clip) for kind in CLIPS for clip in folder.glob(kind))
    if not found:
        raise CameraError(f"There is no clip in {folder}: give --clips a folder of videos or GIFs.")
    return found


def eye_figures(clip: str) -> Figures:
    """The eye on one clip, alone on this machine's last core. Raises: CameraError when it cannot be measured."""
    core = max(os.sched_getaffinity(0))
    done = subprocess.run(
        [sys.executable, "-m", "edge", "bench", clip, "--json"],
        capture_output=True, text=True, check=False, preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )  # fmt: skip
    if done.returncode != 0:
        raise CameraError(f"The eye could not be measured: {done.stderr.strip().splitlines()[-1]}")
    return Figures(**json.loads(done.stdout)[0])


def eye_section(clips: Sequence[str]) -> Section:
    """Speed of the eye, a table and the chart of where the time goes."""
    figures = []
    for clip in clips:
        print(f"  {clip}", flush=True)
        figures.append(eye_figures(clip))
    notes = "One process and one thread on one core; medians over passes. *bare models* is as many invocations of the"
    notes += " same models alone; *overhead* is all of the eye but its camera over that; MB is the process's peak."
    if list(clips) == [SCENE]:
        notes += " No folder of clips was given: this is the simulated scene, whose *camera* is the drawing of it."
    stages = [stage for stage in figures[0].stage_ms if stage != "camera"]
    chart = bars("The eye: milliseconds a frame, one core", [(one.clip, [one.stage_ms[s] for s in stages]) for one in
                 figures], stages)  # fmt: skip
    return f"## Eye\n\n{notes}\n\n{table(figures)}\n", chart


def _growth_section(passes: int) -> Section:
    rows = bench_growth.measure(passes)
    notes = "A drawn shop in which people stand; processor time of one core for a second of it. A face is read once no"
    notes += " badge was seen where one would have been legible: not when others' bodies hide the chest."
    chart = bars("The eye: milliseconds of one core a second", [
        (f"{one.people} people, {one.width_px} wide, {one.fps:.0f} frames/s", [one.ms_per_s]) for one in rows
    ], ["ms"])  # fmt: skip
    return f"## How the eye's cost grows\n\n{notes}\n\n{bench_growth.table(rows)}\n", chart


def _memory_section(seconds: float) -> Section:
    held = bench_memory.measure(seconds)
    rows = "\n".join(f"| {one.process} | {one.resident_mb:.0f} | {one.peak_mb:.0f} |" for one in held)
    return (
        f"## Memory\n\nAfter {seconds:.0f} s of the demo's scene, from `/proc`. The eye's holds the drawing of the"
        f" scene too.\n\n| process | resident MB | peak MB |\n| --- | --- | --- |\n{rows}\n"
    ), ""


def _latency_section(needs: int) -> Section:
    took = bench_latency.measure(needs)
    return (
        f"## From a need to the tablet\n\n{took.needs} needs, each from the eye's record to the animation frame that"
        " draws the card in headless Chromium. The eye's own time for a frame (table above) comes before it; the dwell"
        " that makes a need is none of it.\n\n"
        "| p50 ms | p99 ms | most ms |\n| --- | --- | --- |\n"
        f"| {took.p50_ms:.0f} | {took.p99_ms:.0f} | {took.most_ms:.0f} |\n"
    ), ""


def _pages_section(needs: int) -> Section:
    took = bench_pages.measure(needs)
    return (
        f"## From a need to {took.pages} tablets\n\n{took.needs} needs, each from the eye's record to the end of the"
        f" event on every stream that is read; {took.frozen} of the {took.pages} pages are frozen and read nothing."
        " Drawing the card is not in it.\n\n"
        "| p50 ms | p99 ms | most ms |\n| --- | --- | --- |\n"
        f"| {took.p50_ms:.0f} | {took.p99_ms:.0f} | {took.most_ms:.0f} |\n"
    ), ""


def _ingest_section(events: int, passes: int, folder: Path) -> Section:
    took = bench_ingest.measure(events, passes, folder)
    rates = {
        "hub: broker to disk, ledger and acknowledgement": took.hub_per_s,
        "bare SQLite, the same rows in the same batches": took.bare_per_s,
        "bare SQLite, the event rows alone": took.bare_events_per_s,
    }
    rows = "\n".join(f"| {name} | {rate:.0f} | {took.hub_per_s / rate:.0%} |" for name, rate in rates.items())
    return (
        f"## Ingest\n\n{took.events} events through a real broker, every one on disk before it is acknowledged,"
        f" {took.batch:.0f} to a commit; medians of {passes}.\n\n"
        f"| what | events/s | the hub's rate over it |\n| --- | --- | --- |\n{rows}\n\n{_ingest_parts(took)}"
    ), bars("Events a second, each on disk", [(name, [rate]) for name, rate in rates.items()], ["events/s"])


def _ingest_parts(took: bench_ingest.Ingest) -> str:
    parts = {
        "the hub's process": took.hub_us,
        "of it, deciding what a message is": took.heard_us,
        "of it, writing rows and ledger": took.stored_us,
        "of that, the ledger": took.ledger_us,
        "of it, the rest: MQTT, acknowledging, threads that wait for each other": took.hub_us
        - took.heard_us
        - took.stored_us,
        "bare SQLite": took.bare_us,
    }
    rows = "\n".join(f"| {name} | {us:.0f} |" for name, us in parts.items())
    return (
        "Where it goes, in processor time: Python runs one thread of the hub at a time, so that its rate ends where"
        f" the first row fills a core.\n\n| what | µs an event |\n| --- | --- |\n{rows}\n"
    )


def _write(options: argparse.Namespace, sections: Sequence[Section]) -> str:
    """Writes report and charts; returns the report."""
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    parts = [
        f"# Attune, measured\n\n{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}; load"
        f" averages at the end {load}.\n"
    ]
    for number, (text, chart) in enumerate(sections, 1):
        parts.append(text)
        if chart:
            (options.out / f"chart-{number}.svg").write_text(chart, encoding="utf-8")
            parts.append(f"![chart](chart-{number}.svg)\n")
    report = "\n".join(parts)
    (options.out / "report.md").write_text(report, encoding="utf-8")
    return f"\n{report}\nWritten: {options.out / 'report.md'}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
