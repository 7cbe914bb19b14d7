"""The need score judged on random shops: the judge is right, and the score earns its keep against a dwell timer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import Privacy
from edge.eye import need
from edge.record import AssistRecord, Head
from edge.scene import evaluate as e
from edge.scene import report
from edge.scene.__main__ import main
from edge.scene.crowd import LENGTH_S, shop
from edge.scene.judge import Figures, Span, judge, needs, nudges
from edge.scene.observed import observe
from edge.scene.script import Shopper, Stop, script_of

SEEDS = range(3000, 3005)


@pytest.fixture(scope="module")
def results() -> e.Results:
    return e.evaluate(SEEDS)


def test_a_need_lasts_until_staff_come_and_a_short_one_is_left_out() -> None:
    waits = Shopper("ann", 1, 0.0, (Stop(0.14, 50.0, 100.0, patience_s=20.0),))
    serves = Shopper("staff", 2, 60.0, (Stop(0.06, 50.0, 30.0),), "staff")
    brief = Shopper("bo", 3, 0.0, (Stop(0.5, 50.0, 25.0, patience_s=20.0),))
    (first, second) = needs(script_of((waits, serves, brief)), 130.0)
    assert (first.zone, second.zone) == (0, 0)
    assert 20 <= first.from_s <= 24
    assert 60 <= first.until_s <= 63
    assert second.from_s > 90


def test_a_nudge_stands_from_its_first_word_to_its_last() -> None:
    said = [
        None,
        AssistRecord(Head(1, 1, 5), 1, ("long_dwell",), 60),
        AssistRecord(Head(1, 1, 35), 2, ("long_dwell",), 60),
        AssistRecord(Head(1, 1, 40), 0, (), 60),
        AssistRecord(Head(0, 1, 50), 1, ("long_dwell",), 60),
    ]
    assert nudges(said, 90.0) == (Span(1, 5.0, 40.0), Span(0, 50.0, 90.0))


def test_the_judge_counts_what_was_found_when_and_what_was_for_nothing() -> None:
    needed = (Span(0, 100.0, 200.0), Span(1, 50.0, 80.0), Span(2, 300.0, 350.0))
    said = (Span(0, 130.0, 150.0), Span(1, 45.0, 60.0), Span(2, 100.0, 120.0), Span(0, 400.0, 420.0))
    assert judge(needed, said, 3600.0) == Figures(3, 2, 4, 2, (30.0, 0.0), 1.0)


def test_figures_add_up_over_shops() -> None:
    both = Figures(4, 2, 3, 2, (1.0, 3.0), 0.5) + Figures(1, 1, 1, 0, (8.0,), 0.5)
    assert (both.recall, both.precision, both.delay_s, both.false_per_hour) == (0.6, 0.5, 3.0, 2.0)


def test_a_seed_is_always_the_same_shop_seen_alike() -> None:
    one, again, other = (shop(seed) for seed in (7, 7, 8))
    assert one.cast(0) == again.cast(0) != other.cast(0)
    assert list(observe(one, 7, 90.0, Privacy())) == list(observe(again, 7, 90.0, Privacy()))


def test_staff_are_never_taken_for_visitors() -> None:
    serves = Shopper("staff", 2, 0.0, (Stop(0.06, 50.0, 60.0),), "staff")
    seen = list(observe(script_of((serves,)), 1, 60.0, Privacy()))
    assert any(zone.attended for tumbled in seen for zone in tumbled.now)
    assert all(zone.people == 0 or zone.dwell_s == 0 for tumbled in seen for zone in tumbled.now)


def test_at_equal_recall_the_need_score_is_more_often_right_than_a_dwell_timer(results: e.Results) -> None:
    for recall in (0.4, 0.5):
        assert e.best_precision(results, e.NEED, recall) > e.best_precision(results, e.TIMER, recall) > 0


def test_a_higher_level_is_more_often_right_and_finds_fewer(results: e.Results) -> None:
    one, two, three = (results[e.NEED, at] for at in need.LEVELS)
    assert one.precision < two.precision <= three.precision + 0.05
    assert one.recall > two.recall > three.recall > 0.1


def test_switching_affect_off_changes_little_as_mood_is_a_minor_term(results: e.Results) -> None:
    for at in e.SCORES:
        assert abs(results[e.NEED, at].recall - results[e.NO_AFFECT, at].recall) < 0.1


def test_nobody_moves_before_the_shop_opens_and_all_have_left_when_it_closes() -> None:
    play = shop(SEEDS[0])
    assert play.chapter_s >= LENGTH_S
    assert not play.poses(play.chapter_s - 0.5)


def test_the_page_gets_new_figures_and_keeps_its_words(tmp_path: Path, results: e.Results) -> None:
    page = tmp_path / "need-score.md"
    page.write_text(f"# Words\n{report.BEGIN}\nstale figures\n{report.END}\nmore words\n", encoding="utf-8")
    report.write(page, report.figures(results, {}, ["8 shops."]))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Words\n")
    assert text.endswith("\nmore words\n")
    assert "stale figures" not in text
    found = results[e.NEED, need.LEVELS[0]]
    assert f"| {found.precision:.2f} | {found.recall:.2f} |" in text


def test_a_page_without_its_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "need-score.md"
    page.write_text("# Words\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has lost its marks"):
        report.write(page, "new")
    assert page.read_text(encoding="utf-8") == "# Words\n"


def test_figures_of_nothing_are_no_division_by_zero() -> None:
    assert (Figures().precision, Figures().recall, Figures().delay_s, Figures().false_per_hour) == (1.0, 1.0, 0.0, 0.0)
    assert replace(Figures(), needs=2).recall == 0.0


def test_the_command_prints_the_tables_and_writes_nothing_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm", reason="the progress bar is in the extra: pip install 'attune[train]'")
    page = Path(report.__file__).parents[2] / "docs" / "need-score.md"
    before = page.read_bytes()
    assert main(["evaluate", "--shops", "1", "--rendered", "0"]) == 0
    assert "| dwell timer, 60 s |" in capsys.readouterr().out
    assert page.read_bytes() == before
