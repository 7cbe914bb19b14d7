"""The short version of ``make hostile``."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.hostile import broker, decoder, files, pages, rogue
from bench.hostile.running import hub


def test_mutated_messages_are_taken_whole_or_refused_by_a_reason() -> None:
    found = decoder.read(3_000, seed=7)
    assert found.crashes == []
    assert found.changed == 0
    assert {"json", "topic", "value", "version", "oversize", "missing", "store", "field", "node"} == {*found.refused}
    assert found.taken > 0


def test_a_hub_holds_exactly_what_it_refused_and_hears_the_rest(tmp_path: Path) -> None:
    found = broker.send(600, seed=7, folder=tmp_path)
    assert found.wrong == []
    assert found.alive
    assert found.refused.total() > 200


def test_slow_connections_and_tricks_break_no_page_and_are_told_nothing(tmp_path: Path) -> None:
    with hub(tmp_path) as running:
        found = pages.attack(running, slow=60, asked=20)
        assert running.process.poll() is None
        assert "Traceback" not in running.said
    assert (found.failed, found.broken, found.told) == (0, [], [])


def test_a_node_that_was_taken_over_raises_no_more_nudges_than_the_rules_allow(tmp_path: Path) -> None:
    found = rogue.flood(1_000, tmp_path)
    assert found.alive
    assert 0 < found.nudges <= rogue.NUDGES_MAX
    assert found.honest >= 3


@pytest.mark.parametrize("kind", files.KINDS, ids=lambda kind: kind.name)
def test_a_damaged_file_is_refused_in_a_sentence_or_does_no_harm(
    kind: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "KINDS", (kind,))
    assert files.damage(8, 7, tmp_path).crashes == []
