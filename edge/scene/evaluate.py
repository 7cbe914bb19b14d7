"""`python -m edge.scene evaluate`: how well the need score finds who needs help, against a plain dwell timer.

Rules:
- Shops of the seeds from `FIRST_SEED` are judged; the weights were set on others (docs/need-score.md).
- Every method sees the very same observations and speaks through the very same gate.
- Rendered shops go through the real detector, badge reader and affect model, frame by frame.

Left out: the page and its pictures (`edge.scene.report`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from edge.config import Privacy
from edge.eye import need
from edge.scene.crowd import LENGTH_S, shop
from edge.scene.judge import Figures, by_dwell, by_need, judge, needs, nudges, without_affect
from edge.scene.observed import FPS, observe
from edge.scene.script import Script
from edge.values import Tumbled

FIRST_SEED: Final = 1
SHOPS: Final = 200
USUAL_DWELL_S: Final = 45.0  # as the config ships; each shop's own is another
SCORES: Final = (*need.LEVELS, *(round(0.05 * i, 2) for i in range(2, 19)))
TIMERS_S: Final = (15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 75.0, 90.0, 105.0, 120.0, 150.0, 180.0, 240.0)

NEED, NO_AFFECT, CONSENTED, TIMER = "need score", "without affect", "one person's mood counts", "dwell timer"
METHODS: Final = (NEED, NO_AFFECT, CONSENTED, TIMER)

Point = tuple[str, float]  # the method and its threshold: a score, or seconds for the timer
Results = dict[Point, Figures]
Progress = Callable[[Iterator[Results], int], Iterable[Results]]

_AGGREGATE: Final = Privacy()
_CONSENTED: Final = Privacy(profile="consented", dpia_reference="simulation")


def evaluate(
    seeds: Sequence[int],
    progress: Progress = lambda parts, of: parts,
    workers: int = 1,
    one: Callable[[int], Results] | None = None,
) -> Results:
    """The figures of every method and threshold over the shops of these seeds; ``one`` judges one (`one_shop`)."""
    one = one or one_shop
    if workers <= 1:
        return total(progress(map(one, seeds), len(seeds)))
    with ProcessPoolExecutor(workers) as pool:
        return total(progress(pool.map(one, seeds), len(seeds)))


def one_shop(seed: int) -> Results:
    """One track-level shop."""
    script = shop(seed)
    seen, consented = (_each_second(observe(script, seed, LENGTH_S, p), FPS) for p in (_AGGREGATE, _CONSENTED))
    return compare(script, LENGTH_S, seen, consented)


def one_rendered(seed: int, seconds: float, fps: float) -> Results:
    """One shop with pixels: drawn, detected, followed, its badges and faces read by what the product ships.

    Raises: CameraError when a portrait is missing; ModelError when a model is.
    """
    from edge.scene.rendered import look

    script = shop(seed)
    seen = _each_second(look(script, seconds, fps, _AGGREGATE), fps)
    return compare(script, seconds, seen, ())


def compare(script: Script, seconds: float, seen: list[Tumbled], consented: Sequence[Tumbled]) -> Results:
    """Every method on the same observations."""
    needed = needs(script, seconds)
    mute = without_affect(seen)
    said = {(TIMER, longest_s): by_dwell(seen, longest_s, _AGGREGATE) for longest_s in TIMERS_S}
    for score in SCORES:
        said[NEED, score] = by_need(seen, score, USUAL_DWELL_S, _AGGREGATE)
        said[NO_AFFECT, score] = by_need(mute, score, USUAL_DWELL_S, _AGGREGATE)
        if consented:
            said[CONSENTED, score] = by_need(consented, score, USUAL_DWELL_S, _CONSENTED)
    return {point: judge(needed, nudges(records, seconds), seconds) for point, records in said.items()}


def total(parts: Iterable[Results]) -> Results:
    """Shops added up."""
    summed: Results = {}
    for part in parts:
        for point, figures in part.items():
            summed[point] = summed.get(point, Figures()) + figures
    return summed


def curve(results: Results, method: str) -> list[tuple[float, Figures]]:
    """One method's figures by rising threshold."""
    return sorted(((at, figures) for (name, at), figures in results.items() if name == method), key=lambda row: row[0])


def best_precision(results: Results, method: str, recall: float) -> float:
    """The highest precision among the thresholds that find at least this share; 0 where none does."""
    return max((figures.precision for _, figures in curve(results, method) if figures.recall >= recall), default=0.0)


def _each_second(seen: Iterable[Tumbled], fps: float) -> list[Tumbled]:
    return [tumbled for i, tumbled in enumerate(seen) if i % round(fps) == 0]
