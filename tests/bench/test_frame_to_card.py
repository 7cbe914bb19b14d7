"""What ``make frame-to-card`` makes of its stages; the chain itself is run by the command."""

from __future__ import annotations

import pytest

from bench.frame_to_card import GOAL_MS, STAGES, report


def took(**stages: float) -> dict[str, float]:
    all_of_them = dict.fromkeys(STAGES, 10.0) | stages
    return all_of_them | {"whole": sum(all_of_them.values())}


def test_the_report_has_each_stage_and_names_the_largest() -> None:
    told = report([took(look=float(number)) for number in range(1, 101)])
    assert f"| {STAGES['look']} | 50 | 95 | 99 | 100 |" in told
    assert "| **the whole** | 90 | 135 | 139 | 140 |" in told
    assert f"The largest stage is: {STAGES['look']}." in told


@pytest.mark.parametrize(("slow_ms", "said"), [(GOAL_MS - 40, "is kept"), (GOAL_MS, "is **not** kept")])
def test_the_report_says_whether_the_goal_is_kept(slow_ms: float, said: str) -> None:
    assert said in report([took(hub=slow_ms)])
