"""FER+ faces with their annotators' votes, in the protocol that every quoted accuracy uses.

Rules:
- A single vote is noise: votes of 1 count as 0. An image is kept where one of the eight emotions holds more than
  half of the remaining votes; that emotion is its label ("FER+ majority").
- Training learns the distribution of the votes among the eight emotions, not only the label; it also sees the faces
  whose votes are split, which have a distribution though no majority. Nothing is measured on those.
- The hold-out is cut from the faces of train with a majority, by a seed; everything that is chosen (temperature,
  threshold, ranges of the quantised tensors) is chosen there. The valid split only ever measures.

Left out: the test split. Images stay where they are: nothing here copies them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contract.errors import ConfigError
from edge.manifest import LABELS

SIZE_PX = 48
HOLD_OUT_SHARE = 0.06
DEFAULT_DATA = Path("data/ferplus")
RUNS = Path("models/runs")
DEFAULT_RUN = RUNS / "affect"

Split = Literal["train", "valid"]


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Labelled faces.

    Shapes: ``images`` (n, 48, 48) uint8; ``targets`` (n, 8) float32, rows sum to 1; ``labels`` (n,) int64;
    ``rows`` (n,) the row in FER-2013.
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.float32]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64]) -> Faces:
        return Faces(self.images[index], self.targets[index], self.labels[index], self.rows[index])


def load(folder: Path, split: Split) -> Faces:
    """The faces of one split that have a majority.

    Raises: ConfigError when the file is missing or is not FER+ as described.
    Source: Barsoum et al. (2016), arXiv:1608.01041.
    """
    images, votes, rows = _read(folder, split)
    kept, labels = majority(votes)
    return Faces(images[kept], vote_shares(votes[kept]), labels, rows[kept])


def load_split_votes(folder: Path) -> Faces:
    """The faces of train whose votes are mostly for emotions, none of which has a majority; labels are -1.

    Raises: ConfigError as `load` does.
    """
    images, votes, rows = _read(folder, "train")
    kept = split_votes(votes)
    return Faces(images[kept], vote_shares(votes[kept]), np.full(len(kept), -1, np.int64), rows[kept])


def _read(folder: Path, split: Split) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    path = folder / f"ferplus_{split}.npz"
    try:
        with np.load(path) as arrays:
            return arrays["images"], arrays["votes"], arrays["row"].astype(np.int64)
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(
            f"No FER+ faces at {path} ({error}); give the folder that holds ferplus_train.npz and "
            "ferplus_valid.npz with --data (docs/affect-model.md says what is in them)."
        ) from error


def majority(votes: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The indices of the images with a majority among the eight emotions, and their labels.

    Shapes: ``votes`` (n, 10): the eight labels, unknown, not a face.
    """
    counted = np.where(votes > 1, votes, 0)
    labels = counted[:, : len(LABELS)].argmax(axis=1)
    most = counted[np.arange(len(counted)), labels]
    kept = np.flatnonzero(2 * most.astype(np.int64) > counted.sum(axis=1))
    return kept, labels[kept].astype(np.int64)


def split_votes(votes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The indices of the images without a majority whose votes are more for emotions than for none."""
    counted = np.where(votes > 1, votes, 0).astype(np.int64)
    emotional = 2 * counted[:, : len(LABELS)].sum(axis=1) > counted.sum(axis=1)
    emotional[majority(votes)[0]] = False
    return np.flatnonzero(emotional)


def vote_shares(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The share of each emotion among the votes that count; every row must hold at least one such vote."""
    counted = np.where(votes > 1, votes, 0)[:, : len(LABELS)].astype(np.float32)
    shares: NDArray[np.float32] = counted / counted.sum(axis=1, keepdims=True)
    return shares


def joined(faces: Faces, more: Faces) -> Faces:
    """Both, one after the other."""
    pairs = ((getattr(faces, field.name), getattr(more, field.name)) for field in fields(Faces))
    return Faces(*(np.concatenate(pair) for pair in pairs))


def hold_out(faces: Faces, seed: int) -> tuple[Faces, Faces]:
    """Cuts train into (fit, held): the same seed gives the same cut, and no image is in both."""
    order = np.random.default_rng(seed).permutation(len(faces))
    held = round(len(faces) * HOLD_OUT_SHARE)
    return faces.take(np.sort(order[held:])), faces.take(np.sort(order[:held]))
