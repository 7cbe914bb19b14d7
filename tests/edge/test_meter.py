"""Stage times: each stage is charged with its own work and not its upstream's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edge.eye.meter import Meter


class Watch:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.t_s = 0.0

    def __call__(self) -> float:
        return self.t_s


def test_each_stage_is_charged_with_its_own_time() -> None:
    watch = Watch()

    def slow(items: Iterable[int], takes_s: float) -> Iterator[int]:
        for item in items:
            watch.t_s += takes_s
            yield item

    meter = Meter(watch)
    detect = meter.around("detect", slow(range(4), 0.010))
    track = meter.around("track", slow(detect, 0.002))
    assert list(track) == [0, 1, 2, 3]
    assert meter.frames == 4
    assert {stage: round(ms, 6) for stage, ms in meter.own_ms().items()} == {"detect": 10.0, "track": 2.0}


def test_a_new_minute_begins_at_nothing() -> None:
    meter = Meter(Watch())
    list(meter.around("detect", [None, None]))
    assert meter.frames == 2
    meter.reset()
    assert (meter.frames, meter.own_ms()) == (0, {"detect": 0.0})


def test_what_became_of_faces_is_summed_until_the_next_minute() -> None:
    meter = Meter()
    for what in ("read", "too small", "read"):
        meter.tally(what)
    assert meter.faces == {"read": 2, "too small": 1}
    meter.reset()
    assert not meter.faces
