"""The page and the pictures of an evaluation: docs/need-score.md from its template of facts and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edge.eye import need
from edge.scene.evaluate import CONSENTED, METHODS, NEED, NO_AFFECT, TIMER, Results, best_precision, curve
from edge.scene.judge import Figures

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
RECALLS: Final = (0.4, 0.5, 0.6, 0.7, 0.8)
TIMERS_SHOWN: Final = (30.0, 60.0, 90.0, 120.0)
_STYLES: Final = {NEED: "C0o-", NO_AFFECT: "C1x--", CONSENTED: "C2+:", TIMER: "C3s-"}


def figures(tracks: Results, rendered: Results, told: Sequence[str]) -> str:
    """The tables, in Markdown; ``told`` are the sentences that say what was run."""
    parts = ["\n".join(told), "### Track level", _levels(tracks), _equal_recall(tracks), _affect(tracks)]
    if rendered:
        parts += ["### Rendered", _levels(rendered), _equal_recall(rendered)]
    return "\n\n".join(parts)


def write(page: Path, text: str) -> None:
    """Puts the figures between the page's two marks, and leaves the rest as it is.

    Raises: OSError when the page is missing; ValueError when its marks are.
    """
    old = page.read_text(encoding="utf-8")
    before, _, rest = old.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{page} has lost its marks {BEGIN} and {END}: put them back around the figures.")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def draw(results: Results, out: Path, title: str) -> None:
    """Precision against recall, and delay against recall, of every method."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    drawn, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for method in METHODS:
        points = [figures for _, figures in curve(results, method) if figures.nudges]
        if not points:
            continue
        recalls = [point.recall for point in points]
        left.plot(recalls, [point.precision for point in points], _STYLES[method], markersize=4, label=method)
        right.plot(recalls, [point.delay_s for point in points], _STYLES[method], markersize=4, label=method)
    for axes, what in ((left, "precision"), (right, "median delay, s")):
        axes.set(xlabel="recall of needs", ylabel=what, xlim=(0, 1))
        axes.grid(alpha=0.3)
    left.set_ylim(0, 1.02)
    left.legend(fontsize=8)
    drawn.suptitle(title)
    drawn.savefig(out, dpi=110)
    plt.close(drawn)


def _levels(results: Results) -> str:
    rows = [(f"need score, level {i} (from {at:.2f})", results[NEED, at]) for i, at in enumerate(need.LEVELS, 1)]
    rows += [(f"without affect, level {i}", results[NO_AFFECT, at]) for i, at in enumerate(need.LEVELS, 1)]
    rows += [(f"dwell timer, {at:g} s", results[TIMER, at]) for at in TIMERS_SHOWN]
    head = "| a nudge from | precision | recall | median delay, s | false nudges an hour |\n|---|---|---|---|---|"
    return "\n".join((head, *(_row(name, found) for name, found in rows)))


def _row(name: str, found: Figures) -> str:
    precision = f"{found.precision:.2f}" if found.nudges else "none said"
    return f"| {name} | {precision} | {found.recall:.2f} | {found.delay_s:.0f} | {found.false_per_hour:.1f} |"


def _equal_recall(results: Results) -> str:
    """The best that each can do while it finds as many."""
    head = "| best precision at a recall of at least | " + " | ".join(f"{r:.1f}" for r in RECALLS) + " |"
    rule = "|---|" + "---|" * len(RECALLS)
    rows = []
    for method in (NEED, NO_AFFECT, TIMER):
        cells = (best_precision(results, method, recall) for recall in RECALLS)
        rows.append(f"| {method} | " + " | ".join(f"{cell:.2f}" if cell else "not reached" for cell in cells) + " |")
    return "\n".join((head, rule, *rows))


def _affect(results: Results) -> str:
    """How much of it all is due to mood."""
    different = {
        method: sum(found != results[NEED, at] for at, found in curve(results, method))
        for method in (NO_AFFECT, CONSENTED)
    }
    of = len(curve(results, NEED))
    return (
        f"Of {of} thresholds, the outcome differs from the need score's at {different[NO_AFFECT]} when affect is "
        f"switched off, and at {different[CONSENTED]} when one person's mood may count (profile `consented`)."
    )
