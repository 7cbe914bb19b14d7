"""`python -m edge.scene evaluate`: judges the need score on random shops, and writes the page and its pictures."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from contract.errors import AttuneError
from edge.scene import report
from edge.scene.crowd import LENGTH_S
from edge.scene.evaluate import FIRST_SEED, NEED, SHOPS, Results, evaluate, one_rendered

RENDERED: Final = 10
RENDERED_S: Final = 600.0
RENDERED_FPS: Final = 4.0
DOCS: Final = Path(__file__).parents[2] / "docs"


def main(argv: list[str]) -> int:
    asked = _parser().parse_args(argv)
    started_s = time.monotonic()
    try:
        workers = os.cpu_count() or 1
        tracks = evaluate(range(FIRST_SEED, FIRST_SEED + asked.shops), _Bar("shops"), workers)
        tracks_s = time.monotonic() - started_s
        seeds = range(FIRST_SEED, FIRST_SEED + asked.rendered)
        look = partial(one_rendered, seconds=RENDERED_S, fps=RENDERED_FPS)
        rendered = evaluate(seeds, _Bar("rendered shops"), workers, look)
        told = [_told(tracks, asked.shops, LENGTH_S, "track-level", tracks_s)]
        if rendered:
            told.append(
                _told(rendered, asked.rendered, RENDERED_S, "rendered", time.monotonic() - started_s - tracks_s)
            )
        text = report.figures(tracks, rendered, told)
        sys.stdout.write(text + "\n")
        if asked.write:
            report.write(DOCS / "need-score.md", text)
            report.draw(tracks, DOCS / "pictures" / "need-tracks.png", f"{asked.shops} track-level shops")
            if rendered:
                report.draw(rendered, DOCS / "pictures" / "need-rendered.png", f"{asked.rendered} rendered shops")
    except (AttuneError, OSError, ValueError, ImportError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edge.scene evaluate",
        description="Judge the need score against a dwell timer, on random shops whose truth is known.",
        epilog="The progress bar and the pictures need the extra: pip install '.[train]'.",
    )
    parser.add_argument("--shops", type=int, default=SHOPS, help=f"how many track-level shops ({SHOPS})")
    parser.add_argument("--rendered", type=int, default=RENDERED, help=f"how many rendered shops ({RENDERED})")
    parser.add_argument("--write", action="store_true", help="write docs/need-score.md and its pictures")
    return parser


def _told(results: Results, shops: int, seconds: float, kind: str, took_s: float) -> str:
    some = next(figures for (method, _), figures in results.items() if method == NEED)
    return (
        f"{shops} {kind} shops of {seconds / 60:g} minutes ({some.hours:.1f} hours), seeds from {FIRST_SEED}, "
        f"with {some.needs} needs; it took {took_s / 60:.1f} minutes.\n"
    )


class _Bar:
    """A progress bar over shops."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __call__(self, parts: Iterator[Results], of: int) -> Iterable[Results]:
        from tqdm import tqdm

        bar: Iterable[Results] = tqdm(parts, total=of, desc=self._what, unit="shop")
        return bar
