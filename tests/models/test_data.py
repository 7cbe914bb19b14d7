"""FER+ in the protocol that every quoted accuracy uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import ConfigError
from models.data import Faces, hold_out, joined, load, load_split_votes, majority, split_votes, vote_shares


def votes(**counts: int) -> np.ndarray:
    """One image's votes, by column name."""
    names = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "none")
    return np.array([[counts.get(name, 0) for name in names]], np.uint8)


def faces(count: int) -> Faces:
    return Faces(
        np.zeros((count, 48, 48), np.uint8),
        np.full((count, 8), 1 / 8, np.float32),
        np.zeros(count, np.int64),
        np.arange(count),
    )


def test_the_protocol_keeps_the_published_number_of_images(ferplus_dir: Path) -> None:
    assert len(load(ferplus_dir, "train")) == 25_057
    assert len(load(ferplus_dir, "valid")) == 3_199


def test_a_single_vote_counts_as_none() -> None:
    kept, labels = majority(votes(happiness=3, neutral=1, fear=1, anger=1, sadness=1, surprise=1))
    assert kept.tolist() == [0]
    assert labels.tolist() == [1]


def test_exactly_half_is_no_majority() -> None:
    assert len(majority(votes(happiness=5, neutral=5))[0]) == 0


def test_votes_for_unknown_count_against_a_majority() -> None:
    assert len(majority(votes(happiness=4, unknown=4))[0]) == 0
    assert len(majority(votes(unknown=10))[0]) == 0


def test_targets_are_the_shares_of_the_votes_that_count() -> None:
    assert vote_shares(votes(happiness=6, neutral=2, fear=1, unknown=1)).tolist() == [[0.25, 0.75, 0, 0, 0, 0, 0, 0]]


def test_split_votes_are_taken_only_when_more_are_for_emotions_than_for_none() -> None:
    assert len(split_votes(votes(happiness=5, neutral=5))) == 1
    assert len(split_votes(votes(happiness=3, unknown=3))) == 0
    assert len(split_votes(votes(happiness=6, neutral=3))) == 0
    assert len(split_votes(votes(happiness=1, neutral=1))) == 0


def test_faces_with_split_votes_join_the_others_without_a_label(ferplus_dir: Path) -> None:
    split = load_split_votes(ferplus_dir)
    assert set(split.labels) == {-1}
    assert split.targets.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert not set(split.rows) & set(load(ferplus_dir, "train").rows)


def test_joined_faces_keep_their_order() -> None:
    both = joined(faces(3), faces(2))
    assert both.rows.tolist() == [0, 1, 2, 0, 1]
    assert both.images.shape == (5, 48, 48)


@given(count=st.integers(20, 500), seed=st.integers(0, 2**32))
def test_no_face_is_both_trained_on_and_held_out(count: int, seed: int) -> None:
    fit, held = hold_out(faces(count), seed)
    assert sorted([*fit.rows, *held.rows]) == list(range(count))
    assert 0 < len(held) < len(fit)


def test_a_seed_fixes_the_hold_out() -> None:
    first, again, other = (hold_out(faces(300), seed)[1].rows.tolist() for seed in (7, 7, 8))
    assert first == again != other


def test_missing_data_is_one_sentence_that_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--data"):
        load(tmp_path, "valid")
